"""One number, or one curve, for many trials of which some diverged."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from bench.judge import intervals
from bench.judge.intervals import CONFIDENCE, NO_SPREAD, SEEDS_FOR_INTERVAL, Array
from bench.judge.stats import Estimate, jackknife, known, points_only

QUARTER = 0.25


def interquartile_mean(
    seeds: Sequence[int], values: Sequence[float], confidence: float = CONFIDENCE
) -> Estimate:
    """Mean of the middle half of all trials (25 % trimmed), a diverged one ranking as the worst.

    IQM of Agarwal et al. 2021 (arXiv:2108.13264); values [N], infinite where diverged: their
    imputed value does not matter as long as they are fewer than the quarter that is trimmed. From there on
    the mean is infinite and has no interval. Interval: Student t over the jackknife pseudo-values of the
    seeds (their percentile bootstrap is too short below 30 seeds), from 5 seeds on; none where the mean is
    the same without any one of the seeds, since it would have no width.

    Raises:
        UserError: a value is NaN.
    """
    seed, value = np.asarray(seeds), known(values)
    n = len(np.unique(seed))
    if not value.size:
        return points_only([])
    died = int(np.isinf(value).sum())
    mean = float(stats.trim_mean(value, QUARTER))
    if not math.isfinite(mean):
        return points_only(np.full(0, np.nan), f"{died} of {len(value)} diverged: not finite", mean=mean)
    if n < SEEDS_FOR_INTERVAL:
        return Estimate(mean, None, None, n, (), f"{n} seeds: no interval")

    def middle(kept: NDArray[np.bool_]) -> Array:
        return np.asarray(stats.trim_mean(value[kept], QUARTER))

    _, pseudo = jackknife(middle, seed)
    if not np.isfinite(pseudo).all():
        why = f"{died} of {len(value)} diverged: not finite without one of the seeds"
        return Estimate(mean, None, None, n, (), why)
    if pseudo.std() <= NO_SPREAD * np.abs(pseudo).max():
        why = f"the same without any one of {n} seeds: no interval"
        return Estimate(mean, None, None, n, tuple(pseudo.tolist()), why)
    low, high = intervals.student_t(pseudo, confidence)
    shift = mean - float(pseudo.mean())
    points = tuple(pseudo.tolist())
    return Estimate(mean, float(low) + shift, float(high) + shift, n, points, f"t, jackknife over {n} seeds")


@dataclass(frozen=True)
class Profile:
    """The share of trials at least as good as each threshold [T], with a pointwise band over seeds."""

    thresholds: Array
    share: Array
    low: Array | None
    high: Array | None
    n: int
    method: str


def performance_profile(
    seeds: Sequence[int],
    values: Sequence[float],
    thresholds: ArrayLike,
    lower_is_better: bool = True,
    confidence: float = CONFIDENCE,
) -> Profile:
    """Run-score distribution: share of trials with value <= tau (>= tau where higher is better).

    Dolan & More 2002, arXiv:cs/0102001; over runs as in Agarwal et al. 2021 (arXiv:2108.13264).
    A diverged trial is infinite and reaches no threshold. The band at each tau is the interval of a share
    pooled over seeds (`intervals.share`), from 5 seeds on; it is pointwise, not for the whole curve.

    Raises:
        UserError: a value is NaN.
    """
    seed, value = np.asarray(seeds), known(values)
    at = np.asarray(thresholds, dtype=np.float64)
    good = value[:, None] <= at if lower_is_better else value[:, None] >= at
    good &= np.isfinite(value)[:, None]
    names = np.unique(seed)
    n = len(names)
    share = good.mean(0) if len(value) else np.full(at.shape, np.nan)
    if n < SEEDS_FOR_INTERVAL:
        return Profile(at, share, None, None, n, f"{n} seeds: no band")
    points = np.stack([good[seed == name].mean(0) for name in names], axis=-1)
    low, high = intervals.share(points, len(value) / n, confidence)
    return Profile(at, share, low, high, n, f"Wilson over {n} seeds, at each threshold")
