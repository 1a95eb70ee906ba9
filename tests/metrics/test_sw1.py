"""Sliced Wasserstein-1 against closed forms, and where the identity Fréchet distance is blind."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

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


@pytest.mark.parametrize("scale", [0.3, 1.0, 2.5])
def test_a_gaussian_of_another_width(scale: float) -> None:
    """W1(N(0, 1), N(0, s^2)) = |s - 1| sqrt(2 / pi), on the quantiles of 20,000 equal parts."""
    x = norm.ppf((np.arange(20_000) + 0.5) / 20_000)[:, None]
    assert points_distance(x, scale * x) == pytest.approx(abs(scale - 1) * np.sqrt(2 / np.pi), rel=1e-4)


def test_a_share_at_another_place_costs_its_way() -> None:
    """A share p of all mass at distance r: p r mean over u of |<e, u>|."""
    x = np.zeros((1000, 2))
    y = x.copy()
    y[:130, 0] = 4.0
    expected = 0.13 * 4.0 * np.abs(directions(2)[:, 0]).mean()
    assert points_distance(x, y) == pytest.approx(expected, rel=1e-12)
    # The mean over all directions is 2 / pi; 64 random ones are near.
    assert np.abs(directions(2)[:, 0]).mean() == pytest.approx(2 / np.pi, abs=0.06)


def test_identity_frechet_is_blind_on_the_ring_and_sw1_is_not() -> None:
    """n = 2,000: Fréchet gives a fresh sample 0.0016, every second mode 0.0012, one blob 0.0017 in one draw;
    ten draws of each overlap. sw1 of the two faults is 5 times that of a fresh sample and more."""
    rng = np.random.default_rng(0)
    angle = 2 * np.pi * np.arange(8) / 8
    centres = np.stack([np.cos(angle), np.sin(angle)], axis=1)

    def ring(modes: np.ndarray) -> np.ndarray:
        return modes[rng.integers(len(modes), size=2000)] + 0.05 * rng.normal(size=(2000, 2))

    real = ring(centres)
    fresh, half = ([ring(each) for _ in range(10)] for each in (centres, centres[::2]))
    blob = [np.sqrt(0.5 + 0.05**2) * rng.normal(size=(2000, 2)) for _ in range(10)]
    by_frechet, by_sw1 = (
        [np.array([measure(x, real) for x in each]) for each in (fresh, half, blob)]
        for measure in (features_distance, points_distance)
    )
    for values, published in zip(by_frechet, (0.0016, 0.0012, 0.0017), strict=True):
        assert abs(published - values.mean()) < 2 * values.std(ddof=1)
    assert max(values.min() for values in by_frechet[1:]) < by_frechet[0].max()
    assert min(values.min() for values in by_sw1[1:]) > 5 * by_sw1[0].mean()


def test_every_second_mode_missing_is_seen() -> None:
    """On ring8 the identity Fréchet distance of every second mode is below the floor; sw1 is far above it."""
    data = load(Component("ring8"))
    assert data.train_labels is not None
    real, held, half = data.train[:2000], data.heldout[:2000], data.train[data.train_labels % 2 == 0][:2000]
    assert points_distance(half, real) > 3.0 * points_distance(held, real)
    assert features_distance(half, real) < 2.0 * features_distance(held, real) + 0.002
