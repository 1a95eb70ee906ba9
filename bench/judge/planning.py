"""Seeds that would settle a question, before anything is trained."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy import special, stats

from bench.errors import UserError
from bench.judge import intervals
from bench.judge.intervals import CONFIDENCE, SEEDS_FOR_INTERVAL

MOST_SEEDS = 100_000


def expected_half_width(sd: float, n: int, confidence: float = CONFIDENCE) -> float:
    """Expected half-width of Student's interval over n seeds whose values have this standard deviation.

    t(n - 1) c4(n) sd / sqrt(n), with c4 = E s / sd = sqrt(2 / (n - 1)) Gamma(n / 2) / Gamma((n - 1) / 2).
    Infinite below 5 seeds, for which no interval is given.
    """
    if n < SEEDS_FOR_INTERVAL:
        return math.inf
    c4 = math.sqrt(2 / (n - 1)) * math.exp(special.gammaln(n / 2) - special.gammaln((n - 1) / 2))
    return float(special.stdtrit(n - 1, (1 + confidence) / 2) * c4 * sd / math.sqrt(n))


def seeds_for_half_width(sd: float, half_width: float, confidence: float = CONFIDENCE) -> int:
    """The fewest seeds whose Student interval has at most this half-width on average.

    Raises:
        UserError: half_width or sd is not positive, or more than 100,000 seeds would be needed.
    """
    _positive(sd, half_width)
    return _fewest(lambda n: expected_half_width(sd, n, confidence) <= half_width)


def power(sd: float, effect: float, n: int, confidence: float = CONFIDENCE) -> float:
    """Probability that Student's interval over n seeds excludes 0 on the right side of a true effect.

    P(T > t(n - 1)), T noncentral t of n - 1 degrees and noncentrality effect sqrt(n) / sd; 0 below 5 seeds.
    """
    if n < SEEDS_FOR_INTERVAL:
        return 0.0
    bar = special.stdtrit(n - 1, (1 + confidence) / 2)
    return float(stats.nct.sf(bar, n - 1, abs(effect) * math.sqrt(n) / sd))


def seeds_for_power(sd: float, effect: float, wanted: float = 0.8, confidence: float = CONFIDENCE) -> int:
    """The fewest seeds with which a true effect of this size is found with the wanted probability.

    `sd` is that of the seeds' averaged differences, as a finished study shows it; see `sd_of_share`.

    Raises:
        UserError: effect or sd is not positive, or more than 100,000 seeds would be needed.
    """
    _positive(sd, abs(effect))
    return _fewest(lambda n: power(sd, effect, n, confidence) >= wanted)


def chance_to_settle(sd: float, margin: float, n: int, confidence: float = CONFIDENCE) -> float:
    """Probability that Student's half-width over n seeds is below half the margin; 0 below 5 seeds.

    P(chi2(n - 1) < (n - 1) n m^2 / (4 t^2 sd^2)). An interval [L, U] that is shorter than the margin m either
    leaves 0 out or lies within (-m, m): then a claim is settled, whatever the truth is.
    """
    if n < SEEDS_FOR_INTERVAL:
        return 0.0
    t = special.stdtrit(n - 1, (1 + confidence) / 2)
    return float(special.chdtr(n - 1, (n - 1) * n * (margin / (2 * t * sd)) ** 2))


def seeds_to_settle(sd: float, margin: float, wanted: float = 0.8, confidence: float = CONFIDENCE) -> int:
    """The fewest seeds with which a claim is settled with the wanted probability, whatever the truth is.

    Raises:
        UserError: margin or sd is not positive, or more than 100,000 seeds would be needed.
    """
    _positive(sd, margin)
    return _fewest(lambda n: chance_to_settle(sd, margin, n, confidence) >= wanted)


def sd_of_share(rate: float, cells: int, alike: float = 0.0) -> float:
    """Standard deviation over seeds of a rate averaged over cells: sqrt(p (1 - p) (1 + (C - 1) alike) / C).

    alike: correlation of two trials of one seed (the design effect of Kish 1965); 1 makes cells useless.
    For a difference of two arms with correlation r multiply by sqrt(2 (1 - r)).
    """
    return math.sqrt(rate * (1 - rate) * (1 + (cells - 1) * alike) / cells)


def expected_rate_half_width(rate: float, n: int, confidence: float = CONFIDENCE) -> float:
    """Expected half-width of Wilson's interval for one cell of n seeds whose true rate is this, exactly.

    sum over k of Bin(k; n, rate) (high(k) - low(k)) / 2.
    """
    if n < 1:
        return math.inf
    k = np.arange(n + 1)
    low, high = intervals.wilson(k, n, confidence)
    return float((stats.binom.pmf(k, n, rate) * (high - low)).sum() / 2)


def seeds_for_rate(rate: float, half_width: float, confidence: float = CONFIDENCE) -> int:
    """The fewest seeds with which one cell's rate is known to this half-width on average.

    Raises:
        UserError: half_width is not positive, or more than 100,000 seeds would be needed.
    """
    _positive(half_width)
    return _fewest(lambda n: expected_rate_half_width(rate, n, confidence) <= half_width, least=1)


def _positive(*values: float) -> None:
    if not all(value > 0 and math.isfinite(value) for value in values):
        raise UserError(f"Seeds can be counted for positive numbers only, not for {values}.")


def _fewest(enough: Callable[[int], bool], least: int = SEEDS_FOR_INTERVAL) -> int:
    """The smallest n for which `enough` holds, which it does from some n on; at most MOST_SEEDS."""
    high = least
    while not enough(high):
        if high >= MOST_SEEDS:
            raise UserError(f"More than {MOST_SEEDS:,} seeds would be needed.")
        high = min(2 * high, MOST_SEEDS)
    low = max(least, high // 2)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return high
