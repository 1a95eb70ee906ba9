"""Spread and RMS: exact under shifts and scales."""

from __future__ import annotations

import numpy as np
import pytest

from bench.data.load import load
from bench.metrics.batch import Batch, Context
from bench.metrics.cache import Cache
from bench.metrics.spread import Spread, rms, total_variance
from bench.trial import Component


def test_by_hand() -> None:
    x = np.array([[1.0, 0.0], [3.0, 4.0]], np.float32)
    assert total_variance(x) == pytest.approx(1.0 + 4.0)
    assert rms(x) == pytest.approx(np.sqrt(26.0 / 4.0))


def test_scaled_shifted_and_collapsed_samples() -> None:
    data = load(Component("ring8"))
    measure = Spread(Context(data, 2000, Cache(None)))
    real = data.train[:2000]
    assert measure.score(Batch(real)) == {"spread": pytest.approx(1.0), "sample_rms": pytest.approx(1.0)}
    assert measure.score(Batch(3.0 * real)) == {
        "spread": pytest.approx(3.0),
        "sample_rms": pytest.approx(3.0),
    }
    assert measure.score(Batch(real + 5.0))["spread"] == pytest.approx(1.0, rel=1e-5)
    assert measure.score(Batch(np.repeat(real[:1], 100, axis=0)))["spread"] == 0.0


def test_modes_of_the_ring_have_the_spread_of_the_closed_form() -> None:
    """Total variance: 1 + 2 sigma^2 of the ring and of every second mode, 2 sigma^2 of one mode, and of two
    neighbours 2 sigma^2 + sin(pi / 8)^2. Spread alone does not see modes that are missing on all sides."""
    data = load(Component("ring8"))
    measure = Spread(Context(data, 20_000, Cache(None)))
    assert data.train_labels is not None
    whole = 1.0 + 2 * 0.05**2
    for modes, variance in (
        (range(8), whole),
        ((0, 2, 4, 6), whole),
        ((3,), 2 * 0.05**2),
        ((3, 4), 2 * 0.05**2 + np.sin(np.pi / 8) ** 2),
    ):
        some = Batch(data.train[np.isin(data.train_labels, list(modes))])
        assert measure.score(some)["spread"] == pytest.approx(np.sqrt(variance / whole), rel=0.02)
        assert measure.score(some)["sample_rms"] == pytest.approx(1.0, rel=0.01)
    assert rms(data.train) == pytest.approx(np.sqrt(whole / 2), rel=0.01)


def test_data_without_variance_have_no_ratio_to_it() -> None:
    data = load(Component("dirac"))
    measure = Spread(Context(data, 2000, Cache(None)))
    for samples in (data.train[:2000], np.ones((50, 1), np.float32)):
        assert measure.score(Batch(samples)) == {"spread": None, "sample_rms": None}


def test_wide_samples_are_measured_column_block_by_block() -> None:
    x = np.random.default_rng(0).normal(2.0, 1.0, (40, 3, 28, 28)).astype(np.float32)
    assert total_variance(x) == pytest.approx(
        x.reshape(40, -1).astype(np.float64).var(axis=0).sum(), rel=1e-14
    )
    assert rms(x) == pytest.approx(np.sqrt((x.astype(np.float64) ** 2).mean()), rel=1e-14)


def test_float64_keeps_huge_samples_finite() -> None:
    data = load(Component("ring8"))
    measure = Spread(Context(data, 2000, Cache(None)))
    out = measure.score(Batch((data.train[:2000] * 1e30).astype(np.float32)))
    assert out["spread"] == pytest.approx(1e30, rel=1e-5)
