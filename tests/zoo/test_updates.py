"""Every update against the same steps written out by hand, on games whose dynamics are known."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.func import functional_call
from torch.nn import functional as F

from bench.data.load import Dataset
from bench.train.build import build_game, build_streams, build_update, network
from bench.train.loop import train
from bench.train.streams import PackStreams
from bench.trial import Component, Pack, Trial
from ganzoo.catalog import ZOO
from ganzoo.game import Game
from ganzoo.objective import Draws
from ganzoo.updates import turns
from tests.train.conftest import MeanEvaluator, component, make_data, make_trial

H = 0.2
ZERO = make_data((1,), n=4, spread=0.0)


def build(trials: tuple[Trial, ...], data: Dataset) -> tuple[Game, PackStreams]:
    game = build_game(Pack(trials), data)
    return game, build_streams(Pack(trials), data, game)


def play(trials: tuple[Trial, ...], data: Dataset, steps: int) -> Iterator[Game]:
    """The game after each step, as the training loop plays it."""
    game, streams = build(trials, data)
    first = trials[0]
    update, players = build_update(first), turns(first.n_critic, first.g_steps, first.order)
    counts = {"gen": 0, "disc": 0}

    def draw(player: str) -> Draws:
        counts[player] += 1
        return streams.draws(player, counts[player] - 1)

    for _ in range(steps):
        update.step(game, draw, players)
        yield game


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
        name: orbit((bilinear(name, h=h),), 200)[:, 0].norm(dim=1)
        for name in ("simultaneous", "extragradient", "optimistic")
    }
    for name, factor in (
        ("simultaneous", math.sqrt(1 + h**2)),
        ("extragradient", math.sqrt((1 - h**2) ** 2 + h**2)),
    ):
        ratio = radii[name][1:] / radii[name][:-1]
        torch.testing.assert_close(ratio, torch.full_like(ratio, factor), rtol=1e-9, atol=0)
    last = (radii["optimistic"][200] / radii["optimistic"][100]).item() ** 0.01
    assert last == pytest.approx(math.sqrt((1 + math.sqrt(1 - 4 * h**2)) / 2), rel=1e-3)
    theta, psi = orbit((bilinear("alternating", h=h),), 200)[:, 0].unbind(1)
    kept = theta**2 + psi**2 - h * theta * psi
    torch.testing.assert_close(kept, kept[:1].expand(201), rtol=1e-9, atol=0)


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


@pytest.mark.parametrize("update", ["alternating", "unrolled", "simultaneous"])
def test_a_lazy_penalty_keeps_its_beat(update: str) -> None:
    """r1 every second D update, D linear and G at rest at the data: psi shrinks in those steps alone."""
    penalty = component("penalty", "r1", weight=0.5, every=2)
    trials = (bilinear(update, theta=0.0, lr_g=0.0, penalty=penalty),)
    psi = orbit(trials, 6)[:, 0, 1]
    moves = [before != after for before, after in zip(psi[:-1].tolist(), psi[1:].tolist(), strict=True)]
    assert moves == [True, False] * 3


# Unrolled


ZERO_K = component("update", "unrolled", k=0)


@pytest.mark.parametrize(
    "changes",
    [
        {"model": component("model", "mlp", width=4, norm_d="batch", norm_g="batch"), "dropout": 0.3},
        {"loss": "relativistic_average", "label_noise": 0.2, "instance_noise": 0.1},
        {"penalty": component("penalty", "wgan_gp", every=2), "n_critic": 2, "label_jitter": 0.1},
        {"penalty": "spectral_norm", "g_batch": "same", "order": "g_first"},
        {"optimizer": "rmsprop", "penalty": "weight_clip", "weight_decay": 0.01, "lr_decay": 1.0},
    ],
)
def test_k_0_is_alternating_bit_for_bit(changes: dict[str, object]) -> None:
    """Whole runs: rows, weights, moments, buffers."""
    data = make_data()
    runs = []
    for update in (component("update", "alternating"), ZERO_K):
        trials = (
            make_trial(update=update, **changes),
            make_trial(seed=1, lr_d=0.01, update=update, **changes),
        )
        *_, last = train(Pack(trials), data, MeanEvaluator())  # type: ignore[arg-type]
        rows = [{key: value for key, value in row.items() if key != "trial"} for row in last.rows]
        runs.append((rows, last.state()))
    (rows, state), (others, other) = runs
    assert rows == others
    assert state.keys() == other.keys()
    assert all(torch.equal(state[name], other[name]) for name in state)


Params = dict[str, Tensor]


def inner_step(optimizer: str, state: Params, params: Params, grads: Params, lr: float, t: int) -> Params:
    """One step of D's optimizer written out; `state` is changed in place."""
    new = {}
    for name, w in params.items():
        g = grads[name]
        if optimizer == "sgd":
            new[name] = w - lr * g
        elif optimizer == "rmsprop":
            state[f"v.{name}"] = 0.99 * state[f"v.{name}"] + 0.01 * g**2
            new[name] = w - lr * g / (state[f"v.{name}"].sqrt() + 1e-8)
        else:
            state[f"m.{name}"] = 0.5 * state[f"m.{name}"] + 0.5 * g
            state[f"v.{name}"] = 0.999 * state[f"v.{name}"] + 0.001 * g**2
            m, v = state[f"m.{name}"] / (1 - 0.5**t), state[f"v.{name}"] / (1 - 0.999**t)
            new[name] = w - lr * m / (v.sqrt() + 1e-8)
    return new


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("optimizer", ["sgd", "adam", "rmsprop"])
def test_the_unrolled_gradient_written_out(optimizer: str, k: int) -> None:
    """G's gradient through k steps of D's optimizer, with plain modules and autograd, after three steps of
    training; each member with its own rates."""
    data = make_data(n=40)
    model = component("model", "mlp", width=5, depth=1)
    update = component("update", "unrolled", k=k)
    common = {"model": model, "update": update, "optimizer": optimizer}
    trials = tuple(make_trial(seed=s, lr_d=lr, **common) for s, lr in ((0, 0.05), (1, 0.3)))
    *_, game = play(trials, data, 3)
    draws = build(trials, data)[1].draws("gen", 3)
    assert draws.opponent is not None
    assert draws.opponent.real is not None
    ours = game.gradient("gen", draws, lookahead=k).flat
    gan = network(trials[0], (2,), device="cpu")
    for net in (gan.gen, gan.disc):
        net.double().eval()
    for member, trial in enumerate(trials):
        gen, disc = (
            {name: p[member].detach().clone().requires_grad_() for name, p in player.stack.params.items()}
            for player in (game.gen, game.disc)
        )
        state = {
            f"{slot}.{name}": view[member].clone()
            for slot, value in game.disc.state.items()
            for name, view in game.disc.stack.views(value).items()
        }
        fake = functional_call(gan.gen, gen, (draws.latent[member],))
        real = draws.opponent.real[member]
        for i in range(k):
            on_real, on_fake = (functional_call(gan.disc, disc, (x,)) for x in (real, fake))
            d_loss = F.softplus(-on_real).mean() + F.softplus(on_fake).mean()
            grads = dict(
                zip(disc, torch.autograd.grad(d_loss, list(disc.values()), create_graph=True), strict=True)
            )
            disc = inner_step(optimizer, state, disc, grads, trial.lr_d, game.disc.updates + i + 1)
        g_loss = F.softplus(-functional_call(gan.disc, disc, (fake,))).mean()
        expected = torch.cat([g.reshape(-1) for g in torch.autograd.grad(g_loss, list(gen.values()))])
        torch.testing.assert_close(ours[member], expected, rtol=1e-9, atol=1e-12)
    plain = game.gradient("gen", draws).flat
    assert (plain - ours).abs().max().item() > 1e-4, "the look ahead must matter here"


@pytest.mark.parametrize("penalty", [None, "weight_clip", "r2", "l2_weights"])
def test_the_unrolled_gradient_against_finite_differences(penalty: str | None) -> None:
    """The slope of G's loss behind the look ahead along a few of G's weights."""
    data = make_data(n=40)
    model = component("model", "mlp", width=4, depth=1)
    if penalty == "weight_clip":
        penalty_of: Component | str | None = component("penalty", "weight_clip", value=0.3)
    else:
        penalty_of = penalty
    trial = make_trial(
        model=model, update=component("update", "unrolled", k=2), penalty=penalty_of, lr_d=0.05
    )
    *_, game = play((trial,), data, 3)
    draws = build((trial,), data)[1].draws("gen", 3)
    kept = game.snapshot()
    slopes = game.gradient("gen", draws, lookahead=2).flat[0]
    for i in range(0, slopes.numel(), 5):
        values = []
        for sign in (1, -1):
            game.restore(kept)
            game.gen.stack.weights[0, i] += sign * 1e-6
            values.append(game.gradient("gen", draws, lookahead=2).loss.item())
        assert (values[0] - values[1]) / 2e-6 == pytest.approx(slopes[i].item(), rel=1e-4, abs=1e-7)


@pytest.mark.parametrize("penalty", [None, "spectral_norm", "wgan_gp"])
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_d_is_left_as_it_was_bit_for_bit(penalty: str | None, optimizer: str) -> None:
    """Weights, buffers and optimizer state, by G's unrolled update as a whole; G's buffers move once."""
    norm_d = "none" if penalty == "wgan_gp" else "batch"
    model = component("model", "mlp", width=4, norm_d=norm_d, norm_g="batch")
    update = component("update", "unrolled", k=3)
    fixed = {"penalty": penalty, "optimizer": optimizer, "dropout": 0.3, "dtype": "float32"}
    trials = tuple(make_trial(seed=s, model=model, update=update, **fixed) for s in (0, 1))
    data = make_data(n=40)
    *_, game = play(trials, data, 2)
    streams = build(trials, data)[1]
    draws = streams.draws("gen", 2)
    before = {name: tensor.clone() for name, tensor in game.state().items()}
    counts = game.disc.updates
    once = game.gen.stack.cloned_buffers()
    game.gen.stack(draws.latent, buffers=once)
    game.apply(game.gradient("gen", draws, lookahead=3))
    for name, tensor in game.state().items():
        if name.startswith("disc."):
            assert torch.equal(tensor, before[name]), name
    assert game.disc.updates == counts
    assert all(torch.equal(b, once[n]) for n, b in game.gen.stack.buffers.items())
    assert not torch.equal(game.gen.stack.weights, before["gen.weights"])


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
