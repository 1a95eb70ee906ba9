"""Stability maps: for each pair of axes the outcomes of its cells, and how often they failed."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from bench.errors import UserError
from bench.judge.stats import SEEDS_FOR_INTERVAL
from bench.judge.variance import variance_explained
from bench.report.figures import STACK
from bench.report.lines import LETTER
from bench.report.svg import COLOURS, INK, INK_ON, MUTED, Figure, figure, panels, style, to_svg
from bench.report.view import View
from bench.report.words import clean, label, outcome_word, percent

MOST = 6
"""Pairs that are drawn: those whose axes matter most."""

LARGEST = 30
"""Values of an axis beyond which no map of it can be read."""

ACROSS = 12
"""Values of an axis that a map has room for across."""

SIDE, LOW = 0.64, 0.44
"""Inches: the least width of a cell, and its height."""

HALF = 5.04
"""Inches of a map of which two stand beside each other."""

DIGIT = 0.058
"""Inches: about the width of a character in a cell."""

WIDE = 3.2
"""Inches that cells are made wider for, together, so that the names below them need not be turned."""

STRIP = 0.24
"""Share of a cell's height that shows all its outcomes."""

LONGEST = 20
"""Letters of a label beside a map."""


@dataclass(frozen=True)
class Square:
    """One cell of a map: trials that share two values, pooled over all other axes."""

    row: int
    column: int
    names: tuple[str, str]
    trials: int
    failed: int
    undecided: int
    outcomes: tuple[tuple[str, int], ...]  # in the order of the bars

    @property
    def dominant(self) -> tuple[str, int]:
        """The most frequent outcome; of equally frequent ones the first in the order of the bars."""
        return max(self.outcomes, key=lambda each: each[1])

    @property
    def rate(self) -> float:
        """The middle of what is possible, for the colour alone."""
        return (self.failed + self.undecided / 2) / self.trials

    @property
    def told(self) -> str:
        """`4–6/6`, a range where trials are undecided."""
        most = self.failed + self.undecided
        return f"{self.failed}–{most}/{self.trials}" if self.undecided else f"{self.failed}/{self.trials}"


@dataclass(frozen=True)
class Grid:
    """The squares of a pair of axes, and the labels of its rows and columns."""

    rows: str
    columns: str
    down: tuple[str, ...]
    across: tuple[str, ...]
    squares: tuple[Square, ...]


def content(view: View) -> dict[str, Any]:
    """`maps`: (title, figure) of the pairs that matter most; `map_words`: what was left out, and why."""
    if view.judged.empty or len(view.axes) < 2:  # a map needs two axes
        return {"maps": [], "map_words": "", "explained": "", "maps_any": False}
    matter, how = importance(view)
    shown, words = pairs(view, matter)
    told = ", ".join(f"{clean(axis)} {percent(share)}" for axis, share in matter.items()) if how else ""
    return {
        "maps": [(f"{clean(a)} × {clean(b)}", stability_map(view, a, b)) for a, b in shown],
        "map_words": words,
        "maps_any": bool(shown or words),
        "explained": f"Of the variance of failure over trials, {told} is explained by the axis alone ({how})."
        if told
        else "",
    }


def importance(view: View) -> tuple[dict[str, float], str]:
    """How much each axis moves failure, the greatest first, and how it was measured.

    omega2 of an analysis of variance (an undecided trial as half a failure) where the grid is full; else the
    span of the failure rates of the axis's values, and no words on it.
    """
    trials = view.judged
    failed = [0.5 if each is None else float(each) for each in trials["failed"]]
    try:
        split = variance_explained(
            {axis: trials[column].tolist() for axis, column in view.axes.items()},
            trials["seed"].tolist(),
            failed,
        )
    except UserError:
        split = None
    if split is not None and split.omega2:
        found = {axis: float(split.omega2[axis]) for axis in view.axes}
        how = f"ω², corrected for chance; {split.seeds} seeds" + (f"; {split.note}" if split.note else "")
    else:
        found, how = {axis: _span(trials, column, failed) for axis, column in view.axes.items()}, ""
    return dict(sorted(found.items(), key=lambda each: -each[1])), how


def _span(trials: pd.DataFrame, column: str, failed: Sequence[float]) -> float:
    rates = pd.Series(failed, index=trials.index).groupby(trials[column], dropna=False).mean()
    return float(rates.max() - rates.min())


def pairs(view: View, matter: dict[str, float]) -> tuple[list[tuple[str, str]], str]:
    """The pairs to draw, by the sum of what their axes explain, and a sentence on those that are not."""
    large = [axis for axis in view.axes if len(view.values(axis)) > LARGEST]
    every = list(itertools.combinations(matter, 2))
    fit = [pair for pair in every if not set(pair) & set(large)]
    fit.sort(key=lambda pair: -(matter[pair[0]] + matter[pair[1]]))
    words = []
    if len(fit) > MOST:
        words.append(f"Shown are {MOST} of {len(fit)} pairs, those whose axes move failure most")
    if large:
        names = ", ".join(map(clean, large))
        words.append(f"Without a map, for having more than {LARGEST} values: {names}")
    return fit[:MOST], "".join(f"{each}. " for each in words).strip()


def grid_of(view: View, first: str, second: str) -> Grid:
    """The squares of two axes. The one with more values runs across, where there is room."""
    rows, columns = sorted((first, second), key=lambda axis: len(view.values(axis)))
    if len(view.values(columns)) > ACROSS:
        rows, columns = columns, rows
    down, across = view.values(rows), view.values(columns)
    squares = []
    for i, one in enumerate(down):
        row = view.where(rows, one)
        for j, other in enumerate(across):
            trials = view.where(columns, other, row)
            if len(trials):
                squares.append(_square(i, j, (label(one), label(other)), trials))
    return Grid(rows, columns, tuple(map(label, down)), tuple(map(label, across)), tuple(squares))


def _square(row: int, column: int, names: tuple[str, str], trials: pd.DataFrame) -> Square:
    counts = trials["outcome"].value_counts()
    outcomes = tuple((name, int(counts[name])) for name in STACK if name in counts)
    failed = sum(each is True for each in trials["failed"])
    undecided = sum(each is None for each in trials["failed"])
    return Square(row, column, names, len(trials), failed, undecided, outcomes)


def stability_map(view: View, first: str, second: str) -> Figure:
    """Two maps of one pair: the dominant outcome with all outcomes as a strip, and the failure rate."""
    grid = grid_of(view, first, second)
    rows, columns = clean(grid.rows), clean(grid.columns)
    marks = [_mark(each, rows, columns) for each in grid.squares]
    drawn = panels(
        [_draw(grid, "most frequent outcome", _outcomes), _draw(grid, "failed of finished", _rates)]
    )
    return Figure(drawn, marks, f"map-{rows}-{columns}")


def _mark(square: Square, rows: str, columns: str) -> dict[str, Any]:
    name, count = square.dominant
    counts = dict(square.outcomes)
    return {
        rows: square.names[0],
        columns: square.names[1],
        "trials": square.trials,
        "failed": square.failed,
        "undecided": square.undecided,
        "dominant": name,
        "dominant_share": count / square.trials,
        **{name: counts.get(name, 0) for name in STACK},
    }


def _outcomes(axes: Axes, square: Square) -> str:
    """The dominant outcome's colour, its share, and a strip of all outcomes; returns what to say of it."""
    name, count = square.dominant
    share = percent(count / square.trials)
    _box(axes, square, COLOURS[name])
    _hatch(axes, square, INK_ON[name])
    left, strip, colours = float(square.column), [], []
    for each, number_of in square.outcomes if len(square.outcomes) > 1 else ():
        width = number_of / square.trials
        strip.append(_corners(left, square.row + 1 - STRIP, width, STRIP))
        colours.append(COLOURS[each])
        left += width
    # One collection: a patch for each outcome of each square takes most of the time of a large map.
    axes.add_collection(PolyCollection(strip, facecolors=colours, edgecolors=INK, linewidths=0.4))
    middle = square.row + (0.5 if len(square.outcomes) == 1 else (1 - STRIP) / 2)
    axes.text(square.column + 0.5, middle, share, ha="center", va="center", fontsize=9, color=INK_ON[name])
    return f"{outcome_word(name)} {share} of {square.trials}"


def _rates(axes: Axes, square: Square) -> str:
    """The failure rate as a shade, failed / finished as text."""
    shade, ink = shade_of(square.rate)
    _box(axes, square, shade)
    _hatch(axes, square, ink)
    small = len(square.told) > 7
    axes.text(
        square.column + 0.5, square.row + 0.5, square.told, ha="center", va="center",
        fontsize=7.5 if small else 8.5, color=ink,
    )  # fmt: skip
    return square.told


def shade_of(rate: float) -> tuple[str, str]:
    """(fill, ink on it) of a failure rate: from pale at 0 to nearly black at 1."""
    red, green, blue = sns.color_palette("rocket_r", as_cmap=True)(rate)[:3]
    luminance = sum(
        weight * (each / 12.92 if each <= 0.03928 else ((each + 0.055) / 1.055) ** 2.4)
        for weight, each in zip((0.2126, 0.7152, 0.0722), (red, green, blue), strict=True)
    )
    return to_hex((red, green, blue)), "#ffffff" if luminance < 0.18 else "#1a1a1a"


def _box(axes: Axes, square: Square, colour: str) -> None:
    axes.add_patch(
        Rectangle((square.column, square.row), 1, 1, facecolor=colour, edgecolor=MUTED, linewidth=0.8)
    )


def _corners(left: float, top: float, width: float, height: float) -> list[tuple[float, float]]:
    return [(left, top), (left + width, top), (left + width, top + height), (left, top + height)]


def _hatch(axes: Axes, square: Square, ink: str) -> None:
    """Fewer than 5 trials say little."""
    if square.trials < SEEDS_FOR_INTERVAL:
        axes.add_patch(
            Rectangle(
                (square.column, square.row), 1, 1, fill=False, hatch="////", edgecolor=ink, linewidth=0,
                alpha=0.35,
            )
        )  # fmt: skip


TITLE = 0.088
"""Inches: about the width of a letter of a title."""


def _draw(grid: Grid, title: str, paint: Any) -> str:
    """One map of a pair; `paint` draws a square and says it in words."""
    left = 0.45 + LETTER * max(len(_fit(each)) for each in grid.down)
    wordy = LETTER * max(len(_fit(each)) for each in grid.across)
    side = max(SIDE, min(wordy + 0.1, WIDE / len(grid.across)))
    half = (HALF - left - 0.1) / len(grid.across)
    if half < side and half >= DIGIT * max((len(each.told) for each in grid.squares), default=0) + 0.06:
        side = half
    turned = wordy > side
    below = 0.45 + (wordy if turned else 0.15)
    width = max(3.0, left + max(side * len(grid.across), TITLE * len(title)) + 0.1)
    height = 0.36 + LOW * len(grid.down) + below
    with style():
        made = figure(width, height, layout=None)
        axes = made.add_axes(
            (left / width, below / height, side * len(grid.across) / width, LOW * len(grid.down) / height)
        )
        axes.set_xlim(0, len(grid.across))
        axes.set_ylim(len(grid.down), 0)
        told = [f"{', '.join(each.names)}: {paint(axes, each)}" for each in grid.squares]
        axes.set_xticks(
            [i + 0.5 for i in range(len(grid.across))],
            [_fit(each) for each in grid.across],
            rotation=90 if turned else 0,
        )
        axes.set_yticks([i + 0.5 for i in range(len(grid.down))], [_fit(each) for each in grid.down])
        axes.set_xlabel(clean(grid.columns))
        axes.set_ylabel(clean(grid.rows))
        axes.set_title(title)
        axes.grid(False)
        sns.despine(ax=axes, left=True, bottom=True)
        axes.tick_params(length=0)
        alt = f"Map of {clean(grid.rows)} and {clean(grid.columns)}, {title}. {'; '.join(told)}."
        return to_svg(made, alt)


def _fit(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
