"""Size of the samples against the data: a collapsed generator has spread 0, an exploding one a large RMS."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from bench.metrics.batch import Batch, Context, Value

COLUMNS = 1024
"""Values of a sample that are held in float64 at a time."""


def total_variance(x: NDArray[np.floating]) -> float:
    """Trace of the covariance of x [n, ...], in float64."""
    flat = x.reshape(len(x), -1)
    starts = range(0, flat.shape[1], COLUMNS)
    parts = [np.asarray(flat[:, i : i + COLUMNS], dtype=np.float64).var(axis=0) for i in starts]
    return float(np.concatenate(parts).sum())


def rms(x: NDArray[np.floating]) -> float:
    """Root of the mean square of all entries, in float64."""
    flat = x.reshape(len(x), -1)
    starts = range(0, flat.shape[1], COLUMNS)
    total = sum(np.square(flat[:, i : i + COLUMNS], dtype=np.float64).sum() for i in starts)
    return float(np.sqrt(total / flat.size))


class Spread:
    """spread = sqrt(total variance of samples / of train rows); sample_rms = RMS of either, the same way.

    Each is None where the data's own value is 0: a ratio to nothing tells nothing.
    """

    columns = ("spread", "sample_rms")

    def __init__(self, context: Context) -> None:
        # The reference rows alone: a full pass over a large set in float64 would cost more than it tells.
        real = context.reference("train").samples
        self._variance, self._rms = total_variance(real), rms(real)
        self.provenance: dict[str, str | int] = {}

    def against(self, batch: Batch, split: str) -> dict[str, Value]:
        return self.score(batch)

    def score(self, batch: Batch) -> dict[str, Value]:
        spread = math.sqrt(total_variance(batch.samples) / self._variance) if self._variance > 0.0 else None
        return {"spread": spread, "sample_rms": rms(batch.samples) / self._rms if self._rms > 0.0 else None}


def spread(context: Context) -> Spread:
    """`spread` and `sample_rms`, for any data set."""
    return Spread(context)
