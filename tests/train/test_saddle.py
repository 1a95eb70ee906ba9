"""The saddle toy of Heusel et al. (arXiv:1706.08500) by the engine of every study, against its formula."""

from __future__ import annotations

import numpy as np
import pytest

from bench.data.load import load
from bench.metrics.evaluate import build
from bench.train.loop import train
from bench.train.streams import stream
from bench.trial import Component, Evaluate, Pack, Trial
from tests.train.conftest import component, make_trial

METRICS = (Component("orbit"),)


def saddle(lr_g: float, lr_d: float, steps: int, **keys: float) -> Trial:
    return make_trial(
        dataset=Component("saddle"),
        model=component("model", "saddle", **keys),
        loss="value",
        optimizer="sgd",
        update="simultaneous",
        lr_g=lr_g,
        lr_d=lr_d,
        batch=4,
        steps=steps,
        dtype="float64",
        evaluate=Evaluate(steps, 16, METRICS),
    )


def end(trial: Trial) -> dict[str, float]:
    data = load(Component("saddle"))
    evaluator = build(data, METRICS, 16, None)
    *_, last = train(Pack((trial,)), data, evaluator)
    return last.rows[0]  # type: ignore[return-value]


def test_without_noise_it_is_the_formula() -> None:
    """x <- x - a 2 x (100 - y^2), y <- y - b 2 y (1 + x^2), both at the same point."""
    x, y, a, b = 0.5, -0.4, 0.001, 0.01
    for _ in range(30):
        x, y = x - a * 2 * x * (100 - y * y), y - b * 2 * y * (1 + x * x)
    found = end(saddle(a, b, 30, noise=0.0))
    assert found["orbit.theta"] == pytest.approx(x, rel=1e-12)
    assert found["orbit.psi"] == pytest.approx(y, rel=1e-12)
    assert found["orbit.radius"] == pytest.approx(np.hypot(x, y), rel=1e-12)


def test_the_noise_of_both_gradients_is_the_mean_of_an_updates_latents() -> None:
    """At batch 4 and noise 2 it is N(0, 1), and the players' noises are independent."""
    trial = saddle(0.001, 0.01, 1, noise=2.0)
    noise = {}
    for player in ("disc", "gen"):
        drawn = stream(trial.study_seed, trial.seed, "latent", player, 0)
        noise[player] = 2 * drawn.standard_normal((32, 4, 1), dtype=np.float32)[:, :, 0].mean(1)
    both = np.concatenate(list(noise.values()))
    assert both.std() == pytest.approx(1.0, abs=0.25)
    found = end(trial)
    x = 0.5 - 0.001 * (2 * 0.5 * (100 - 0.16) + noise["gen"][0])
    y = -0.4 + 0.01 * (-2 * -0.4 * 1.25 + noise["disc"][0])
    assert found["orbit.theta"] == pytest.approx(x, rel=1e-6)
    assert found["orbit.psi"] == pytest.approx(y, rel=1e-6)


def test_its_rates_are_those_of_the_linear_map() -> None:
    """Near (0, 0) a step multiplies x by 1 - 200 a and y by 1 - 2 b."""
    for a, b in ((0.001, 0.01), (0.0001, 0.01)):
        found = end(saddle(a, b, 1, x=1e-9, y=1e-9, noise=0.0))
        assert found["orbit.spectral_radius"] == pytest.approx(max(1 - 200 * a, 1 - 2 * b), rel=1e-9)
