"""The Jacobian of one step on a tape against central differences of the steps that train."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from bench.data.load import Dataset
from bench.train.build import build_beside, build_update
from bench.trial import Pack, Trial
from ganzoo.catalog import ZOO
from ganzoo.game import Game
from ganzoo.objective import DISC, GEN, Draws
from ganzoo.tape import spectral_radius, update_jacobian
from ganzoo.updates import Draw, Play, turns
from tests.train.conftest import build, component, make_data, make_trial

ONE = make_data((1,), n=40)
"""One-dimensional data that vary, so that every batch has an effect of its own."""

UPDATES: dict[str, dict[str, object]] = {
    "alternating": {},
    "g_first": {"order": "g_first"},
    "n_critic": {"n_critic": 5},
    "g_steps": {"g_steps": 2},
    "simultaneous": {"update": "simultaneous"},
    "extragradient": {"update": "extragradient"},
    "optimistic": {"update": "optimistic"},
    "unrolled 1": {"update": component("update", "unrolled", k=1)},
    "unrolled 5": {"update": component("update", "unrolled", k=5)},
}
OPTIMIZERS: dict[str, dict[str, object]] = {
    "sgd": {"optimizer": "sgd"},
    "momentum": {"optimizer": component("optimizer", "sgd", momentum=0.5)},
    "adam": {"optimizer": "adam"},
    "rmsprop": {"optimizer": "rmsprop"},
}
PARTS: dict[str, dict[str, object]] = {
    "r1": {"penalty": component("penalty", "r1", weight=0.7)},
    "r1 every 2": {"penalty": component("penalty", "r1", weight=0.7, every=2)},
    "wgan_gp": {"loss": "wasserstein", "penalty": component("penalty", "wgan_gp", weight=0.7)},
    "consensus": {"penalty": component("penalty", "consensus", weight=0.4)},
    "inactive clip": {"loss": "wasserstein", "penalty": component("penalty", "weight_clip", value=50.0)},
    "weight decay": {"weight_decay": 0.6},
    "falling rates": {"lr_decay": 0.8, "steps": 8},
    "relativistic": {"loss": "relativistic_paired"},
    "noises": {"label_noise": 0.2, "instance_noise": 0.3},
    "ema": {"ema": 0.9},
}


def dirac(**changes: object) -> Trial:
    model = component("model", "dirac", theta=0.8, psi=-0.5)
    settings: dict[str, object] = {"model": model, "loss": "minimax", "lr_g": 0.2, "lr_d": 0.3, "batch": 4}
    return make_trial(**settings | changes)


def tiny(**changes: object) -> Trial:
    """23 weights; piecewise linear, so differences must be small enough to stay on a piece."""
    keys = {"width": 3, "depth": 1, "latent_dim": 2}
    settings: dict[str, object] = {"model": component("model", "mlp", **keys), "lr_g": 0.05, "lr_d": 0.08}
    return make_trial(**settings | {"batch": 4} | changes)


def played(trials: tuple[Trial, ...], data: Dataset = ONE, steps: int = 3) -> Play:
    """The game after some steps, so that every optimizer has a memory."""
    game, streams = build(trials, data)
    beside = build_beside(Pack(trials), data, streams)
    first = trials[0]
    update, players = build_update(first), turns(first.n_critic, first.g_steps, first.order)

    def coming() -> Draw:
        drawn = {DISC: game.disc.updates, GEN: game.gen.updates}

        def draw(player: str) -> Draws:
            drawn[player] += 1
            return streams.draws(player, drawn[player] - 1)

        return draw

    draw = coming()
    for _ in range(steps):
        update.step(game, draw, players)
    return Play(game, update, players, coming, beside)


def tensors(game: Game) -> list[Tensor]:
    """What the Jacobian is of, in its order: weights and memory, G's first."""
    found = []
    for player in (game.gen, game.disc):
        found += [player.stack.weights, *(player.state[slot] for slot in player.state)]
    return found


def state_of(game: Game) -> Tensor:
    return torch.cat(tensors(game), 1)


def jacobian(play: Play) -> Tensor:
    return update_jacobian(play.game, play.update, play.players, play.coming())


def difference(play: Play, direction: Tensor, h: float) -> Tensor:
    """(f(s + h d) - f(s - h d)) / 2h of the step that training takes, d [K, n]; the game goes back."""
    ends = []
    for sign in (1.0, -1.0):
        kept = play.game.snapshot()
        sizes = [each.shape[1] for each in tensors(play.game)]
        for tensor, part in zip(tensors(play.game), direction.split(sizes, 1), strict=True):
            tensor.add_(part, alpha=sign * h)
        play.update.step(play.game, play.coming(), play.players)
        ends.append(state_of(play.game).clone())
        play.game.restore(kept)
    return (ends[0] - ends[1]) / (2.0 * h)


def directions(game: Game, count: int) -> list[Tensor]:
    """Random ones, each coordinate in proportion to its size: a second moment must stay positive."""
    torch_generator = torch.Generator().manual_seed(3)
    size = state_of(game).abs()
    draw = [torch.randn(size.shape, generator=torch_generator, dtype=size.dtype) for _ in range(count)]
    return [each * size for each in draw]


def check(play: Play, count: int) -> None:
    found = jacobian(play)
    for direction in directions(play.game, count):
        wanted = difference(play, direction, 1e-5)
        ours = (found @ direction.unsqueeze(2)).squeeze(2)
        torch.testing.assert_close(ours, wanted, rtol=1e-6, atol=1e-8 * wanted.abs().max().item())


def test_every_update_and_optimizer_of_the_catalogue_is_tested_here() -> None:
    def name(part: object, default: str) -> str:
        return default if part is None else part if isinstance(part, str) else part.name  # type: ignore[attr-defined]

    updates = {name(changes.get("update"), "alternating") for changes in UPDATES.values()}
    optimizers = {name(changes["optimizer"], "") for changes in OPTIMIZERS.values()}
    assert updates == set(ZOO.names("update"))
    assert optimizers == set(ZOO.names("optimizer"))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("update", UPDATES)
def test_updates_and_optimizers_on_dirac(update: str, optimizer: str) -> None:
    check(played((dirac(**UPDATES[update], **OPTIMIZERS[optimizer]),)), 3)


@pytest.mark.parametrize(
    ("update", "optimizer"),
    [*((update, "adam") for update in UPDATES), ("extragradient", "sgd"), ("unrolled 5", "momentum")],
)
def test_updates_and_optimizers_on_a_network(update: str, optimizer: str) -> None:
    check(played((tiny(**UPDATES[update], **OPTIMIZERS[optimizer]),)), 2)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("update", ["alternating", "simultaneous", "extragradient", "optimistic"])
def test_parts_of_the_objective_on_dirac(update: str, part: str) -> None:
    check(played((dirac(**UPDATES[update], **PARTS[part]),)), 2)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("make", [dirac, tiny])
def test_parts_of_the_objective_unrolled(make: Callable[..., Trial], part: str) -> None:
    """Consensus, which unrolling refuses, on alternating steps."""
    update = "alternating" if part == "consensus" else "unrolled 1"
    check(played((make(**UPDATES[update], **PARTS[part]),)), 2)


def test_a_clip_that_holds_has_no_slope() -> None:
    """psi is pushed beyond its bound, whatever it was: D's row is 0, and theta no longer hears of psi."""
    clip = component("penalty", "weight_clip", value=0.5)
    trial = dirac(loss="wasserstein", penalty=clip, optimizer="sgd", lr_d=2.0)
    found = jacobian(played((trial,), make_data((1,), n=4, spread=0.0), steps=0))[0]
    torch.testing.assert_close(found, torch.tensor([[1.0, 0.0], [0.0, 0.0]], dtype=torch.float64))


@pytest.mark.parametrize("update", UPDATES)
def test_the_game_is_untouched(update: str) -> None:
    """Weights, buffers, memory, counts and random numbers: bit for bit, and the next steps are the same."""
    trial = tiny(**UPDATES[update], optimizer="adam", ema=0.9, penalty=component("penalty", "spectral_norm"))
    looked, plain = played((trial,)), played((trial,))
    random = torch.get_rng_state()
    before = {name: tensor.clone() for name, tensor in looked.game.state().items()}
    jacobian(looked)
    assert torch.equal(torch.get_rng_state(), random)
    assert all(torch.equal(tensor, before[name]) for name, tensor in looked.game.state().items())
    assert looked.game.step == plain.game.step
    assert looked.game.last[GEN] is not None
    for play in (looked, plain):
        assert (play.game.gen.updates, play.game.disc.updates) == (
            3 * plain.players.count(GEN),
            3 * plain.players.count(DISC),
        )
        play.update.step(play.game, play.coming(), play.players)
    after = plain.game.state()
    assert all(torch.equal(tensor, after[name]) for name, tensor in looked.game.state().items())


def test_members_do_not_mix() -> None:
    """Each member's Jacobian is that of the member alone, beside one that is no number."""
    trials = tuple(tiny(seed=seed, lr_g=rate) for seed, rate in ((0, 0.05), (1, 0.2), (2, 0.1)))
    together = played(trials)
    together.game.gen.stack.weights[1] = torch.nan
    found = jacobian(together)
    for k in (0, 2):
        torch.testing.assert_close(found[k], jacobian(played((trials[k],)))[0], rtol=1e-9, atol=1e-11)
    assert found[1].isnan().any()


def test_spectral_radius() -> None:
    turn = torch.tensor([[0.6, -0.9], [0.9, 0.6]], dtype=torch.float64)
    matrices = torch.stack([turn, torch.full_like(turn, torch.inf), -2.0 * torch.eye(2).to(turn)])
    first, bad, last = spectral_radius(matrices).tolist()
    assert (first, last) == pytest.approx((1.17**0.5, 2.0))
    assert bad != bad
