"""Methods compared: failure rates, chosen cells on fresh seeds, distances, and every pair of methods.

The seed is the unit throughout; a diverged trial is worse than every finite value; the undecided are counted
as failed and as not. docs/compare.md says what each number answers.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bench.errors import UserError
from bench.judge import effects, unpaired
from bench.judge.aggregates import Profile, interquartile_mean, performance_profile
from bench.judge.effects import LOWER, Effect, Pairs, middle
from bench.judge.intervals import SEEDS_FOR_INTERVAL, Array
from bench.judge.selection import holm
from bench.judge.stats import Bounds, Estimate, as_failed, by_seed, failure_bounds

ALPHA = 0.05

THRESHOLDS = 60
"""Points of a performance profile."""

PAIRED_SHARE = 0.5
"""Trials of the smaller method that must have a partner; with fewer, all trials serve better unpaired."""

RATIO, DIFFERENCE = "log-ratio", "difference"

FIRST, SECOND, OPEN, POINTS = "first", "second", "open", "points only"
"""Which of a pair is better for sure, neither, or too few seeds for a verdict."""


@dataclass(frozen=True)
class Arm:
    """The judged trials of one method, [N] each.

    `cells` identifies all other axes; `failed` is None where undecided; `values` are final ones of a metric,
    infinite where diverged, NaN where not known; `stream` names what the seeds number (studies with another
    seed share no draws).
    """

    name: str
    seeds: NDArray[np.int64]
    cells: tuple[str, ...]
    failed: tuple[bool | None, ...]
    values: Array
    stream: str = ""

    def __len__(self) -> int:
        return len(self.seeds)

    @property
    def cell_names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.cells))

    @property
    def seed_count(self) -> int:
        return len(np.unique(self.seeds))

    def taken(self, kept: NDArray[np.bool_]) -> Arm:
        """The same method with the trials of a mask [N]."""
        return replace(
            self,
            seeds=self.seeds[kept],
            cells=tuple(itertools.compress(self.cells, kept)),
            failed=tuple(itertools.compress(self.failed, kept)),
            values=self.values[kept],
        )


@dataclass(frozen=True)
class Choice:
    """The cell of a method with the fewest failures on odd seeds, and what it does on even ones.

    An undecided trial counts as failed in choosing: nobody has seen it arrive. Of equally good cells the one
    with the better median value, then the first. `seen` is its failure rate on the odd seeds, which flatters
    it; `failure` and `value` (a median) are over the even ones.
    """

    cell: str
    of: int
    seen: float
    failure: Bounds
    value: float


@dataclass(frozen=True)
class Standing:
    """One method by itself.

    middle: the interquartile mean of the values, of their logarithms where the scale is RATIO (then it is a
    geometric mean, and its interval is positive); `unknown` trials have no value and stand in no number
    about values. All of it is over the cells that `on_shared_cells` leaves.
    """

    name: str
    trials: int
    cells: int
    seeds: int
    failure: Bounds
    middle: Estimate
    diverged: int
    unknown: int
    profile: Profile
    choice: Choice | None


@dataclass(frozen=True)
class Contrast:
    """Two methods, first - second: in the failure rate (none and all of the undecided failed), in the value.

    `p_failure` is the larger of both p where they agree in sign, else 1; `adjusted_*` are Holm's over the
    whole table. `verdict_*`: FIRST or SECOND where that one is better at 5 %, OPEN, or POINTS below 5 seeds.
    """

    first: str
    second: str
    paired: bool
    pairs: int
    seeds: int
    why_unpaired: str
    failure: tuple[Effect, Effect]
    value: Effect
    improvement: Estimate
    p_failure: float | None
    p_value: float | None
    adjusted_failure: float | None = None
    adjusted_value: float | None = None
    verdict_failure: str = POINTS
    verdict_value: str = POINTS

    @property
    def failure_span(self) -> tuple[float | None, float | None]:
        """The ends that hold whatever becomes of the undecided."""
        none, every = (each.estimate for each in self.failure)
        if none.low is None or none.high is None or every.low is None or every.high is None:
            return None, None
        return min(none.low, every.low), max(none.high, every.high)


@dataclass(frozen=True)
class Comparison:
    """Several methods side by side.

    scale: RATIO (effects on values are logarithms of ratios) or DIFFERENCE; medians: whether they are
    medians, as where trials diverged, or means; family: tests that Holm's correction is over; budget: a
    sentence where the methods did not search the same cells; ranked: whether the standings are over the same
    cells, without which nobody may say who fails least.
    """

    standings: tuple[Standing, ...]
    contrasts: tuple[Contrast, ...]
    thresholds: Array
    better: str
    scale: str
    medians: bool
    family: int
    budget: str
    ranked: bool


def compare(arms: Sequence[Arm], better: str = LOWER, scale: str = RATIO) -> Comparison:
    """Every method by itself and every pair of them; see MEASURE: the same search budget, fresh seeds, Holm.

    Args:
        better: LOWER or HIGHER values.
        scale: RATIO for distances, which are positive; taken as DIFFERENCE where a value is not.

    Raises:
        UserError: fewer than two methods, a method without trials, or two of one name.
    """
    names = [arm.name for arm in arms]
    if len(arms) < 2:
        raise UserError("A comparison needs at least two methods.")
    if len(set(names)) < len(names):
        raise UserError("Two methods have the same name.")
    if empty := [arm.name for arm in arms if not len(arm)]:
        raise UserError(f"No judged trial of {empty[0]}.")
    pooled = np.concatenate([arm.values for arm in arms])
    finite = pooled[np.isfinite(pooled)]
    scale = scale if (finite > 0).all() and better == LOWER else DIFFERENCE
    medians = bool(np.isinf(pooled).any())
    level = on_shared_cells(arms)
    stood = np.concatenate([arm.values for arm in level])
    thresholds = _thresholds(stood[np.isfinite(stood)], scale)
    ranked = len({frozenset(arm.cells) for arm in level}) == 1
    equal = len({len(arm.cell_names) for arm in level}) == 1
    standings = tuple(_standing(arm, equal, thresholds, better, scale) for arm in level)
    contrasts = [_contrast(a, b, better, scale, medians) for a, b in itertools.combinations(arms, 2)]
    adjusted, family = _adjusted(contrasts, better)
    budget = _budget(arms, level)
    return Comparison(standings, adjusted, thresholds, better, scale, medians, family, budget, ranked)


def _thresholds(finite: Array, scale: str) -> Array:
    if not finite.size:
        return np.zeros(0)
    low, high = float(finite.min()), float(finite.max())
    spaced = np.geomspace if scale == RATIO else np.linspace
    return np.asarray(spaced(low, high, THRESHOLDS), dtype=np.float64)


def on_shared_cells(arms: Sequence[Arm]) -> tuple[Arm, ...]:
    """The methods over the cells that all of them have; as they are where they share none.

    A method that a grid excludes from the easy cells would else fail more often than one that has them, and
    the best of many cells is better than the best of few.
    """
    shared = set.intersection(*(set(arm.cells) for arm in arms))
    if not shared:
        return tuple(arms)
    return tuple(arm.taken(np.array([cell in shared for cell in arm.cells])) for arm in arms)


def _budget(arms: Sequence[Arm], level: Sequence[Arm]) -> str:
    """A sentence where the methods had different cells: what they are ranked over, and choose among."""
    own = [arm.cell_names for arm in arms]
    if len({frozenset(cells) for cells in own}) == 1:
        return ""
    counts = ", ".join(f"{len(cells)} for {arm.name}" for arm, cells in zip(arms, own, strict=True))
    if len({frozenset(arm.cells) for arm in level}) > 1:
        chosen = "" if len({len(cells) for cells in own}) == 1 else ", none chosen"
        return f"no cell in common ({counts} cells): not ranked{chosen}; each by itself is over its own"
    shared = len(level[0].cell_names)
    one = "the 1 cell" if shared == 1 else f"the {shared} cells"
    lead = "unequal search budgets" if len({len(cells) for cells in own}) > 1 else "different cells"
    return (
        f"{lead} ({counts} cells): ranked over, and chosen among, {one} that all of them have; "
        "a pair is compared over the cells that both have"
    )


def _standing(arm: Arm, equal: bool, thresholds: Array, better: str, scale: str) -> Standing:
    """`equal`: whether all have as many cells to choose among; else nothing is chosen."""
    known = ~np.isnan(arm.values)
    seeds, values = arm.seeds[known].tolist(), arm.values[known].tolist()
    lower = better == LOWER
    return Standing(
        name=arm.name,
        trials=len(arm),
        cells=len(arm.cell_names),
        seeds=arm.seed_count,
        failure=failure_bounds(arm.seeds.tolist(), arm.failed, len(arm.cell_names) > 1),
        middle=_middle_of(seeds, values, scale),
        diverged=int(np.isinf(arm.values).sum()),
        unknown=int((~known).sum()),
        profile=performance_profile(seeds, values, thresholds, lower),
        choice=_choice(arm, better) if equal else None,
    )


def _middle_of(seeds: list[int], values: list[float], scale: str) -> Estimate:
    if scale != RATIO:
        return interquartile_mean(seeds, values)
    found = interquartile_mean(seeds, np.log(values).tolist())
    low, high = (None if end is None else math.exp(end) for end in (found.low, found.high))
    points = tuple(math.exp(point) for point in found.points)
    return replace(found, mean=math.exp(found.mean), low=low, high=high, points=points)


def _choice(arm: Arm, better: str) -> Choice | None:
    """None without odd or without even seeds, or where the chosen cell has none of the latter."""
    odd = arm.seeds % 2 == 1
    names = np.asarray(arm.cells)
    rates = np.array(as_failed(arm.failed, undecided=True), dtype=np.float64)
    sign = 1.0 if better == LOWER else -1.0

    def cost(cell: str) -> tuple[float, float]:
        at = odd & (names == cell)
        value = sign * _median(arm.values[at])
        return float(rates[at].mean()), math.inf if math.isnan(value) else value

    candidates = [cell for cell in arm.cell_names if (odd & (names == cell)).any()]
    if not candidates:
        return None
    cell = min(candidates, key=cost)
    fresh = arm.taken(~odd & (names == cell))
    if not len(fresh):
        return None
    failure = failure_bounds(fresh.seeds.tolist(), fresh.failed, pooled=False)
    return Choice(cell, len(candidates), cost(cell)[0], failure, _median(fresh.values))


def _median(values: Array) -> float:
    known = values[~np.isnan(values)]
    return middle(known) if known.size else math.nan


def _contrast(first: Arm, second: Arm, better: str, scale: str, medians: bool) -> Contrast:
    shared, why = _partners(first, second)
    if why:
        return _unpaired(first, second, better, scale, why)
    both = [arm.taken(np.array([key in shared for key in _keys(arm)])) for arm in (first, second)]
    treated = [True] * len(both[0]) + [False] * len(both[1])
    seeds = [int(seed) for arm in both for seed in arm.seeds]
    cells = [cell for arm in both for cell in arm.cells]
    failed = [each for arm in both for each in arm.failed]
    failure = effects.failure_effects(seeds, cells, treated, failed)
    pairs = effects.pair_up(seeds, cells, treated, np.concatenate([arm.values for arm in both]).tolist())
    left_out = len(first) + len(second) - 2 * len(pairs)
    value = replace(_value(pairs, scale, medians), unpaired=left_out)
    return Contrast(
        first=first.name,
        second=second.name,
        paired=True,
        pairs=len(shared),
        seeds=len({seed for seed, _ in shared}),
        why_unpaired="",
        failure=failure,
        value=value,
        improvement=effects.improvement_estimate(pairs, better),
        p_failure=_p_failure(failure),
        p_value=value.p,
    )


def _value(pairs: Pairs, scale: str, medians: bool) -> Effect:
    if scale == RATIO:
        return effects.median_log_ratio(pairs) if medians else effects.paired_log_ratio(pairs)
    return effects.median_difference(pairs) if medians else effects.paired_difference(pairs)


def _keys(arm: Arm) -> list[tuple[int, str]]:
    return list(zip(arm.seeds.tolist(), arm.cells, strict=True))


def _partners(first: Arm, second: Arm) -> tuple[set[tuple[int, str]], str]:
    """Seeds with cells that both have, and why they are not to be paired; empty where they are."""
    if first.stream != second.stream:
        return set(), "their seeds number different draws"
    ours, theirs = set(_keys(first)), set(_keys(second))
    shared = ours & theirs
    if not {seed for seed, _ in ours} & {seed for seed, _ in theirs}:
        return set(), "they share no seed"
    if not set(first.cells) & set(second.cells):
        return set(), "they share no cell"
    least = min(len(ours), len(theirs))
    if len(shared) < PAIRED_SHARE * least:
        return set(), f"only {len(shared)} of {least} trials have the same seed and cell"
    return shared, ""


def _unpaired(first: Arm, second: Arm, better: str, scale: str, why: str) -> Contrast:
    """By ranks over seeds; over the cells that both have, else each over its own."""
    common = set(first.cells) & set(second.cells)
    if common:
        first, second = (
            arm.taken(np.array([cell in common for cell in arm.cells])) for arm in (first, second)
        )
    arms = (first, second)
    cells = (_cells_per_seed(first), _cells_per_seed(second))
    none, every = (
        unpaired.difference_of_shares(_shares(first, undecided), _shares(second, undecided), cells)
        for undecided in (False, True)
    )
    value = unpaired.shift(_levels(first, scale), _levels(second, scale))
    return Contrast(
        first=first.name,
        second=second.name,
        paired=False,
        pairs=0,
        seeds=min(first.seed_count, second.seed_count),
        why_unpaired=why,
        failure=(none, every),
        value=value,
        improvement=_unpaired_improvement(arms, better, bool(common)),
        p_failure=_p_failure((none, every)),
        p_value=value.p,
    )


def _cells_per_seed(arm: Arm) -> float:
    return len(arm) / max(1, arm.seed_count)


def _shares(arm: Arm, undecided: bool) -> list[float]:
    return list(by_seed(arm.seeds.tolist(), map(float, as_failed(arm.failed, undecided))).values())


def _levels(arm: Arm, scale: str) -> list[float]:
    """For each seed the median over its cells, as a logarithm where ratios are asked for."""
    found = []
    for seed in np.unique(arm.seeds):
        level = _median(arm.values[arm.seeds == seed])
        if not math.isnan(level):
            found.append(math.log(level) if scale == RATIO else level)
    return found


def _unpaired_improvement(arms: tuple[Arm, Arm], better: str, by_cell: bool) -> Estimate:
    known = [arm.taken(~np.isnan(arm.values)) for arm in arms]
    # Which seed stands beside which means nothing here; their ranks keep the number of clusters right.
    seeds = [rank for arm in known for rank in np.unique(arm.seeds, return_inverse=True)[1].tolist()]
    cells = [cell if by_cell else "" for arm in known for cell in arm.cells]
    treated = [True] * len(known[0]) + [False] * len(known[1])
    values = np.concatenate([arm.values for arm in known]).tolist()
    return effects.unpaired_improvement(seeds, cells, treated, values, better)


def _p_failure(failure: tuple[Effect, Effect]) -> float | None:
    """A verdict needs both counts of the undecided to agree: the larger p, and 1 where the signs differ."""
    none, every = failure
    if none.p is None or every.p is None:
        return None
    return max(none.p, every.p) if none.estimate.mean * every.estimate.mean > 0 else 1.0


def _adjusted(contrasts: Sequence[Contrast], better: str) -> tuple[tuple[Contrast, ...], int]:
    """Holm over every test of the table, so that one with any false verdict is seen in 5 % at most.

    A test that a pair refuses (too few seeds have the value) counts as p = 1: the family is the table.
    """
    tests = [each.p_failure for each in contrasts] + [each.p_value for each in contrasts]
    if all(p is None for p in tests):
        return tuple(contrasts), 0
    if all(each.p_value is None for each in contrasts):
        tests = tests[: len(contrasts)]
    stepped = holm([1.0 if p is None else p for p in tests])
    half = len(contrasts)
    adjusted = []
    for i, each in enumerate(contrasts):
        p_failure = None if each.p_failure is None else stepped[i]
        p_value = None if each.p_value is None else stepped[half + i]
        value = each.value.estimate.mean * (1 if better == LOWER else -1)
        adjusted.append(
            replace(
                each,
                adjusted_failure=p_failure,
                adjusted_value=p_value,
                verdict_failure=_verdict(p_failure, each.failure[0].estimate.mean, each.seeds),
                verdict_value=_verdict(p_value, value, each.seeds),
            )
        )
    return tuple(adjusted), len(tests)


def _verdict(p: float | None, difference: float, seeds: int) -> str:
    """`difference`, first - second, is of what is the better the lower."""
    if p is None or seeds < SEEDS_FOR_INTERVAL:
        return POINTS
    if p > ALPHA:
        return OPEN
    return FIRST if difference < 0 else SECOND
