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


def test_float64_keeps_huge_samples_finite() -> None:
    data = load(Component("ring8"))
    measure = Spread(Context(data, 2000, Cache(None)))
    out = measure.score(Batch((data.train[:2000] * 1e30).astype(np.float32)))
    assert out["spread"] == pytest.approx(1e30, rel=1e-5)
