"""The 2-D mixtures: distinct modes, the stated scale, the closed-form mass within 3 sigma."""

from __future__ import annotations

import numpy as np
import pytest

from bench.data.load import load
from bench.trial import Component


@pytest.mark.parametrize(("name", "modes"), [("ring8", 8), ("grid25", 25)])
def test_modes_are_distinct_and_far_apart(name: str, modes: int) -> None:
    data = load(Component(name))
    assert data.centres is not None
    assert data.n_modes == modes == len(np.unique(data.centres.round(9), axis=0))
    gaps = np.linalg.norm(data.centres[:, None] - data.centres[None], axis=2)
    assert gaps[gaps > 0].min() > 6 * 0.05


def test_ring_is_where_it_should_be() -> None:
    data = load(Component("ring8", (("radius", 2.0),)))
    assert data.centres is not None
    assert np.allclose(np.linalg.norm(data.centres, axis=1), 2.0)
    assert np.allclose(data.centres[1], 2.0 * np.sqrt(0.5))
    assert np.allclose(data.centres.sum(axis=0), 0.0)


def test_grid_is_where_it_should_be() -> None:
    data = load(Component("grid25", (("spacing", 0.5),)))
    assert data.centres is not None
    assert np.allclose(np.unique(data.centres), [-1.0, -0.5, 0.0, 0.5, 1.0])


@pytest.mark.parametrize("name", ["ring8", "grid25"])
def test_points_have_the_stated_law(name: str) -> None:
    data = load(Component(name))
    assert data.train.shape == (20_000, 2)
    assert data.heldout.shape == (10_000, 2)
    assert data.centres is not None
    assert data.train_labels is not None
    residual = data.train - data.centres[data.train_labels]
    assert abs(residual.std() / 0.05 - 1.0) < 0.02
    within = (np.linalg.norm(residual, axis=1) <= 0.15).mean()
    # Four standard errors of a share of 0.98889 at n = 20,000.
    assert abs(within - 0.98889) < 4 * np.sqrt(0.98889 * 0.01111 / 20_000)
    shares = np.bincount(data.train_labels) / 20_000
    assert np.abs(shares * len(data.centres) - 1.0).max() < 0.2
    assert not set(map(bytes, data.train)) & set(map(bytes, data.heldout))
