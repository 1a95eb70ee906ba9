"""Effects between trials that share no seed and cell: two independent sets of seeds, a value for each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from scipy import special

from bench.judge import intervals
from bench.judge.effects import Effect, middle
from bench.judge.intervals import CONFIDENCE, SEEDS_FOR_INTERVAL, Array
from bench.judge.stats import Estimate

EXACT = 10_000
"""Pairs of seeds up to which U's distribution is counted; beyond it is Gaussian for all that matters."""


def difference_of_shares(
    treatment: Sequence[float], control: Sequence[float], cells: tuple[float, float]
) -> Effect:
    """The difference of two rates over independent seeds, a share for each seed, over `cells` trials each.

    Both rates' own intervals (`intervals.share`), joined as independent (MOVER; Newcombe 1998, Stat. Med. 17,
    873, his method 10): low = d - sqrt((a - l_a)^2 + (u_b - b)^2), and high likewise; p is where that
    interval reaches 0. From 5 seeds on each side.
    """
    a, b = np.asarray(treatment, np.float64), np.asarray(control, np.float64)
    mean = float(a.mean() - b.mean()) if a.size and b.size else math.nan
    if min(a.size, b.size) < SEEDS_FOR_INTERVAL:
        return _points_only(mean, a.size, b.size)

    def ends(level: float) -> tuple[float, float]:
        return newcombe(a, b, cells, level)

    method = f"Newcombe, {a.size} and {b.size} seeds"
    estimate = Estimate(mean, *ends(CONFIDENCE), min(a.size, b.size), (), method)
    return Effect(estimate, intervals.p_value(ends), None, 0, 0)


def newcombe(a: Array, b: Array, cells: tuple[float, float], confidence: float) -> tuple[float, float]:
    """The interval of `difference_of_shares`; a [n], b [m]: a share for each seed."""
    a_low, a_high = (float(end) for end in intervals.share(a, cells[0], confidence))
    b_low, b_high = (float(end) for end in intervals.share(b, cells[1], confidence))
    mean = float(a.mean() - b.mean())
    down = math.hypot(a.mean() - a_low, b_high - b.mean())
    up = math.hypot(a_high - a.mean(), b.mean() - b_low)
    return max(-1.0, mean - down), min(1.0, mean + up)


def shift(treatment: Sequence[float], control: Sequence[float]) -> Effect:
    """How far one set of seeds' values lies above another, by Mann and Whitney's test of ranks.

    The estimate is the median of all differences a_i - b_j, the interval their order statistics D_(k) and
    D_(nm + 1 - k) with P(U < k) <= alpha / 2 (Hodges & Lehmann 1963, Ann. Math. Stat. 34, 598); p is where it
    reaches 0: twice the chance of so few differences on one side. Infinite values count by their rank; two
    infinities of a sign differ by 0. From 5 seeds on each side.
    """
    a, b = np.asarray(treatment, np.float64), np.asarray(control, np.float64)
    same = np.isinf(a)[:, None] & (a[:, None] == b)
    differences = np.sort(np.where(same, 0.0, a[:, None] - np.where(same, 0.0, b)).ravel())
    mean = middle(differences) if differences.size else math.nan
    if min(a.size, b.size) < SEEDS_FOR_INTERVAL:
        return _points_only(mean, a.size, b.size)

    k = _outside(a.size, b.size, (1 - CONFIDENCE) / 2)  # at least 3, from 5 seeds on
    method = f"Mann-Whitney, {a.size} and {b.size} seeds"
    low, high = float(differences[k - 1]), float(differences[-k])
    estimate = Estimate(mean, low, high, min(a.size, b.size), (), method)
    beyond = min(int((differences <= 0).sum()), int((differences >= 0).sum()))
    return Effect(estimate, min(1.0, 2 * _tail(a.size, b.size, beyond)), None, 0, 0)


def _points_only(mean: float, first: int, second: int) -> Effect:
    why = f"{first} and {second} seeds: points only"
    return Effect(Estimate(mean, None, None, min(first, second), (), why), None, None, 0, 0)


def _tail(n: int, m: int, u: int) -> float:
    """P(U <= u): the inverse of `_outside`."""
    if n * m > EXACT:
        sd = math.sqrt(n * m * (n + m + 1) / 12)
        return float(special.ndtr((u + 0.5 - n * m / 2) / sd))
    return float(_distribution(n, m)[u])


def _outside(n: int, m: int, tail: float) -> int:
    """The largest k with P(U < k) <= tail, for n and m values of one distribution."""
    if n * m > EXACT:
        sd = math.sqrt(n * m * (n + m + 1) / 12)
        return max(0, math.floor(n * m / 2 + 0.5 + sd * float(special.ndtri(tail))))
    return int(np.searchsorted(_distribution(n, m), tail * (1 + 1e-12), side="right"))


@lru_cache(maxsize=64)
def _distribution(n: int, m: int) -> Array:
    """P(U <= u), u = 0 .. nm, without ties: the ways to put n among n + m (Mann & Whitney 1947)."""
    chances = np.zeros(n * m + 1)
    chances[0] = 1.0
    for i in range(1, n + 1):  # times (1 - x^(m + i)) / (1 - x^i), scaled by i / (m + i)
        grown = chances.copy()
        grown[m + i :] -= chances[: -(m + i)] if m + i <= n * m else 0.0
        for start in range(min(i, len(grown))):
            grown[start::i] = np.cumsum(grown[start::i])
        chances = grown * (i / (m + i))
    return np.cumsum(np.clip(chances, 0, None))
