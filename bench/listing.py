"""Rows as text: a table for people, JSON and CSV for programs. Nothing in a name may drive the terminal."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def printable(text: str) -> str:
    """`text` without control and direction characters; line feeds and tabs stay."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def render(rows: Sequence[Mapping[str, Any]], form: str, columns: Sequence[str] = ()) -> str:
    """`rows` as `table`, `json` or `csv`; `columns` default to the keys of all rows in order."""
    names = list(columns) or list(dict.fromkeys(name for row in rows for name in row))
    if form == "json":
        return json.dumps([{name: _plain(row.get(name)) for name in names} for row in rows], indent=2)
    if form == "csv":
        return csv_text(names, rows)
    return table(names, rows)


def dumps(record: Any) -> str:
    """A record of records and lists as JSON; what is not finite is null."""
    return json.dumps(_deep(record), indent=2)


def _deep(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _deep(each) for key, each in value.items()}
    return [_deep(each) for each in value] if isinstance(value, (list, tuple)) else _plain(value)


def table(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    """Aligned columns under their names; numbers to the right."""
    cells = [[_shown(row.get(name)) for name in names] for row in rows]
    widths = [max(len(name), *(len(line[i]) for line in cells), 0) for i, name in enumerate(names)]
    is_number = [
        any(_is_number(row.get(name)) for row in rows)
        and all(_is_number(row.get(name)) or row.get(name) is None for row in rows)
        for name in names
    ]

    def line(values: Sequence[str]) -> str:
        parts = [v.rjust(w) if n else v.ljust(w) for v, w, n in zip(values, widths, is_number, strict=True)]
        return "  ".join(parts).rstrip()

    return "\n".join([line(list(names)), *(line(values) for values in cells)])


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """CSV whose text cannot be taken for a formula by a spreadsheet."""
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _safe(_plain(row.get(name))) for name in columns})
    return out.getvalue().rstrip("\n")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _plain(value: Any) -> Any:
    """A value that JSON has: numpy's scalars as Python's, what is not finite as null."""
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _shown(value: Any) -> str:
    value = _plain(value)
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.6g}"
    return printable(str(value)).replace("\n", " ").replace("\t", " ")


def _safe(value: Any) -> Any:
    if isinstance(value, str):
        value = printable(value)
        return f"'{value}" if value[:1] in ("=", "+", "-", "@", "\t") else value
    return value
