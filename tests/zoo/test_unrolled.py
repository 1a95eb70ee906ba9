"""The unrolled update: alternating at k = 0, by hand and by finite differences beyond; D stays as it was."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.func import functional_call
from torch.nn import functional as F

from bench.train.build import network
from bench.train.loop import train
from bench.trial import Pack
from ganzoo.catalog import ZOO
from ganzoo.game import Game
from ganzoo.objective import Draws
from tests.train.conftest import MeanEvaluator, build, component, make_data, make_trial, play

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


@pytest.mark.parametrize(
    "changes",
    [
        {},
        *({"penalty": name} for name in ("r1", "r2", "wgan_gp", "zero_centred_gp", "dragan", "l2_weights")),
        {"penalty": component("penalty", "weight_clip", value=0.3)},
        *({"penalty": name, "minibatch_std": True} for name in ("wgan_gp", "zero_centred_gp", "r2")),
        {"penalty": component("penalty", "r2", every=2), "n_critic": 2},
        {"loss": "relativistic_average", "label_noise": 0.2, "label_smoothing": 0.0},
        {"loss": "relativistic_paired", "instance_noise": 0.1, "dropout": 0.3},
        {"loss": "least_squares", "label_jitter": 0.1, "weight_decay": 0.1, "lr_decay": 1.0},
        {"norm_d": "batch", "norm_g": "batch", "d_batch": "joint"},
        {"condition": "auxiliary", "minibatch_std": True},
        {"condition": "concat", "pac": 2, "g_batch": "same", "optimizer": "rmsprop"},
    ],
    ids=str,
)
def test_the_unrolled_gradient_against_finite_differences(changes: dict[str, object]) -> None:
    """The slope of G's loss behind the look ahead along a few of G's weights. (Not with spectral norms, whose
    vectors are not differentiated.)"""
    data = make_data(n=40, classes=8)
    keys = {key: value for key, value in changes.items() if key in ZOO.get("model", "mlp").keys}
    rest = {key: value for key, value in changes.items() if key not in keys}
    model = component("model", "mlp", width=4, depth=1, **keys)
    trial = make_trial(model=model, update=component("update", "unrolled", k=2), lr_d=0.05, **rest)
    *_, game = play((trial,), data, 3)
    draws = build((trial,), data)[1].draws("gen", 3)
    slopes = game.gradient("gen", draws, lookahead=2).flat[0]
    step = game.gen.stack.weights.new_tensor(1e-6)
    for i in range(0, slopes.numel(), 5):
        values = []
        for sign in (1, -1):
            game.gen.stack.weights[0, i] += sign * step
            values.append(total_behind(game, draws))
            game.gen.stack.weights[0, i] -= sign * step
        assert (values[0] - values[1]) / 2e-6 == pytest.approx(slopes[i].item(), rel=1e-4, abs=1e-7)


def total_behind(game: Game, draws: Draws) -> float:
    """All that G minimises, its share of an auxiliary classifier with it, behind two steps of D."""
    weights = game.disc.stack.weights.detach().clone().requires_grad_()
    at = game.ahead(draws, 2, weights, game.disc.state, game.disc.updates)
    return game.objective.g_value(draws, game.step, at).total.item()


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
