"""The figures of the report: each a function of tables that returns inline SVG with a text in its place."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from numpy.typing import NDArray

from bench.judge.outcomes import FAILURES, OUTCOMES
from bench.judge.stats import Bounds, failure_bounds
from bench.report.svg import COLOURS, INK, INK_ON, LINE, MUTED, Figure, figure, style, to_svg
from bench.report.view import Group, View
from bench.report.words import clean, label, number, outcome_word, span

STACK = (*FAILURES, "undertrained", "converged")
"""Failures from the left, success from the right, the undecided between: the failure share ends there."""

WIDTH = 10.2  # inches: the page's width

ACROSS = 12
"""Values of an axis that a map has room for across."""

LETTER = 0.078  # inches: about the width of a letter in a figure

SMALL = 5
"""Cells with fewer trials are hatched: their rate is hardly known."""


def bounds_of(trials: pd.DataFrame) -> Bounds:
    """The failure rate of judged trials; pooled when they come from more than one cell."""
    return failure_bounds(trials["seed"].tolist(), trials["failed"].tolist(), trials["cell"].nunique() > 1)


def overall(view: View) -> Figure:
    """One bar: the shares of all outcomes."""
    with style():
        made = figure(WIDTH, 0.95)
        axes = made.subplots()
        _bar(axes, 0, view.judged, height=0.7)
        axes.set_ylim(0.6, -0.6)
        axes.set_yticks([])
        _share_axis(axes)
        axes.set_xlabel("")
        rows = counted(view.judged)
        text = ", ".join(f"{row['trials']} {outcome_word(row['outcome'])}" for row in rows)
        alt = f"Shares of outcomes over {len(view.judged)} finished trials: {text or 'none'}."
        return Figure(to_svg(made, alt), rows, "outcomes")


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


def failure_maps(view: View) -> list[tuple[str, Figure]]:
    """(title, figure) of the failure rate for each pair of axes."""
    pairs = itertools.combinations(view.axes, 2)
    return [(f"{clean(a)} × {clean(b)}", failure_map(view, a, b)) for a, b in pairs]


def failure_map(view: View, rows: str, columns: str) -> Figure:
    """A map of the failure rate with k/n in every cell; k as a range where trials are undecided."""
    # The axis with more values runs across, where there is room: the page is wider than high.
    rows, columns = sorted((rows, columns), key=lambda axis: len(view.values(axis)))
    if len(view.values(columns)) > ACROSS:
        rows, columns = columns, rows
    down, across = view.values(rows), view.values(columns)
    rates = np.full((len(down), len(across)), np.nan)
    texts = np.full(rates.shape, "", dtype=object)
    sizes = np.zeros(rates.shape, dtype=int)
    marks: list[dict[str, Any]] = []
    for (i, first), (j, second) in itertools.product(enumerate(down), enumerate(across)):
        trials = view.where(columns, second, view.where(rows, first))
        n, failed = len(trials), int(sum(each is True for each in trials["failed"]))
        undecided = int(sum(each is None for each in trials["failed"]))
        sizes[i, j] = n
        if n:
            # The colour stands for the middle of what is possible; the text gives the range.
            rates[i, j] = (failed + undecided / 2) / n
            texts[i, j] = f"{failed}–{failed + undecided}/{n}" if undecided else f"{failed}/{n}"
            marks.append({clean(rows): label(first), clean(columns): label(second), "trials": n})
            marks[-1] |= {"failed": failed, "undecided": undecided}
    with style():
        margin, turned = _room(down) - 0.5, _room(across) > 0.68
        width = 1.9 + 0.68 * len(across) + max(0.0, margin)
        height = 0.9 + 0.46 * max(3, len(down)) + (_room(across) if turned else 0.0)
        made = figure(min(WIDTH, width), height)
        axes = made.subplots()
        sns.heatmap(
            pd.DataFrame(rates, [label(v) for v in down], [label(v) for v in across]),
            ax=axes, vmin=0, vmax=1, cmap="rocket_r", annot=texts, fmt="", linewidths=1, linecolor=LINE,
            annot_kws={"fontsize": 9}, cbar_kws={"label": "failure rate", "aspect": 6 * max(3, len(down))},
        )  # fmt: skip
        for i, j in zip(*np.nonzero((sizes > 0) & (sizes < SMALL)), strict=True):
            axes.add_patch(
                Rectangle((j, i), 1, 1, fill=False, hatch="....", edgecolor="#808080", linewidth=0)
            )
        axes.set_xlabel(clean(columns))
        axes.set_ylabel(clean(rows))
        axes.tick_params(axis="y", labelrotation=0)
        axes.tick_params(axis="x", labelrotation=90 if turned else 0)
        axes.grid(False)
        told = "; ".join(
            f"{label(a)}, {label(b)}: {texts[i, j]}"
            for (i, a), (j, b) in itertools.product(enumerate(down), enumerate(across))
            if texts[i, j]
        )
        alt = f"Failed of finished trials by {clean(rows)} and {clean(columns)}. {told}."
        return Figure(to_svg(made, alt), marks, f"failure-rate-{clean(rows)}-{clean(columns)}")


def _room(values: Sequence[Any]) -> float:
    """Inches that the longest label takes."""
    return LETTER * max((len(label(value)) for value in values), default=0)


def curves(view: View, group: Group, axis: str) -> Figure:
    """Curves of the main metrics over steps, one line per value of the axis, bands over seeds."""
    panels = _panels(view, group)
    values = view.values(axis, group.trials[group.trials["status"] == "done"])
    colours = _line_colours(values)
    frame = view.results.curves[view.results.curves["trial"].isin(group.trials["trial"])]
    rows: list[dict[str, Any]] = []
    with style():
        across = max(1, min(8, len(values), int(WIDTH / (0.45 + 0.85 * _room(values)))))  # of the legend
        legend = 0.2 * math.ceil(len(values) / across)
        made = figure(WIDTH, 2.5 * math.ceil(len(panels) / 2) + 0.15 + legend)
        grid = np.atleast_1d(made.subplots(math.ceil(len(panels) / 2), min(2, len(panels)))).ravel()
        for panel, (column, title, log) in zip(grid, panels, strict=False):
            for value, colour in zip(values, colours, strict=True):
                trials = view.where(axis, value, group.trials[group.trials["status"] == "done"])
                band = _band(panel, frame, trials, column, colour)
                rows += [{clean(axis): label(value), "metric": column, **each} for each in band]
            _panel(panel, group, column, title, log)
        for spare in grid[len(panels) :]:
            spare.set_axis_off()
        seeds = group.trials.loc[group.trials["status"] == "done", "seed"].nunique()
        handles = [Patch(color=c, label=label(v)) for v, c in zip(values, colours, strict=True)]
        made.legend(handles=handles, title=clean(axis), loc="outside upper center", ncols=across)
        names = ", ".join(title for _, title, _ in panels)
        alt = (
            f"{names} over training steps for each value of {clean(axis)}: median over {seeds} seeds of the "
            f"median over cells, with the range over seeds; the floor of {group.primary} is "
            f"{number(group.floor_mean)}."
        )
        return Figure(to_svg(made, alt), rows, f"curves-{clean(axis)}")


def _panels(view: View, group: Group) -> list[tuple[str, str, bool]]:
    """(column, title, logarithmic) of the panels for which there is any number."""
    wanted = [
        (group.primary, f"{group.primary} (lower is better)", True),
        ("modes.covered", "modes covered", False),
        ("modes.hq", "share of good samples", False),
        ("d_auc.mean", "D's AUC, real against fake", False),
    ]
    if "modes.covered" not in view.results.curves:
        wanted.append(("spread", "spread, fake / real", False))
    table = view.results.curves
    found = [each for each in wanted if each[0] in table and table[each[0]].notna().any()]
    return found or [("step", "step", False)]


def _band(
    axes: Axes, frame: pd.DataFrame, trials: pd.DataFrame, column: str, colour: Any
) -> list[dict[str, Any]]:
    wide = seed_curves(frame, trials, column, group_worst(column))
    if wide.empty:
        return []
    values = wide.to_numpy(dtype=float)
    centre = np.median(values, axis=1)
    low, high = values.min(axis=1), values.max(axis=1)
    steps = wide.index.to_numpy()
    # Infinite means: more than half of the cells of that seed have died. The line ends there.
    axes.plot(steps, _finite(centre), color=colour, linewidth=1.6)
    axes.fill_between(steps, _finite(low), _finite(high), color=colour, alpha=0.16, linewidth=0)
    return [
        {"step": step, "median": middle, "least": least, "most": most, "seeds": values.shape[1]}
        for step, middle, least, most in zip(
            steps.tolist(), centre.tolist(), low.tolist(), high.tolist(), strict=True
        )
    ]


def group_worst(column: str) -> float:
    """What a dead trial counts as: worse than every finite value; monitors have no better or worse."""
    if column.startswith("modes."):
        return -math.inf
    return math.nan if column in ("d_auc.mean", "spread") else math.inf


def seed_curves(frame: pd.DataFrame, trials: pd.DataFrame, column: str, worst: float) -> pd.DataFrame:
    """Steps x seeds: within each seed the median over its cells, a dead trial counting as `worst`."""
    rows = frame[frame["trial"].isin(trials["trial"])]
    if rows.empty:
        return pd.DataFrame()
    wide = rows.pivot_table(index="step", columns="trial", values=column, aggfunc="last", dropna=False)
    alive = rows["alive"].astype("boolean").fillna(True).astype(bool)
    deaths = rows.loc[~alive].groupby("trial")["step"].min()
    for trial, step in deaths.items():
        wide.loc[wide.index >= step, trial] = worst
    seed_of = trials.set_index("trial")["seed"]
    groups = {}
    for seed, members in seed_of.groupby(seed_of):
        block = wide.reindex(columns=members.index).to_numpy(dtype=float)
        groups[seed] = _median_with_nulls(block)
    # A step that only some seeds measured would show a jump where the set of seeds changes.
    return pd.DataFrame(groups, index=wide.index).dropna()


def _median_with_nulls(block: NDArray[np.float64]) -> NDArray[np.float64]:
    """Row medians over what is known; the lower middle one, since the mean of two may mix with infinity."""
    ordered = np.sort(block, axis=1)  # NaN last
    known = (~np.isnan(block)).sum(axis=1)
    at = np.maximum(known - 1, 0) // 2
    return np.where(known > 0, ordered[np.arange(len(block)), at], np.nan)


def _finite(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.isfinite(values), values, np.nan)


def _panel(axes: Axes, group: Group, column: str, title: str, log: bool) -> None:
    axes.set_title(title)
    axes.set_xlabel("step")
    axes.margins(x=0.02)
    sns.despine(ax=axes)
    floor = group.floors.get(column, {}).get("mean", math.nan)
    if column == group.primary:
        floor = group.floor_mean
    if floor == floor:
        axes.axhline(floor, color=INK, linewidth=1, linestyle=(0, (4, 3)))
        axes.annotate(
            f"floor {number(floor)}", (1, floor), xycoords=("axes fraction", "data"), ha="right", va="bottom",
            fontsize=8, color=MUTED,
        )  # fmt: skip
    if column == "modes.covered" and group.n_modes:
        axes.set_ylim(-0.03 * group.n_modes, 1.05 * group.n_modes)
    if column in ("modes.hq", "d_auc.mean"):
        axes.set_ylim(-0.03, 1.05)
    if log and all(line > 0 for line in _positive(axes)):
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=8))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
        axes.yaxis.set_minor_locator(NullLocator())


def _positive(axes: Axes) -> list[float]:
    drawn = [np.asarray(line.get_ydata(), dtype=float) for line in axes.get_lines()]
    lows = [float(np.nanmin(values)) for values in drawn if np.isfinite(values).any()]
    return lows or [0.0]


def _line_colours(values: Sequence[Any]) -> list[Any]:
    """Numbers in the order of a perceptual ramp, names in the colour-blind safe set."""
    if all(isinstance(value, (int, float)) for value in values):
        return list(sns.color_palette("viridis", len(values))) if len(values) > 2 else ["#31688e", "#e69f00"]
    return list(sns.color_palette("colorblind", len(values)))


def legend_entries(view: View) -> list[tuple[str, str, str, str]]:
    """(outcome, colour, meaning, folklore) of every outcome, in the order of the bars."""
    return [(name, COLOURS[name], OUTCOMES[name].meaning, OUTCOMES[name].folklore) for name in STACK]
