"""The curves of one trial with what the rules read in them: bars, floor, window, onset."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator
from numpy.typing import NDArray

from bench.judge.quality import quality_bar
from bench.judge.trace import Array, Trace, jaccard
from bench.report.lines import End, end_labels
from bench.report.svg import COLOURS, INK, MUTED, SURFACE, figure
from bench.report.words import number

ALONE = 3.25
"""Inches: the width of a panel that stands alone."""

NARROW = 2.0
"""Inches of a frame below which the labels of five steps would touch."""

FIRST, SECOND = COLOURS["vanishing_gradient"], COLOURS["total_collapse"]


@dataclass(frozen=True)
class Line:
    """A curve: its values at each evaluation, and its name where a panel has several."""

    values: Array
    name: str = ""
    colour: str = FIRST


@dataclass(frozen=True)
class Panel:
    """What one panel shows.

    `bars`: (level, name, outcome) of what the rules compare with, for the outcome that it decides or, where
    that is empty, for all.
    """

    title: str
    lines: tuple[Line, ...]
    bars: tuple[tuple[float, str, str], ...] = ()
    log: bool = False
    share: bool = False  # the axis runs from 0 to 1


def distance(trace: Trace, log: bool = True) -> Panel:
    """q with its floor and the bar of `converged`."""
    levels = ((trace.context.floor_mean, "floor", ""), (quality_bar(trace), "bar", ""))
    bars = tuple(each for each in levels if math.isfinite(each[0]))
    return Panel(f"{trace.name}, the distance", (Line(trace.distance),), bars, log)


def swings(trace: Trace) -> Panel:
    """q where its differences count."""
    return distance(trace, log=False)


def modes(trace: Trace) -> Panel:
    """Covered modes and good samples as shares; without modes, precision and coverage, or the spread."""
    n, rules = trace.context.n_modes, trace.rules
    if n and n > 1 and "modes.covered" in trace.columns:
        lines = (
            Line(trace.floats("modes.covered") / n, f"of {n} modes covered"),
            Line(trace.floats("modes.hq"), "of samples good", SECOND),
        )
        bars = ((rules.partial_hq, "limit", "partial_collapse"),)
        return Panel("shares of modes and samples", lines, bars, share=True)
    if "prdc.coverage" in trace.columns:
        floors = trace.context.floors
        kept, good = (
            trace.floats(column) / float(floors.get(column, {}).get("mean", math.nan))
            for column in ("prdc.coverage", "prdc.precision")
        )
        lines = (Line(kept, "coverage"), Line(good, "precision", SECOND))
        bars = ((rules.partial_coverage, "limit", "partial_collapse"),)
        return Panel("share of the floor", lines, bars)
    return spread(trace)


def spread(trace: Trace) -> Panel:
    """The spread of the samples, against that of the data."""
    bars = ((trace.rules.collapse_spread, "limit", "total_collapse"),)
    return Panel("spread of the samples / the data's", (Line(trace.floats("spread")),), bars)


def critic(trace: Trace) -> Panel:
    """D's AUC on the training batches and on held-out data."""
    lines = (
        Line(trace.floats("d_auc.mean"), "training"),
        Line(trace.floats("d_auc_heldout"), "held-out data", SECOND),
    )
    bars = ((trace.rules.vanishing_auc, "limit", "vanishing_gradient"),)
    return Panel("D's AUC, real against fake", lines, bars, share=True)


def signal(trace: Trace) -> Panel:
    """G's signal against its early value."""
    rules = trace.rules
    values = trace.floats("g_saturation") * trace.floats("d_slope")
    early = values[: max(rules.early_least, math.ceil(rules.early_share * len(trace) - 1e-9))]
    early = early[np.isfinite(early)]
    top = float(early.max()) if early.size else math.nan
    share = values / top if top > 0 else np.full(len(values), np.nan)
    title = "G's signal / its early value"
    return Panel(title, (Line(share),), ((rules.vanishing_signal, "limit", ""),), log=True)


def growth(trace: Trace) -> Panel:
    """Norms of the weights against the first, and D's largest output."""
    lines = []
    for column, name, colour in (("g_weight", "G's weights", FIRST), ("d_weight", "D's weights", SECOND)):
        values = trace.floats(column)
        known = values[np.isfinite(values) & (values > 0)]
        lines.append(Line(values / (known[0] if known.size else math.nan), name, colour))
    bars = ((trace.rules.weight_growth, "limit", ""),)
    return Panel("weights / their first norm", tuple(lines), bars, log=True)


def logits(trace: Trace) -> Panel:
    """D's largest output."""
    bars = ((trace.rules.logit_max, "limit", ""),)
    return Panel("D's largest logit", (Line(trace.floats("logit_max")),), bars, log=True)


def sets(trace: Trace) -> Panel:
    """How much of the covered set stays from one evaluation to the next."""
    if not trace.context.n_modes or trace.context.n_modes < 2:
        return critic(trace)
    index = jaccard(trace.texts("modes.set"))
    bars = ((trace.rules.jaccard, "limit", ""),)
    return Panel("Jaccard index of successive sets", (Line(index),), bars, share=True)


DECIDING: Mapping[str, tuple[Callable[[Trace], Panel], ...]] = {
    "diverged": (distance, growth, logits),
    "total_collapse": (distance, modes, spread),
    "vanishing_gradient": (distance, critic, signal),
    "oscillating": (swings, modes, sets),
}
"""Outcome -> the panels that show why; others have the distance, the modes and D's AUC."""

USUAL = (distance, modes, critic)


def evidence(
    trace: Trace,
    outcome: str,
    onset: int | None,
    rules_known: bool = True,
    width: float = 10.2,
    height: float = 2.25,
) -> Drawing:
    """A figure of the panels that decide an outcome: W is shaded, the onset a line of dots.

    Without W and bars, the floor excepted, where the rules that judged are not those of the trace.
    To be drawn and saved within `bench.report.svg.style`.
    """
    panels = [each(trace) for each in DECIDING.get(outcome, USUAL)]
    made = figure(width, height, layout=None)
    # The panels are alike everywhere: measuring their labels, as other figures do, takes most of the time.
    made.subplots_adjust(left=0.055, right=0.985, top=0.88, bottom=0.2, wspace=0.2)
    for axes, panel in zip(np.atleast_1d(made.subplots(1, len(panels))), panels, strict=True):
        bars = [bar for bar in panel.bars if bar[2] in ("", outcome)]
        if rules_known and trace.enough:
            first, last = float(trace.steps[trace.window][0]), float(trace.steps[-1])
            axes.axvspan(first, last, color=MUTED, alpha=0.12, linewidth=0)
        _draw(axes, trace, panel, bars if rules_known else [bar for bar in bars if bar[1] == "floor"])
        if onset is not None:
            axes.axvline(onset, color=COLOURS.get(outcome, MUTED), linewidth=2, linestyle=(0, (1, 1.2)))
    return made


def evidence_panels(
    trace: Trace, outcome: str, onset: int | None, rules_known: bool = True
) -> list[tuple[Panel, Drawing]]:
    """The same, each panel a figure of its own: beside each other on a wide page, below on a narrow one.

    The names of lines and bars stand outside of the frame, where nothing runs through them.
    """
    found = []
    for panel in (each(trace) for each in DECIDING.get(outcome, USUAL)):
        bars = [bar for bar in panel.bars if bar[2] in ("", outcome) and (rules_known or bar[1] == "floor")]
        named = [line.name for line in panel.lines] + [f"{name} {number(level)}" for level, name, _ in bars]
        right = 0.3 + 0.069 * max(map(len, named), default=0)
        left, height = 0.5, 2.15
        made = figure(ALONE, height, layout=None)
        across = max(1.2, ALONE - left - right)
        axes = made.add_axes((left / ALONE, 0.46 / height, across / ALONE, 1.38 / height))
        if rules_known and trace.enough:
            first, last = float(trace.steps[trace.window][0]), float(trace.steps[-1])
            axes.axvspan(first, last, color=MUTED, alpha=0.12, linewidth=0)
        if onset is not None:
            axes.axvline(onset, color=COLOURS.get(outcome, MUTED), linewidth=2, linestyle=(0, (1, 1.2)))
        _draw(axes, trace, panel, bars, outside=True)
        found.append((panel, made))
    return found


def rows_of(trace: Trace, outcome: str) -> list[dict[str, Any]]:
    """The numbers of an outcome's panels, one record for each step of each line."""
    return [
        {"panel": panel.title, "line": line.name, "step": int(step), "value": float(value)}
        for panel in (each(trace) for each in DECIDING.get(outcome, USUAL))
        for line in panel.lines
        for step, value in zip(trace.steps.tolist(), line.values.tolist(), strict=True)
        if math.isfinite(value)
    ]


def _draw(
    axes: Axes, trace: Trace, panel: Panel, bars: list[tuple[float, str, str]], outside: bool = False
) -> None:
    steps = trace.steps
    drawn = [line for line in panel.lines if np.isfinite(line.values).any()]
    for line in drawn:
        values = np.where(np.isfinite(line.values), line.values, np.nan)
        axes.plot(steps, values, color=line.colour, linewidth=1.4, marker="o", ms=2.5, label=line.name)
    lows = [float(np.nanmin(np.where(np.isfinite(line.values), line.values, np.nan))) for line in drawn]
    highs = [float(np.nanmax(np.where(np.isfinite(line.values), line.values, np.nan))) for line in drawn]
    levels = [level for level, *_ in bars]
    if panel.log and lows and min([*lows, *levels]) > 0:
        wide = max([*highs, *levels]) > 300 * min([*lows, *levels])
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1,) if wide else (1, 2, 5), numticks=6))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
        axes.yaxis.set_minor_locator(NullLocator())
    else:
        axes.yaxis.set_major_locator(MaxNLocator(5))
    for level, name, _ in bars:
        is_floor = name == "floor"
        axes.axhline(level, color=INK, linewidth=0.9, linestyle="-" if is_floor else (0, (4, 3)))
        if outside:
            continue
        # The floor's name stands at the other end, and below: bar and floor may be close.
        axes.annotate(
            f"{name} {number(level)}", (float(is_floor), level), xycoords=("axes fraction", "data"),
            ha="right" if is_floor else "left", va="top" if is_floor else "bottom", fontsize=7.5, color=MUTED,
            xytext=(-2, -1) if is_floor else (2, 1), textcoords="offset points",
            bbox={"facecolor": SURFACE, "edgecolor": "none", "alpha": 0.75, "pad": 0.6},
        )  # fmt: skip
    if panel.share:
        axes.set_ylim(-0.03, 1.06)
    axes.set_title(panel.title, fontsize=9.5 if outside else None)
    axes.set_xlabel("step")
    _steps(axes, steps)
    axes.margins(x=0.02, y=0.14)
    sns.despine(ax=axes)
    if not drawn:
        axes.text(0.5, 0.5, "not measured", transform=axes.transAxes, ha="center", color=MUTED)
    if outside:
        axes.set_xlim(axes.get_xlim())
        axes.set_ylim(axes.get_ylim())
        known = [(line, line.values[np.isfinite(line.values)]) for line in drawn if line.name]
        ends = [End(float(values[-1]), line.name, line.colour) for line, values in known]
        for level, name, _ in bars:
            dashes = "-" if name == "floor" else (0, (2, 1.5))
            ends.append(End(level, f"{name} {number(level)}", INK, dashes))
        end_labels(axes, ends, size=8, merge=False)
    elif sum(bool(line.name) for line in drawn) > 1:
        axes.legend(fontsize=7.5, handlelength=1.2, borderaxespad=0.2, labelspacing=0.2)


def _steps(axes: Axes, steps: NDArray[np.int64]) -> None:
    """Ticks of the steps: in a narrow frame the first, the middle and the last one alone."""
    made = axes.get_figure(root=True)
    across = axes.get_position().width * made.get_figwidth() if made is not None else 0.0
    if across >= NARROW or len(steps) < 2:
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        return
    first, last = int(steps[0]), int(steps[-1])
    axes.set_xticks(sorted({first, (first + last) // 2, last}))


def panel_text(panel: Panel, trace: Trace) -> str:
    """What stands in the place of one panel for who cannot see it."""
    told = _told(panel)
    return f"Curves over steps {trace.steps[0]} to {trace.steps[-1]}: {'; '.join(told) or panel.title}."


def _told(panel: Panel) -> list[str]:
    found = []
    for line in panel.lines:
        known = line.values[np.isfinite(line.values)]
        if known.size:
            name = f"{panel.title} ({line.name})" if line.name else panel.title
            found.append(f"{name} from {number(known[0])} to {number(known[-1])}")
    return found


def alternative(trace: Trace, outcome: str) -> str:
    """What stands in the place of the figure for who cannot see it."""
    told = [each for panel in (one(trace) for one in DECIDING.get(outcome, USUAL)) for each in _told(panel)]
    return f"Curves over steps {trace.steps[0]} to {trace.steps[-1]}: {'; '.join(told)}."
