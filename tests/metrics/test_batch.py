"""A batch runs each extractor once, and the noise of halves has the variance that it claims."""

from __future__ import annotations

import numpy as np
import pytest

from bench.metrics.batch import Batch, Features, Floats, halves_noise


class Counting:
    name, sha256 = "counting", "0" * 64

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, images: Floats) -> Features:
        self.calls += 1
        return images * 2.0, images


def test_each_extractor_runs_once() -> None:
    extractor, batch = Counting(), Batch(np.arange(6, dtype=np.float32).reshape(3, 2))
    batch.features(extractor)
    part = batch.take(slice(1, 3))
    assert np.array_equal(part.features(extractor)[0], batch.samples[1:] * 2.0)
    assert np.array_equal(batch.features(extractor)[1], batch.samples)
    assert extractor.calls == 1


def test_parts_share_what_is_computed_for_all() -> None:
    extractor, batch = Counting(), Batch(np.arange(6, dtype=np.float32).reshape(3, 2))
    for rows in (slice(0, 2), np.array([2, 0])):
        assert np.array_equal(batch.take(rows).features(extractor)[0], batch.samples[rows] * 2.0)
    assert extractor.calls == 1


def test_noise_of_a_mean() -> None:
    """The mean of n = 64 normals has SD 1/8; the root mean square of |a - b| / 2 over repeats finds it."""
    x = np.random.default_rng(0).normal(size=(4000, 64))
    noise = [halves_noise(row[:32].mean(), row[32:].mean()) for row in x]
    assert np.sqrt(np.mean(np.square(noise))) == pytest.approx(1 / 8, rel=0.05)
