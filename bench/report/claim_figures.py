"""Forest plots of claims: effects and intervals beside the margin, of all claims and of one's cells."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from bench.judge.claim import INCONCLUSIVE, NO_EFFECT, UNTESTABLE, Judged
from bench.judge.stats import Estimate
from bench.report.along import BAR, canvas, headline
from bench.report.claim_text import word
from bench.report.svg import INK, LINE, MUTED, SURFACE, Figure, style, to_svg
from bench.report.words import clean, number

FARTHEST = 5.0
"""Margins from 0 to the edge of the picture; what lies beyond is an arrow there."""

LETTERS = 42
"""Letters of a label, beside which a verdict has room."""

MOST_CELLS = 40
"""Cells in a picture; the CSV has all."""

_MARKERS = {NO_EFFECT: "D", INCONCLUSIVE: "o", UNTESTABLE: "x"}
"""Supported and refuted are filled circles: the side of 0 tells them apart, and the word stands beside."""


def forest(claims: Sequence[Judged]) -> Figure | None:
    """All claims with an estimate on one axis: effects in margins, values in half-widths of their bounds.

    The band from -1 to 1 is the margin, or the bounds. Supported effects lie right of 0.
    """
    shown = [each for each in claims if each.estimate.n and math.isfinite(unit_of(each))]
    if not shown:
        return None
    values = [_scaled(each) for each in shown]
    rows = [
        {**_row(each, each.estimate), **_other(each), "drawn_at": drawn[0][0]}
        for each, drawn in zip(shown, values, strict=True)
    ]
    labels = [_label(each.id) for each in shown]
    marks = [_MARKERS.get(each.verdict, "o") for each in shown]
    filled = [each.verdict not in (INCONCLUSIVE, UNTESTABLE) for each in shown]
    ends = [word(each.verdict) for each in shown]
    axis = "effect in margins; right: as expected"
    svg = _draw(labels, values, marks, filled, ends, 1.0, FARTHEST, axis, _told(rows))
    return Figure(svg, rows, "claims")


def by_cell(each: Judged) -> Figure | None:
    """A claim's effect in each cell, 95 %, in its own unit."""
    if not each.cells:
        return None
    rows = [
        {**_row(each, cell.estimate), "drawn_at": cell.estimate.mean, "cell": clean(cell.name)}
        for cell in each.cells
    ]
    margin = each.margin or 0.0
    cells = each.cells[:MOST_CELLS]
    values = [[_plain(cell.estimate)] for cell in cells]
    known = [abs(v) for (triple,) in values for v in triple if v is not None and math.isfinite(v)]
    farthest = max([*known, 1.5 * margin]) * 1.05
    if each.unit == "share of trials":
        farthest = min(farthest, 1.02)
    labels = [_label(cell.name) for cell in cells]
    unit = "share of trials" if each.unit == "share of trials" else clean(each.unit)
    axis = f"{each.claim.expect}, {unit}; band: the margin"
    blank = [""] * len(cells)
    svg = _draw(
        labels, values, ["o"] * len(cells), [True] * len(cells), blank, margin, farthest, axis, _told(rows)
    )
    return Figure(svg, rows, f"claim-{each.id}-cells")


Triple = tuple[float, float | None, float | None]


def unit_of(each: Judged) -> float:
    """What counts as 1 in the picture of all claims: the margin, or half the width of the bounds."""
    if each.claim.within is not None:
        return (each.claim.within[1] - each.claim.within[0]) / 2
    return each.margin or math.nan


def _scaled(each: Judged) -> list[Triple]:
    """The readings of the undecided trials (one, or two that differ) in units of the picture."""
    unit, middle = unit_of(each), 0.0
    if each.claim.within is not None:
        middle = sum(each.claim.within) / 2
    triples = dict.fromkeys(_plain(estimate) for estimate in each.readings)
    return [
        (
            (mean - middle) / unit,
            None if low is None else (low - middle) / unit,
            None if high is None else (high - middle) / unit,
        )
        for mean, low, high in triples
    ]


def _plain(estimate: Estimate) -> Triple:
    return estimate.mean, estimate.low, estimate.high


def _other(each: Judged) -> dict[str, Any]:
    """The other reading of the undecided trials, as columns; that of the first where there is none."""
    mean, low, high = _plain(each.readings[-1])
    return {"effect_all_failed": mean, "low_all_failed": low, "high_all_failed": high}


def _row(each: Judged, estimate: Estimate) -> dict[str, Any]:
    return {
        "claim": each.id,
        "verdict": word(each.verdict),
        "effect": estimate.mean,
        "low": estimate.low,
        "high": estimate.high,
        "unit": clean(each.unit),
        "margin": each.margin,
        "seeds": estimate.n,
    }


def _told(rows: Sequence[dict[str, Any]]) -> str:
    """The picture in words."""
    each = [f"{row.get('cell') or row['claim']}: {_interval(row)}" for row in rows[:MOST_CELLS]]
    return f"Effects with their intervals. {'; '.join(each)}."


def _interval(row: dict[str, Any]) -> str:
    text = number(row["effect"])
    if row["low"] is None:
        return f"{text}, no interval"
    return f"{text} [{number(row['low'])}, {number(row['high'])}]"


def _label(text: str) -> str:
    return clean(text)


def _draw(
    labels: Sequence[str],
    values: Sequence[Sequence[Triple]],
    markers: Sequence[str],
    filled: Sequence[bool],
    ends: Sequence[str],
    margin: float,
    farthest: float,
    axis: str,
    alt: str,
) -> str:
    with style():
        made, axes = canvas(len(labels))
        axes.set_xlim(-farthest, farthest)
        if margin:
            axes.axvspan(-margin, margin, color=LINE, alpha=0.55, linewidth=0)
        axes.axvline(0, color=INK, linewidth=1)
        for i, (triples, marker, is_filled, end) in enumerate(
            zip(values, markers, filled, ends, strict=True)
        ):
            _mark(axes, i + BAR, triples, marker, is_filled, farthest)
            headline(axes, i, labels[i], end, LETTERS)
        axes.set_xlabel(axis)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
        return to_svg(made, alt)


def _mark(
    axes: Axes, row: float, triples: Sequence[Triple], marker: str, is_filled: bool, farthest: float
) -> None:
    """Estimates with what their intervals span together, cut off at the picture's edges with an arrow.

    What lies between two estimates, the readings of the undecided trials, is thick.
    """
    means = [mean for mean, _, _ in triples if not math.isnan(mean)]
    ends = [end for _, *both in triples for end in both if end is not None and not math.isnan(end)]
    if len(ends) == 2 * len(triples):
        low, high = min(ends), max(ends)
        left, right = max(low, -farthest), min(high, farthest)
        if left < right:
            axes.plot([left, right], [row, row], color=INK, linewidth=1.6, solid_capstyle="butt")
        for beyond, edge, arrow in ((low < -farthest, -farthest, "<"), (high > farthest, farthest, ">")):
            if beyond and max(map(abs, means), default=0.0) <= farthest:
                axes.plot([edge], [row], arrow, color=MUTED, markersize=6, clip_on=False)
    if len(means) > 1:
        between = [min(max(mean, -farthest), farthest) for mean in means]
        axes.plot(between, [row, row], color=INK, linewidth=4.5, solid_capstyle="butt")
    face = INK if is_filled else SURFACE
    for mean in means:
        if abs(mean) > farthest:  # the arrow stands for the estimate itself
            at, drawn = math.copysign(farthest, mean), "<" if mean < 0 else ">"
        else:
            at, drawn = mean, marker
        axes.plot(
            [at], [row], drawn, color=INK, markerfacecolor=face if drawn != "x" else INK, markersize=6.5,
            clip_on=False,
        )  # fmt: skip
