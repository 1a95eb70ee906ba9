"""Outcomes along each axis, and what changing one value alone does to the failure rate."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from bench.judge.stats import Bounds
from bench.report.contrasts import AxisContrast, contrast, crossed, data_of
from bench.report.figures import bounds_of, counted
from bench.report.svg import COLOURS, INK, INK_ON, MUTED, PANEL, SURFACE, Figure, figure, style, to_svg
from bench.report.view import View
from bench.report.words import clean, label, span
from bench.study.problems import listed

ROW = 0.52
"""Inches of a row: a line of text, a bar or an interval below it."""

EDGE = 0.22
"""Inches left and right of the frame."""

BAR, WHISKER = 0.15, 0.34
"""Places within a row, from -0.5 at its top: the middle of the bar, and the interval below it."""


def content(view: View) -> dict[str, Any]:
    """`along`: for each axis its name, shares of outcomes, paired effects (None without pairs) and a note."""
    if view.judged.empty:
        return {"along": []}
    return {
        "along": [
            (clean(axis), shares(view, axis), effects(view, axis), pooled(view, axis)) for axis in view.axes
        ]
    }


def pooled(view: View, axis: str) -> str:
    """What stands behind a bar: the cells of the other axes, and whether they are the same for all bars."""
    others = {name: column for name, column in view.axes.items() if name != axis}
    if not others:
        return ""
    names = listed(map(clean, others))
    mine = [view.judged[view.matches(axis, value, view.judged)] for value in view.values(axis, view.judged)]
    cells = [set(map(repr, rows[list(others.values())].itertuples(index=False))) for rows in mine]
    if all(each == cells[0] for each in cells):
        return f"Each bar pools all values of {names}."
    return f"Each bar pools the values of {names} that it was run with, which are not the same for all bars."


def shares(view: View, axis: str) -> Figure:
    """Stacked bars of outcomes for each value of an axis, with the interval of the failure share."""
    values = view.values(axis)
    told: list[str] = []
    rows: list[dict[str, Any]] = []
    with style():
        made, axes = canvas(len(values))
        for row, value in enumerate(values):
            trials = view.where(axis, value)
            bounds = bounds_of(trials)
            _bar(axes, row + BAR, trials)
            _whisker(axes, row + WHISKER, bounds)
            rows += [{clean(axis): label(value), **each, **rate_columns(bounds)} for each in counted(trials)]
            headline(axes, row, label(value), _rate_text(bounds, len(trials)))
            told.append(f"{label(value)}: {span(bounds.low.mean, bounds.high.mean)} of {len(trials)} failed")
        axes.set_xlim(0, 1)
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25", "50", "75", "100 %"])
        axes.set_xlabel("share of finished trials")
        alt = f"Shares of outcomes for each value of {clean(axis)}. {'; '.join(told)}."
        return Figure(to_svg(made, alt), rows, f"outcomes-{clean(axis)}")


def canvas(count: int) -> tuple[Any, Axes]:
    """Rows of text and marks from the top."""
    height = ROW * count + 0.55
    made = figure(PANEL, height, layout=None)
    axes = made.add_axes((EDGE / PANEL, 0.5 / height, 1 - 2 * EDGE / PANEL, ROW * count / height))
    axes.set_ylim(count - 0.5, -0.5)
    axes.set_yticks([])
    axes.grid(axis="y", visible=False)
    sns.despine(ax=axes, left=True, bottom=True)
    return made, axes


def headline(axes: Axes, row: int, name: str, text: str, letters: int = 28) -> None:
    """The value at the left end and its numbers at the right end, above the marks of a row."""
    shown = name if len(name) <= letters else f"{name[: letters - 1]}…"
    # A ground of the page's colour: what is drawn across the rows does not strike the text through.
    ground = {"facecolor": SURFACE, "edgecolor": "none", "pad": 0.8}
    look: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "va": "center", "bbox": ground}
    axes.text(0.0, row - 0.3, shown, fontsize=9, fontweight="bold", color=INK, ha="left", **look)
    axes.text(1.0, row - 0.3, text, fontsize=8.5, color=MUTED, ha="right", **look)


def rate_columns(bounds: Bounds) -> dict[str, Any]:
    """The failure rate as columns: with none and with all of the undecided failed, and its interval."""
    return {
        "failure_rate_least": bounds.low.mean,
        "failure_rate_most": bounds.high.mean,
        "interval_low": bounds.low.low,
        "interval_high": bounds.high.high,
        "n": bounds.low.n,
        "interval": bounds.low.method,
    }


def _bar(axes: Axes, at: float, trials: pd.DataFrame) -> None:
    left = 0.0
    for each in counted(trials):
        name, width = each["outcome"], each["share"]
        axes.barh(at, width, left=left, height=0.3, color=COLOURS[name], edgecolor=MUTED, linewidth=0.4)
        if width > 0.018 * len(str(each["trials"])) + 0.02:
            axes.text(
                left + width / 2, at, str(each["trials"]), ha="center", va="center", fontsize=8.5,
                color=INK_ON[name],
            )  # fmt: skip
        left += width


def _whisker(axes: Axes, at: float, bounds: Bounds) -> None:
    """The interval below the bar: lower end with none of the undecided failed, upper end with all."""
    _interval(axes, at, bounds.low.low, bounds.high.high, (bounds.low.mean, bounds.high.mean))
    if bounds.low.low is None:
        _points(axes, at, bounds.low.points, bounds.high.points)


def _interval(
    axes: Axes, at: float, low: float | None, high: float | None, means: tuple[float, float]
) -> None:
    if low is not None and high is not None:
        axes.plot([low, high], [at, at], color=INK, linewidth=1.2, solid_capstyle="butt")
        for end in (low, high):
            axes.plot([end, end], [at - 0.05, at + 0.05], color=INK, linewidth=1.2)
    if math.isfinite(means[0]):
        axes.plot(means, [at, at], color=INK, linewidth=3.2, solid_capstyle="butt")
        if means[0] == means[1]:
            axes.plot(means[:1], [at], "s", color=INK, ms=3.5, clip_on=False)


def _points(axes: Axes, at: float, least: tuple[float, ...], most: tuple[float, ...]) -> None:
    """One dot for each seed, hollow with its undecided trials failed."""
    for points, fill in ((most, "none"), (least, INK)):
        axes.plot(points, [at] * len(points), "o", color=INK, ms=4, mfc=fill, clip_on=False)


def _rate_text(bounds: Bounds, n: int) -> str:
    low, high = bounds.low.low, bounds.high.high
    ends = "" if low is None or high is None else f" [{100 * low:.0f}, {100 * high:.0f}]"
    return f"{span(bounds.low.mean, bounds.high.mean)} failed{ends}, n = {n}"


def effects(view: View, axis: str) -> Figure | None:
    """Paired effects of an axis's values on the failure rate; None where no two values have pairs.

    Numbers are compared with the next smaller one, names with the first; the same seed and the same value of
    every other axis on both sides.
    """
    found = _compared(view, axis)
    if not found:
        return None
    told = []
    seeds = sorted({each.least.n for each in found})
    with style():
        made, axes = canvas(len(found))
        ends = [0.0]
        for row, each in enumerate(found):
            low, high = each.low, each.high
            _interval(axes, row + BAR, low, high, each.means)
            if low is None:
                _points(axes, row + BAR, each.least.points, each.most.points)
                ends += [*each.least.points, *each.most.points]
            ends += [*each.means, *(end for end in (low, high) if end is not None)]
            name = f"{label(each.treatment)} for {label(each.control)}"
            text = _effect_text(each, with_seeds=len(seeds) > 1)
            headline(axes, row, name, text)
            told.append(f"{name}: {text}")
        reach = next(each for each in (0.1, 0.25, 0.5, 1.0) if max(map(abs, ends)) <= each + 1e-9)
        ticks = [-reach, -reach / 2, 0, reach / 2, reach]
        axes.set_xlim(-1.02 * reach, 1.02 * reach)
        axes.set_xticks(ticks, [f"{100 * tick:+g}" if tick else "0" for tick in ticks])
        axes.axvline(0, color=INK, linewidth=1)
        same = f"; n = {seeds[0]} seed{'s' if seeds[0] != 1 else ''}" if len(seeds) == 1 else ""
        axes.set_xlabel(f"points of the failure rate; left: fewer fail{same}")
        alt = f"Paired effects on the failure rate along {clean(axis)}{same}. {'; '.join(told)}."
        rows = [_effect_row(each) for each in found]
        return Figure(to_svg(made, alt), rows, f"effects-{clean(axis)}")


def _compared(view: View, axis: str) -> list[AxisContrast]:
    table, data = crossed(view, axis), data_of(view, axis)
    if table is None:
        return []
    numbers = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in table.values)
    pairs = [(i, i - 1 if numbers else 0) for i in range(1, len(table.values))]
    made = [contrast(table, axis, i, j) for i, j in pairs if data[i] == data[j]]
    return [each for each in made if each is not None]


def _effect_text(each: AxisContrast, with_seeds: bool) -> str:
    first, last = map(_signed, each.means)
    text = first if first == last else f"{first} to {last}"
    if each.low is not None and each.high is not None:
        text += f" [{_signed(each.low)}, {_signed(each.high)}]"
    return f"{text}, n = {each.least.n}" if with_seeds else text


def _signed(share: float) -> str:
    """Whole percentage points with their sign; 0 has none."""
    points = round(100 * share)
    return f"{points:+d}" if points else "0"


def _effect_row(each: AxisContrast) -> dict[str, Any]:
    return {
        "axis": clean(each.axis),
        "treatment": label(each.treatment),
        "control": label(each.control),
        "difference_least": each.means[0],
        "difference_most": each.means[1],
        "low": each.low,
        "high": each.high,
        "seeds": each.least.n,
        "pairs": each.pairs,
        "unpaired": each.unpaired,
        "correlation": each.correlation,
        "method": each.least.method,
    }
