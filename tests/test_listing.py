from __future__ import annotations

import csv
import json
import math

import numpy as np

from bench.listing import printable, render

ROWS = [
    {"name": "a\x1b[31m", "n": 1, "x": 0.5},
    {"name": "=2+2", "n": np.int64(20), "x": math.nan, "note": "-"},
]


def test_table_aligns_numbers_to_the_right_and_strips_control_characters() -> None:
    first, *rest = render(ROWS, "table").splitlines()
    assert first.split() == ["name", "n", "x", "note"]
    assert rest == ["a\N{REPLACEMENT CHARACTER}[31m  1   0.5  -", "=2+2    20    -  -"]


def test_json_has_no_nan() -> None:
    assert json.loads(render(ROWS, "json"))[1] == {"name": "=2+2", "n": 20, "x": None, "note": "-"}


def test_csv_has_no_formulas() -> None:
    rows = list(csv.DictReader(render(ROWS, "csv").splitlines()))
    assert rows[1] == {"name": "'=2+2", "n": "20", "x": "", "note": "'-"}


def test_nothing_to_list() -> None:
    assert render([], "table", ["a", "b"]) == "a  b"
    assert render([], "json") == "[]"


def test_printable_keeps_lines_and_letters() -> None:
    assert printable("é\n\t×") == "é\n\t×"
    assert printable("a\u202eb\x07") == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}"
