"""Size of the samples against the data: a collapsed generator has spread 0, an exploding one a large RMS."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.metrics.batch import Batch, Context, Value


def total_variance(x: NDArray[np.floating]) -> float:
    """Trace of the covariance of x [n, ...], in float64."""
    return float(np.asarray(x, dtype=np.float64).reshape(len(x), -1).var(axis=0).sum())


def rms(x: NDArray[np.floating]) -> float:
    """Root of the mean square of all entries, in float64."""
    return float(np.sqrt(np.square(x, dtype=np.float64).mean()))


class Spread:
    """spread = sqrt(total variance of samples / of train rows); sample_rms = RMS of either, the same way."""

    columns = ("spread", "sample_rms")

    def __init__(self, context: Context) -> None:
        # The reference rows alone: a full pass over a large set in float64 would cost more than it tells.
        real = context.reference("train").samples
        self._variance, self._rms = total_variance(real), rms(real)
        self.provenance: dict[str, str | int] = {}

    def against(self, batch: Batch, split: str) -> dict[str, Value]:
        return self.score(batch)

    def score(self, batch: Batch) -> dict[str, Value]:
        if not (self._variance > 0.0 and self._rms > 0.0):
            return {"spread": float("nan"), "sample_rms": float("nan")}
        spread = float(np.sqrt(total_variance(batch.samples) / self._variance))
        return {"spread": spread, "sample_rms": rms(batch.samples) / self._rms}


def spread(context: Context) -> Spread:
    """`spread` and `sample_rms`, for any data set."""
    return Spread(context)
