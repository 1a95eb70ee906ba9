"""Rates and averages with the seed, not the trial, as the unit of replication.

The intervals themselves are in `intervals.py`; paired effects in `effects.py`, times to failure in
`survival.py`, aggregates in `aggregates.py`, choices among cells in `selection.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bench.errors import UserError
from bench.judge import intervals
from bench.judge.intervals import CONFIDENCE, NO_SPREAD, SEEDS_FOR_INTERVAL, Array, wilson

__all__ = [
    "CONFIDENCE",
    "SEEDS_FOR_INTERVAL",
    "Bounds",
    "Estimate",
    "as_failed",
    "by_seed",
    "failure_bounds",
    "jackknife",
    "known",
    "over_seeds",
    "points_only",
    "rate",
    "share_over_seeds",
    "wilson",
]


@dataclass(frozen=True)
class Estimate:
    """A mean over `n` seeds with its interval; `low` and `high` are None where no honest interval exists.

    `points` holds the value of each seed, and `method` names the interval, or says why there is none.
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


def by_seed(seeds: Iterable[int], values: Iterable[float]) -> dict[int, float]:
    """The mean of the values of each seed: cells that share a seed are correlated and count as one."""
    groups: dict[int, list[float]] = {}
    for seed, value in zip(seeds, values, strict=True):
        groups.setdefault(seed, []).append(value)
    return {seed: float(np.mean(group)) for seed, group in sorted(groups.items())}


def known(values: ArrayLike) -> Array:
    """The values [N] as floats, none of them NaN: what is unknown is neither good nor bad.

    Raises:
        UserError: a value is NaN. A diverged trial must be given as infinite, worse than every finite value.
    """
    found = np.asarray(values, dtype=np.float64)
    if np.isnan(found).any():
        raise UserError(
            f"{int(np.isnan(found).sum())} of {found.size} values are unknown (NaN): leave those trials out "
            "and say so, or give them as infinite where they diverged."
        )
    return found


def as_failed(failure: Iterable[bool | None], undecided: bool) -> list[bool]:
    """Whether each trial failed, with `undecided` for None; numpy's booleans are booleans, too.

    Raises:
        UserError: a value is NaN, which might mean undecided or not judged.
    """
    outcomes = list(failure)
    if any(each is not None and math.isnan(each) for each in outcomes):
        raise UserError("Whether a trial failed is True, False, or None where undecided, not NaN.")
    return [undecided if each is None else bool(each) for each in outcomes]


def points_only(points: ArrayLike, why: str = "", mean: float | None = None) -> Estimate:
    """An estimate without an interval; `why` says for what reason, the number of seeds if empty."""
    values = np.asarray(points, dtype=np.float64)
    n = len(values)
    if mean is None:
        mean = float(values.mean()) if n else math.nan
    return Estimate(mean, None, None, n, tuple(values.tolist()), why or f"{n} seeds: points only")


def over_seeds(points: Sequence[float], confidence: float = CONFIDENCE) -> Estimate:
    """The mean of one value per seed, with Student's t interval from 5 seeds on.

    Seeds that all agree have no interval: t would have no width, and the next seed need not agree.
    """
    values = np.asarray(points, dtype=np.float64)
    n = len(values)
    if n < SEEDS_FOR_INTERVAL:
        return points_only(values)
    if not np.isfinite(values).all():
        return points_only(values, f"{int((~np.isfinite(values)).sum())} of {n} seeds have no finite value")
    if values.std() <= NO_SPREAD * max(1.0, float(np.abs(values).max())):
        return points_only(values, f"{n} seeds agree: no interval")
    low, high = intervals.student_t(values, confidence)
    return Estimate(float(values.mean()), float(low), float(high), n, tuple(values), f"t over {n} seeds")


def share_over_seeds(
    points: Sequence[float], cells: float, confidence: float = CONFIDENCE, mean: float | None = None
) -> Estimate:
    """The mean of one share per seed, each over `cells` trials, with `intervals.share` from 5 seeds on.

    `mean` is what is shown as the estimate where it is not the mean of the points (pseudo-values).
    """
    values = np.asarray(points, dtype=np.float64)
    n = len(values)
    shown = float(values.mean()) if mean is None and n else mean
    if n < SEEDS_FOR_INTERVAL:
        return points_only(values, mean=shown)
    low, high = intervals.share(values, cells, confidence)
    return Estimate(float(shown or 0.0), float(low), float(high), n, tuple(values), f"Wilson over {n} seeds")


def rate(seeds: Sequence[int], failed: Sequence[bool], pooled: bool) -> Estimate:
    """A rate with its interval. `pooled`: several cells stand behind it, so the seeds are the replicates.

    One cell: Wilson. Pooled, 5 seeds or more: Wilson with the effective number of trials that the spread of
    the seeds' own rates bears out (`intervals.share`). Pooled, fewer seeds: points only.
    """
    points = by_seed(seeds, [float(each) for each in failed])
    if not points:
        return Estimate(math.nan, None, None, 0, (), "no trials")
    if pooled:
        return share_over_seeds(list(points.values()), len(failed) / len(points))
    n = len(failed)
    low, high = wilson(sum(failed), n)
    return Estimate(sum(failed) / n, float(low), float(high), n, tuple(points.values()), f"Wilson, n = {n}")


def failure_bounds(seeds: Sequence[int], failure: Sequence[bool | None], pooled: bool) -> Bounds:
    """The failure rate twice: with the undecided trials (None) as not failed, and as failed."""
    return Bounds(
        rate(seeds, as_failed(failure, False), pooled),
        rate(seeds, as_failed(failure, True), pooled),
    )


def jackknife(
    statistic: Callable[[NDArray[np.bool_]], Array], seeds: NDArray[np.int64]
) -> tuple[Array, Array]:
    """A statistic of all trials and its pseudo-value for each seed, n T - (n - 1) T without the seed.

    The mean and the spread of the pseudo-values make an interval over seeds for statistics that are no mean
    over seeds (Tukey 1958; for survival curves Andersen, Klein & Rosthoej 2003, doi:10.1093/biomet/90.1.15).

    Args:
        statistic: takes a mask [N] of the trials to use, returns an array [...].
        seeds: [N], the seed of each trial.

    Returns:
        the statistic [...], and its pseudo-values [..., n], seeds ascending.
    """
    whole = np.asarray(statistic(np.ones(len(seeds), dtype=np.bool_)), dtype=np.float64)
    names = np.unique(seeds)
    n = len(names)
    parts = [n * whole - (n - 1) * statistic(seeds != name) for name in names] if n > 1 else [whole]
    return whole, np.stack(parts, axis=-1)
