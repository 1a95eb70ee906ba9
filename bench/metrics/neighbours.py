"""Distances between many points, a block at a time, and distances to the k-th nearest neighbour."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
CELLS = 4_000_000
"""Distances of a block: 32 MB, beside a table of the same size; with masks of them 80 MB at most."""
ROUNDING = 64.0 * np.finfo(np.float64).eps


def flat(x: NDArray[np.floating]) -> Matrix:
    """Rows [n, ...] as float64 [n, d]."""
    return np.asarray(x, dtype=np.float64).reshape(len(x), -1)


def blocks(a: Matrix, b: Matrix) -> Iterator[tuple[slice, Matrix]]:
    """Squared distances [rows, m] of a [n, d] to b [m, d], for some rows of a at a time.

    |a|^2 + |b|^2 - 2 a b about the mean of b; what is within its rounding of 0 is 0, so that equal points
    are at distance 0. So are different points nearer to each other than 1.7e-7 of their distance from that
    mean, which float32 can just tell apart; in clusters of some 1e-6 of it distances have few digits.
    A block is overwritten by the next one: keep copies.
    """
    centre = b.mean(axis=0)
    a, b = a - centre, b - centre
    squares = np.einsum("md,md->m", b, b)
    step = min(max(1, CELLS // len(b)), len(a))
    tables = np.empty((2, step, len(b)))
    for start in range(0, len(a), step):
        part = a[start : start + step]
        found, size = tables[:, : len(part)]
        np.add(np.einsum("nd,nd->n", part, part)[:, None], squares, out=size)
        np.matmul(part, b.T, out=found)
        found *= -2.0
        found += size
        size *= ROUNDING
        found[found <= size] = 0.0
        yield slice(start, start + len(part)), found


def squared_radii(x: Matrix, neighbours: int) -> Matrix:
    """Squared distance [n] of each point of x [n, d] to its k-th nearest other one; ValueError for n <= k."""
    if len(x) <= neighbours:
        raise ValueError(f"{neighbours} neighbours need more than {neighbours} points, got {len(x)}")
    out = np.empty(len(x))
    for rows, found in blocks(x, x):
        # Place 0 is the point itself.
        found.partition(neighbours, axis=1)
        out[rows] = found[:, neighbours]
    return out
