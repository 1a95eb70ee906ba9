"""Rates, intervals and averages with the seed, not the trial, as the unit of replication."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

SEEDS_FOR_INTERVAL = 5
"""Below this many seeds an average is shown as points: an interval from 4 numbers says little but t."""

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimate:
    """A mean over `n` seeds with its interval; `low` and `high` are None where no honest interval exists.

    `points` holds the value of each seed, and `method` names the interval.
    """

    mean: float
    low: float | None
    high: float | None
    n: int
    points: tuple[float, ...]
    method: str


@dataclass(frozen=True)
class Bounds:
    """A failure rate with the undecided trials counted as none failed (`low`) and as all failed (`high`)."""

    low: Estimate
    high: Estimate


def wilson(k: float, n: float, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Wilson's score interval for k successes in n independent trials; (0, 1) when n = 0.

    centre = (k + z^2/2) / (n + z^2), half = z / (n + z^2) * sqrt(k (n - k) / n + z^2/4).
    """
    if not 0 <= k <= n:
        raise ValueError(f"{k} of {n} is no share")
    if n == 0:
        return 0.0, 1.0
    z = float(special.ndtri((1 + confidence) / 2))
    centre = (k + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * math.sqrt(k * (n - k) / n + z * z / 4)
    # Rounding must not put the end a hair's breadth outside of what was seen.
    return max(0.0, min(centre - half, k / n)), min(1.0, max(centre + half, k / n))


def by_seed(seeds: Iterable[int], values: Iterable[float]) -> dict[int, float]:
    """The mean of the values of each seed: cells that share a seed are correlated and count as one."""
    groups: dict[int, list[float]] = {}
    for seed, value in zip(seeds, values, strict=True):
        groups.setdefault(seed, []).append(value)
    return {seed: float(np.mean(group)) for seed, group in sorted(groups.items())}


def over_seeds(points: Sequence[float], confidence: float = CONFIDENCE) -> Estimate:
    """The mean of one value per seed, with Student's t interval from 5 seeds on."""
    values = np.asarray(points, dtype=np.float64)
    n = len(values)
    mean = float(values.mean()) if n else math.nan
    shown = tuple(values.tolist())
    if n < SEEDS_FOR_INTERVAL:
        return Estimate(mean, None, None, n, shown, f"{n} seeds: points only")
    half = float(special.stdtrit(n - 1, (1 + confidence) / 2) * values.std(ddof=1) / math.sqrt(n))
    return Estimate(mean, mean - half, mean + half, n, shown, f"t over {n} seeds")


def rate(seeds: Sequence[int], failed: Sequence[bool], pooled: bool) -> Estimate:
    """A rate with its interval. `pooled`: several cells stand behind it, so the seeds are the replicates.

    One cell: Wilson. Pooled, 5 seeds or more: t over the seeds' own rates, cut to [0, 1]; where all seeds
    agree t has no width, and Wilson with n = number of seeds is taken. Pooled, fewer seeds: points only.
    """
    points = by_seed(seeds, [float(each) for each in failed])
    if not points:
        return Estimate(math.nan, None, None, 0, (), "no trials")
    if not pooled:
        n = len(failed)
        low, high = wilson(sum(failed), n)
        return Estimate(sum(failed) / n, low, high, n, tuple(points.values()), f"Wilson, n = {n}")
    estimate = over_seeds(list(points.values()))
    if estimate.low is None or estimate.high is None:
        return estimate
    if estimate.high == estimate.low:
        low, high = wilson(estimate.mean * estimate.n, estimate.n)
        method = f"Wilson, n = {estimate.n} seeds"
        return Estimate(estimate.mean, low, high, estimate.n, estimate.points, method)
    low, high = max(0.0, estimate.low), min(1.0, estimate.high)
    return Estimate(estimate.mean, low, high, estimate.n, estimate.points, estimate.method)


def failure_bounds(seeds: Sequence[int], failure: Sequence[bool | None], pooled: bool) -> Bounds:
    """The failure rate twice: with the undecided trials (None) as not failed, and as failed."""
    none_failed = rate(seeds, [each is True for each in failure], pooled)
    all_failed = rate(seeds, [each is not False for each in failure], pooled)
    return Bounds(none_failed, all_failed)


def log_ratio(value: float, reference: float) -> float:
    """log(value / reference), the effect on a distance; NaN unless both are positive and finite."""
    if not (value > 0 and reference > 0 and math.isfinite(value) and math.isfinite(reference)):
        return math.nan
    return math.log(value / reference)
