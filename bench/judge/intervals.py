"""Confidence intervals as plain functions of arrays: one value per seed along the last axis.

Each takes [..., n] and returns two arrays [...], so that the simulations of `make coverage` call the very
code that the reports call. Which interval is used for what, and how well it holds: docs/statistics.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

from bench.errors import UserError

Array = NDArray[np.float64]
Ends = tuple[Array, Array]
"""The lower and the upper ends of intervals."""

CONFIDENCE = 0.95

SEEDS_FOR_INTERVAL = 5
"""Below this many seeds an average is shown as points: an interval from 4 numbers says little but t."""

SEEDS_FOR_STUDENTISED = 10
"""Fewer values are drawn equal too often: a resample without any spread has no studentised mean."""

SEEDS_FOR_PERCENTILE = 30
"""The percentile bootstrap covers 75 % at n = 3 where it says 95 %; from 30 on it comes near."""

NO_SPREAD = 1e-12
"""Means of equal numbers may differ by rounding; a standard deviation below this is none."""

P_EXACT = 1e-13
"""How far a p found by halving may be off."""


def wilson(k: ArrayLike, n: ArrayLike, confidence: float = CONFIDENCE) -> Ends:
    """Wilson's score interval for k successes in n independent trials; (0, 1) when n = 0.

    centre = (k + z^2/2) / (n + z^2), half = z / (n + z^2) * sqrt(k (n - k) / n + z^2/4)
    (Wilson 1927, J. Am. Stat. Assoc. 22). k and n: arrays [...] that broadcast; k need not be whole.

    Raises:
        ValueError: k is negative or more than n.
    """
    successes, trials = np.broadcast_arrays(np.asarray(k, np.float64), np.asarray(n, np.float64))
    wrong = ~((successes >= 0) & (successes <= trials))
    if wrong.any():
        raise ValueError(f"{successes[wrong][0]:g} of {trials[wrong][0]:g} is no share")
    some = np.where(trials > 0, trials, 1.0)
    low, high = _score(successes / some, special.ndtri((1 + confidence) / 2) ** 2 / some)
    return np.where(trials > 0, low, 0.0)[()], np.where(trials > 0, high, 1.0)[()]


def _score(share: Array, width: Array) -> Ends:
    """All p with (share - p)^2 <= width p (1 - p); `width` is z^2 / n for Wilson's interval."""
    centre = (share + width / 2) / (1 + width)
    half = np.sqrt(width * share * (1 - share) + width * width / 4) / (1 + width)
    # Rounding must not put an end a hair's breadth outside of what was seen.
    return np.clip(np.minimum(centre - half, share), 0, 1), np.clip(np.maximum(centre + half, share), 0, 1)


def student_t(points: Array, confidence: float = CONFIDENCE) -> Ends:
    """mean -+ t(n - 1) s / sqrt(n) over the last axis (Student 1908); NaN for n < 2.

    Exact for Gaussian seeds. Where all values are equal the interval has no width and means nothing.
    """
    n = points.shape[-1]
    if n < 2:
        nothing = np.full(points.shape[:-1], np.nan)
        return nothing, nothing
    mean = points.mean(-1)
    half = special.stdtrit(n - 1, (1 + confidence) / 2) * points.std(-1, ddof=1) / math.sqrt(n)
    return mean - half, mean + half


def student_p(points: Array) -> float:
    """Two-sided p of Student's test that values [n], which vary, have a mean of 0: `student_t` ends there."""
    n = points.shape[-1]
    t = float(points.mean() / (points.std(ddof=1) / math.sqrt(n)))
    return float(2 * special.stdtr(n - 1, -abs(t)))


def share(points: Array, cells: float, confidence: float = CONFIDENCE) -> Ends:
    """Interval of a share pooled over cells that share seeds: Wilson's, with the sample size the seeds bear.

    All p with (m - p)^2 <= w p (1 - p), where m and s are mean and SD of the n seeds' own shares and
        w = min(t^2 s^2 / (n m (1 - m)), z^2 / n),   t with df = (n - 1) (C / (C - 1))^2.5.
    m (1 - m) / (s^2 / n) is the effective number of trials (Korn & Graubard 1998, Survey Methodology 24;
    Franco et al. 2019, doi:10.1093/jssam/smy019). The bound z^2 / n is Wilson's interval with one trial per
    seed: no share varies more over seeds than a coin does. With C = 1 cell that is all there is. With few
    cells s^2 is less uncertain than a Gaussian's, and t with n - 1 would cover 98 to 99 %; the power of
    C / (C - 1) is set by simulation (`make coverage`). Where the seeds agree, Wilson with n seeds.

    Args:
        points: [..., n], a share for each seed, n >= 2; may leave [0, 1] by as much as pseudo-values do.
        cells: C, trials per seed (the mean where a trial is missing); infinite for values that are no counts.
    """
    n = points.shape[-1]
    mean = np.clip(points.mean(-1), 0, 1)
    upper = (1 + confidence) / 2
    widest = special.ndtri(upper) ** 2 / n
    if cells <= 1 or n < 2:
        return _score(mean, np.full(mean.shape, widest))
    t = special.stdtrit((n - 1) / (1 - 1 / cells) ** 2.5, upper)
    coin = mean * (1 - mean)
    spread = points.var(-1, ddof=1)
    known = (spread > NO_SPREAD**2) & (coin > NO_SPREAD)
    width = np.where(known, t * t * spread / n / np.where(known, coin, 1.0), widest)
    return _score(mean, np.minimum(width, widest))


def share_difference(treatment: Array, control: Array, cells: float, confidence: float = CONFIDENCE) -> Ends:
    """Interval of the difference of two shares whose n seeds are paired.

    Several cells: Student t over the seeds' differences. One cell, or seeds that all agree: both arms' own
    intervals (l, u), moved by the variance of the difference (MOVER; Newcombe 1998, Stat. Med. 17, 2635;
    Zou & Donner 2008, doi:10.1002/sim.3095),
        low = d - sqrt((a - l_a)^2 - 2 r (a - l_a)(u_b - b) + (u_b - b)^2), and high likewise,
    with r the correlation of the seeds times n / (n + 2 / C^2): a correlation seen in few pairs would make
    the interval too short (the 2 / C^2 is set by simulation, `make coverage`).

    Args:
        treatment, control: [..., n], a share for each seed, n >= 2; cells: pairs per seed.
    """
    low, high = student_t(treatment - control, confidence)
    apart = _mover(treatment, control, cells, confidence)
    use_t = ((treatment - control).std(-1, ddof=1) > NO_SPREAD) & (cells > 1)
    return np.clip(np.where(use_t, low, apart[0]), -1, 1), np.clip(np.where(use_t, high, apart[1]), -1, 1)


def _mover(treatment: Array, control: Array, cells: float, confidence: float) -> Ends:
    n = treatment.shape[-1]
    a, b = treatment.mean(-1), control.mean(-1)
    a_low, a_high = share(treatment, cells, confidence)
    b_low, b_high = share(control, cells, confidence)
    both = 2 * correlation(treatment, control) * n / (n + 2 / cells**2)
    down = (a - a_low) ** 2 - both * (a - a_low) * (b_high - b) + (b_high - b) ** 2
    up = (a_high - a) ** 2 - both * (a_high - a) * (b - b_low) + (b - b_low) ** 2
    return a - b - np.sqrt(np.maximum(down, 0)), a - b + np.sqrt(np.maximum(up, 0))


def correlation(left: Array, right: Array) -> Array:
    """Pearson's correlation over the last axis; 0 where either side does not vary."""
    x, y = left - left.mean(-1, keepdims=True), right - right.mean(-1, keepdims=True)
    scale = np.sqrt((x * x).sum(-1) * (y * y).sum(-1))
    found = scale > NO_SPREAD**2
    return np.where(found, (x * y).sum(-1) / np.where(found, scale, 1.0), 0.0)


def seeds_for_median(confidence: float = CONFIDENCE) -> int:
    """The fewest values whose extremes hold the median with this confidence: 2^(1 - n) <= 1 - confidence."""
    return math.ceil(1 - math.log2(1 - confidence))


def median(points: Array, confidence: float = CONFIDENCE) -> Ends:
    """Interval of the median from order statistics, interpolated; values may be infinite.

    [x_(k), x_(n+1-k)] holds the median with probability 1 - 2 P(Bin(n, 1/2) < k), whatever the distribution.
    Between the k above and the one below the wanted confidence the ends are interpolated (Hettmansperger &
    Sheather 1986, Stat. Probab. Lett. 4, 75); next to an infinite value the wider one is taken.

    Raises:
        UserError: fewer than 6 values (at 95 %): not even their extremes hold the median so often.
    """
    n = points.shape[-1]
    least = seeds_for_median(confidence)
    if n < least:
        raise UserError(f"{n} seeds cannot bound a median at {confidence:.0%}; that takes {least}.")
    held = 1 - 2 * stats.binom.cdf(np.arange(n // 2 + 1) - 1, n, 0.5)  # held[k]: by the k-th from each end
    k = max(1, int(np.flatnonzero(held >= confidence)[-1]))  # held[1] may be a rounding below
    excess = (held[k] - confidence) / (held[k] - held[k + 1]) if k + 1 <= n // 2 else 0.0
    inward = (n - k) * excess / (k + (n - 2 * k) * excess)
    x = np.sort(points, axis=-1)
    return _between(x[..., k - 1], x[..., k], inward), _between(x[..., n - k], x[..., n - k - 1], inward)


def _between(outer: Array, inner: Array, inward: float) -> Array:
    finite = np.isfinite(outer) & np.isfinite(inner)
    step = np.where(finite, inner, 0.0) - np.where(finite, outer, 0.0)
    return np.where(finite, outer + inward * step, outer)


def studentised_bootstrap(
    points: Array, rng: np.random.Generator, draws: int = 2000, confidence: float = CONFIDENCE
) -> Ends:
    """Bootstrap-t of the mean: mean - t*(1 -+ confidence) s / sqrt(n) with t* = (mean* - mean) sqrt(n) / s*.

    For skewed values, where Student t is one-sided (Efron & Tibshirani 1993, ch. 12.5). points: [..., n].

    Raises:
        UserError: fewer than 10 values.
    """
    n = points.shape[-1]
    if n < SEEDS_FOR_STUDENTISED:
        raise UserError(f"A studentised bootstrap needs {SEEDS_FOR_STUDENTISED} seeds, here are {n}.")
    mean, scale = points.mean(-1), points.std(-1, ddof=1) / math.sqrt(n)
    drawn = _resampled(points, rng, draws)  # [draws, ..., n]
    off, spread = drawn.mean(-1) - mean, drawn.std(-1, ddof=1) / math.sqrt(n)
    # A resample of equal values is as far out as can be, on the side where it lies.
    flat = spread <= NO_SPREAD
    far = np.where(off > 0, np.inf, np.where(off < 0, -np.inf, 0.0))
    ratio = np.where(flat, far, off / np.where(flat, 1.0, spread))
    tail = (1 - confidence) / 2
    low_t, high_t = np.quantile(ratio, [tail, 1 - tail], axis=0, method="inverted_cdf")
    return mean - high_t * scale, mean - low_t * scale


def percentile_bootstrap(
    points: Array, rng: np.random.Generator, draws: int = 2000, confidence: float = CONFIDENCE
) -> Ends:
    """The middle of the resampled means [..., n], refused below 30 values, where it is far too short.

    Raises:
        UserError: fewer than 30 values.
    """
    n = points.shape[-1]
    if n < SEEDS_FOR_PERCENTILE:
        raise UserError(
            f"A percentile bootstrap over {n} seeds would be too short; it needs {SEEDS_FOR_PERCENTILE}."
        )
    tail = (1 - confidence) / 2
    low, high = np.quantile(_resampled(points, rng, draws).mean(-1), [tail, 1 - tail], axis=0)
    return low, high


def _resampled(points: Array, rng: np.random.Generator, draws: int) -> Array:
    n = points.shape[-1]
    return np.moveaxis(points[..., rng.integers(n, size=(draws, n))], -2, 0)


def p_value(interval: Callable[[float], tuple[float, float]], null: float = 0.0) -> float:
    """The two-sided p of a null value: 1 - the least confidence at which the interval holds it.

    So p < 0.05 exactly where the interval of 95 % leaves the null out, also for ends that jump or are
    infinite, which is why it is found by halving.
    `interval` maps a confidence to its ends and widens with it. 0 and 1 mean below 1e-12 and above 1 - 1e-6.
    """

    def outside(confidence: float) -> bool:
        low, high = interval(confidence)
        return low > null or high < null

    least, most = 1e-6, 1 - 1e-12
    if not outside(least):
        return 1.0
    if outside(most):
        return 0.0
    while most - least > P_EXACT:
        middle = (least + most) / 2
        least, most = (middle, most) if outside(middle) else (least, middle)
    return 1 - most
