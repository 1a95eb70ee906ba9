"""Two methods against each other: by pairs of equal seed and cell, or by the ranks of their seeds."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from bench.judge import effects, unpaired
from bench.judge.comparison import RATIO, Arm, Contrast, median_of_known
from bench.judge.effects import Effect, Pairs
from bench.judge.stats import Estimate, as_failed, by_seed

PAIRED_SHARE = 0.5
"""Trials of the smaller method that must have a partner; with fewer, all trials serve better unpaired."""


def contrast(first: Arm, second: Arm, better: str, scale: str, medians: bool) -> Contrast:
    """Two methods, first - second, without Holm's correction and verdicts, which take the whole table.

    Args:
        better: LOWER or HIGHER values.
        scale: RATIO or DIFFERENCE of values.
        medians: of the differences of values, as where trials diverged; else means.
    """
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
        level = median_of_known(arm.values[arm.seeds == seed])
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
