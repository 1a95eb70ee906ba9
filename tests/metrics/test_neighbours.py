"""Distances by blocks against plain ones, equal points at distance 0."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from bench.metrics import neighbours
from bench.metrics.neighbours import blocks, flat, squared_radii


def plain(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return ((a[:, None] - b[None]) ** 2).sum(axis=2)


@pytest.mark.parametrize("cells", [1, 50, 4_000_000])
def test_blocks_are_the_whole_table(cells: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "CELLS", cells)
    rng = np.random.default_rng(0)
    a, b = 5.0 + rng.normal(size=(23, 4)), 5.0 + rng.normal(size=(17, 4))
    found = np.full((23, 17), np.nan)
    for rows, part in blocks(a, b):
        found[rows] = part
    assert found == pytest.approx(plain(a, b), rel=1e-12)
    ordered = np.sort(plain(a, a), axis=1)
    assert squared_radii(a, 3) == pytest.approx(ordered[:, 3], rel=1e-12)


@pytest.mark.parametrize("size", [1.0, 1e-20, 1e30])
def test_equal_points_are_at_distance_zero_and_next_ones_are_not(size: float) -> None:
    x = (size * np.random.default_rng(1).normal(size=(40, 64))).astype(np.float32)
    for rows, part in blocks(flat(x), flat(x)):
        assert (part[np.arange(40), np.arange(rows.start, rows.stop)] == 0.0).all()
        assert (part == 0.0).sum() == 40
    twins = np.repeat(x[:10], 4, axis=0)
    assert (squared_radii(flat(twins), 3) == 0.0).all()
    assert (squared_radii(flat(twins), 4) > 0.0).all()


def test_a_far_common_offset_costs_no_digits() -> None:
    x = np.random.default_rng(2).normal(size=(30, 3))
    for _, part in blocks(x + 1e6, x + 1e6):
        assert part == pytest.approx(plain(x, x), rel=1e-8, abs=1e-9)


@pytest.mark.parametrize(("apart", "same"), [(1e-7, True), (2e-7, False)])
def test_how_near_points_far_from_the_mean_are_equal(apart: float, same: bool) -> None:
    x = np.array([[-1.0], [-1.0], [1.0], [1.0 + apart]])
    ((_, part),) = blocks(x, x)
    assert (part[2, 3] == 0.0) == same


def test_memory_is_what_is_said() -> None:
    x = np.random.default_rng(3).normal(size=(3000, 4))
    tracemalloc.start()
    squared_radii(x, 5)
    for _, part in blocks(x, x):
        (part < 1.0).any(axis=1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 8 * neighbours.CELLS < peak < 80e6


def test_as_many_neighbours_as_points_are_refused() -> None:
    with pytest.raises(ValueError, match="5 neighbours need more than 5 points, got 5"):
        squared_radii(np.zeros((5, 2)), 5)
