"""How often each interval holds the truth: `make coverage`, which writes the tables of docs/statistics.md.

Studies are made as real ones are: cells of different rates that share seeds, a seed making all its cells
better or worse. The intervals are those of `bench.judge`, called on many studies at once where they take
arrays. Exit code 1 where a row that is promised averages outside of 93 to 97 %.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from bench.data.order import philox
from bench.judge import intervals, survival
from bench.judge.aggregates import interquartile_mean
from bench.judge.effects import unpaired_improvement
from bench.judge.onsets import Onsets

Array = NDArray[np.float64]
PAGE = Path(__file__).resolve().parent.parent / "docs" / "statistics.md"
SEEDS = (5, 10, 30)
BAR = (0.93, 0.97)
RATES = (0.1, 0.3, 0.5, 0.7, 0.9)
UNLIKE = 1.5  # SD of the log-odds of a study's cells: axes matter
UNTRIED = [(3, 0.5, 0.0), (6, 1.5, 0.0), (8, 1.5, 3.0)]  # cells, seed effect, how unlike the cells are
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(60)
WEIGHTS = WEIGHTS / WEIGHTS.sum()


@dataclass(frozen=True)
class Covered:
    """Coverage averaged over studies, and the least of it over fixed settings; NaN where refused."""

    mean: float
    least: float = math.nan


@dataclass(frozen=True)
class Row:
    """A line of the table: coverage for each number of seeds. `promised`: must lie within the bar."""

    quantity: str
    study: str
    covered: dict[int, Covered]
    promised: bool = True


def stream(*what: object) -> np.random.Generator:
    return np.random.Generator(philox("coverage " + " ".join(map(str, what))))


def share_of(ends: tuple[Array, Array], truth: Array | float) -> float:
    # Rounding may leave an end of no width a hair beside a truth of exactly 0.
    return float(np.mean((ends[0] <= truth + 1e-9) & (truth <= ends[1] + 1e-9)))


def one_cell(n: int) -> tuple[Covered, float]:
    """Wilson, exactly: averaged over p ~ U(0, 1), the least over p, and where that is."""
    p = (np.arange(20_000) + 0.5) / 20_000
    k = np.arange(n + 1)
    low, high = intervals.wilson(k, n)
    held = (low <= p[:, None]) & (p[:, None] <= high)
    covered = (stats.binom.pmf(k, n, p[:, None]) * held).sum(1)
    return Covered(float(covered.mean()), float(covered.min())), float(p[covered.argmin()])


def log_odds(rng: np.random.Generator, studies: int, cells: int, rate: float | None, unlike: float) -> Array:
    """Log-odds of failure of each cell [studies, cells], around a rate (U(0.1, 0.9) if None)."""
    middle = rng.uniform(0.1, 0.9, studies) if rate is None else np.full(studies, rate)
    apart = rng.normal(0, unlike, (studies, cells))
    return special.logit(middle)[:, None] + apart - apart.mean(1, keepdims=True)


def mean_rate(odds: Array, seed_sd: float) -> Array:
    """True failure rate over cells and over seeds that move all log-odds by N(0, seed_sd^2); [studies]."""
    return sum(
        (
            weight * special.expit(odds + seed_sd * node).mean(1)
            for node, weight in zip(NODES, WEIGHTS, strict=True)
        ),
        np.zeros(len(odds)),
    )


def failures(rng: np.random.Generator, odds: Array, moved: Array) -> Array:
    """The share that failed for each seed [studies, n]; `moved` [studies, n] is what the seeds do."""
    found = np.zeros(moved.shape)
    for cell in odds.T:
        found += rng.random(moved.shape) < special.expit(cell[:, None] + moved)
    return found / odds.shape[1]


def pooled(
    rng: np.random.Generator,
    n: int,
    cells: int,
    seed_sd: float,
    rate: float | None,
    studies: int,
    unlike: float = UNLIKE,
    by_t: bool = False,
) -> float:
    odds = log_odds(rng, studies, cells, rate, unlike)
    points = failures(rng, odds, rng.normal(0, seed_sd, (studies, n)))
    ends = intervals.student_t(points) if by_t else intervals.share(points, cells)
    return share_of(ends, mean_rate(odds, seed_sd))


def paired(
    rng: np.random.Generator,
    n: int,
    cells: int,
    seed_sd: float,
    rate: float | None,
    effect: float | None,
    studies: int,
    unlike: float = UNLIKE,
    by_t: bool = False,
) -> float:
    """`effect` on the log-odds (U(-2, 2) if None), which differs between seeds by an SD of 0.5."""
    odds = log_odds(rng, studies, cells, rate, unlike)
    shift = rng.uniform(-2, 2, (studies, 1)) if effect is None else np.full((studies, 1), effect)
    own_sd = 0.0 if effect == 0 else 0.5
    seed, own = rng.normal(0, seed_sd, (studies, n)), rng.normal(0, own_sd, (studies, n))
    control, treatment = failures(rng, odds, seed), failures(rng, odds + shift, seed + own)
    truth = mean_rate(odds + shift, math.hypot(seed_sd, own_sd)) - mean_rate(odds, seed_sd)
    if by_t:
        return share_of(intervals.student_t(treatment - control), truth)
    return share_of(intervals.share_difference(treatment, control, cells), truth)


def gaussian(
    rng: np.random.Generator, n: int, cells: int, seed_sd: float, pairs: bool, studies: int
) -> float:
    def arm(seed: Array) -> Array:
        noise: Array = rng.normal(size=(studies, n, cells)).mean(2)
        return seed + noise

    seed = rng.normal(0, seed_sd, (studies, n))
    points = arm(seed + rng.normal(0, 0.5, (studies, n))) - arm(seed) if pairs else arm(seed)
    return share_of(intervals.student_t(points), 0.0)


def improvement(rng: np.random.Generator, n: int, cells: int, seed_sd: float, studies: int) -> float:
    """Distances whose logs differ by U(-1, 1); one trial in ten of either arm diverges."""
    shift = rng.uniform(-1, 1, (studies, 1, 1))
    seed = rng.normal(0, seed_sd, (studies, n, 1))
    shape = (studies, n, cells)
    a = np.where(rng.random(shape) < 0.1, np.inf, seed + shift + rng.normal(size=shape))
    b = np.where(rng.random(shape) < 0.1, np.inf, seed + rng.normal(size=shape))
    points = np.where(a == b, 0.5, a < b).mean(2)
    truth = 0.81 * special.ndtr(-shift[:, 0, 0] / math.sqrt(2)) + 0.09 + 0.005
    return share_of(intervals.share(points, cells), truth)


def median(rng: np.random.Generator, n: int, studies: int) -> float:
    """Log-ratios, one seed in ten infinite: the median has 0.5 / 0.9 of the finite ones below it."""
    points = np.where(rng.random((studies, n)) < 0.1, np.inf, rng.normal(size=(studies, n)))
    return share_of(intervals.median(points), float(special.ndtri(0.5 / 0.9)))


def unpaired(rng: np.random.Generator, n: int, cells: int, seed_sd: float, studies: int) -> float:
    seeds, names = np.tile(np.arange(n), 2 * cells), np.tile(np.repeat(np.arange(cells), n), 2)
    treated, held = np.repeat([True, False], n * cells), 0
    for _ in range(studies):
        shift, seed = rng.uniform(-1, 1), rng.normal(0, seed_sd, n)
        values = np.where(treated, shift, 0.0) + seed[seeds] + rng.normal(size=len(seeds))
        found = unpaired_improvement(seeds, names, treated, values)
        truth = special.ndtr(-shift / math.sqrt(2 * (1 + seed_sd**2)))
        held += bool(found.low <= truth <= found.high)
    return held / studies


def middle_half(rng: np.random.Generator, n: int, cells: int, seed_sd: float, studies: int) -> float:
    """IQM, one trial in ten diverged: the mean of N(0, 1 + seed_sd^2) between two of its quantiles."""
    scale = math.sqrt(1 + seed_sd**2)
    low, high = special.ndtri(0.25 / 0.9), special.ndtri(0.75 / 0.9)
    truth = scale * (stats.norm.pdf(low) - stats.norm.pdf(high)) / (0.5 / 0.9)
    seeds, held, given = np.repeat(np.arange(n), cells), 0, 0
    for _ in range(studies):
        values = rng.normal(0, seed_sd, n)[seeds] + rng.normal(size=len(seeds))
        values[rng.random(len(seeds)) < 0.1] = np.inf
        found = interquartile_mean(seeds, values)
        if found.low is not None and found.high is not None:
            given += 1
            held += found.low <= truth <= found.high
    return held / given


def onset_study(
    rng: np.random.Generator, n: int, cells: int, seed_sd: float, pace: float = 15.0, kind: float = 0.4
) -> Onsets:
    """Exponential onsets of two kinds, seen at 20 evaluations; half the cells are planned for 12 of them."""
    seeds = np.repeat(np.arange(n), cells)
    hazard = np.exp(rng.normal(0, seed_sd, n))[seeds] / pace
    onset = np.ceil(rng.exponential(1 / hazard))
    horizon = np.where(np.arange(len(seeds)) % 2, 20.0, 12.0)
    failed = onset <= horizon
    kinds = np.where(failed, np.where(rng.random(len(seeds)) < kind, "a", "b"), "")
    return Onsets(seeds, np.where(failed, onset - 1, horizon), np.where(failed, onset, np.inf), kinds)


def time_to_failure(
    rng: np.random.Generator, n: int, cells: int, seed_sd: float, kind: str | None, at: float, studies: int
) -> float:
    """Share failed by a step, U(0.1, 0.9) in truth, of which U(0.2, 0.8) by kind a."""
    paces = np.geomspace(0.1, 1e4, 400)
    reached = 1 - (WEIGHTS * np.exp(-at / paces[:, None] * np.exp(seed_sd * NODES))).sum(1)
    held = given = 0
    for _ in range(studies):
        truth, of_a = rng.uniform(0.1, 0.9), rng.uniform(0.2, 0.8)
        pace = float(np.interp(-truth, -reached, paces))
        found = survival.failure_curve(onset_study(rng, n, cells, seed_sd, pace, of_a), [at], kind)
        if found.low is not None and found.high is not None and not np.isnan(found.low[0]):
            given += 1  # else no trial that goes on so far still lived
            held += bool(found.low[0] <= truth * (of_a if kind else 1.0) <= found.high[0])
    return held / given


def false_alarms(rng: np.random.Generator, n: int, cells: int, seed_sd: float, studies: int) -> float:
    """How often log-rank finds p <= 0.05 between two equal groups."""
    found = 0
    for _ in range(studies):
        onsets = onset_study(rng, n, 2 * cells, seed_sd)
        groups = np.tile(np.repeat([0, 1], cells), n)
        p = survival.logrank(onsets, groups, rng, draws=400).p
        found += p is not None and p <= 0.05
    return found / studies


def bootstrapped(
    rng: np.random.Generator, n: int, method: Callable[..., tuple[Array, Array]], skewed: bool
) -> float:
    held = []
    for _ in range(20):
        points = rng.normal(size=(150, n))
        points = np.exp(points) if skewed else points
        held.append(share_of(method(points, rng, 999), math.exp(0.5) if skewed else 0.0))
    return float(np.mean(held))


def rate_rows() -> Iterable[Row]:
    # Constants of `bench.judge.intervals` were set on cells of this unlikeness; UNTRIED had no part in it.
    for cells, sd, unlike in [(c, sd, UNLIKE) for c in (2, 4, 12, 48) for sd in (0, 1, 2)] + UNTRIED:
        found, studies = {}, 20_000 if cells < 48 else 8_000
        for n in SEEDS:
            rng = stream("pooled", cells, sd, unlike, n)
            least = min(pooled(rng, n, cells, sd, rate, studies // 4, unlike) for rate in RATES)
            found[n] = Covered(pooled(rng, n, cells, sd, None, studies, unlike), least)
        yield Row("pooled rate", _study(cells, sd, unlike), found)
    fixed = [(rate, effect) for rate in RATES for effect in (0.0, 1.5)]
    for cells, sd, unlike in [(c, sd, UNLIKE) for c in (1, 2, 4, 12) for sd in (0, 1, 2)] + UNTRIED:
        found = {}
        for n in SEEDS:
            rng = stream("paired", cells, sd, unlike, n)
            least = min(paired(rng, n, cells, sd, rate, effect, 4_000, unlike) for rate, effect in fixed)
            found[n] = Covered(paired(rng, n, cells, sd, None, None, 20_000, unlike), least)
        yield Row("paired difference of rates", _study(cells, sd, unlike), found)


def _study(cells: int, sd: float, unlike: float) -> str:
    text = f"{cells} cell{'s' * (cells > 1)}, seed effect {sd:g}"
    return text if unlike == UNLIKE else f"{text}, cells' log-odds SD {unlike:g}"


def mean_rows() -> Iterable[Row]:
    for pairs, word in ((False, "pooled mean"), (True, "paired difference of means")):
        for cells in (1, 12):
            for sd in (0, 2):
                found = {
                    n: Covered(gaussian(stream(word, sd, n, cells), n, cells, sd, pairs, 20_000))
                    for n in SEEDS
                }
                yield Row(word, f"Gaussian, {_study(cells, sd, UNLIKE)}", found)
    found = {n: Covered(middle_half(stream("iqm", n), n, 4, 1.0, 2_000)) for n in SEEDS}
    yield Row("interquartile mean", "4 cells, seed effect 1, 10 % diverged", found)


def rank_rows() -> Iterable[Row]:
    for cells in (1, 4):
        found = {n: Covered(improvement(stream("improved", cells, n), n, cells, 1.0, 20_000)) for n in SEEDS}
        yield Row("probability of improvement, paired", f"{_study(cells, 1, UNLIKE)}, 10 % diverged", found)
    for cells in (1, 4):
        found = {n: Covered(unpaired(stream("unpaired", cells, n), n, cells, 0.5, 2_000)) for n in SEEDS}
        yield Row("probability of improvement, unpaired", _study(cells, 0.5, UNLIKE), found)
    found = {n: Covered(median(stream("median", n), n, 20_000)) for n in SEEDS if n >= 6}
    yield Row("median log-ratio", "1 cell, 10 % infinite", found)


def time_rows() -> Iterable[Row]:
    for kind, word in (
        (None, "share failed (Kaplan-Meier)"),
        ("a", "share failed by a kind (Aalen-Johansen)"),
    ):
        for at, where, promised in (
            (10.0, "half the horizon", True),
            (15.0, "past the horizon of half", False),
        ):
            found = {
                n: Covered(
                    time_to_failure(stream(word, at, n), n, 4, 1.0, kind, at, 1_500 if promised else 500)
                )
                for n in SEEDS
            }
            yield Row(word, f"4 cells, seed effect 1, {where}", found, promised)


def other_rows() -> Iterable[Row]:
    for method, least in ((intervals.studentised_bootstrap, 10), (intervals.percentile_bootstrap, 30)):
        word = method.__name__
        for skewed in (False, True):
            found = {
                n: Covered(bootstrapped(stream(word, skewed, n), n, method, skewed))
                for n in SEEDS
                if n >= least
            }
            kind = "log-normal" if skewed else "Gaussian"
            yield Row(f"mean, {word.replace('_', ' ')}", kind, found, promised=False)
    for cells, sd in ((2, 0), (48, 2)):
        found = {
            n: Covered(pooled(stream("pooled t", cells, n), n, cells, sd, None, 8_000, by_t=True))
            for n in SEEDS
        }
        yield Row("pooled rate, Student t", _study(cells, sd, UNLIKE), found, promised=False)
    for sd in (0, 2):
        found = {
            n: Covered(paired(stream("paired t", sd, n), n, 1, sd, None, None, 20_000, by_t=True))
            for n in SEEDS
        }
        yield Row("paired difference of rates, Student t", _study(1, sd, UNLIKE), found, promised=False)
    skew = {n: np.exp(stream("t", n).normal(size=(20_000, n))) for n in SEEDS}
    found = {n: Covered(share_of(intervals.student_t(skew[n]), math.exp(0.5))) for n in SEEDS}
    yield Row("mean, Student t", "log-normal", found, promised=False)


def rows() -> Iterable[Row]:
    for group in (rate_rows, mean_rows, rank_rows, time_rows, other_rows):
        yield from group()


def misses(row: Row) -> bool:
    return row.promised and not all(BAR[0] <= each.mean <= BAR[1] for each in row.covered.values())


def table(lines: Iterable[Row]) -> str:
    text = ["| quantity | studies | 5 seeds | 10 seeds | 30 seeds |", "|---|---|---|---|---|"]
    for row in lines:
        cells = [_text(row.covered.get(n)) for n in SEEDS]
        mark = "" if row.promised else " (no promise)"
        text.append(f"| {row.quantity}{mark} | {row.study} | {' | '.join(cells)} |")
    return "\n".join(text)


def _text(covered: Covered | None) -> str:
    if covered is None:
        return "refused"
    least = f" ({100 * covered.least:.1f})" if covered.least == covered.least else ""
    return f"{100 * covered.mean:.1f}{least}"


def main() -> int:
    single = ["| seeds | average over p | least, at p |", "|---|---|---|"]
    failed = False
    for n in (3, *SEEDS):
        covered, at = one_cell(n)
        failed |= not BAR[0] <= covered.mean <= BAR[1]
        single.append(
            f"| {n} | {100 * covered.mean:.1f} | {100 * covered.least:.1f}, at {min(at, 1 - at):.3f} |"
        )
    many = []
    for row in rows():
        many.append(row)
        failed |= misses(row)
        print(
            f"{row.quantity}, {row.study}: {', '.join(_text(row.covered.get(n)) for n in SEEDS)}",
            file=sys.stderr,
        )
    alarms = {n: false_alarms(stream("alarm", n), n, 2, 1.0, 1_000) for n in SEEDS}
    failed |= max(alarms.values()) > 0.07
    rest = "False alarms of log-rank at 5 %: " + ", ".join(
        f"{100 * a:.1f} % with {n} seeds" for n, a in alarms.items()
    )
    made = "\n\n".join(("\n".join(single), table(many), rest + "."))
    print(made)
    page = PAGE.read_text()
    head, rest = page.split("<!-- coverage -->\n", 1)
    _, tail = rest.split("<!-- /coverage -->", 1)
    PAGE.write_text(f"{head}<!-- coverage -->\n{made}\n<!-- /coverage -->{tail}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
