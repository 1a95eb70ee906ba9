"""The duality gap: closed forms of games of two numbers, planted orders, and that nobody notices."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from bench.data.load import load
from bench.metrics.batch import Value
from bench.metrics.duality_gap import _Contest, duality_gap
from bench.trial import Component, Trial
from ganzoo import spectral
from ganzoo.catalog import ZOO
from ganzoo.objective import DISC
from ganzoo.updates import Play
from tests.train.conftest import component, make_data, make_trial
from tests.zoo.test_tape import played

POINT = make_data((1,), n=8, spread=0.0)
RATE, STEPS = 0.01, 40


def dirac(theta: float, psi: float, **changes: object) -> Trial:
    model = component("model", "dirac", theta=theta, psi=psi)
    return make_trial(**{"model": model, "batch": 4, **changes})


def measured(play: Play, **keys: float) -> list[dict[str, Value]]:
    return duality_gap(**{"steps": STEPS, "rate": RATE, "perturbation": 0.0, "samples": 8} | keys)(play)  # type: ignore[arg-type]


def parts(row: dict[str, Value]) -> tuple[float, float, float, float]:
    """gap, max, min, here"""
    assert row["duality_gap_status"] == "ok"
    values = [row[f"duality_gap{part}"] for part in ("", ".max", ".min", ".here")]
    return tuple(float(value) for value in values)  # type: ignore[arg-type, return-value]


def test_wgan_of_two_numbers() -> None:
    """M = -psi theta. Adam moves by its rate where the gradient is constant: D' ends at its bound, G' at
    theta + rate steps."""
    theta, psi = 0.4, -0.3
    penalty = component("penalty", "weight_clip", value=0.5)
    play = played((dirac(theta, psi, loss="wasserstein", penalty=penalty),), POINT, steps=0)
    gap, high, low, here = parts(measured(play)[0])
    assert here == pytest.approx(-psi * theta, rel=1e-9)
    assert high == pytest.approx(0.5 * theta, rel=1e-6)
    assert low == pytest.approx(-psi * (theta - RATE * STEPS), abs=1e-6)
    assert gap == pytest.approx(high - low, rel=1e-12)


def test_log_loss_of_two_numbers() -> None:
    """M = -log 2 - softplus(psi theta), for the saturating and the modified loss alike."""
    theta, psi = 0.4, 0.3
    trials = tuple(dirac(theta, psi, loss=name) for name in ("minimax", "non_saturating", "bce_probability"))
    for row in measured(played(trials, POINT, steps=0)):
        _, high, low, here = parts(row)
        value = [
            -math.log(2) - math.log1p(math.exp(p * t))
            for p, t in ((psi, theta), (psi - RATE * STEPS, theta), (psi, theta + RATE * STEPS))
        ]
        assert here == pytest.approx(value[0], rel=1e-9)
        assert high == pytest.approx(value[1], rel=1e-2)
        assert low == pytest.approx(value[2], rel=1e-2)
        assert high > here > low


@pytest.mark.parametrize("loss", [name for name in ZOO.names("loss") if name != "wasserstein"])
def test_no_gap_at_the_equilibrium(loss: str) -> None:
    """G on the data, D flat: perturbed copies find nothing to gain."""
    model = component("model", "dirac", theta=0.0, psi=0.0)
    play = played((dirac(0.0, 0.0, loss=loss, model=model),), POINT, steps=0)
    for perturbation in (0.0, 0.05):
        gap, high, _, here = parts(measured(play, perturbation=perturbation)[0])
        assert gap == pytest.approx(0.0, abs=1e-6)
        assert high == pytest.approx(here, abs=1e-6)


def test_a_stationary_point_that_is_no_equilibrium_needs_the_perturbation() -> None:
    """G off the data and D flat: G's gradient is 0, and D' alone shows that this is not the end. With D on a
    saddle of its own (theta = 0, psi far off) only a perturbed G' finds its gain."""
    play = played((dirac(0.0, 3.0, loss="minimax"),), POINT, steps=0)
    plain, perturbed = (parts(measured(play, perturbation=p)[0]) for p in (0.0, 0.05))
    assert plain[0] > 0.1  # psi (theta + move) is a gain of G' at once
    assert perturbed[0] == pytest.approx(plain[0], rel=0.2)
    off = played((dirac(0.7, 0.0, loss="minimax"),), POINT, steps=0)
    gap, high, low, here = parts(measured(off)[0])
    assert low == pytest.approx(here, abs=1e-12)
    assert gap == pytest.approx(high - here, abs=1e-12)
    assert gap > 0.05


def test_the_sign_is_kept() -> None:
    """One step of far too large a rate overshoots: the estimate is negative and stays so."""
    play = played((dirac(0.5, -0.1, loss="minimax", penalty=None),), POINT, steps=0)
    row = measured(play, steps=0, perturbation=2.0)[0]
    gap, high, low, _ = parts(row)
    assert gap == high - low
    signs = {measured(play, steps=0, perturbation=p)[0]["duality_gap"] < 0 for p in (0.5, 1.0, 2.0, 4.0)}  # type: ignore[operator]
    assert True in signs


def ring(**changes: object) -> Trial:
    settings: dict[str, object] = {
        "dataset": Component("ring8", (("radius", 1.0), ("sigma", 0.05))),
        "model": component("model", "mlp", width=32, depth=2, latent_dim=2),
        "batch": 64,
        "lr_g": 2e-3,
        "lr_d": 2e-3,
        "dtype": "float32",
    }
    return make_trial(**settings | changes)


def test_trained_is_below_untrained_and_collapsed_is_above() -> None:
    """The same D; G's weights are put to 0 for the collapse: all its samples are one point."""
    data, penalty = load(ring().dataset), component("penalty", "r1", weight=1.0)
    trials = tuple(ring(seed=seed, penalty=penalty, lr_g=1e-3, lr_d=1e-3) for seed in (0, 1))
    play, untrained = played(trials, data, steps=400), played(trials, data, steps=0)
    keys = {"steps": 100, "rate": 1e-3, "perturbation": 0.01, "samples": 512}
    trained_rows = measured(play, **keys)
    play.game.gen.stack.weights[1] = 0.0
    collapsed = parts(measured(play, **keys)[1])[0]
    for row, early in zip(trained_rows, measured(untrained, **keys), strict=True):
        assert parts(row)[0] < 0.3 * parts(early)[0]
        assert parts(row)[0] < 0.3 * collapsed


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": "adam", "dropout": 0.3, "label_noise": 0.1, "instance_noise": 0.2},
        {"model": component("model", "mlp", width=8, norm_g="batch", norm_d="batch"), "ema": 0.9},
        {"penalty": component("penalty", "spectral_norm"), "loss": "hinge"},
        {"penalty": component("penalty", "wgan_gp"), "loss": "wasserstein"},
        {"penalty": component("penalty", "dragan"), "loss": "relativistic_paired"},
        {"penalty": component("penalty", "consensus"), "update": "simultaneous"},
        {"penalty": component("penalty", "weight_clip"), "loss": "wasserstein", "n_critic": 2},
    ],
    ids=lambda changes: " ".join(str(getattr(each, "name", each)) for each in changes.values()),
)
def test_nothing_moves(changes: dict[str, object]) -> None:
    """Weights, buffers, optimizers, counts and random numbers; the next step is the same, bit for bit."""
    looked, plain = (played((ring(batch=16, **changes), ring(seed=1, batch=16, **changes))) for _ in "ab")
    random = torch.get_rng_state()
    before = {name: tensor.clone() for name, tensor in looked.game.state().items()}
    first = measured(looked, steps=3, perturbation=0.01)
    assert first == measured(looked, steps=3, perturbation=0.01)
    assert torch.equal(torch.get_rng_state(), random)
    assert all(torch.equal(before[name], tensor) for name, tensor in looked.game.state().items())
    for play in (looked, plain):
        play.update.step(play.game, play.coming(), play.players)
    after = plain.game.state()
    assert all(torch.equal(tensor, after[name]) for name, tensor in looked.game.state().items())


def test_the_critics_constraint_is_inside() -> None:
    """D' of a clipped critic stays within its bounds, however far it is perturbed."""
    clip = component("penalty", "weight_clip", value=0.1)
    play = played((dirac(0.5, 0.05, loss="wasserstein", penalty=clip),), POINT, steps=0)
    assert parts(measured(play, perturbation=5.0)[0])[1] <= 0.1 * 0.5 + 1e-9


@pytest.mark.parametrize("keys", [{}, {"perturbation": 0.3}, {"steps": 0, "perturbation": 0.3}])
def test_spectral_norms_of_a_copy_are_one(keys: dict[str, float]) -> None:
    """D' is valued as its own weights over their true singular values would be, however far it has gone."""
    normed = ring(loss="wasserstein", penalty=component("penalty", "spectral_norm"))
    play = played((normed,), load(normed.dataset))
    contest = _Contest.of(play.game)
    draw = play.beside("test", "heldout", 0)
    settings = {"steps": 100, "rate": 1e-2, "perturbation": 0.01} | keys
    copy = contest.best(DISC, draw, int(settings["steps"]), settings["rate"], settings["perturbation"])
    (found,) = contest.payoffs([copy], draw, 4)
    stack = play.game.disc.stack
    views, buffers = stack.views(copy[DISC]), contest._buffers(copy)[DISC]
    norms = spectral.normalised(views, stack.spectral, buffers, moves=True)
    for name in stack.spectral:
        size = float(torch.linalg.matrix_norm(norms[name][0].flatten(1), 2))
        assert size == pytest.approx(1.0, abs=0.02), name
        stack.buffers[name + spectral.VECTOR].copy_(torch.linalg.svd(views[name].flatten(2))[0][:, :, 0])
    (exact,) = contest.payoffs([copy], draw, 4)
    assert float(found[0]) == pytest.approx(float(exact[0]), rel=0.03)


def test_members_are_those_alone_and_a_bad_one_harms_nobody() -> None:
    trials = tuple(ring(seed=seed, dtype="float64") for seed in range(3))
    data = make_data((2,))
    together = played(trials, data)
    together.game.gen.stack.weights[1] = torch.nan
    rows = measured(together, steps=5)
    assert math.isnan(rows[1]["duality_gap"])  # type: ignore[arg-type]
    for k in (0, 2):
        alone = measured(played((trials[k],), data), steps=5)[0]
        assert rows[k]["duality_gap"] == pytest.approx(alone["duality_gap"], rel=1e-8)


def test_conditional_networks() -> None:
    model = component("model", "mlp", width=8, condition="auxiliary")
    data = replace(make_data((1, 4, 4), classes=3), component=Component("digits"), n_modes=3)
    trial = make_trial(model=model, dataset=Component("digits"))
    play = played((trial,), data)
    assert parts(measured(play, steps=2)[0])
