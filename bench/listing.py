"""Rows as text: a table for people, JSON and CSV for programs. Nothing in a name may drive the terminal."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


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
    heads = [_shown(name) for name in names]
    cells = [[_shown(row.get(name)) for name in names] for row in rows]
    widths = [max(len(head), *(len(line[i]) for line in cells), 0) for i, head in enumerate(heads)]
    is_number = [
        any(_is_number(row.get(name)) for row in rows)
        and all(_is_number(row.get(name)) or row.get(name) is None for row in rows)
        for name in names
    ]

    def line(values: Sequence[str]) -> str:
        parts = [v.rjust(w) if n else v.ljust(w) for v, w, n in zip(values, widths, is_number, strict=True)]
        return "  ".join(parts).rstrip()

    return "\n".join([line(heads), *(line(values) for values in cells)])


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """CSV whose text cannot be taken for a formula by a spreadsheet."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([_safe(name) for name in columns])
    writer.writerows([_safe(_plain(row.get(name))) for name in columns] for row in rows)
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
    return inert(printable(value)) if isinstance(value, str) else value


def inert(text: str) -> str:
    """Text as a cell that no spreadsheet runs: an apostrophe stands before what begins like a formula.

    A formula begins with = + - @, also behind white space and in the full-width forms that some
    spreadsheets read as these (OWASP, CSV Injection; Apple's Numbers: adaltas/node-csv 387).
    """
    first = unicodedata.normalize("NFKC", text.lstrip()[:1])
    return f"'{text}" if first in ("=", "+", "-", "@") else text
