"""A comparison as people read it: the cells of its tables, and the two tables of the terminal."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from bench.judge.comparison import FIRST, OPEN, SECOND, Choice, Contrast
from bench.judge.effects import LOWER, Effect
from bench.judge.stats import Bounds, Estimate
from bench.listing import printable, table
from bench.report.compared import Compared, answer, how, why_no_r
from bench.report.words import clean, number, percent, span

WIDE = 100
"""Columns of a terminal that the tables fit into."""

NARROWEST = 8
"""Letters that a name keeps at least."""

LONGEST_CELL = 26
"""Letters of a chosen cell's name for which its table has room."""


def failed_text(bounds: Bounds) -> str:
    """`5 to 30 % [1, 45]`; without the brackets where there is no interval."""
    return span(bounds.low.mean, bounds.high.mean) + ends(bounds.low.low, bounds.high.high, 100)


def ends(low: float | None, high: float | None, times: float = 1.0) -> str:
    """` [1, 45]`, empty where there is no interval."""
    if low is None or high is None:
        return ""
    if times == 1.0:
        return f" [{brief(low)}, {brief(high)}]"
    return f" [{times * low:.0f}, {times * high:.0f}]".replace("-0,", "0,").replace("-0]", "0]")


def brief(value: float) -> str:
    """Three significant digits."""
    if not math.isfinite(value):
        return number(value) if value > 0 or value != value else "-infinite"
    return number(float(f"{value:.3g}"))


def points_text(each: Contrast) -> str:
    """`-30 to -10 [-48, 5]`: percentage points, over what becomes of the undecided."""
    means = [effect.estimate.mean for effect in each.failure]
    low, high = signed(min(means)), signed(max(means))
    return (low if low == high else f"{low} to {high}") + ends(*each.failure_span, 100)


def signed(share: float) -> str:
    """A difference of shares in points, with its sign."""
    text = "–" if share != share else f"{100 * share:+.0f}"
    return "0" if text in ("+0", "-0") else text


def middle_text(each: Estimate) -> str:
    """A value with its interval."""
    return ("–" if each.mean != each.mean else brief(each.mean)) + ends(each.low, each.high)


def ratio_text(it: Compared, each: Effect) -> str:
    """`0.7 [0.51, 0.97]`: first over second, or a signed difference."""
    scale = math.exp if it.is_ratio else float
    mean, low, high = each.estimate.mean, each.estimate.low, each.estimate.high
    if mean != mean:
        return "–"
    if low is None or high is None:
        return brief(_scaled(scale, mean))
    return brief(_scaled(scale, mean)) + ends(_scaled(scale, low), _scaled(scale, high))


def _scaled(scale: Any, value: float) -> float:
    return float(scale(value)) if abs(value) < 700 else (math.inf if value > 0 else scale(-700.0))


def p_text(p: float | None) -> str:
    if p is None:
        return "–"
    return "< 0.001" if p < 0.001 else f"{p:.3f}" if p < 0.0995 else f"{p:.2f}"


def r_text(correlation: float | None) -> str:
    """A correlation to one digit."""
    return "–" if correlation is None else f"{correlation:.1f}".replace("-0.0", "0.0")


def winner(each: Contrast, verdict: str) -> str:
    """The better one's name, `open`, or a dash below 5 seeds."""
    return {FIRST: each.first, SECOND: each.second, OPEN: "open"}.get(verdict, "–")


def fresh_text(choice: Choice | None) -> tuple[str, str]:
    """(cell, `0 to 1 of 5`)."""
    if choice is None:
        return "–", "–"
    low, high = choice.failure.low, choice.failure.high
    k, most, n = round(low.mean * low.n), round(high.mean * high.n), low.n
    return clean(choice.cell) or "the only one", f"{k} of {n}" if k == most else f"{k} to {most} of {n}"


def share_text(each: Estimate) -> str:
    return percent(each.mean) + ends(each.low, each.high, 100)


# --- the terminal


def text(it: Compared) -> str:
    """The answer, both tables and how it was compared, within 100 columns where names can be shortened."""
    asked = it.asked
    which = "lower" if asked.better == LOWER else "higher"
    floor = f", floor {brief(asked.floor[0])}" if math.isfinite(asked.floor[0]) else ""
    kind, sign = ("ratio", "/") if it.is_ratio else ("difference", "-")
    head = (
        f"{asked.metric} of {asked.data}: {which} is better{floor}; the interquartile mean. failed: from "
        "none of the undecided failed to all of them. [...]: 95 % over the seeds. chosen cell: the best on "
        "odd seeds; fresh: what it does on the even ones."
    )
    no_r = why_no_r(it)
    legend = (
        f"failed: first - second, in points. {kind}: {asked.metric} of the first {sign} the second. "
        f"{_tested(it)} better: P(first better than second, same seed and cell). r: correlation of the "
        f"paired seeds{f' (–: {no_r})' if no_r else ''}."
    )
    parts = [
        _wrapped(answer(it)),
        _wrapped(head),
        *_standings(it),
        _wrapped(legend),
        fitted(pair_cells(it), ("first", "second")),
        "\n".join(_wrapped(f"- {each}", "  ") for each in how(it)),
    ]
    return printable("\n\n".join(parts))


def _tested(it: Compared) -> str:
    """What p and the brackets of a pair are: several tests are corrected together, an interval never is."""
    if it.found.family < 2:
        return "p: of the one test; [...]: 95 %." if it.found.family else "p: none below 5 seeds."
    none = "0 (a ratio: 1)" if it.is_ratio else "0"
    return (
        f"p: Holm's over the {it.found.family} tests, and verdicts go by it. [...]: 95 % each by itself, not "
        f"corrected, so one may leave out {none} where p is above 0.05."
    )


def _standings(it: Compared) -> list[str]:
    """The table of methods; chosen cells with long names stand below it."""
    rows = standing_cells(it)
    if max(len(row["chosen cell"]) for row in rows) <= LONGEST_CELL:
        return [fitted(rows, (it.asked.by,))]
    name = max(len(row[it.asked.by]) for row in rows)
    cells = [f"  {row[it.asked.by]:<{name}}  {row['chosen cell']}" for row in rows]
    shown = [{key: value for key, value in row.items() if key != "chosen cell"} for row in rows]
    return [fitted(shown, (it.asked.by,)), "\n".join(["chosen cells", *cells])]


def _wrapped(prose: str, indent: str = "") -> str:
    return textwrap.fill(prose, WIDE, subsequent_indent=indent, break_on_hyphens=False)


def standing_cells(it: Compared) -> list[dict[str, Any]]:
    metric, rows = it.asked.metric, []
    for each in it.found.standings:
        cell, fresh = fresh_text(each.choice)
        value = brief(each.choice.value) if each.choice is not None else "–"
        rows.append(
            {
                it.asked.by: each.name,
                "failed": failed_text(each.failure),
                metric: middle_text(each.middle),
                "chosen cell": cell,
                "fresh failed": fresh,
                f"fresh {metric}": value,
            }
        )
    return rows


def pair_cells(it: Compared) -> list[dict[str, Any]]:
    kind = "ratio" if it.is_ratio else "difference"
    return [
        {
            "first": each.first,
            "second": each.second,
            "failed": points_text(each),
            "p": p_text(each.adjusted_failure),
            kind: ratio_text(it, each.value),
            "p ": p_text(each.adjusted_value),
            "better": percent(each.improvement.mean),
            "r": r_text(each.value.correlation),
        }
        for each in it.found.contrasts
    ]


def fitted(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> str:
    """A table whose columns `names` are shortened, all to the same length, until it has `WIDE` columns."""
    room = max(len(str(row[name])) for row in rows for name in names)
    while True:
        shown = [{**row, **{name: shortened(str(row[name]), room) for name in names}} for row in rows]
        made = table(list(rows[0]), shown)
        over = max(map(len, made.splitlines())) - WIDE
        if over <= 0 or room <= NARROWEST:
            return made
        room = max(NARROWEST, room - math.ceil(over / len(names)))


def shortened(name: str, room: int) -> str:
    """The beginning and the end of a name, which often tell more than its middle."""
    if len(name) <= room:
        return name
    tail = (room - 1) // 3
    return f"{name[: room - 1 - tail]}…{name[len(name) - tail :]}"
