"""The numbers behind a claim: the paired effect or the value, as functions of the confidence."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.judge import intervals
from bench.judge.claim import CONTROL, FAILURE, LESS, OUTCOME, Claim, Quantity
from bench.judge.claim_values import (
    Evidence,
    best_possible,
    cells_of,
    ends_of,
    has_undecided,
    matching,
    scale_of,
    values_of,
)
from bench.judge.effects import (
    Effect,
    Pairs,
    median_difference,
    middle,
    pair_up,
    paired_difference,
    paired_shares,
    share_estimate,
)
from bench.judge.intervals import CONFIDENCE, NO_SPREAD, Array
from bench.judge.stats import Estimate, over_seeds, points_only, share_over_seeds

EstimateAt = Callable[[float], Estimate]

NONE_FAILED, ALL_FAILED = 0.0, 1.0
"""What an undecided trial counts as, in one computation and in the other."""


@dataclass(frozen=True)
class Arms:
    """The finished trials of a comparison, [N]: which are treated, and what tells their cells apart.

    Only cells that both arms have. unfinished: trials in them that are not done; dropped: finished trials of
    cells that only one arm has.
    """

    trials: pd.DataFrame
    treated: NDArray[np.bool_]
    cells: tuple[str, ...]
    unfinished: int
    dropped: int = 0

    @property
    def seeds(self) -> list[int]:
        return [int(each) for each in self.trials["seed"]]

    def pairs(self, values: Array) -> Pairs:
        """Treatment and control of equal seed and cell, with these values [N]."""
        return pair_up(self.seeds, self.cells, self.treated.tolist(), values.tolist())

    def of(self, arm: str) -> NDArray[np.bool_]:
        """Which trials are of an arm."""
        return ~self.treated if arm == CONTROL else self.treated


def arms_of(claim: Claim, evidence: Evidence) -> Arms:
    """The trials that a claim compares, of the cells that both arms have.

    A cell without a partner would move premises and levels but not the effect. Whether an arm has a cell is
    asked of trials in any state, so that one which has not run yet is unfinished, not absent.

    Raises:
        UserError: the table has no such axis, or no such value of it.
    """
    meant = matching(evidence, claim.where)
    treated = meant & matching(evidence, {axis: (pair[0],) for axis, pair in claim.compare.items()})
    control = meant & matching(evidence, {axis: (pair[1],) for axis, pair in claim.compare.items()})
    either = treated | control
    is_treated, trials = treated[either], evidence.trials[either]
    names = _cells(claim, evidence, trials)
    shared = set(names[is_treated]) & set(names[~is_treated])
    paired = np.array([name in shared for name in names], dtype=np.bool_)
    done = (trials["status"] == "done").to_numpy(dtype=np.bool_)
    kept = paired & done
    return Arms(
        trials[kept],
        is_treated[kept],
        tuple(_cells(claim, evidence, trials[kept])),
        int((paired & ~done).sum()),
        int((~paired & done).sum()),
    )


def _cells(claim: Claim, evidence: Evidence, trials: pd.DataFrame) -> NDArray[np.object_]:
    """What tells the cells of trials apart, [N]: their values on the axes that vary and are not compared."""
    others = {axis: column for axis, column in evidence.axes.items() if axis not in claim.compare}
    varied = {a: c for a, c in others.items() if trials[c].nunique(dropna=False) > 1}
    return np.array(cells_of(trials, varied), dtype=object)


@dataclass(frozen=True)
class Effects:
    """An effect as a function of the confidence, times `sign`.

    Rates by `effects.paired_shares`; numbers by the mean over seeds, or by the median where trials diverged
    (there is no mean) or all seeds agree (Student's interval would have no width). Logarithms are taken
    before.
    """

    pairs: Pairs
    is_share: bool
    sign: float

    @cached_property
    def whole(self) -> Effect:
        """With its p and the correlation of the arms."""
        return self._made(self.pairs, CONFIDENCE)

    def at(self, confidence: float) -> Estimate:
        """The estimate with an interval of this confidence."""
        made = share_estimate if self.is_share else self._made
        found = made(self.pairs, confidence)
        return signed(found if isinstance(found, Estimate) else found.estimate, self.sign)

    @cached_property
    def _made(self) -> Callable[[Pairs, float], Effect]:
        if self.is_share:
            return paired_shares
        known = np.isfinite(self.pairs.treatment).all() and np.isfinite(self.pairs.control).all()
        return paired_difference if known and not _agree(self.pairs) else median_difference


def _agree(pairs: Pairs) -> bool:
    points = pairs.per_seed(pairs.treatment - pairs.control)
    return len(points) > 0 and bool(
        points.std() <= NO_SPREAD * max(1.0, float(np.abs(points).max(initial=0.0)))
    )


def signed(estimate: Estimate, sign: float) -> Estimate:
    """An estimate times 1 or -1."""
    if sign > 0:
        return estimate
    low, high = estimate.low, estimate.high
    # 0 - x, since -x would be written as -0.
    return replace(
        estimate,
        mean=0.0 - estimate.mean,
        low=None if high is None else 0.0 - high,
        high=None if low is None else 0.0 - low,
        points=tuple(0.0 - point for point in estimate.points),
    )


@dataclass(frozen=True)
class Compared:
    """An effect ready to be judged.

    effects: one, or two where trials are undecided (none failed, all failed).
    room: how large an effect the control leaves room for. treatment, control: levels of the arms.
    """

    effects: tuple[Effects, ...]
    room: float
    treatment: float
    control: float
    unit: str


def compare(claim: Claim, arms: Arms, evidence: Evidence) -> Compared:
    """The effect that a claim is about.

    Raises:
        UserError: the tables lack what it names, or a log-ratio has no logarithm.
    """
    quantity, scale = claim.quantity, scale_of(claim.quantity, evidence, arms.trials)
    sign = -1.0 if claim.expect == LESS else 1.0
    ways = (NONE_FAILED, ALL_FAILED) if has_undecided(quantity, arms.trials, evidence) else (NONE_FAILED,)
    values = [values_of(quantity, arms.trials, evidence, way, claim.expect, scale.log) for way in ways]
    is_share = quantity.is_share
    levels = [level(arms, each, is_share) for each in values]
    if scale.log:  # geometric means, as the effect is one of logarithms
        levels = [(math.exp(a), math.exp(b)) for a, b in levels]
    bounds = best_possible(quantity, arms.trials, evidence, claim.expect, scale)
    bound = _best_level(bounds, ~arms.treated & ~np.isnan(values[0]), scale.log)
    rooms = [_room(own[1], bound, sign, scale.log) for own in levels]
    return Compared(
        tuple(Effects(arms.pairs(each), is_share, sign) for each in values),
        max(rooms),
        levels[0][0],
        levels[0][1],
        scale.unit,
    )


def level(arms: Arms, values: Array, is_share: bool) -> tuple[float, float]:
    """(treatment, control): the rate, or the median over seeds of the seeds' means; NaN where unknown."""
    treated = over_arm(arms, values, arms.treated, is_share)
    return treated, over_arm(arms, values, ~arms.treated, is_share)


def over_arm(arms: Arms, values: Array, chosen: NDArray[np.bool_], is_share: bool) -> float:
    """One number for some of the trials: averaged within seeds, then the mean (rates) or the median."""
    points = per_seed(arms.seeds, values, chosen)
    if not points.size:
        return math.nan
    return float(points.mean()) if is_share else middle(points)


def per_seed(seeds: Sequence[int], values: Array, chosen: NDArray[np.bool_]) -> Array:
    """The mean of the known values of each seed, [n]; the median where one is infinite."""
    groups: dict[int, list[float]] = {}
    for seed, value, taken in zip(seeds, values.tolist(), chosen.tolist(), strict=True):
        if taken and not math.isnan(value):
            groups.setdefault(seed, []).append(value)
    return np.array([_within(np.array(groups[seed])) for seed in sorted(groups)], dtype=np.float64)


def _within(values: Array) -> float:
    return float(values.mean()) if np.isfinite(values).all() else middle(values)


def _best_level(bounds: Array, known: NDArray[np.bool_], log: bool) -> float:
    """The level of the control's trials if each stood at its own bound, as data sets differ in theirs.

    The mean of those with a known value, geometric where the effect is one of logarithms.
    """
    if not known.any():
        return math.nan
    if log:
        return math.exp(float(np.log(bounds[known]).mean())) if (bounds[known] > 0).all() else 0.0
    return float(bounds[known].mean())


def _room(control: float, bound: float, sign: float, log: bool) -> float:
    """How far the control is from the bound; infinite without one, and where nothing is known."""
    if math.isnan(control) or not math.isfinite(bound):
        return math.inf
    if log:
        return math.log(control / bound) if bound > 0 and control > 0 else math.inf
    return sign * (bound - control)


def failure_effects(arms: Arms, evidence: Evidence) -> tuple[Effects, Effects]:
    """The effect on failures of any kind, positive where fewer: no undecided failed, all failed."""
    quantity = Quantity(OUTCOME, (FAILURE,))
    none, every = (
        Effects(arms.pairs(values_of(quantity, arms.trials, evidence, way)), True, -1.0)
        for way in (NONE_FAILED, ALL_FAILED)
    )
    return none, every


@dataclass(frozen=True)
class Valued:
    """A value ready to be judged: functions of the confidence (two where trials are undecided), and what
    stands behind them."""

    at: tuple[EstimateAt, ...]
    trials: int
    unknown: int
    unfinished: int
    unit: str


def value_of(claim: Claim, evidence: Evidence) -> Valued:
    """The quantity of a value claim over the trials that it is about.

    An undecided trial might belong to `among`: it is left out, and taken in. Diverged ones may lie on
    either side, see `_between`.

    Raises:
        UserError: the tables lack what it names.
    """
    meant = matching(evidence, claim.where)
    done = (evidence.trials["status"] == "done").to_numpy(dtype=np.bool_)
    trials = evidence.trials[meant & done]
    among = Quantity(OUTCOME, claim.among)
    ways = [NONE_FAILED]
    if has_undecided(claim.quantity, trials, evidence) or (
        claim.among and has_undecided(among, trials, evidence)
    ):
        ways.append(ALL_FAILED)
    at, counts = [], []
    for way in ways:
        ends = ends_of(claim.quantity, trials, evidence, way)
        taken = values_of(among, trials, evidence, way) == 1 if claim.among else np.ones(len(trials), bool)
        counts.append((int(taken.sum()), int(np.isnan(ends[0][taken]).sum())))
        seeds = [int(each) for each in trials["seed"]]
        low, high = (_level_at(seeds, each, taken, claim.quantity.is_share) for each in ends)
        is_one = np.array_equal(ends[0][taken], ends[1][taken], equal_nan=True)
        at.append(low if is_one else _between(low, high))
    unit = scale_of(claim.quantity, evidence).unit
    unit = claim.quantity.names[0] if unit == "log-ratio" else unit
    return Valued(tuple(at), *counts[0], int((meant & ~done).sum()), unit)


def _level_at(seeds: Sequence[int], values: Array, taken: NDArray[np.bool_], is_share: bool) -> EstimateAt:
    points = per_seed(seeds, values, taken)
    known = int((taken & ~np.isnan(values)).sum())

    @lru_cache(maxsize=64)
    def at(confidence: float) -> Estimate:
        if is_share:
            return share_over_seeds(points.tolist(), known / max(1, len(points)), confidence)
        if np.isfinite(points).all() and points.size and np.ptp(points) > NO_SPREAD:
            return over_seeds(points.tolist(), confidence)
        return _median_level(points, confidence)

    return at


def _between(low: EstimateAt, high: EstimateAt) -> EstimateAt:
    """From the lower end with the diverged below all others to the upper end with them above.

    Within bounds exactly where both are, and outside only where both are on one side: then medians are so
    for every value that the diverged might have had. The estimate lies between the two; NaN where so many
    diverged that one of them is infinite.
    """

    def at(confidence: float) -> Estimate:
        below, above = low(confidence), high(confidence)
        mean = (below.mean + above.mean) / 2
        known = [e for e in (below.low, above.low, below.high, above.high) if e is not None]
        is_whole = len(known) == 4
        return replace(
            below,
            mean=mean if math.isfinite(mean) else math.nan,
            low=min(known) if is_whole else None,
            high=max(known) if is_whole else None,
            method=f"{below.method}, the diverged at either end",
        )

    return at


def _median_level(points: Array, confidence: float) -> Estimate:
    """The median over seeds with the interval of its order statistics."""
    n, least = len(points), intervals.seeds_for_median(confidence)
    if n < least:
        return points_only(points, mean=middle(points) if n else math.nan)
    low, high = intervals.median(points, confidence)
    return Estimate(
        middle(points), float(low), float(high), n, tuple(points.tolist()), f"order statistics of {n} seeds"
    )
