"""Sliced Wasserstein-1 against closed forms, and where the identity Fréchet distance is blind."""

from __future__ import annotations

import numpy as np
import pytest

from bench.data.load import load
from bench.metrics.fd import features_distance
from bench.metrics.sw1 import DIRECTIONS, directions, distance, points_distance, projections
from bench.trial import Component


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def test_directions_are_unit_and_fixed() -> None:
    units = directions(2)
    assert units.shape == (DIRECTIONS, 2)
    assert np.allclose(np.linalg.norm(units, axis=1), 1.0)
    assert np.array_equal(units, directions(2))
    # Spread over the half circle: no gap of more than 30 degrees.
    angles = np.sort(np.arctan2(units[:, 1], units[:, 0]) % np.pi)
    assert np.diff(np.append(angles, angles[0] + np.pi)).max() < np.pi / 6


def test_one_dimension_has_one_direction_and_is_w1(rng: np.random.Generator) -> None:
    assert directions(1).tolist() == [[1.0]]
    x, y = rng.normal(size=(50, 1)), rng.exponential(size=(50, 1))
    expected = np.abs(np.sort(x, axis=0) - np.sort(y, axis=0)).mean()
    assert points_distance(x, y) == pytest.approx(expected, rel=1e-12)
    assert points_distance(np.zeros((30, 1)), np.full((50, 1), -0.3)) == pytest.approx(0.3, rel=1e-12)


@pytest.mark.parametrize("dimensions", [3, 64])
def test_many_dimensions_have_64_unit_directions(dimensions: int) -> None:
    units = directions(dimensions)
    assert units.shape == (DIRECTIONS, dimensions)
    assert np.allclose(np.linalg.norm(units, axis=1), 1.0)
    assert np.abs(units @ units.T - np.eye(DIRECTIONS)).max() < 1.0


def test_the_directions_of_the_plane_stay() -> None:
    """They decide every stored distance."""
    assert np.allclose(directions(2)[0], [-0.9120809930, 0.4100100756], atol=1e-9)


def test_equal_sets_are_at_distance_zero(rng: np.random.Generator) -> None:
    x = rng.normal(size=(100, 2))
    assert points_distance(x, x[rng.permutation(100)]) == 0.0


@pytest.mark.parametrize("n", [100, 57])
def test_a_shift_moves_each_projection(n: int, rng: np.random.Generator) -> None:
    """mean over u of |<v, u>|, also when the sets are not of one size."""
    point, v = np.zeros((n, 2)), np.array([3.0, -4.0])
    other = np.zeros((100, 2)) + v
    assert points_distance(point, other) == pytest.approx(np.abs(directions(2) @ v).mean(), rel=1e-12)
    x = rng.normal(size=(100, 2))
    assert points_distance(x, x + v) == pytest.approx(np.abs(directions(2) @ v).mean(), rel=1e-12)


def test_scaling_scales(rng: np.random.Generator) -> None:
    x, y = rng.normal(size=(2, 80, 3))
    assert points_distance(7.0 * x, 7.0 * y) == pytest.approx(7.0 * points_distance(x, y), rel=1e-12)


@pytest.mark.parametrize(("n", "m"), [(10, 15), (7, 7), (1, 9), (100, 50)])
def test_unequal_sizes_agree_with_repeated_points(n: int, m: int, rng: np.random.Generator) -> None:
    """Each point m (or n) times gives sets of equal size n m and the same distributions."""
    x, y, units = rng.normal(size=(n, 2)), rng.normal(size=(m, 2)), directions(2)
    expected = distance(
        projections(np.repeat(x, m, axis=0), units), projections(np.repeat(y, n, axis=0), units)
    )
    assert distance(projections(x, units), projections(y, units)) == pytest.approx(expected, rel=1e-12)


def test_one_dimension_by_hand() -> None:
    """{0, 1} against {0, 2, 4}: |A - B| is 0, 2 - 0, 2 - 1, 4 - 1 on lengths 1/3, 1/6, 1/6, 1/3."""
    a, b = np.array([[0.0, 1.0]]), np.array([[0.0, 2.0, 4.0]])
    assert distance(a, b) == pytest.approx(2 / 6 + 1 / 6 + 3 / 3, rel=1e-12)


def test_every_second_mode_missing_is_seen() -> None:
    """On ring8 the identity Fréchet distance of every second mode is below the floor; sw1 is far above it."""
    data = load(Component("ring8"))
    assert data.train_labels is not None
    real, held, half = data.train[:2000], data.heldout[:2000], data.train[data.train_labels % 2 == 0][:2000]
    assert points_distance(half, real) > 3.0 * points_distance(held, real)
    assert features_distance(half, real) < 2.0 * features_distance(held, real) + 0.002
