"""Names and numbers as they are written for people and spreadsheets."""

from __future__ import annotations

import csv
import io
import math

import pytest

from bench.report.words import clean, csv_cell, csv_text, duration, label, number, percent, span


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "＝", "＋", "－", "＠", "\ufe66"])
def test_cells_that_a_spreadsheet_would_run_are_prefixed(start: str) -> None:
    assert csv_cell(f"{start}1+1") == f"'{start}1+1"
    assert csv_cell(f"\t\r\n {start}1") == f"'  {start}1"


def test_numbers_and_nulls_stay_what_they_are() -> None:
    assert csv_cell(-1.5) == "-1.5"
    assert csv_cell(None) == ""
    assert csv_cell(math.nan) == ""


def test_csv_comes_back_as_written() -> None:
    text = csv_text(["a", "=b"], [["x,y", 'quote"'], ["line\nbreak", 2]])
    assert list(csv.reader(io.StringIO(text))) == [["a", "'=b"], ["x,y", 'quote"'], ["line break", "2"]]


def test_control_and_direction_characters_are_removed() -> None:
    assert clean("a\x1b[31mb\u202ec\u200d\n") == "a[31mbc "
    assert len(clean("x" * 10_000)) == 300


def test_numbers() -> None:
    assert [number(v) for v in (None, math.nan, 3.0, 0.00051234, 1234567.0, math.inf)] == [
        "–", "–", "3", "0.0005123", "1.235e+06", "infinite",
    ]  # fmt: skip
    assert [label(v) for v in (0.1, True, None, "a")] == ["0.1", "true", "none", "a"]


def test_percentages_and_durations() -> None:
    assert (percent(0.256), percent(math.nan)) == ("26 %", "–")
    assert (span(0.25, 0.5), span(0.5, 0.5)) == ("25 to 50 %", "50 %")
    assert [duration(v) for v in (12.4, 245, 11520, None)] == ["12 s", "4 min 5 s", "3 h 12 min", "–"]
