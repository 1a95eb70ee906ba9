"""Time to failure, with the seed as the unit: survival, one kind among several, and a test between groups."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from bench.errors import UserError
from bench.judge import intervals
from bench.judge.intervals import CONFIDENCE, SEEDS_FOR_INTERVAL, Array
from bench.judge.onsets import NONE, Onsets
from bench.judge.stats import jackknife

MOST_ORDERS = 10_000
"""Up to so many exchanges of labels all are tried; beyond, so many are drawn."""

CHUNK = 500
"""Exchanges that are calculated together, which bounds the memory."""


@dataclass(frozen=True)
class FailureCurve:
    """The share that has failed by each step [T], at its least (`late`) and its most (`early`).

    The two differ between evaluations, where an onset may already have been or not: draw the area between.
    [low, high] are pointwise intervals over seeds that contain both; None below 5 seeds. NaN beyond the
    horizon, of which nothing is known.
    """

    steps: Array
    late: Array
    early: Array
    low: Array | None
    high: Array | None
    n: int
    method: str


def survival(onsets: Onsets, at: ArrayLike, late: bool = True) -> Array:
    """Kaplan-Meier: the share of trials that has not failed by each step, of any cause; NaN past the horizon.

    S(t) = prod over event times u <= t of (1 - d(u) / r(u)), r(u) at risk, d(u) failing (Kaplan & Meier
    1958, J. Am. Stat. Assoc. 53); the calculation is scipy's. For all-cause failure only: for one kind, take
    `cumulative_incidence`. at: steps [T].
    """
    steps = np.asarray(at, dtype=np.float64)
    return _known(onsets, steps, _kaplan_meier(onsets, steps, late))


def _kaplan_meier(onsets: Onsets, steps: Array, late: bool) -> Array:
    times, failed = onsets.times(late), onsets.failed
    found = stats.ecdf(stats.CensoredData(uncensored=times[failed], right=times[~failed]))
    return np.asarray(found.sf.evaluate(steps), dtype=np.float64)


def cumulative_incidence(onsets: Onsets, kind: str, at: ArrayLike, late: bool = True) -> Array:
    """Aalen-Johansen: the share of trials that has failed by `kind`, and by it first; NaN past the horizon.

    F_k(t) = sum over event times u <= t of S(u-) d_k(u) / r(u), with S the all-cause Kaplan-Meier curve
    (Aalen & Johansen 1978, Scand. J. Stat. 5). Counting other failures as censored instead asks what would
    be if they did not exist, and reports too much. at: steps [T].
    """
    steps = np.asarray(at, dtype=np.float64)
    return _known(onsets, steps, _aalen_johansen(onsets, kind, steps, late))


def _aalen_johansen(onsets: Onsets, kind: str, steps: Array, late: bool) -> Array:
    times, failed = onsets.times(late), onsets.failed
    events = np.unique(times[failed])
    at_risk = (times[:, None] >= events).sum(0)
    happens = failed[:, None] & (times[:, None] == events)
    before = np.concatenate(([1.0], np.cumprod(1 - happens.sum(0) / at_risk)))[:-1]
    grown = np.cumsum(before * happens[onsets.kinds == kind].sum(0) / at_risk)
    found: Array = np.concatenate(([0.0], grown))[np.searchsorted(events, steps, side="right")]
    return found


def _known(onsets: Onsets, steps: Array, values: Array) -> Array:
    """Beyond the last horizon that a living trial reached nothing is known, unless all have failed."""
    alive = onsets.left[~onsets.failed]
    if not len(onsets):
        return np.full(steps.shape, np.nan)
    return np.where(steps <= alive.max(), values, np.nan) if alive.size else values


def failure_curve(
    onsets: Onsets, at: ArrayLike, kind: str | None = None, confidence: float = CONFIDENCE
) -> FailureCurve:
    """Share failed by each step, of any cause or first by one kind, with intervals over seeds.

    Kaplan-Meier or Aalen-Johansen; the interval at a step is that of a pooled share (`intervals.share`) over
    the jackknife pseudo-values of the seeds, so trials that share a seed count as one. at: steps [T].
    """
    steps = np.asarray(at, dtype=np.float64)
    n = len(np.unique(onsets.seeds))

    if not len(onsets):
        return FailureCurve(
            steps, np.full(steps.shape, np.nan), np.full(steps.shape, np.nan), None, None, 0, "no trials"
        )

    def failed(late: bool, chosen: NDArray[np.bool_]) -> Array:
        some = onsets.of(chosen)
        if kind is None:
            return 1 - _kaplan_meier(some, steps, late)
        return _aalen_johansen(some, kind, steps, late)

    # Without one of the seeds a curve may end early; it then goes on as it ended (Gill), for the whole does.
    late, late_points = jackknife(lambda chosen: failed(True, chosen), onsets.seeds)
    early, early_points = jackknife(lambda chosen: failed(False, chosen), onsets.seeds)
    late, early = _known(onsets, steps, late), _known(onsets, steps, early)
    if n < SEEDS_FOR_INTERVAL:
        return FailureCurve(steps, late, early, None, None, n, f"{n} seeds: no interval")
    cells = len(onsets) / n
    low, _ = intervals.share(late_points, cells, confidence)
    _, high = intervals.share(early_points, cells, confidence)
    low, high = _known(onsets, steps, low), _known(onsets, steps, high)
    return FailureCurve(steps, late, early, low, high, n, f"Wilson over {n} seeds, at each step")


@dataclass(frozen=True)
class Masses:
    """Where onsets lie, as probabilities: mass [J] in (left, right] [J]; within one, nobody knows where."""

    left: Array
    right: Array
    mass: Array

    def failed(self, at: ArrayLike) -> tuple[Array, Array]:
        """The least and the greatest share that has failed by each step [T]; NaN without any trial."""
        steps = np.asarray(at, dtype=np.float64)[:, None]
        if not self.mass.size:
            return np.full(len(steps), np.nan), np.full(len(steps), np.nan)
        begun = (self.left < steps) | ((self.left == self.right) & (self.right <= steps))
        return (self.mass * (self.right <= steps)).sum(-1), (self.mass * begun).sum(-1)


def turnbull(onsets: Onsets, rounds: int = 10_000, tolerance: float = 1e-10) -> Masses:
    """The most likely distribution of interval-censored onsets (Turnbull 1976, J. R. Stat. Soc. B 38, 290).

    Mass can only lie in the innermost intersections of the (left, right]; EM spreads each trial's onset over
    those inside its own interval. Needed where trials were evaluated at different steps; with one schedule
    it equals Kaplan-Meier. Trials that did not fail give the mass right of the horizon, (horizon, inf].
    No trials give no mass (J = 0).
    """
    if not len(onsets):
        return Masses(np.empty(0), np.empty(0), np.empty(0))
    lefts = np.where(onsets.left < onsets.right, onsets.left, np.nextafter(onsets.left, -math.inf))
    ends = sorted({(x, 1) for x in lefts.tolist()} | {(x, 0) for x in onsets.right.tolist()})
    # A right end that follows a left end directly closes an innermost intersection; at a tie, right first.
    pairs = [(a[0], b[0]) for a, b in itertools.pairwise(ends) if a[1] == 1 and b[1] == 0]
    left, right = (np.array(side, dtype=np.float64) for side in zip(*pairs, strict=True))
    inside = (lefts[:, None] <= left) & (right <= onsets.right[:, None])
    mass = np.full(len(pairs), 1 / len(pairs))
    for _ in range(rounds):
        weight = inside * mass
        after = (weight / weight.sum(1, keepdims=True)).mean(0)
        moved = float(np.abs(after - mass).max())
        mass = after
        if moved < tolerance:
            break
    exact = np.nextafter(left, math.inf) == right
    return Masses(np.where(exact, right, left), right, mass)


@dataclass(frozen=True)
class LogRank:
    """A test between groups: the log-rank chi^2, its p (None where refused), the seeds, how p was made."""

    statistic: float
    p: float | None
    n: int
    method: str


def logrank(onsets: Onsets, groups: ArrayLike, rng: np.random.Generator, draws: int = MOST_ORDERS) -> LogRank:
    """Do the groups fail, of any cause, at the same rate? Log-rank, with the seed as the unit.

    chi^2 = u' V^-1 u, u_g = sum over event times of d_g - d r_g / r, V its hypergeometric covariance (Mantel
    1966). Its p does not come from chi^2, which takes trials for independent, but from exchanging the
    groups' labels within each seed, all trials of a group together: what is exchangeable if the group makes
    no difference, however correlated the trials of a seed are. Of onsets taken as early and as late as the
    evaluations allow, the greater p counts. A seed that lacks a group is left out.

    Args:
        groups: [N], the group of each trial of `onsets`; rng: for more than 10,000 possible exchanges.

    Raises:
        UserError: fewer than two groups, or no seed that has them all.
    """
    labels = np.asarray(groups)
    if labels.shape != onsets.seeds.shape:
        raise ValueError(f"{labels.size} groups for {len(onsets)} trials")
    names = np.unique(labels)
    if len(names) < 2:
        raise UserError(f"A log-rank test needs two groups, here is {len(names)}.")
    every = np.unique(onsets.seeds)
    whole = [s for s in every.tolist() if len(np.unique(labels[onsets.seeds == s])) == len(names)]
    if not whole:
        raise UserError("No seed has a judged trial in every group, so groups cannot be compared.")
    kept = np.isin(onsets.seeds, whole)
    onsets, group = onsets.of(kept), np.searchsorted(names, labels[kept])
    seed = np.searchsorted(np.array(whole), onsets.seeds)
    n, k = len(whole), len(names)
    orders, how = _orders(n, k, rng, draws)
    of = f"{n} of {len(every)} seeds have every group" if n < len(every) else f"{n} seeds"
    where = seed * k + group
    ends = [_chi2(onsets.times(late), onsets.failed, where, orders) for late in (True, False)]
    seen = float(ends[0][0])
    if n < SEEDS_FOR_INTERVAL:
        return LogRank(seen, None, n, f"log-rank, {of}: no p below {SEEDS_FOR_INTERVAL}")
    p = max(float(np.mean(values >= values[0] * (1 - 1e-9) - 1e-12)) for values in ends)
    least = f"; no p below {math.factorial(k) ** (1 - n):.2g} is possible" if n <= 6 else ""
    return LogRank(seen, p, n, f"log-rank, labels exchanged within {of}, {how}{least}")


def _orders(n: int, k: int, rng: np.random.Generator, draws: int) -> tuple[NDArray[np.int64], str]:
    """Orders of k labels for each of n seeds, [P, n, k]; the identity is the first."""
    if n * math.lgamma(k + 1) > math.log(MOST_ORDERS):  # k! ^ n, which a few hundred seeds would overflow
        orders = rng.permuted(np.broadcast_to(np.arange(k), (draws, n, k)), axis=-1)
        orders[0] = np.arange(k)
        return orders, f"{draws - 1} ways drawn"
    perms = np.array(list(itertools.permutations(range(k))))
    index = np.array(list(itertools.product(range(len(perms)), repeat=n)))
    return perms[index], f"all {len(index)} ways"


def _chi2(
    times: Array, failed: NDArray[np.bool_], where: NDArray[np.int64], orders: NDArray[np.int64]
) -> Array:
    """The log-rank chi^2 of each labelling, [P]; 0 where nobody failed.

    Trials of one seed and group move together, so their risks and failures are added up first.

    Args:
        where: [N], seed x k + group of each trial; orders: [P, n, k], the label of each seed's groups.
    """
    n, k = orders.shape[1:]
    events = np.unique(times[failed])
    risk, fails = np.zeros((n * k, len(events))), np.zeros((n * k, len(events)))
    np.add.at(risk, where, times[:, None] >= events)
    np.add.at(fails, where, failed[:, None] & (times[:, None] == events))
    r, d = risk.sum(0), fails.sum(0)
    scale = d * np.where(r > 1, (r - d) / np.maximum(r - 1, 1), 0.0)
    labels = orders.reshape(len(orders), n * k)
    parts = [
        _chi2_of(labels[at : at + CHUNK], risk / r, fails.sum(1), d, scale, k)
        for at in range(0, len(labels), CHUNK)
    ]
    return np.concatenate(parts)


def _chi2_of(labels: NDArray[np.int64], risk: Array, fails: Array, d: Array, scale: Array, k: int) -> Array:
    """chi^2 of labels [P, n k] of each seed's groups: shares at risk [n k, T], failures [n k]."""
    share, off = [], []
    for g in range(k - 1):  # the last follows from the others
        member = (labels == g).astype(np.float64)
        share.append(member @ risk)
        off.append(member @ fails - (share[-1] * d).sum(-1))
    if k == 2:
        v = (share[0] * (1 - share[0]) * scale).sum(-1)
        return np.where(v > 0, off[0] ** 2 / np.where(v > 0, v, 1.0), 0.0)
    p, u = np.stack(share, -1), np.stack(off, -1)  # [P, T, k - 1], [P, k - 1]
    covariance = np.einsum("ptg,t->pg", p, scale)[:, :, None] * np.eye(k - 1)
    covariance -= (p * scale[:, None]).transpose(0, 2, 1) @ p
    found: Array = np.einsum("pg,pgh,ph->p", u, np.linalg.pinv(covariance, hermitian=True), u)
    return found


def kinds_of(onsets: Onsets) -> list[str]:
    """The kinds of failure that occur, most frequent first."""
    names, counts = np.unique(onsets.kinds[onsets.kinds != NONE], return_counts=True)
    return [str(names[i]) for i in np.argsort(-counts, kind="stable")]
