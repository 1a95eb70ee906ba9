"""A published statement against tables: which trials count, what their mean is, and the verdict."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bench.judge import intervals
from bench.judge.published import AGREES, DIFFERS, NO_DATA, UNDECIDED, Compared, Published, compare

AXES = {"method": "method", "status": "axis.status"}


def tables(*rows: tuple[Any, ...]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows (method, seed, status, values at steps 0, 10, 20, ...); the metric's name is q."""
    trials, curves = [], []
    for i, (method, seed, status, *values) in enumerate(rows):
        name = f"{i:012x}"
        trials.append({"trial": name, "seed": seed, "status": status, "method": method, "axis.status": "on"})
        curves += [{"trial": name, "step": 10 * t, "q": value} for t, value in enumerate(values)]
    return pd.DataFrame(trials), pd.DataFrame(curves, columns=["trial", "step", "q"])


def one(statement: Published, *rows: tuple[Any, ...]) -> Compared:
    (found,) = compare([statement], *tables(*rows), AXES)
    return found


def said(**keys: Any) -> Published:
    return Published(**{"where": {"method": "gan"}, "metric": "q", "source": "a paper", **keys})


THREE = [("gan", seed, "done", 9.0, value) for seed, value in enumerate((1.0, 2.0, 3.0))]
"""Mean 2 at the end, standard error 1 / sqrt(3)."""


@pytest.mark.parametrize(
    ("keys", "verdict"),
    [
        ({"value": 2.0, "within": 0.0}, AGREES),
        ({"value": 2.5, "within": 0.5}, AGREES),
        ({"value": 2.5, "within": 0.49}, DIFFERS),
        ({"value": 1.5, "within": 0.49}, DIFFERS),
        ({"value": 2.57, "standard_errors": 1}, AGREES),
        ({"value": 2.58, "standard_errors": 1}, DIFFERS),
        ({"value": 0.27, "standard_errors": 3}, AGREES),
        ({"below": 2.1}, AGREES),
        ({"below": 2.0}, DIFFERS),
        ({"at_least": 2.0}, AGREES),
        ({"at_least": 2.1}, DIFFERS),
        ({"value": 9.0, "within": 1e-9, "at": 0}, AGREES),
        ({"value": 2.0, "within": 1e-9, "at": 10}, AGREES),
        ({"value": 0.0, "within": 1e9, "at": 5}, NO_DATA),
        ({"value": 0.0, "within": 1e9, "metric": "p"}, NO_DATA),
    ],
)
def test_verdicts(keys: dict[str, Any], verdict: str) -> None:
    assert one(said(**keys), *THREE).verdict == verdict


def test_the_mean_and_its_standard_error() -> None:
    found = one(said(value=2.0, within=1.0), *THREE)
    assert (found.n, found.mean, found.lacking) == (3, 2.0, 0)
    assert found.se == pytest.approx(1 / math.sqrt(3))


def test_cells_that_share_a_seed_are_averaged_first() -> None:
    """Seeds are the replicates: (1, 3) and 8 give 5 of two, not 4 of three."""
    rows = [("gan", 0, "done", 1.0), ("gan", 0, "done", 3.0), ("gan", 1, "done", 8.0)]
    found = one(said(value=5.0, within=0.0), *rows)
    assert (found.n, found.mean, found.se, found.verdict) == (2, 5.0, pytest.approx(3.0), AGREES)


def test_one_seed_has_no_standard_error() -> None:
    found = one(said(value=1.0, standard_errors=3), ("gan", 4, "done", 1.0))
    assert (found.n, found.mean, found.se, found.verdict) == (1, 1.0, None, NO_DATA)
    assert one(said(value=1.0, within=0.1), ("gan", 4, "done", 1.0)).verdict == AGREES


@pytest.mark.parametrize("null", [None, math.nan, math.inf, "ok"])
def test_null_is_no_number(null: object) -> None:
    """At the end a dead trial has nothing; an earlier value does not take its place."""
    found = one(said(below=5.0), *THREE, ("gan", 3, "done", 1.0, null))
    assert (found.n, found.mean, found.lacking) == (3, 2.0, 1)
    alone = one(said(below=5.0), ("gan", 3, "done", 1.0, null))
    assert (alone.n, alone.mean, alone.verdict, alone.lacking) == (0, None, NO_DATA, 1)


@pytest.mark.parametrize("status", ["pending", "running", "crashed"])
def test_only_finished_trials_count(status: str) -> None:
    found = one(said(value=2.0, within=0.0), *THREE, ("gan", 3, status, 1.0, 100.0))
    assert (found.n, found.mean, found.lacking) == (3, 2.0, 0)
    assert one(said(below=1.0), ("gan", 0, status)).verdict == NO_DATA


def test_where() -> None:
    other = ("ns", 0, "done", 50.0)
    assert one(said(below=5.0), *THREE, other).mean == 2.0
    assert one(said(below=5.0, where={}), *THREE, other).n == 3
    assert one(said(below=5.0, where={"method": "ns"}), *THREE, other).mean == 50.0
    for where in ({"method": "hinge"}, {"mehtod": "gan"}, {"method": ["gan"]}, {"method": {"name": "gan"}}):
        assert one(said(below=5.0, where=where), *THREE).verdict == NO_DATA


def test_an_axis_may_have_another_column() -> None:
    """`status` is a column of its own: an axis of that name stands under `axis.status`."""
    assert one(said(below=5.0, where={"status": "on"}), *THREE).n == 3
    assert one(said(below=5.0, where={"status": "done"}), *THREE).n == 0


@pytest.mark.parametrize(
    ("column", "wanted"),
    [
        ([1.0, 2.0], 1),
        ([True, False], True),
        (["none", "0.5"], None),
        (["0.5", "x"], 0.5),
        (["1:5", "x"], "1:5"),
    ],
)
def test_values_are_those_of_the_grid(column: list[Any], wanted: object) -> None:
    """A column of numbers and of nothing, or of names, holds texts."""
    rows = [(value, 0, "done", 1.0) for value in column]
    found = one(said(below=5.0, where={"method": wanted}), *rows)
    assert (found.n, found.lacking) == (1, 0)
    assert one(said(below=5.0, where={"method": wanted}), rows[1]).n == 0


def seeds(*values: float, method: str = "gan") -> list[tuple[Any, ...]]:
    """A finished trial for each value, at seeds 0, 1, ..."""
    return [(method, seed, "done", value) for seed, value in enumerate(values)]


@pytest.mark.parametrize(
    ("keys", "verdict"),
    [
        # SE 1 / sqrt(3) = 0.577; with a published one of 1 the difference has sqrt(1/3 + 1) = 1.155
        ({"value": 3.15, "standard_errors": 1, "se": 1.0}, AGREES),
        ({"value": 3.16, "standard_errors": 1, "se": 1.0}, DIFFERS),
        ({"value": 0.85, "standard_errors": 1, "se": 1.0}, AGREES),
        # of three seeds as ours: sqrt(2) times our own SE, 0.816
        ({"value": 2.81, "standard_errors": 1, "of": 3}, AGREES),
        ({"value": 2.82, "standard_errors": 1, "of": 3}, DIFFERS),
        # of very many: ours alone
        ({"value": 2.58, "standard_errors": 1, "of": 10**9}, DIFFERS),
    ],
)
def test_the_published_number_is_uncertain_too(keys: dict[str, Any], verdict: str) -> None:
    assert one(said(**keys), *THREE).verdict == verdict


def test_a_median_has_an_interval_from_order_statistics() -> None:
    values = [float(value) for value in range(1, 42)]
    found = one(said(value=21.0, standard_errors=2, statistic="median"), *seeds(*values))
    low, high = intervals.median(np.array(values), 0.9544997)
    assert (found.n, found.mean, found.se, found.verdict) == (41, 21.0, None, AGREES)
    assert found.interval == pytest.approx((float(low), float(high)))
    for value, verdict in ((low - 0.1, DIFFERS), (low + 0.1, AGREES), (high + 0.1, DIFFERS)):
        there = said(value=float(value), standard_errors=2, statistic="median")
        assert one(there, *seeds(*values)).verdict == verdict
    # Published of as many seeds: sqrt(2) times as wide.
    wide = 21.0 + math.sqrt(2) * (float(high) - 21.0)
    for value, verdict in ((wide - 0.1, AGREES), (wide + 0.1, DIFFERS)):
        there = said(value=value, standard_errors=2, statistic="median", of=41)
        assert one(there, *seeds(*values)).verdict == verdict


def test_few_seeds_bound_no_median() -> None:
    found = one(said(value=2.0, standard_errors=2, statistic="median"), *THREE)
    assert (found.n, found.mean, found.interval, found.verdict) == (3, 2.0, None, NO_DATA)
    assert one(said(value=2.0, within=0.1, statistic="median"), *THREE).verdict == AGREES


def test_a_rate_is_the_share_of_seeds() -> None:
    """Three of eight: Wilson's interval; a published rate of m seeds has its own."""
    rows = seeds(8, 8, 8, 7, 7, 0, 0, 3)
    success = {"rate": {"at_least": 8.0, "at_most": None}}
    found = one(said(value=0.4, standard_errors=1.96, **success), *rows)
    assert (found.n, found.mean, found.se, found.verdict) == (8, 0.375, None, AGREES)
    assert found.interval == pytest.approx((0.1368, 0.6943), abs=1e-3)
    assert one(said(value=0.75, standard_errors=1.96, **success), *rows).verdict == DIFFERS
    # 12 of 16, Wilson's lower end 0.505: 0.375 + hypot(0.319, 0.245) = 0.777
    assert one(said(value=0.75, standard_errors=1.96, of=16, **success), *rows).verdict == AGREES
    failure = {"rate": {"at_least": None, "at_most": 0.0}}
    assert one(said(below=0.3, **failure), *rows).mean == 0.25


def test_cells_that_share_a_seed_count_by_their_share() -> None:
    rows = [("gan", 0, "done", 8.0), ("gan", 0, "done", 3.0), ("gan", 1, "done", 8.0)]
    found = one(said(below=1.0, rate={"at_least": 8.0}), *rows)
    assert (found.n, found.mean) == (2, 0.75)


@pytest.mark.parametrize(
    ("gan", "ns", "keys", "verdict"),
    [
        ((1, 2, 3, 4, 5, 6), (2, 3.1, 4, 5, 6.1, 7), {}, AGREES),
        ((2, 3.1, 4, 5, 6.1, 7), (1, 2, 3, 4, 5, 6), {}, DIFFERS),
        ((1, 2, 3, 4, 5, 6), (6, 5, 4, 3, 2, 1), {}, UNDECIDED),
        ((1, 2, 3, 4), (2, 3, 4, 5), {}, UNDECIDED),  # too few seeds for an interval
        # One seed far off drowns the mean, but not the median of six differences of one sign.
        ((1, 2, 3, 4, 5, 6), (2, 3, 4, 5, 6, 600), {}, UNDECIDED),
        ((1, 2, 3, 4, 5, 6), (2, 3, 4, 5, 6, 600), {"statistic": "median"}, AGREES),
        ((1, 2, 3, 4, 5), (2, 3, 4, 5, 600), {"statistic": "median"}, UNDECIDED),
        ((0,) * 10, (9,) * 10, {"rate": {"at_least": 8.0}}, AGREES),
        ((9,) * 10, (0,) * 10, {"rate": {"at_least": 8.0}}, DIFFERS),
        ((9, 0) * 5, (0, 9) * 5, {"rate": {"at_least": 8.0}}, UNDECIDED),
    ],
)
def test_an_order_is_judged_by_the_paired_difference(
    gan: tuple[float, ...], ns: tuple[float, ...], keys: dict[str, Any], verdict: str
) -> None:
    rows = [*seeds(*map(float, gan)), *seeds(*map(float, ns), method="ns")]
    found = one(said(lower_than={"method": "ns"}, **keys), *rows)
    assert (found.verdict, found.n) == (verdict, len(gan))
    assert found.mean is not None
    assert found.other is not None


def test_an_order_of_what_has_died_or_shares_no_seed() -> None:
    higher = seeds(*(float(value) for value in range(10, 16)), method="ns")
    lower = seeds(*(float(value) for value in range(6)))
    statement = said(lower_than={"method": "ns"})
    assert one(statement, *lower, *higher).verdict == AGREES
    died = one(statement, *lower, *higher[:-1], ("ns", 5, "done", 9.0, None))
    assert (died.verdict, died.lacking, died.n) == (UNDECIDED, 1, 5)
    assert one(statement, *lower, ("ns", 77, "done", 9.0)).verdict == NO_DATA


def test_what_a_statement_says() -> None:
    assert said(value=0.541, standard_errors=3, of=400).says == "0.541 of 400 ± 3 SE"
    assert said(value=6.3, standard_errors=2, se=0.5).says == "6.3 (SE 0.5) ± 2 SE"
    assert said(lower_than={"method": "ns", "ema": None}).says == "lower than at ns, none"
    assert said(below=1.0).quantity == "q"
    assert said(below=1.0, statistic="median").quantity == "median q"
    share = said(below=1.0, rate={"at_least": 8.0, "at_most": None})
    assert share.quantity == "share of seeds with q ≥ 8"
    assert said(value=3.0969, within=5e-5).says == "3.0969 ± 5e-05"
    assert said(value=2.643e-6, within=5e-10).says == "2.643e-06 ± 5e-10"
    assert said(value=1.0, standard_errors=3).says == "1 ± 3 SE"
    assert said(below=1.0).says == "< 1"
    assert said(at_least=0.5).says == "≥ 0.5"


def test_no_tables_and_no_statements() -> None:
    assert compare([], *tables(*THREE), AXES) == []
    assert one(said(below=1.0), ("gan", 0, "pending")).verdict == NO_DATA
