"""How names and numbers are written for people: in pages, terminals and spreadsheets."""

from __future__ import annotations

import csv
import io
import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote

from bench.listing import inert

_LONGEST = 300
# Control characters, direction marks, surrogates, private use.
_HIDDEN = ("Cc", "Cf", "Cs", "Co")
_BREAKS = re.compile(r"[\t\n\v\f\r\x85\u2028\u2029]+")


def clean(value: Any) -> str:
    """Text on one line without control or direction-changing characters, of bounded length.

    Names come from study files and reach HTML, terminals and file names. The template escapes HTML.
    """
    text = "".join(
        c for c in _BREAKS.sub(" ", str(value)) if c == " " or unicodedata.category(c) not in _HIDDEN
    )
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def number(value: Any) -> str:
    """Four significant digits; an en dash for null."""
    if value is None or value != value:
        return "–"
    value = float(value)
    if math.isinf(value):
        return "infinite"
    if value == int(value) and abs(value) < 1e6:
        return str(int(value))
    return f"{value:.4g}"


def raw(value: Any) -> str:
    """A number as a table sorts it, unrounded: the shortest text that reads back as it; empty for null."""
    return "" if value is None or value != value else repr(float(value)).removesuffix(".0")


def label(value: Any) -> str:
    """An axis value: numbers without needless digits, text cleaned, null as "none"."""
    if value is None or value != value:
        return "none"
    if isinstance(value, str):
        return clean(value)
    return number(value) if not isinstance(value, bool) else str(value).lower()


def outcome_word(name: str) -> str:
    """`total_collapse` as it stands in a sentence."""
    return name.replace("_", " ")


def slug(name: str) -> str:
    """A name as part of a file's: letters of ASCII, digits, `_`, `.` and `-` alone, not empty, not hidden."""
    kept = re.sub(r"[^A-Za-z0-9_.]+", "-", name).strip("-.")
    return kept[:80] or "figure"


def percent(share: float) -> str:
    return "–" if math.isnan(share) else f"{100 * share:.0f} %"


def tight(text: str) -> str:
    """The same with no line break between a number and its percent sign."""
    return type(text)(re.sub(r"(?<=\d) %", "\u00a0%", text))  # Markup stays Markup


def span(low: float, high: float) -> str:
    """A percentage, or the two bounds of one."""
    return percent(low) if percent(low) == percent(high) else f"{100 * low:.0f} to {percent(high)}"


def duration(seconds: float | None) -> str:
    """`3 h 12 min`, `4 min 5 s`, `12 s`."""
    if seconds is None or seconds != seconds:
        return "–"
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 60} min {whole % 60} s" if whole >= 60 else f"{whole} s"


def csv_cell(value: Any) -> str:
    """A cell that no spreadsheet runs: text that begins like a formula gets an apostrophe; numbers stay."""
    if value is None or value != value:
        return ""
    return str(value) if isinstance(value, (bool, int, float)) else inert(clean(value))


def csv_text(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table as CSV, every cell made safe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([csv_cell(name) for name in header])
    writer.writerows([[csv_cell(value) for value in row] for row in rows])
    return out.getvalue()


def csv_uri(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """The same as the address of a link that saves it (RFC 2397), a quarter shorter than in base 64.

    As it stands is only what neither a URL nor an attribute of HTML takes for its own.
    """
    return f"data:text/csv;charset=utf-8,{quote(csv_text(header, rows), safe=_AS_IT_STANDS)}"


def brief_cell(value: Any) -> Any:
    """Six significant digits: what a picture shows needs no more, and the page stays small."""
    if isinstance(value, float) and math.isfinite(value):
        short = float(f"{value:.6g}")
        return int(short) if short.is_integer() and abs(short) < 1e15 else short
    return value


_AS_IT_STANDS = " !$()*+,-./:;=@[]^_`{|}~"
