"""Paired effects: treatment against control at the same seed and the same value of every other axis."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.errors import UserError
from bench.judge import intervals
from bench.judge.intervals import CONFIDENCE, NO_SPREAD, SEEDS_FOR_INTERVAL, Array
from bench.judge.stats import Estimate, as_failed, by_seed, known, over_seeds, points_only, share_over_seeds

LOWER, HIGHER = "lower", "higher"
"""Which way is better."""

PLACED = 4.0
"""Cells for `intervals.share` of placements: they come from two arms, so their spread is better known than
that of n values; with 4, t has about 2 (n - 1) degrees."""


@dataclass(frozen=True)
class Pairs:
    """Values of treatment and control [P] that share seed and cell (all other axes).

    `unpaired` counts the values without a partner, or without a value (NaN), which are left out.
    """

    seeds: NDArray[np.int64]
    treatment: Array
    control: Array
    unpaired: int = 0

    def __len__(self) -> int:
        return len(self.seeds)

    @property
    def cells(self) -> float:
        """Pairs per seed, the mean where some are missing."""
        return len(self) / max(1, len(np.unique(self.seeds)))

    def per_seed(self, values: Array) -> Array:
        """The mean of values [P] within each seed, [n], seeds ascending."""
        return np.array(list(by_seed(self.seeds.tolist(), values.tolist()).values()), dtype=np.float64)


@dataclass(frozen=True)
class Effect:
    """An effect with its interval and its two-sided p for no effect; both None where they are refused.

    correlation: of the seeds' treatment and control, as realised. Pairing narrows the interval of a
    difference by about sqrt(1 - correlation); None where it is not known. pairs, unpaired: for the caption.
    """

    estimate: Estimate
    p: float | None
    correlation: float | None
    pairs: int
    unpaired: int


def pair_up(
    seeds: Iterable[int], cells: Iterable[str], treated: Iterable[bool], values: Iterable[float]
) -> Pairs:
    """Pairs of trials with equal seed and cell, one treated and one not; all four arguments are [N].

    Args:
        cells: what identifies all other axes; values: NaN where unknown, see `worst_if_diverged`.

    Raises:
        UserError: two trials with equal seed, cell and treatment: some axis is not part of the cell.
    """
    arms: tuple[dict[tuple[int, str], float], dict[tuple[int, str], float]] = ({}, {})
    rows = list(zip(seeds, cells, treated, values, strict=True))
    for seed, cell, is_treated, value in rows:
        arm = arms[bool(is_treated)]
        if (seed, cell) in arm:
            side = "treated" if is_treated else "control"
            raise UserError(f"Seed {seed} has two {side} trials in one cell ({cell}): an axis is not named.")
        arm[seed, cell] = float(value)
    control, treatment = arms
    shared = sorted(treatment.keys() & control.keys())
    valued = [key for key in shared if not (math.isnan(treatment[key]) or math.isnan(control[key]))]
    return Pairs(
        np.array([seed for seed, _ in valued], dtype=np.int64),
        np.array([treatment[key] for key in valued], dtype=np.float64),
        np.array([control[key] for key in valued], dtype=np.float64),
        len(rows) - 2 * len(valued),
    )


def worst_if_diverged(values: Iterable[float], diverged: Iterable[bool], better: str) -> Array:
    """Values [N] with infinity, worse than every finite value, for the diverged ones.

    To drop them is survivorship bias. NaN elsewhere stays NaN: unknown is not worst.
    """
    worst = math.inf if better == LOWER else -math.inf
    return np.where(np.fromiter(diverged, bool), worst, np.fromiter(values, np.float64))


def _effect(pairs: Pairs, estimate: Estimate, p: float | None) -> Effect:
    a, b = pairs.per_seed(pairs.treatment), pairs.per_seed(pairs.control)
    finite = len(a) > 2 and np.isfinite(a).all() and np.isfinite(b).all()
    varied = finite and a.std() > NO_SPREAD and b.std() > NO_SPREAD
    r = float(intervals.correlation(a, b)) if varied else None
    return Effect(estimate, p, r, len(pairs), pairs.unpaired)


def paired_difference(pairs: Pairs, confidence: float = CONFIDENCE) -> Effect:
    """Mean of treatment - control: averaged within a seed, Student t over the seeds.

    For values that are about Gaussian over seeds. Without interval below 5 seeds, where all seeds agree, and
    where a trial diverged, for then the mean is not finite (take `probability_of_improvement` or
    `median_log_ratio`).
    """
    died = ~(np.isfinite(pairs.treatment) & np.isfinite(pairs.control))
    if died.any():
        why = f"a trial diverged in {int(died.sum())} of {len(pairs)} pairs: no mean"
        return _effect(pairs, points_only(np.full(0, np.nan), why), None)
    points = pairs.per_seed(pairs.treatment - pairs.control)
    estimate = over_seeds(points.tolist(), confidence)
    p = intervals.student_p(points) if estimate.low is not None else None
    return _effect(pairs, estimate, p)


def paired_log_ratio(pairs: Pairs, confidence: float = CONFIDENCE) -> Effect:
    """Mean of log(treatment / control), the effect on a distance: -0.69 is a halving.

    Raises:
        UserError: a finite value that is not positive has no logarithm.
    """
    if (np.minimum(pairs.treatment, pairs.control) <= 0).any():
        raise UserError("A log-ratio needs positive values; take a difference of values that can be 0.")
    return paired_difference(_logs(pairs), confidence)


def _logs(pairs: Pairs) -> Pairs:
    return Pairs(pairs.seeds, np.log(pairs.treatment), np.log(pairs.control), pairs.unpaired)


def paired_shares(pairs: Pairs, confidence: float = CONFIDENCE) -> Effect:
    """Difference of two rates (values 0 or 1): `intervals.share_difference` over seeds, from 5 seeds on."""
    estimate = share_estimate(pairs, confidence)
    if estimate.low is None:
        return _effect(pairs, estimate, None)
    a, b = pairs.per_seed(pairs.treatment), pairs.per_seed(pairs.control)

    def ends(level: float) -> tuple[float, float]:
        low, high = intervals.share_difference(a, b, pairs.cells, level)
        return float(low), float(high)

    if _is_t(pairs, np.array(estimate.points)):
        # Of Student's interval p is known at once; the halving takes most of the time of a table of pairs.
        return _effect(pairs, estimate, intervals.student_p(np.array(estimate.points)))
    return _effect(pairs, estimate, intervals.p_value(ends))


def _is_t(pairs: Pairs, points: Array) -> bool:
    """Whether `intervals.share_difference` is Student's, rather than made from both arms' intervals."""
    return pairs.cells > 1 and bool(points.std() > NO_SPREAD)


def share_estimate(pairs: Pairs, confidence: float = CONFIDENCE) -> Estimate:
    """`paired_shares` without its p, which takes some forty times as long: for many comparisons at once."""
    a, b = pairs.per_seed(pairs.treatment), pairs.per_seed(pairs.control)
    n, points = len(a), pairs.per_seed(pairs.treatment - pairs.control)
    if n < SEEDS_FOR_INTERVAL:
        return points_only(points)
    low, high = intervals.share_difference(a, b, pairs.cells, confidence)
    method = f"t over {n} seeds" if _is_t(pairs, points) else f"Newcombe over {n} seeds"
    return Estimate(float(points.mean()), float(low), float(high), n, tuple(points.tolist()), method)


def failure_effects(
    seeds: Sequence[int], cells: Sequence[str], treated: Sequence[bool], failure: Sequence[bool | None]
) -> tuple[Effect, Effect]:
    """The effect on the failure rate twice: no undecided trial (None) failed, and all did.

    A verdict needs both to agree.
    """
    none_failed = pair_up(seeds, cells, treated, as_failed(failure, False))
    all_failed = pair_up(seeds, cells, treated, as_failed(failure, True))
    return paired_shares(none_failed), paired_shares(all_failed)


def probability_of_improvement(pairs: Pairs, better: str = LOWER, confidence: float = CONFIDENCE) -> Effect:
    """P(treatment better than its own control) + 1/2 P(equal), the diverged worst; 1/2 is no effect.

    Each pair gives 1, 1/2 or 0; averaged within a seed, then an interval of a share over the seeds, from 5
    on. Of the same seed and cell, where `unpaired_improvement` compares any two seeds.
    """
    estimate = improvement_estimate(pairs, better, confidence)
    points = np.array(estimate.points)

    def ends(level: float) -> tuple[float, float]:
        low, high = intervals.share(points, pairs.cells, level)
        return float(low), float(high)

    return _effect(pairs, estimate, None if estimate.low is None else intervals.p_value(ends, 0.5))


def improvement_estimate(pairs: Pairs, better: str = LOWER, confidence: float = CONFIDENCE) -> Estimate:
    """`probability_of_improvement` without its p."""
    sign = 1.0 if better == HIGHER else -1.0
    wins = np.where(
        pairs.treatment == pairs.control,
        0.5,
        (sign * pairs.treatment > sign * pairs.control).astype(np.float64),
    )
    return share_over_seeds(pairs.per_seed(wins).tolist(), pairs.cells, confidence)


def unpaired_improvement(
    seeds: Sequence[int],
    cells: Sequence[str],
    treated: Sequence[bool],
    values: Sequence[float],
    better: str = LOWER,
    confidence: float = CONFIDENCE,
) -> Estimate:
    """P(a treated trial is better than a control one of the same cell, whatever the seeds), ties half.

    The mean over cells of U / (n m), U the Mann-Whitney statistic (Agarwal et al. 2021, arXiv:2108.13264;
    a cell is what is a task there). Diverged trials are infinite. The interval is that of a share
    (`intervals.share`) over the seeds' placements: how often a seed's treated trials beat all controls of
    their cell, and its controls lose to all treated ones (DeLong et al. 1988, Biometrics 44, 837), summed
    over cells, since cells share seeds. Sequences [N]. Cells that lack one of the arms are left out, and so
    are the seeds that stand in no other.

    Raises:
        UserError: a value is NaN: unknown is not worst, see `worst_if_diverged`.
    """
    seed, value = np.asarray(seeds), known(values)
    arm, cell = np.asarray(treated, dtype=bool), np.asarray(cells)
    value = value if better == HIGHER else -value
    both = np.isin(cell, cell[arm]) & np.isin(cell, cell[~arm])
    if not both.any():
        return points_only([], "no cell has both treated and control trials")
    seed, value, arm, cell = seed[both], value[both], arm[both], cell[both]
    names = np.unique(seed)
    at, n = np.searchsorted(names, seed), len(names)
    means, moved = [], np.zeros(n)
    for name in np.unique(cell):
        a, b = np.flatnonzero(arm & (cell == name)), np.flatnonzero(~arm & (cell == name))
        wins = (value[a][:, None] > value[b]) + (value[a][:, None] == value[b]) / 2
        means.append(float(wins.mean()))
        np.add.at(moved, at[a], (wins.mean(1) - means[-1]) * n / a.size)
        np.add.at(moved, at[b], (wins.mean(0) - means[-1]) * n / b.size)
    mean = float(np.mean(means))
    return share_over_seeds((mean + moved / len(means)).tolist(), PLACED, confidence, mean=mean)


def median_log_ratio(pairs: Pairs, confidence: float = CONFIDENCE) -> Effect:
    """`median_difference` of logarithms, the effect on a distance where trials diverged (+inf).

    Raises:
        UserError: a value is not positive.
    """
    if (np.minimum(pairs.treatment, pairs.control) <= 0).any():
        raise UserError("A log-ratio needs positive values; take a difference of values that can be 0.")
    return median_difference(_logs(pairs), confidence)


def median_difference(pairs: Pairs, confidence: float = CONFIDENCE) -> Effect:
    """Median over seeds of the median over cells of treatment - control, with diverged trials in it.

    A pair of which one trial diverged (is infinite) is infinite, and 0 if both did. Interval from order
    statistics (`intervals.median`), from 6 seeds on; p is where that interval reaches 0, so both say the
    same (a sign test of whole ranks would often not).
    """
    values = _differences(pairs)
    points = np.array(
        [middle(values[pairs.seeds == seed]) for seed in np.unique(pairs.seeds)], dtype=np.float64
    )
    n, least = len(points), intervals.seeds_for_median(confidence)
    centre = middle(points) if n else math.nan
    if n < least:
        why = f"{n} seeds: points only (a median's interval takes {least})"
        return _effect(pairs, points_only(points, why, mean=centre), None)

    def ends(level: float) -> tuple[float, float]:
        if n < intervals.seeds_for_median(level):
            return -math.inf, math.inf
        low, high = intervals.median(points, level)
        return float(low), float(high)

    method = f"order statistics of {n} seeds"
    estimate = Estimate(centre, *ends(confidence), n, tuple(points.tolist()), method)
    return _effect(pairs, estimate, intervals.p_value(ends))


def _differences(pairs: Pairs) -> Array:
    same = np.isinf(pairs.treatment) & (pairs.treatment == pairs.control)
    return np.where(same, 0.0, pairs.treatment - np.where(same, 0.0, pairs.control))


def middle(values: Array) -> float:
    """The median [N]; between -inf and +inf lies nothing, which is 0: neither side is better."""
    ordered = np.sort(values)
    a, b = float(ordered[(len(ordered) - 1) // 2]), float(ordered[len(ordered) // 2])
    if math.isinf(a) and math.isinf(b) and a != b:
        return 0.0
    return (a + b) / 2
