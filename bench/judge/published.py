"""Published numbers and closed forms beside a study's own: does the measurement agree?"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from bench.errors import UserError
from bench.judge import intervals

AGREES, DIFFERS, UNDECIDED, NO_DATA = "agrees", "differs", "undecided", "no data"

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Published:
    """One statement of a study's `published` block.

    where: axis -> value of the cells it is about; metric: a column of the curves; at: the step, None for the
    end. What is stated is of the seeds' mean, their median (`statistic`), or the share of them with a number
    `at_least` or `at_most` so much (`rate`). The statement: it lies `within` so much of `value`, or within so
    many `standard_errors`; or `below`, or `at_least`, a bound; or it is lower than that of the cells
    `lower_than`. of: seeds behind the published number, or se: its own standard error; neither: it is exact.
    reduced: what this run has less of than theirs; note: what to know of a difference.
    """

    where: Mapping[str, Any]
    metric: str
    source: str
    at: int | None = None
    value: float | None = None
    within: float | None = None
    standard_errors: float | None = None
    below: float | None = None
    at_least: float | None = None
    lower_than: Mapping[str, Any] | None = None
    statistic: str = "mean"
    rate: Mapping[str, float | None] | None = None
    of: int | None = None
    se: float | None = None
    reduced: str | None = None
    note: str | None = None

    @property
    def quantity(self) -> str:
        """What the statement is about, without the cell."""
        if self.rate is not None:
            signs = {"at_least": "≥", "at_most": "≤"}
            bounds = [f"{signs[name]} {bound:g}" for name, bound in self.rate.items() if bound is not None]
            return f"share of seeds with {self.metric} {' and '.join(bounds)}"
        return f"median {self.metric}" if self.statistic == "median" else self.metric

    @property
    def says(self) -> str:
        """The statement as text, without the cell."""
        if self.lower_than is not None:
            cells = ", ".join("none" if each is None else str(each) for each in self.lower_than.values())
            return f"lower than at {cells}"
        if self.value is not None:
            tolerance = f"± {self.within:g}" if self.within is not None else f"± {self.standard_errors:g} SE"
            behind = f" of {self.of}" if self.of is not None else ""
            behind = f" (SE {self.se:g})" if self.se is not None else behind
            return f"{self.value:.7g}{behind} {tolerance}"
        return f"< {self.below:.7g}" if self.below is not None else f"≥ {self.at_least:.7g}"


@dataclass(frozen=True)
class Compared:
    """A statement beside what was measured: n seeds, their mean (median, share) and its standard error.

    se: None for n < 2, for a median and for a share; those have an `interval` instead, as wide as the
    statement's standard errors say, else of 95 %. other: the same number of the cells `lower_than`, the
    interval then being that of the difference. lacking: finished trials of these cells that have no such
    number: they died before, or it could not be measured.
    """

    published: Published
    n: int
    mean: float | None
    se: float | None
    verdict: str
    lacking: int = 0
    interval: tuple[float, float] | None = None
    other: float | None = None


@dataclass(frozen=True)
class _Found:
    """One number for each seed of some cells, in the order of the seeds."""

    seeds: tuple[int, ...] = ()
    points: Array = field(default_factory=lambda: np.empty(0))
    lacking: int = 0


def compare(
    statements: Iterable[Published], trials: pd.DataFrame, curves: pd.DataFrame, axes: Mapping[str, str]
) -> list[Compared]:
    """Each statement with its verdict. `axes`: axis -> its column in `trials`. Only finished trials count;
    cells that share a seed are averaged first, since seeds are the replicates."""
    done = trials[trials["status"] == "done"]
    by_trial = {str(trial): rows for trial, rows in curves.groupby("trial", sort=False)}

    def find(published: Published, where: Mapping[str, Any]) -> _Found:
        return _find(published, _matching(done, where, axes), by_trial)

    out = []
    for each in statements:
        own = find(each, each.where)
        if each.lower_than is None:
            out.append(_judge(each, own))
        else:
            out.append(_order(each, own, find(each, each.lower_than)))
    return out


def _matching(trials: pd.DataFrame, where: Mapping[str, Any], axes: Mapping[str, str]) -> pd.DataFrame:
    chosen = trials
    for axis, wanted in where.items():
        column = axes.get(axis, axis)
        if column not in chosen:
            return chosen[:0]
        # As an array of booleans: the empty list would choose columns.
        chosen = chosen[np.array([_same(value, wanted) for value in chosen[column]], dtype=bool)]
    return chosen


def _same(value: Any, wanted: Any) -> bool:
    """Whether a cell of the trials table is this value of an axis; a column of mixed types holds texts."""
    if isinstance(value, str):
        return value == ("none" if wanted is None else str(wanted))
    return bool(value == wanted)


def _find(published: Published, trials: pd.DataFrame, by_trial: Mapping[str, pd.DataFrame]) -> _Found:
    found = [
        (seed, _counted(published, value))
        for trial, seed in zip(trials["trial"], trials["seed"], strict=True)
        if (value := _value(by_trial.get(str(trial)), published)) is not None
    ]
    if not found:
        return _Found(lacking=len(trials))
    per_seed = pd.DataFrame(found, columns=["seed", "value"]).groupby("seed")["value"].mean()
    return _Found(tuple(per_seed.index), per_seed.to_numpy(float), len(trials) - len(found))


def _value(curve: pd.DataFrame | None, published: Published) -> float | None:
    if curve is None or published.metric not in curve:
        return None
    at = curve["step"].max() if published.at is None else published.at
    values = curve.loc[curve["step"] == at, published.metric]
    found = values.iloc[0] if len(values) else None
    return float(found) if isinstance(found, Real) and math.isfinite(found) else None


def _counted(published: Published, value: float) -> float:
    """The number itself or, of a rate, whether it counts."""
    if published.rate is None:
        return value
    low, high = published.rate.get("at_least"), published.rate.get("at_most")
    return float((low is None or value >= low) and (high is None or value <= high))


def _judge(published: Published, own: _Found) -> Compared:
    n = len(own.points)
    if not n:
        return Compared(published, 0, None, None, NO_DATA, own.lacking)
    middle = _middle(published, own.points)
    is_mean = published.rate is None and published.statistic == "mean"
    se = float(own.points.std(ddof=1)) / math.sqrt(n) if is_mean and n > 1 else None
    confidence = _confidence(published.standard_errors)
    interval = None if is_mean else _interval(published, own.points, confidence)
    # A mean over survivors proves nothing of those that died.
    verdict = DIFFERS if own.lacking else _verdict(published, n, middle, se, interval)
    return Compared(published, n, middle, se, verdict, own.lacking, interval)


def _middle(published: Published, points: Array) -> float:
    return float(np.median(points) if published.statistic == "median" else points.mean())


def _confidence(standard_errors: float | None) -> float:
    """Of an interval of so many standard errors to either side; 95 % without any."""
    if standard_errors is None:
        return intervals.CONFIDENCE
    return float(2.0 * special.ndtr(standard_errors) - 1.0)


def _interval(published: Published, points: Array, confidence: float) -> tuple[float, float] | None:
    """Wilson's of a share, from order statistics of a median; None for fewer seeds than bound a median."""
    if published.rate is not None:
        low, high = intervals.wilson(points.sum(), len(points), confidence)
        return float(low), float(high)
    try:
        low, high = intervals.median(points, confidence)
    except UserError:
        return None
    return float(low), float(high)


def _verdict(
    published: Published, n: int, middle: float, se: float | None, interval: tuple[float, float] | None
) -> str:
    if published.value is not None:
        if published.within is not None:
            agrees = abs(middle - published.value) <= published.within
        elif se is None and interval is None:
            return NO_DATA
        else:
            agrees = _near(published, n, middle, se, interval)
    elif published.below is not None:
        agrees = middle < published.below
    else:
        agrees = middle >= (published.at_least if published.at_least is not None else math.inf)
    return AGREES if agrees else DIFFERS


def _near(
    published: Published, n: int, middle: float, se: float | None, interval: tuple[float, float] | None
) -> bool:
    """Whether both numbers' own intervals, of k standard errors each, leave 0 in that of the difference.

    With halves a towards the other number and b of the other's towards this one, it is sqrt(a^2 + b^2) away
    from the difference (MOVER; Newcombe 1998, Stat. Med. 17, 873). Of a mean that is k standard errors of the
    difference. A published mean or median of m seeds has our spread: its half is ours times sqrt(n / m).
    """
    value, k = published.value or 0.0, published.standard_errors or 0.0
    low, high = interval if interval is not None else (middle - k * (se or 0.0), middle + k * (se or 0.0))
    own = middle - low if value < middle else high - middle
    other = 0.0
    if published.se is not None:
        other = k * published.se
    elif published.of is not None and published.rate is None:
        other = own * math.sqrt(n / published.of)
    elif published.of is not None:
        ends = intervals.wilson(value * published.of, published.of, _confidence(k))
        other = float(ends[1]) - value if value < middle else value - float(ends[0])
    return abs(middle - value) <= math.hypot(own, other)


def _order(published: Published, own: _Found, other: _Found) -> Compared:
    """Whether one number is lower than another: the interval of the difference, paired by seed, leaves 0."""
    shared = sorted(set(own.seeds) & set(other.seeds))
    lacking = own.lacking + other.lacking
    if not shared:
        return Compared(published, 0, None, None, NO_DATA, lacking)
    left, right = (each.points[[each.seeds.index(seed) for seed in shared]] for each in (own, other))
    ends = _difference(published, left, right)
    verdict = UNDECIDED
    if ends is not None and not lacking:
        verdict = AGREES if ends[1] < 0 else DIFFERS if ends[0] > 0 else UNDECIDED
    middles = (_middle(published, points) for points in (left, right))
    return Compared(published, len(shared), next(middles), None, verdict, lacking, ends, next(middles))


def _difference(published: Published, left: Array, right: Array) -> tuple[float, float] | None:
    """95 % interval of left - right; None where there are too few seeds for one."""
    if len(left) < intervals.SEEDS_FOR_INTERVAL:
        return None
    if published.rate is not None:
        low, high = intervals.share_difference(left, right, cells=1)
    elif published.statistic == "mean":
        low, high = intervals.student_t(left - right)
    else:
        return _interval(published, left - right, intervals.CONFIDENCE)
    return float(low), float(high)
