"""The pictures of a comparison: failure rates with intervals, performance profiles."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from bench.judge.comparison import Standing
from bench.judge.effects import LOWER
from bench.report.compared import Compared, method_rows
from bench.report.lines import looks, short
from bench.report.svg import INK, MUTED, PANEL, Figure, figure, style, to_svg
from bench.report.words import clean, number, span

HIGH = 3.1
"""Inches: the least height of a figure."""

IN_ONE = 5
"""Methods whose profiles are told apart in one frame."""

NARROW = 20
"""Letters above one of three frames beside each other."""

BANDS = 2
"""Methods whose profiles have room for their bands."""


def rates(it: Compared) -> Figure:
    """The failure rate of each method over the cells compared, and that of its chosen cell on fresh seeds."""
    standings, by = it.found.standings, it.asked.by
    with style():
        made = figure(PANEL, max(HIGH, 0.9 + 0.34 * len(standings)))
        axes = made.subplots()
        for row, each in enumerate(standings):
            _dot(axes, row, each)
        axes.set_yticks(range(len(standings)), [short(each.name) for each in standings])
        axes.set_ylim(len(standings) - 0.5, -0.5)
        axes.set_xlim(-0.02, 1.02)
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25", "50", "75", "100 %"])
        axes.set_xlabel("share of trials that failed")
        axes.grid(axis="y", visible=False)
        sns.despine(ax=axes, left=True, bottom=True)
        told = "; ".join(f"{s.name} {span(s.failure.low.mean, s.failure.high.mean)}" for s in standings)
        svg = to_svg(made, f"Failure rate of each {clean(by)} over the cells compared. {told}.")
        return Figure(svg, method_rows(it), f"failure-rates-by-{clean(by)}")


def _dot(axes: Axes, row: int, each: Standing) -> None:
    low, high = each.failure.low, each.failure.high
    if low.low is not None and high.high is not None:
        axes.plot([low.low, high.high], [row, row], color=INK, linewidth=1.2, solid_capstyle="butt")
    axes.plot([low.mean, high.mean], [row, row], color=INK, linewidth=4, solid_capstyle="round")
    axes.plot([(low.mean + high.mean) / 2], [row], "o", color=INK, ms=6)
    if each.choice is not None:
        fresh = each.choice.failure
        if fresh.low.low is not None and fresh.high.high is not None:
            ends = [fresh.low.low, fresh.high.high]
            axes.plot(ends, [row + 0.28] * 2, color=MUTED, linewidth=1, solid_capstyle="butt")
        axes.plot([fresh.low.mean, fresh.high.mean], [row + 0.28] * 2, color=MUTED, linewidth=2.6)
        axes.plot(
            [(fresh.low.mean + fresh.high.mean) / 2],
            [row + 0.28],
            "D",
            color=MUTED,
            ms=4,
            mfc="none",
            clip_on=False,
        )


def profile(it: Compared) -> Figure | None:
    """The share of each method's trials that are at least so good; None where no trial has a value."""
    standings, at = it.found.standings, it.found.thresholds
    if len(at) < 2 or at[0] == at[-1]:
        return None
    with style():
        made = _in_one(it) if len(standings) <= IN_ONE else _each(it)
        better = "at most" if it.asked.better == LOWER else "at least"
        svg = to_svg(
            made,
            f"Share of trials with {it.asked.metric} {better} each value, for each {clean(it.asked.by)}.",
        )
        return Figure(svg, _profile_rows(it), f"profile-of-{it.asked.metric}-by-{clean(it.asked.by)}")


def profile_note(it: Compared) -> str:
    """What else a profile shows, for its caption."""
    dashed = " Dashed: the floor." if _known_floor(it) else ""
    grey = " Grey: from the worst of all to the best." if len(it.found.standings) > IN_ONE else ""
    return grey + dashed


def _known_floor(it: Compared) -> bool:
    floor = it.asked.floor[0]
    return math.isfinite(floor) and (floor > 0 or not it.is_ratio)


def _in_one(it: Compared) -> Drawing:
    """A line for each method, in one frame."""
    standings, at = it.found.standings, it.found.thresholds
    made = figure(PANEL, max(HIGH, 0.9 + 0.21 * len(standings)))
    axes = made.subplots()
    for each, (colour, dashes) in zip(standings, looks(list(it.asked.values)), strict=True):
        line = each.profile
        axes.plot(at, line.share, color=colour, linestyle=dashes, linewidth=1.8, label=short(each.name))
        if line.low is not None and line.high is not None and len(standings) <= BANDS:
            axes.fill_between(at, line.low, line.high, color=colour, alpha=0.16, linewidth=0)
    _scale(axes, it, at)
    axes.set_ylabel("share of trials as good or better", fontsize=9)
    axes.set_xlabel(it.asked.metric)
    # Lines meet at 1, so names at their ends would say nothing.
    made.legend(loc="outside right center", fontsize=8.5, handlelength=2.6)
    return made


def _each(it: Compared) -> Drawing:
    """A frame for each method, over an area that reaches from the worst of all to the best."""
    standings, at = it.found.standings, it.found.thresholds
    across = 3
    down = math.ceil(len(standings) / across)
    made = figure(PANEL, max(HIGH, 0.6 + 1.15 * down))
    frames = np.atleast_2d(made.subplots(down, across, sharex=True, sharey=True)).ravel()
    every = np.array([each.profile.share for each in standings])
    for i, (axes, each) in enumerate(zip(frames, standings, strict=False)):
        axes.fill_between(at, every.min(0), every.max(0), color=MUTED, alpha=0.22, linewidth=0)
        axes.plot(at, each.profile.share, color=INK, linewidth=1.6)
        _scale(axes, it, at, few=True)
        axes.set_title(_within(each.name, NARROW), fontsize=8.5, fontweight="normal")
        axes.tick_params(labelsize=8, labelbottom=i + across >= len(standings), labelleft=i % across == 0)
    for spare in frames[len(standings) :]:
        spare.set_axis_off()
    made.supxlabel(it.asked.metric, fontsize=9)
    made.supylabel("share of trials as good or better", fontsize=9)
    return made


def _within(name: str, letters: int) -> str:
    text = clean(name)
    return text if len(text) <= letters else f"{text[: letters - 1]}…"


def _scale(axes: Axes, it: Compared, at: np.ndarray[Any, Any], few: bool = False) -> None:
    axes.set_ylim(-0.03, 1.03)
    floor = it.asked.floor[0]
    shown = [at[0], at[-1], *([floor] if _known_floor(it) else [])]
    low, high = min(shown), max(shown)
    if it.is_ratio:
        axes.set_xscale("log")
        subs = (1,) if few and high > 100 * low else (1, 3) if few else (1, 2, 5)
        axes.xaxis.set_major_locator(LogLocator(subs=subs, numticks=7))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
        axes.xaxis.set_minor_locator(NullLocator())
    pad = (high / low) ** 0.02 if it.is_ratio else 0.02 * (high - low)
    limits = (low / pad, high * pad) if it.is_ratio else (low - pad, high + pad)
    axes.set_xlim(*(limits if it.asked.better == LOWER else reversed(limits)))
    if len(shown) == 3:
        axes.axvline(floor, color=INK, linewidth=1, linestyle=(0, (4, 3)))
    sns.despine(ax=axes)


def _profile_rows(it: Compared) -> list[dict[str, Any]]:
    """One row for each method and threshold."""
    return [
        {
            it.asked.by: each.name,
            it.asked.metric: float(tau),
            "share": float(each.profile.share[i]),
            "low": None if each.profile.low is None else float(each.profile.low[i]),
            "high": None if each.profile.high is None else float(each.profile.high[i]),
        }
        for each in it.found.standings
        for i, tau in enumerate(each.profile.thresholds)
    ]
