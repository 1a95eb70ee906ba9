"""The figures of the report: each a function of tables that returns inline SVG with a text in its place."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from bench.judge.outcomes import FAILURES, OUTCOMES
from bench.judge.stats import Bounds, failure_bounds
from bench.report.svg import COLOURS, INK, INK_ON, MUTED, Figure, figure, style, to_svg
from bench.report.view import View
from bench.report.words import clean, label, span

STACK = (*FAILURES, "undertrained", "converged")
"""Failures from the left, success from the right, the undecided between: the failure share ends there."""

WIDTH = 10.2  # inches: the page's width


def bounds_of(trials: pd.DataFrame) -> Bounds:
    """The failure rate of judged trials; pooled when they come from more than one cell."""
    return failure_bounds(trials["seed"].tolist(), trials["failed"].tolist(), trials["cell"].nunique() > 1)


def counted(trials: pd.DataFrame) -> list[dict[str, Any]]:
    """One row for each outcome that occurs, in the order of the bars."""
    counts = trials["outcome"].value_counts()
    return [
        {"outcome": name, "trials": int(counts[name]), "share": counts[name] / len(trials)}
        for name in STACK
        if name in counts
    ]


def shares(view: View, axis: str) -> Figure:
    """Stacked bars of outcomes for each value of an axis, with the interval of the failure share."""
    values = view.values(axis)
    with style():
        made = figure(WIDTH, 0.75 + 0.46 * len(values))
        axes = made.subplots()
        told: list[str] = []
        rows: list[dict[str, Any]] = []
        for row, value in enumerate(values):
            trials = view.where(axis, value)
            _bar(axes, row, trials, height=0.56)
            bounds = bounds_of(trials)
            _whisker(axes, row, bounds)
            rate = rate_columns(bounds)
            rows += [{clean(axis): label(value), **each, **rate} for each in counted(trials)]
            text = _interval_text(bounds, len(trials))
            axes.text(1.015, row, text, va="center", fontsize=8.5, color=MUTED)
            told.append(f"{label(value)}: {span(bounds.low.mean, bounds.high.mean)} of {len(trials)} failed")
        axes.set_yticks(range(len(values)), [label(value) for value in values])
        axes.set_ylim(len(values) - 0.5, -0.5)
        axes.set_ylabel(clean(axis))
        _share_axis(axes)
        alt = f"Shares of outcomes for each value of {clean(axis)}. {'; '.join(told)}."
        return Figure(to_svg(made, alt), rows, f"outcomes-{clean(axis)}")


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


def _bar(axes: Axes, row: int, trials: pd.DataFrame, height: float) -> None:
    counts, left = trials["outcome"].value_counts(), 0.0
    for name in STACK:
        count = int(counts.get(name, 0))
        if not count:
            continue
        width = count / len(trials)
        axes.barh(row, width, left=left, height=height, color=COLOURS[name], edgecolor=MUTED, linewidth=0.4)
        if width > 0.03:
            at = left + width / 2
            ink = INK_ON[name]
            axes.text(at, row, str(count), ha="center", va="center", fontsize=8.5, color=ink)
        left += width


def _whisker(axes: Axes, row: int, bounds: Bounds) -> None:
    """The interval below the bar: lower end with none of the undecided failed, upper end with all."""
    at = row + 0.38
    low, high = bounds.low.low, bounds.high.high
    if low is not None and high is not None:
        axes.plot([low, high], [at, at], color=INK, linewidth=1.2, solid_capstyle="butt")
        for end in (low, high):
            axes.plot([end, end], [at - 0.06, at + 0.06], color=INK, linewidth=1.2)
    else:
        for points, fill in ((bounds.high.points, "none"), (bounds.low.points, INK)):
            axes.plot(points, [at] * len(points), "o", color=INK, ms=4, mfc=fill, clip_on=False)
    if math.isfinite(bounds.low.mean):
        axes.plot(
            [bounds.low.mean, bounds.high.mean], [at, at], color=INK, linewidth=3, solid_capstyle="butt"
        )


def _interval_text(bounds: Bounds, n: int) -> str:
    low, high = bounds.low.low, bounds.high.high
    share = span(bounds.low.mean, bounds.high.mean)
    if low is None or high is None:
        return f"{share} failed\n{n} trials, {bounds.low.method}"
    return f"{share} failed [{100 * low:.0f}, {100 * high:.0f}]\n{n} trials, {bounds.low.method}"


def _share_axis(axes: Axes) -> None:
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25", "50", "75", "100 %"])
    axes.set_xlabel("share of finished trials")
    axes.grid(axis="y", visible=False)
    sns.despine(ax=axes, left=True, bottom=True)


def legend_entries(view: View) -> list[tuple[str, str, str, str]]:
    """(outcome, colour, meaning, folklore) of every outcome, in the order of the bars."""
    return [(name, COLOURS[name], OUTCOMES[name].meaning, OUTCOMES[name].folklore) for name in STACK]
