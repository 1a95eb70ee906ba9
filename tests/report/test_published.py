"""Published numbers in the report."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest

from bench.report.published import beside, read
from bench.report.template import environment
from bench.report.view import View
from bench.store.tables import Results

AT_ONE = {"where": {"lr_ratio": 1.0}, "metric": "fd", "source": "a paper"}
BLOCK: list[dict[str, Any]] = [
    {**AT_ONE, "at_least": 0.0},
    {**AT_ONE, "below": -1.0, "source": "<script>alert(1)</script> & sons", "at": 0},
    {**AT_ONE, "metric": "nothing", "value": 2.643e-6, "standard_errors": 3},
]


def with_block(results: Results, block: Any) -> Results:
    """With lr_ratio as the only axis: fewer figures to draw."""
    return dataclasses.replace(results, study={"name": "short", "grid": {"lr_ratio": []}, "published": block})


def section(results: Results) -> str:
    """The part of the page about published numbers; empty for a study without any."""
    found = beside(View(results))
    if not found.sentence:
        return ""
    return environment().get_template("sections/published.html.j2").render(beside=found)


def test_the_table(results: Results) -> None:
    """What differs comes first, all text is escaped, and the page says how many agree."""
    found = section(with_block(results, BLOCK))
    assert "1 of 3 published statements agree; no data for 1." in found
    assert "<script" not in found
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; sons" in found
    rows = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in re.findall(r"<tr.*?</tr>", found, re.DOTALL)]
    head, first, second, third = rows
    assert head == []
    assert re.findall(r"<th\b(?!ead)[^>]*>(.*?)</th>", found) == [
        *("lr_ratio", "quantity", "step", "published", "own", "verdict", "SE or interval", "seeds", "source")
    ]
    assert first[:4] == ["1", "fd", "0", "&lt; -1"]
    assert [row[5] for row in (first, second, third)] == ["differs", "no data", "agrees"]
    assert second[1:8] == ["nothing", "end", "2.643e-06 ± 3 SE", "–", "no data", "–", "0 (12 null)"]
    assert third[3] == "≥ 0"
    assert float(third[4]) > 0
    assert third[7] == "3"


def test_names_of_axes_and_metrics_are_escaped(results: Results) -> None:
    block = [{"where": {"<b>": "<i>\u202e"}, "metric": "<u>", "below": 1, "source": "x"}]
    found = section(with_block(results, block))
    assert "&lt;b&gt;" in found
    assert "&lt;i&gt;" in found
    assert "&lt;u&gt;" in found
    assert "\u202e" not in found


@pytest.mark.parametrize("block", [None, []])
def test_a_study_without_any_has_no_section(results: Results, block: Any) -> None:
    assert section(with_block(results, block)) == ""
    assert beside(View(with_block(results, block))).sentence == ""


DAMAGED: list[tuple[Any, str]] = [
    (7, "published: expected a list"),
    ({"metric": "fd"}, "published: expected a list"),
    (["fd"], "published[0]: Input should be a valid dictionary or instance of PublishedBlock"),
    ([{**AT_ONE}], "published[0]: expected one of value, below, at_least, lower_than"),
    ([{**AT_ONE, "below": "x"}], "published[0].below: Input should be a valid number"),
    ([{**AT_ONE, "below": float("inf")}], "published[0].below: Input should be a finite number"),
    ([{**AT_ONE, "below": 1, "more": 1}], "published[0].more: Extra inputs are not permitted"),
    ([{**AT_ONE, "below": 1, "where": {1: 2}}], "published[0].where.1.[key]: Input should be a valid string"),
]


@pytest.mark.parametrize(("block", "problem"), DAMAGED)
def test_what_cannot_be_read_is_told_and_the_rest_is_compared(
    results: Results, block: Any, problem: str
) -> None:
    assert read(block) == ([], [problem])
    if isinstance(block, list):
        found = beside(View(with_block(results, [*block, *BLOCK])))
        assert found.unreadable == (problem,)
        assert found.sentence == "1 of 3 published statements agree; no data for 1; 1 cannot be read"


def test_the_page_tells_what_cannot_be_read(results: Results) -> None:
    found = section(with_block(results, 7))
    assert "study.yaml: published: expected a list" in found
    assert "<table" not in found


@pytest.mark.parametrize(
    "where", [{"lr_ratio": [1]}, {"lr_ratio": {"a": 1}}, {"lr_ratio": None}, {"x": True}]
)
def test_no_value_of_an_axis_is_no_data(results: Results, where: dict[str, Any]) -> None:
    found = beside(View(with_block(results, [{**AT_ONE, "where": where, "below": 1}])))
    assert [row["verdict"] for row in found.rows] == ["no data"]


def test_what_a_reduced_run_shows_decides_nothing(results: Results) -> None:
    """The mark stands beside the verdict, and its sentence above the table, once."""
    less = {"reduced": "200 of 4,000 steps", "note": "Their ring has <b>."}
    block = [
        {**AT_ONE, "below": -1.0, **less},
        {**AT_ONE, "at_least": 0.0, **less},
        {**AT_ONE, "value": 0.5, "rate": {"at_least": 0.0}, "standard_errors": 2, "of": 100},
        {"where": {"lr_ratio": 1.0}, "metric": "fd", "source": "x", "lower_than": {"lr_ratio": 1.0}},
    ]
    found = beside(View(with_block(results, block)))
    assert found.notes == [
        "Reduced: 200 of 4,000 steps. A difference decides nothing.",
        "Their ring has <b>.",
    ]
    assert found.sentence.startswith("2 of 4 published statements agree; 1 differs, in reduced runs, which")
    assert found.sentence.endswith("; 1 undecided")
    differs, undecided, *agree = found.rows
    assert (differs["verdict"], differs["reduced"], undecided["verdict"]) == ("differs", True, "undecided")
    assert "against" in undecided["own"]
    share = next(row for row in agree if row["metric"] == "share of seeds with fd ≥ 0")
    assert (share["own"], share["published"]) == ("1", "0.5 of 100 ± 2 SE")
    assert share["se"].startswith("[0.4")


def test_the_page_marks_a_reduced_run(results: Results) -> None:
    found = section(with_block(results, [{**AT_ONE, "below": -1.0, "reduced": "2 <i> of 9 steps"}]))
    assert "differs (reduced)" in found
    assert "Reduced: 2 &lt;i&gt; of 9 steps. A difference decides nothing." in found
