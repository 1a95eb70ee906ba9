"""YAML's traps, each closed."""

from __future__ import annotations

from typing import Any

import pytest

from bench.study.problems import Problems
from bench.study.yaml_file import MAX_BYTES, parse, parse_argument


def value_of(text: str) -> Any:
    problems = Problems("f")
    value = parse(text, problems)
    assert problems.lines == []
    return value


def test_dates_stay_text() -> None:
    assert value_of("a: 2024-01-01") == {"a": "2024-01-01"}


def test_aliases_and_merge_keys_work_within_reason() -> None:
    assert value_of("a: &a {x: 1}\nb: {<<: *a, y: 2}\nc: *a\n") == {
        "a": {"x": 1},
        "b": {"x": 1, "y": 2},
        "c": {"x": 1},
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\n---\nb: 2\n", "expected a single document"),
        ("? [a, b]\n: 1\n", "unhashable key"),
        ("a: " + "[" * 60 + "]" * 60, "nested deeper than 50 levels"),
        ("a: .inf", "f: a: inf is no finite number"),
        ("a: {b: [1, -.inf]}", "f: a.b[1]: -inf is no finite number"),
        ("#" * (MAX_BYTES + 1), "too long for a study"),
    ],
)
def test_refused(text: str, message: str) -> None:
    problems = Problems("f")
    parse(text, problems)
    assert message in problems.lines[0]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4),
        ("[1e-4, -2.5E3, .5e1]", [1e-4, -2500.0, 5.0]),
        ("{a: 1e2}", {"a": 100.0}),
        ("e4", "e4"),
    ],
)
def test_an_argument_may_write_a_number_as_everybody_does(text: str, value: object) -> None:
    assert parse_argument(text, Problems("f")) == value
