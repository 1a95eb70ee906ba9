"""Every update against the same steps written out by hand, on games whose dynamics are known."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from bench.trial import Trial
from ganzoo.catalog import ZOO
from tests.train.conftest import build, component, make_data, make_trial, play

H = 0.2
ZERO = make_data((1,), n=4, spread=0.0)


# The bilinear game: D(x) = psi x, all data at 0, Wasserstein loss: G minimises -psi theta, D psi theta.


def bilinear(update: str, theta: float = 1.0, psi: float = 0.5, h: float = H, **changes: object) -> Trial:
    keys = {key: changes.pop(key) for key in ("k",) if key in changes}
    settings: dict[str, object] = {
        "model": component("model", "dirac", theta=theta, psi=psi),
        "loss": "wasserstein",
        "optimizer": "sgd",
        "update": component("update", update, **keys),
        "lr_g": h,
        "lr_d": h,
        "batch": 2,
    }
    return make_trial(**settings | changes)


def orbit(trials: tuple[Trial, ...], steps: int) -> Tensor:
    """(theta, psi) after 0, 1, ... steps: [steps + 1, K, 2]."""
    game, _ = build(trials, ZERO)
    points = [torch.cat([game.gen.stack.weights, game.disc.stack.weights], 1).clone()]
    for after in play(trials, ZERO, steps):
        points.append(torch.cat([after.gen.stack.weights, after.disc.stack.weights], 1).clone())
    return torch.stack(points)


Point = tuple[float, float]


def simultaneous(h: float, at: Point, _: Point) -> Point:
    theta, psi = at
    return theta + h * psi, psi - h * theta


def alternating(h: float, at: Point, _: Point) -> Point:
    theta, psi = at
    psi -= h * theta
    return theta + h * psi, psi


def extragradient(h: float, at: Point, _: Point) -> Point:
    theta, psi = at
    theta_ahead, psi_ahead = simultaneous(h, at, at)
    return theta + h * psi_ahead, psi - h * theta_ahead


def optimistic(h: float, at: Point, before: Point) -> Point:
    theta, psi = at
    return theta + h * (2 * psi - before[1]), psi - h * (2 * theta - before[0])


def unrolled(k: int) -> Callable[[float, Point, Point], Point]:
    """D after k steps is psi - k h theta, and theta has its part in it: d/dtheta -(psi - k h theta) theta."""

    def step(h: float, at: Point, _: Point) -> Point:
        theta, psi = at
        psi -= h * theta
        return theta + h * (psi - 2 * k * h * theta), psi

    return step


RECURRENCES = [
    ("simultaneous", {}, simultaneous),
    ("alternating", {}, alternating),
    ("extragradient", {}, extragradient),
    ("optimistic", {}, optimistic),
    *(("unrolled", {"k": k}, unrolled(k)) for k in (0, 1, 3)),
]


def test_every_update_of_the_catalogue_is_tested_here() -> None:
    assert {name for name, _, _ in RECURRENCES} == set(ZOO.names("update"))


@pytest.mark.parametrize(("name", "keys", "step"), RECURRENCES)
def test_the_bilinear_game_by_hand(
    name: str, keys: dict[str, object], step: Callable[[float, Point, Point], Point]
) -> None:
    """Two members with rates of their own follow the recurrence for 60 steps to 1e-12."""
    rates = (H, 0.05)
    points = orbit(tuple(bilinear(name, h=h, **keys) for h in rates), 60)
    for k, h in enumerate(rates):
        at = before = (1.0, 0.5)
        for t in range(61):
            assert points[t, k].tolist() == pytest.approx(at, rel=1e-12, abs=1e-12), t
            at, before = step(h, at, before), at


@pytest.mark.parametrize("h", [0.05, 0.2, 0.4])
def test_radii_of_the_bilinear_game(h: float) -> None:
    """Multipliers per step. Simultaneous: sqrt(1 + h^2); extragradient: sqrt((1 - h^2)^2 + h^2); optimistic:
    sqrt((1 + sqrt(1 - 4 h^2)) / 2) in the long run. Alternating keeps theta^2 + psi^2 - h theta psi."""
    radii = {
        name: orbit((bilinear(name, h=h),), 80)[:, 0].norm(dim=1)
        for name in ("simultaneous", "extragradient", "optimistic")
    }
    for name, factor in (
        ("simultaneous", math.sqrt(1 + h**2)),
        ("extragradient", math.sqrt((1 - h**2) ** 2 + h**2)),
    ):
        ratio = radii[name][1:] / radii[name][:-1]
        torch.testing.assert_close(ratio, torch.full_like(ratio, factor), rtol=1e-9, atol=0)
    last = (radii["optimistic"][80] / radii["optimistic"][30]).item() ** 0.02
    assert last == pytest.approx(math.sqrt((1 + math.sqrt(1 - 4 * h**2)) / 2), rel=1e-3)
    theta, psi = orbit((bilinear("alternating", h=h),), 80)[:, 0].unbind(1)
    kept = theta**2 + psi**2 - h * theta * psi
    torch.testing.assert_close(kept, kept[:1].expand(81), rtol=1e-9, atol=0)


def test_each_players_own_rate_decides() -> None:
    """Rates a and b: the determinant of a simultaneous step is 1 + a b."""
    one, other = (
        orbit((bilinear("simultaneous", t, p, lr_g=0.1, lr_d=0.3),), 1)[1, 0] for t, p in ((1, 0), (0, 1))
    )
    assert torch.linalg.det(torch.stack([one, other])).item() == pytest.approx(1.03)


def test_the_first_optimistic_step_is_a_simultaneous_one() -> None:
    data = make_data(n=20)
    for optimizer in ("sgd", "adam"):
        after = [
            next(play((make_trial(update=update, optimizer=optimizer),), data, 1))
            for update in ("optimistic", "simultaneous")
        ]
        for player in ("gen", "disc"):
            ours, plain = (game.player(player).stack.weights for game in after)
            assert torch.equal(ours, plain)


def test_rates_fall_linearly() -> None:
    """G stands still at 1, so that D's gradient is 1: its steps are h (1 - decay t / steps)."""
    trials = tuple(bilinear("alternating", lr_g=0.0, lr_decay=decay, steps=10) for decay in (0.0, 0.6, 1.0))
    psi = orbit(trials, 10)[:, :, 1]
    for k, decay in enumerate((0.0, 0.6, 1.0)):
        expected = [H * (1 - decay * t / 10) for t in range(10)]
        assert (psi[:-1, k] - psi[1:, k]).tolist() == pytest.approx(expected)


# Extragradient


def norms(**changes: object) -> Trial:
    model = component("model", "mlp", width=4, depth=1, norm_g="batch", norm_d="batch")
    return make_trial(**{"model": model, "ema": 0.9, "dropout": 0.3} | changes)


def test_extragradient_leaves_moments_and_buffers_of_one_step() -> None:
    """Moments and averages are those of one step with the gradient at w'; running statistics have seen the
    batch once, at w."""
    data = make_data(n=40)
    trials = (norms(update="extragradient"),)
    (after,) = play(trials, data, 1)
    byhand, streams = build(trials, data)
    draws = {player: streams.draws(player, 0) for player in ("disc", "gen")}
    ahead, _ = build(trials, data)
    for gradient in [ahead.gradient(player, draws[player]) for player in draws]:
        ahead.apply(gradient)
    there = [ahead.gradient(player, draws[player]) for player in draws]
    for player in draws:
        byhand.gradient(player, draws[player])
    moved = {n: b.clone() for n, b in byhand.disc.stack.buffers.items()}
    for gradient in there:
        byhand.apply(gradient)
    byhand.end_step()
    ours, theirs = after.state(), byhand.state()
    assert ours.keys() == theirs.keys()
    for name in ours:
        assert torch.equal(ours[name], theirs[name]), name
    assert (after.gen.updates, after.disc.updates, after.step) == (1, 1, 1)
    assert all(torch.equal(b, moved[n]) for n, b in after.disc.stack.buffers.items())
    fresh, _ = build(trials, data)
    assert any(not torch.equal(b, fresh.disc.stack.buffers[n]) for n, b in moved.items())


def test_extragradient_moves_the_vectors_of_spectral_norms() -> None:
    data = make_data(n=40)
    trials = (make_trial(update="extragradient", penalty="spectral_norm"),)
    start, _ = build(trials, data)
    (after,) = play(trials, data, 1)
    vectors = [name for name in start.disc.stack.buffers if name.endswith(".u")]
    assert any(not torch.equal(start.disc.stack.buffers[n], after.disc.stack.buffers[n]) for n in vectors)


@pytest.mark.parametrize("update", ["extragradient", "unrolled", "simultaneous"])
def test_a_lazy_penalty_keeps_its_beat(update: str) -> None:
    """r1 every second D update, D linear and G at rest at the data: psi shrinks in those steps alone."""
    penalty = component("penalty", "r1", weight=0.5, every=2)
    trials = (bilinear(update, theta=0.0, lr_g=0.0, penalty=penalty),)
    psi = orbit(trials, 6)[:, 0, 1]
    moves = [before != after for before, after in zip(psi[:-1].tolist(), psi[1:].tolist(), strict=True)]
    assert moves == [True, False] * 3


# Streams


@pytest.mark.parametrize(("n_critic", "g_steps"), [(1, 1), (3, 1), (2, 2), (3, 2), (1, 3)])
@pytest.mark.parametrize("condition", ["none", "concat"])
def test_g_learns_from_the_latents_of_ds_last_batch(n_critic: int, g_steps: int, condition: str) -> None:
    """g_batch: same. G's first update of a step takes D's last batch of it, the next the one before, in turn;
    fresh ones are its own."""
    model = component("model", "mlp", width=4, condition=condition)
    data = make_data(n=40, classes=8)
    trial = make_trial(model=model, n_critic=n_critic, g_steps=g_steps, g_batch="same")
    _, same = build((trial, replace(trial, seed=1)), data)
    _, fresh = build((replace(trial, g_batch="fresh"),), data)
    for step in range(40):
        of_d = [same.draws("disc", step * n_critic + i) for i in range(n_critic)]
        for turn in range(g_steps):
            g = same.draws("gen", step * g_steps + turn)
            source = of_d[n_critic - 1 - turn % n_critic]
            assert torch.equal(g.latent, source.latent)
            if condition != "none":
                assert g.fake_class is not None
                assert source.fake_class is not None
                assert torch.equal(g.fake_class, source.fake_class)
            own = fresh.draws("gen", step * g_steps + turn)
            assert not torch.equal(own.latent[0], g.latent[0])


def test_with_the_same_batch_alternating_sees_the_same_fakes() -> None:
    """At rate 0 both players judge the same samples, whatever the order."""
    data = make_data(n=40)
    for order in ("d_first", "g_first"):
        trial = make_trial(g_batch="same", lr_g=0.0, lr_d=0.0, optimizer="sgd", order=order)
        for game in play((trial,), data, 5):
            assert torch.equal(game.last["gen"].fake, game.last["disc"].fake)


def test_draws_for_a_comparing_loss_leave_others_as_they_are() -> None:
    """What is drawn for G's view of D's inputs has streams of its own: D's own draws do not change."""
    data = make_data(n=40)
    trials = tuple(make_trial(loss=loss, label_noise=0.1) for loss in ("hinge", "relativistic_paired"))
    plain, compares = (build((trial,), data)[1] for trial in trials)
    for player in ("disc", "gen"):
        ours, theirs = plain.draws(player, 3), compares.draws(player, 3)
        assert torch.equal(ours.latent, theirs.latent)
        if player == "disc":
            assert ours.real is not None
            assert theirs.real is not None
            assert torch.equal(ours.real, theirs.real)
    assert plain.draws("gen", 3).opponent is None
    other = compares.draws("gen", 3).opponent
    assert other is not None
    assert other.real is not None
    assert not torch.equal(other.real, compares.draws("disc", 3).real)  # type: ignore[arg-type]
