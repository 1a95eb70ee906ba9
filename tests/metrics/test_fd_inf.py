"""The extrapolated distance: its line, a known distance of Gaussians, less bias than fd's."""

from __future__ import annotations

import numpy as np
import pytest

from bench.data.load import load
from bench.errors import UserError
from bench.metrics import fd, fd_inf
from bench.metrics.evaluate import build
from bench.trial import Component


def test_the_line_is_that_of_least_squares() -> None:
    k = np.arange(1, 7)
    assert fd_inf.intercept(2.5 + 0.7 * k) == pytest.approx(2.5, rel=1e-12)
    values = np.array([1.0, 2.5, 2.0, 4.0])
    assert fd_inf.intercept(values) == pytest.approx(np.polyfit([1, 2, 3, 4], values, 1)[1], rel=1e-12)


def test_blocks_are_disjoint_and_equal() -> None:
    x = np.arange(22.0).reshape(11, 2)
    found = fd_inf.blocks(x, 3)
    assert [len(each) for each in found] == [3, 3, 3]
    assert np.array_equal(np.concatenate(found), x[:9])


def test_two_points_are_richardsons() -> None:
    """2 f(1) - f(2)."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 200, 3))
    halves = [fd.features_distance(x[i : i + 100], y[i : i + 100]) for i in (0, 100)]
    expected = 2.0 * fd.features_distance(x, y) - np.mean(halves)
    assert fd_inf.features_distance(x, y, points=2) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("shift", "scale"), [(0.0, 1.0), (0.1, 1.0), (0.0, 1.2)])
def test_gaussians_of_a_known_distance(shift: float, scale: float) -> None:
    """d (shift^2 + (scale - 1)^2) by 24 estimates from 500: no bias beyond their error, a fifth of fd's."""
    d, n, rng = 16, 500, np.random.default_rng(11)
    expected = d * (shift**2 + (scale - 1.0) ** 2)
    pairs = [(rng.normal(size=(n, d)) * scale + shift, rng.normal(size=(n, d))) for _ in range(24)]
    bias_inf = np.array([fd_inf.features_distance(x, y) for x, y in pairs]) - expected
    bias_fd = np.array([fd.features_distance(x, y) for x, y in pairs]) - expected
    assert abs(bias_inf.mean()) < 4.0 * bias_inf.std(ddof=1) / np.sqrt(len(pairs))
    assert abs(bias_inf.mean()) < abs(bias_fd.mean()) / 5.0


def test_a_kept_reference_keeps_its_own_bias() -> None:
    """As in the paper: only the samples' share of the bias, one half at equal n, goes."""
    d, n, rng = 16, 500, np.random.default_rng(12)
    pairs = [rng.normal(size=(2, n, d)) for _ in range(24)]
    kept = np.mean([fd_inf.features_distance(x, y, shrink="samples") for x, y in pairs])
    plain = np.mean([fd.features_distance(x, y) for x, y in pairs])
    assert 0.3 * plain < kept < 0.7 * plain


def test_singular_blocks_are_refused() -> None:
    x = np.random.default_rng(0).normal(size=(50, 10))
    with pytest.raises(ValueError, match="more than 10 are needed"):
        fd_inf.features_distance(x, x, points=5)


def test_too_few_samples_are_told_of_before_training() -> None:
    digits = load(Component("digits"))
    with pytest.raises(UserError, match=r"needs 650 samples in 64 features and there are 640"):
        build(digits, (Component("fd_inf"),), 640, None)
    with pytest.raises(UserError, match="no file /nowhere"):
        fd_inf.check(points=5, shrink="both", features="inception", weights="/nowhere")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_never_scores(bad: float) -> None:
    x = np.random.default_rng(0).normal(size=(60, 3))
    broken = x.copy()
    broken[7, 0] = bad
    with np.errstate(invalid="ignore"):
        assert np.isnan(fd_inf.features_distance(broken, x))


def test_the_metric_on_digits() -> None:
    """Held-out digits are at 0 within the floor's noise, where fd's own floor is far above its noise."""
    digits = load(Component("digits"))
    evaluator = build(digits, (Component("fd"), Component("fd_inf")), 800, None)
    row, floors = evaluator(digits.heldout[:800]), evaluator.floors()
    assert row["fd_inf_status"] == "ok"
    assert abs(row["fd_inf"]) < row["fd"] / 3.0  # type: ignore[operator, arg-type]
    assert abs(floors["fd_inf"]["mean"]) < floors["fd"]["mean"] / 3.0
    five = evaluator(digits.heldout[digits.heldout_labels < 5][:800])
    assert five["fd_inf"] > 20.0 * floors["fd_inf"]["sd"]  # type: ignore[operator]
    assert evaluator.provenance["fd_inf"]["points"] == 5
