"""A published statement against tables: which trials count, what their mean is, and the verdict."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest

from bench.judge.published import AGREES, DIFFERS, NO_DATA, Compared, Published, compare

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


def test_what_a_statement_says() -> None:
    assert said(value=3.0969, within=5e-5).says == "3.0969 ± 5e-05"
    assert said(value=2.643e-6, within=5e-10).says == "2.643e-06 ± 5e-10"
    assert said(value=1.0, standard_errors=3).says == "1 ± 3 SE"
    assert said(below=1.0).says == "< 1"
    assert said(at_least=0.5).says == "≥ 0.5"


def test_no_tables_and_no_statements() -> None:
    assert compare([], *tables(*THREE), AXES) == []
    assert one(said(below=1.0), ("gan", 0, "pending")).verdict == NO_DATA
