"""Methods compared: failure rates, chosen cells on fresh seeds, distances, and every pair of methods."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from bench.errors import UserError
from bench.judge.aggregates import interquartile_mean, performance_profile
from bench.judge.comparison import (
    DIFFERENCE,
    FIRST,
    OPEN,
    POINTS,
    RATIO,
    SECOND,
    Arm,
    Choice,
    Comparison,
    Contrast,
    Standing,
    median_of_known,
)
from bench.judge.contrast import contrast
from bench.judge.effects import LOWER
from bench.judge.intervals import SEEDS_FOR_INTERVAL, Array
from bench.judge.selection import holm
from bench.judge.stats import Estimate, as_failed, failure_bounds

ALPHA = 0.05

THRESHOLDS = 60
"""Points of a performance profile."""


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
    contrasts = [contrast(a, b, better, scale, medians) for a, b in itertools.combinations(arms, 2)]
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
        value = sign * median_of_known(arm.values[at])
        return float(rates[at].mean()), math.inf if math.isnan(value) else value

    candidates = [cell for cell in arm.cell_names if (odd & (names == cell)).any()]
    if not candidates:
        return None
    cell = min(candidates, key=cost)
    fresh = arm.taken(~odd & (names == cell))
    if not len(fresh):
        return None
    failure = failure_bounds(fresh.seeds.tolist(), fresh.failed, pooled=False)
    return Choice(cell, len(candidates), cost(cell)[0], failure, median_of_known(fresh.values))


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
