"""Metric curves along each axis: median and range over seeds, against the floor."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator
from numpy.typing import NDArray

from bench.report.lines import LETTER, MERGED, MOST_NAMED, End, end_labels, looks, room, short
from bench.report.svg import INK, MUTED, PANEL, Figure, figure, panels, style, to_svg
from bench.report.tracks import Array, seed_curves
from bench.report.view import Group, View
from bench.report.words import clean, label, number

HEIGHT = 2.7
"""Inches of a panel."""

ALL_NAMED = 10
"""With more lines, those that end neither lowest nor highest have no name and no colour."""

BANDED = 6
"""With more lines their bands would hide each other; the CSV has them."""


@dataclass(frozen=True)
class Panel:
    """A column to draw: its title, whether its axis is logarithmic, and what a dead trial counts as."""

    column: str
    title: str
    log: bool = False
    worst: float = math.nan
    top: float | None = None


@dataclass(frozen=True)
class Band:
    """One line: median, least and most over seeds at each step."""

    value: Any
    steps: Array
    median: Array
    least: Array
    most: Array
    seeds: int

    def rows(self, axis: str, metric: str) -> list[dict[str, Any]]:
        columns = (self.steps, self.median, self.least, self.most)
        return [
            {axis: label(self.value), "metric": metric, "step": int(step), "median": middle}
            | {"least": least, "most": most, "seeds": self.seeds}
            for step, middle, least, most in zip(*(each.tolist() for each in columns), strict=True)
        ]


def content(view: View) -> dict[str, Any]:
    """`curve_groups`: for each group its name and (axis, figure) for each axis that its trials vary."""
    found = []
    for group in view.groups:
        done = group.trials[group.trials["status"] == "done"]
        axes = [axis for axis, column in view.axes.items() if done[column].nunique(dropna=False) > 1]
        shown = [(clean(axis), curves(view, group, axis)) for axis in axes]
        if not axes and len(done):
            shown = [("", curves(view, group, None))]
        found.append({"name": group.name, "figures": shown})
    return {"curve_groups": found, "banded": BANDED, "all_named": ALL_NAMED}


def curves(view: View, group: Group, axis: str | None) -> Figure:
    """Curves of the main metrics over steps, one line per value of the axis, bands over seeds.

    Without an axis one line for all trials.
    """
    done = group.trials[group.trials["status"] == "done"]
    values = view.values(axis, done) if axis else ["all trials"]
    name = clean(axis or "trials")
    of_value = [view.where(axis, value, done) if axis else done for value in values]
    drawn, rows = [], []
    tracks = view.tracks
    for panel in _panels(view, group):
        dense = tracks.values(panel.column)
        bands = []
        for value, trials in zip(values, of_value, strict=True):
            steps, spread = seed_curves(tracks, dense, trials, panel.worst)
            if steps.size:
                ends = np.median(spread, axis=1), spread.min(axis=1), spread.max(axis=1)
                bands.append(Band(value, steps, *ends, spread.shape[1]))
        for band in bands:
            rows += band.rows(name, panel.column)
        drawn.append(_svg(panel, group, bands, values, name))
    part = f"-{group.name}" if len(view.groups) > 1 else ""
    return Figure(panels(drawn), rows, f"curves{part}-{name}")


def _panels(view: View, group: Group) -> list[Panel]:
    """The panels for which the group's trials have any number."""
    modes = float(group.n_modes) if group.n_modes else None
    wanted = [
        Panel(group.primary, f"{group.primary}, lower is better", True, math.inf),
        Panel("modes.covered", "modes covered", worst=-math.inf, top=modes),
        Panel("modes.hq", "share of good samples", worst=-math.inf, top=1.0),
        Panel("d_auc.mean", "D's AUC, real against fake", top=1.0),
    ]
    table = view.results.curves
    if "modes.covered" not in table or not modes or modes < 2:
        wanted.append(Panel("spread", "spread, fake / real"))
    if len(view.groups) > 1:
        table = table[table["trial"].isin(group.trials["trial"])]
    return [each for each in wanted if each.column in table and table[each.column].notna().any()]


def _svg(panel: Panel, group: Group, bands: Sequence[Band], values: Sequence[Any], axis: str) -> str:
    look = dict(zip(map(label, values), looks(values), strict=True))
    named = _named(bands)
    floor = floor_of(group, panel.column)
    with style():
        made = figure(PANEL, HEIGHT, layout=None)
        names = room([each.value for each in bands if label(each.value) in named])
        right = max(names, LETTER * (MERGED if len(bands) > 2 else 0)) + 0.42 if len(values) > 1 else 0.15
        made.subplots_adjust(
            left=0.55 / PANEL, right=1 - right / PANEL, top=1 - 0.45 / HEIGHT, bottom=0.46 / HEIGHT
        )
        axes = made.subplots()
        for band in bands:
            colour, dashes = look[label(band.value)]
            is_named = label(band.value) in named
            # Infinite means: more than half of the cells of that seed have died. The line ends there.
            axes.plot(
                band.steps, _finite(band.median), color=colour if is_named else MUTED,
                linestyle=dashes if is_named else "-", linewidth=1.7 if is_named else 0.8,
            )  # fmt: skip
            if len(bands) <= BANDED:
                low, high = _finite(band.least), _finite(band.most)
                axes.fill_between(band.steps, low, high, color=colour, alpha=0.15, linewidth=0)
        _frame(axes, panel, floor)
        if len(values) > 1:
            ends = [_end(each, look) for each in bands if label(each.value) in named]
            end_labels(axes, ends)
        told = "; ".join(f"{label(each.value)} ends at {number(_last(each.median))}" for each in bands)
        against = "" if floor != floor else f" Floor {number(floor)}."
        alt = f"{panel.title}, over training steps by {axis}. {told}.{against}"
        return to_svg(made, alt)


def _named(bands: Sequence[Band]) -> set[str]:
    """The lines with a name: all, or of many those that end lowest and highest."""
    if len(bands) <= ALL_NAMED:
        return {label(each.value) for each in bands}
    ordered = sorted(bands, key=lambda each: _last(each.median))
    half = MOST_NAMED // 2
    return {label(each.value) for each in (*ordered[:half], *ordered[-half:])}


def _end(band: Band, look: dict[str, tuple[str, Any]]) -> End:
    colour, dashes = look[label(band.value)]
    died = bool(np.isinf(band.median).any())
    text = f"{short(band.value)} †" if died else short(band.value)
    return End(_last(band.median), text, colour, dashes)


def _last(values: NDArray[np.float64]) -> float:
    known = values[np.isfinite(values)]
    return float(known[-1]) if known.size else math.nan


def floor_of(group: Group, column: str) -> float:
    """The floor's mean of a column; NaN where none was measured."""
    mean = group.floors.get(column, {}).get("mean", math.nan)
    return group.floor_mean if column == group.primary else float(mean)


def _frame(axes: Axes, panel: Panel, floor: float) -> None:
    axes.set_xlabel("step")
    axes.margins(x=0.0)
    sns.despine(ax=axes)
    title = panel.title
    if floor == floor:
        axes.axhline(floor, color=INK, linewidth=1, linestyle=(0, (4, 3)))
        title += f"; dashed: floor {number(floor)}"
    # Above the frame, where no line runs.
    axes.text(
        0.0, 1.06, title, transform=axes.transAxes, fontsize=9.5, fontweight="bold", color=INK, va="bottom"
    )
    if panel.top:
        axes.set_ylim(-0.03 * panel.top, 1.05 * panel.top)
    if panel.log and all(low > 0 for low in _lows(axes)):
        axes.set_yscale("log")
        low, high = axes.get_ylim()
        wide = high > 100 * low
        axes.yaxis.set_major_locator(LogLocator(subs=(1,) if wide else (1, 2, 5), numticks=8))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
        axes.yaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))


def _lows(axes: Axes) -> list[float]:
    drawn = [np.asarray(line.get_ydata(), dtype=float) for line in axes.get_lines()]
    lows = [float(np.nanmin(values)) for values in drawn if np.isfinite(values).any()]
    return lows or [0.0]


def _finite(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.isfinite(values), values, np.nan)
