"""Sliced Wasserstein-1 distance on 64 fixed directions, for points and signals (Bonneel et al. 2015).

In one dimension there is one direction, and it is W1 itself.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.data.order import philox
from bench.metrics.batch import SPLITS, Batch, Context, Value, halves_noise

DIRECTIONS = 64
Matrix = NDArray[np.float64]


def directions(dimensions: int) -> Matrix:
    """64 unit vectors [64, d], the same in every run: normalised normals of a fixed Philox stream.

    [1, 1] in one dimension, where a direction and its opposite give the same distance.
    """
    if dimensions == 1:
        return np.ones((1, 1))
    rng = np.random.Generator(philox(f"sw1 directions 1 d={dimensions}"))
    normal = rng.standard_normal((DIRECTIONS, dimensions))
    return np.asarray(normal / np.linalg.norm(normal, axis=1, keepdims=True), dtype=np.float64)


def projections(x: NDArray[np.floating], units: Matrix) -> Matrix:
    """Sorted projections [u, n] of x [n, ...], flattened to [n, d], on u unit vectors [u, d]; float64."""
    flat = np.asarray(x, dtype=np.float64).reshape(len(x), -1)
    return np.sort(units @ flat.T, axis=1)


def distance(a: Matrix, b: Matrix) -> float:
    """Mean over directions of W1 between sorted projections a [u, n] and b [u, m].

    W1 is the integral over t in (0, 1) of |A(t) - B(t)|, A and B the quantile functions: steps at i/n and
    j/m.
    """
    n, m = a.shape[1], b.shape[1]
    if n == m:
        return float(np.abs(a - b).mean())
    # Levels in units of 1 / (n m), so that equal ones are equal integers.
    levels = np.union1d(np.arange(n + 1) * m, np.arange(m + 1) * n)
    left, weight = levels[:-1], np.diff(levels) / (n * m)
    return float((np.abs(a[:, left // m] - b[:, left // n]) @ weight).mean())


def points_distance(x: NDArray[np.floating], y: NDArray[np.floating]) -> float:
    """Sliced W1 between points x [n, d] and y [m, d], in units of the data."""
    units = directions(int(np.prod(x.shape[1:])))
    return distance(projections(x, units), projections(y, units))


class Sliced:
    """The distance of samples to the train and held-out reference rows; n equal on both sides."""

    columns = ("sw1", "sw1.heldout", "sw1.noise")

    def __init__(self, context: Context) -> None:
        self._units = directions(int(np.prod(context.dataset.shape)))
        self._references = {s: projections(context.reference(s).samples, self._units) for s in SPLITS}
        self.provenance: dict[str, str | int] = {
            "directions": len(self._units),
            "reference_n": self._references["train"].shape[1],
        }

    def against(self, batch: Batch, split: str) -> dict[str, Value]:
        return {"sw1": distance(projections(batch.samples, self._units), self._references[split])}

    def score(self, batch: Batch) -> dict[str, Value]:
        half, train = len(batch.samples) // 2, self._references["train"]
        parts = (batch.samples[:half], batch.samples[half : 2 * half])
        whole = projections(batch.samples, self._units)
        noise = halves_noise(*(distance(projections(part, self._units), train) for part in parts))
        values = (distance(whole, train), distance(whole, self._references["heldout"]), noise)
        return dict(zip(self.columns, values, strict=True))


def sw1(context: Context) -> Sliced:
    """`sw1` of a data set of points or signals."""
    return Sliced(context)
