"""When trials fail: the share that has failed by each step along each axis, and by which kind of failure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import NDArray

from bench.errors import UserError
from bench.judge.intervals import Array
from bench.judge.onsets import Onsets, failure_onsets
from bench.judge.survival import FailureCurve, failure_curve, kinds_of, logrank
from bench.report.lines import End, end_labels, looks, room, short
from bench.report.svg import COLOURS, INK, MUTED, PANEL, Figure, figure, panels, style, to_svg
from bench.report.view import View
from bench.report.words import clean, label, number, outcome_word, percent

MOST_STEPS = 120
"""Steps at which a curve is calculated: more could not be told apart."""

BANDED = 4
"""With more lines their bands would hide each other; the CSV has them."""

MOST_VALUES = 9
"""Values of an axis whose kinds are drawn, those that fail most."""

ROW = 0.17
"""Inches of a row of numbers at risk."""

SMALL, LOW = 3.2, 1.95
"""Inches: a panel of kinds."""

ANY = "any"

_SHORT = {"vanishing_gradient": "vanishing"}


@dataclass(frozen=True)
class Timed:
    """The failures of the trials at one value of an axis: of any kind, and by each kind first."""

    value: Any
    onsets: Onsets
    steps: Array

    @cached_property
    def any(self) -> FailureCurve:
        return failure_curve(self.onsets, self.steps)

    @cached_property
    def kinds(self) -> dict[str, FailureCurve]:
        return {kind: failure_curve(self.onsets, self.steps, kind) for kind in kinds_of(self.onsets)}

    def at_risk(self, steps: Sequence[float]) -> list[int]:
        """Trials that had not failed before each step and were still watched, onsets as late as may be."""
        times = self.onsets.times(late=True)
        return [int((times >= step).sum()) for step in steps]

    def rows(self, axis: str) -> list[dict[str, Any]]:
        risk = self.at_risk(self.steps.tolist())
        found = []
        for kind, curve in {ANY: self.any, **self.kinds}.items():
            for i, step in enumerate(self.steps.tolist()):
                row = {axis: label(self.value), "failure": kind, "step": step, "at_risk": risk[i]}
                row |= {"share_at_least": float(curve.late[i]), "share_at_most": float(curve.early[i])}
                row |= {"low": _at(curve.low, i), "high": _at(curve.high, i)}
                found.append(row)
        return found


def _at(ends: Array | None, i: int) -> float | None:
    return None if ends is None else float(ends[i])


def content(view: View) -> dict[str, Any]:
    """`onsets`: for each axis its curves, the kinds, and a sentence of a test; empty where nothing failed."""
    if view.judged.empty or not any(each is True for each in view.judged["failed"]):
        return {
            "onsets": [],
            "onset_words": "No trial failed, so there is no time to failure.",
            "onset_banded": 0,
        }
    axes: list[str | None] = [*view.axes] or [None]
    readings = onsets_of(view), onsets_of(view, undecided_failed=True)
    found = [_axis(view, axis, (readings[0][0], readings[1][0]), readings[0][1]) for axis in axes]
    return {"onsets": found, "onset_words": "", "onset_banded": BANDED}


def onsets_of(view: View, undecided_failed: bool = False) -> tuple[Onsets, pd.DataFrame]:
    """When each judged trial failed, an undecided one as asked for, and the trials in that order."""
    curves = view.results.curves
    last = curves.groupby("trial")["step"].max().to_dict()
    planned = view.results.meta.get("steps") or {}
    steps = {trial: int(planned.get(trial, last.get(trial, 0))) for trial in view.results.trials["trial"]}
    return failure_onsets(view.results.trials, curves, steps, undecided_failed)


def matched(view: View, axis: str, judged: pd.DataFrame) -> NDArray[np.bool_]:
    """The trials whose seed and other axes every value of an axis has, equally often: a mask [N].

    Where cells are excluded, the values of an axis stand for different cells, and a difference between them
    may be one between these.
    """
    others = [column for each, column in view.axes.items() if each != axis]
    keys = judged.groupby([*others, "seed"], dropna=False, sort=False).ngroup().to_numpy()
    values = [view.matches(axis, value, judged).to_numpy(bool) for value in view.values(axis, judged)]
    counts = np.array([np.bincount(keys[at], minlength=keys.max() + 1) for at in values if at.any()])
    found: NDArray[np.bool_] = (counts == counts[0]).all(0)[keys]
    return found


def _axis(
    view: View, axis: str | None, readings: tuple[Onsets, Onsets], judged: pd.DataFrame
) -> dict[str, Any]:
    """`readings`: the undecided as not failed, which is drawn, and as failed."""
    values, every = view.values(axis, judged) if axis else ["all trials"], len(judged)
    kept = matched(view, axis, judged) if axis else np.ones(every, dtype=np.bool_)
    alike = bool(kept.any())
    if alike:
        readings, judged = (readings[0].of(kept), readings[1].of(kept)), judged[kept]
    onsets = readings[0]
    steps = grid_of(onsets)
    timed = []
    for value in values:
        chosen = (
            view.matches(axis, value, judged).to_numpy(bool) if axis else np.ones(len(judged), dtype=np.bool_)
        )
        timed.append(Timed(value, onsets.of(chosen), steps))
    timed = [each for each in timed if len(each.onsets)]
    name = clean(axis or "trials")
    ranked = sorted(timed, key=lambda each: -_end(each.any.late))[:MOST_VALUES]
    shown = [each for each in timed if each in ranked and each.onsets.failed.any()]
    top = top_of(timed)
    drawn = _all_causes(timed, values, name, top) + panels(_of_kinds(each, name, top) for each in shown)
    rows = [row for each in timed for row in each.rows(name)]
    words = _test(readings, values, timed, view, axis, judged) if alike else _unlike(name)
    if len(judged) < every:
        words += (
            f" Drawn and tested: the {len(judged)} of {every} trials whose seed and other settings all "
            f"values of {name} have."
        )
    more = len([each for each in timed if each.onsets.failed.any()]) - len(shown)
    return {
        "axis": clean(axis) if axis else "",
        "figure": Figure(drawn, rows, f"failure-over-steps-{name}"),
        "test": words.strip(),
        "more": f"The kinds of {more} more values, which failed less, are in the CSV." if more > 0 else "",
    }


def grid_of(onsets: Onsets) -> Array:
    """The steps at which anything is known to change, thinned where they are very many."""
    ends = np.concatenate([[0.0], onsets.left, onsets.right[np.isfinite(onsets.right)]])
    steps = np.unique(ends)
    if len(steps) > MOST_STEPS:
        steps = steps[np.unique(np.linspace(0, len(steps) - 1, MOST_STEPS).round().astype(int))]
    return steps


def _unlike(name: str) -> str:
    return (
        f"No seed and other settings are shared by all values of {name}: each curve is of other cells, and "
        "they are not to be compared, so there is no test."
    )


def _test(
    readings: tuple[Onsets, Onsets],
    values: Sequence[Any],
    timed: Sequence[Timed],
    view: View,
    axis: str | None,
    judged: pd.DataFrame,
) -> str:
    """The log-rank test between the values of an axis, as a sentence: the larger p of both readings."""
    if axis is None or len(timed) < 2:
        return ""
    groups = np.full(len(judged), -1)
    for i, value in enumerate(values):
        groups[view.matches(axis, value, judged).to_numpy(bool)] = i
    try:
        # The draws of exchanges must not differ from one page to the next.
        tests = [logrank(each, groups, np.random.default_rng(0)) for each in _differing(readings)]
    except UserError as error:
        return str(error)
    found = max(tests, key=lambda each: -1.0 if each.p is None else each.p)
    both = ", the larger p of the undecided as failed and as not" if len(tests) > 1 else ""
    p = "no p" if found.p is None else f"p = {number(found.p)}" if found.p >= 0.001 else "p < 0.001"
    return f"Do the values of {clean(axis)} fail at the same pace? {p} ({found.method}{both})."


def _differing(readings: tuple[Onsets, Onsets]) -> tuple[Onsets, ...]:
    """One of the readings where no trial is undecided."""
    return readings if (readings[0].failed != readings[1].failed).any() else readings[:1]


def _end(values: Array) -> float:
    known = values[np.isfinite(values)]
    return float(known[-1]) if known.size else math.nan


def top_of(timed: Sequence[Timed]) -> float:
    """The height of all frames of an axis: the least of a few round shares that holds all curves."""
    curves = [curve for each in timed for curve in (each.any, *each.kinds.values())]
    ends = [ends for curve in curves for ends in (curve.early, curve.high) if ends is not None]
    highest = max((float(np.nanmax(each)) for each in ends if np.isfinite(each).any()), default=1.0)
    return next((top for top in (0.1, 0.2, 0.5) if highest <= top), 1.0)


def _all_causes(timed: Sequence[Timed], values: Sequence[Any], name: str, top: float) -> str:
    """Failure of any kind, a line for each value, with the numbers at risk below."""
    look = dict(zip(map(label, values), looks(values), strict=True))
    tabled = timed if len(timed) <= MOST_VALUES else []
    names = room([each.value for each in timed])
    left = max(0.62, names + 0.4) if tabled and len(timed) > 1 else 0.62
    right = names + 0.4 if len(timed) > 1 else 0.2
    below = 0.5 + (ROW * (len(tabled) + 1) + 0.06 if tabled else 0.0)
    height = 2.35 + below
    width = max(PANEL, left + right + 2.2)
    with style():
        made = figure(width, height, layout=None)
        axes = made.add_axes((left / width, below / height, 1 - (left + right) / width, 2.0 / height))
        ends = []
        for each in timed:
            colour, dashes = look[label(each.value)]
            _steps(axes, each.any, colour, dashes, banded=len(timed) <= BANDED)
            ends.append(End(_end(each.any.late), short(each.value), colour, dashes))
        _frame(axes, timed[0].steps, top, parts=5)
        axes.set_title("failed of any kind by step", loc="left")
        if len(timed) > 1:
            end_labels(axes, ends)
        _risk_table(axes, tabled, 2.0)
        told = "; ".join(f"{label(each.value)} {percent(_end(each.any.late))}" for each in timed)
        alt = f"Share of trials that has failed by each step, by {name} (Kaplan-Meier). At the end: {told}."
        return to_svg(made, alt)


def _steps(
    axes: Axes, curve: FailureCurve, colour: str, dashes: Any, banded: bool, outline: bool = False
) -> None:
    """The share known to have failed as a line of steps, and above it the share that may have.

    Between two evaluations nobody knows: the area reaches to what the next one shows.
    """
    steps = np.repeat(curve.steps, 2)[1:-1]
    late, early = np.repeat(curve.late[:-1], 2), np.repeat(curve.early[1:], 2)
    if banded and curve.low is not None and curve.high is not None:
        low, high = np.repeat(curve.low[:-1], 2), np.repeat(curve.high[1:], 2)
        axes.fill_between(steps, low, high, color=colour, alpha=0.13, linewidth=0)
    axes.fill_between(steps, late, early, color=colour, alpha=0.4, linewidth=0)
    if outline:  # a pale colour of an outcome on a pale page
        axes.step(curve.steps, curve.late, where="post", color=MUTED, linewidth=2.6)
    axes.step(curve.steps, curve.late, where="post", color=colour, linewidth=1.7, linestyle=dashes)


def _frame(axes: Axes, steps: Array, top: float, parts: int) -> None:
    axes.set_ylim(0, 1.02 * top)
    axes.set_xlim(0, float(steps[-1]) or 1.0)
    axes.set_yticks(np.linspace(0, top, parts + 1))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.set_xlabel("step")
    sns.despine(ax=axes)


def _risk_table(axes: Axes, timed: Sequence[Timed], height: float) -> None:
    """Below the axis: how many trials had not failed before each tick."""
    if not timed:
        return
    low, high = axes.get_xlim()
    ticks = [tick for tick in axes.get_xticks() if low <= tick <= high]
    top = -0.56 / height
    step = ROW / height
    axes.text(0.0, top, "trials not failed before", transform=axes.transAxes, fontsize=8.5, color=MUTED)
    for i, each in enumerate(timed, start=1):
        at = top - i * step
        if len(timed) > 1:
            axes.text(
                -0.08, at, short(each.value), transform=axes.transAxes, ha="right", fontsize=8, color=INK
            )
        for tick, count in zip(ticks, each.at_risk(ticks), strict=True):
            place = (tick - low) / (high - low)
            axes.text(place, at, str(count), transform=axes.transAxes, ha="center", fontsize=8, color=INK)


def _of_kinds(timed: Timed, name: str, top: float) -> str:
    """The share that has failed first by each kind, for one value."""
    with style():
        made = figure(SMALL, LOW, layout=None)
        right = 1.22
        made.subplots_adjust(left=0.55 / SMALL, right=1 - right / SMALL, top=1 - 0.3 / LOW, bottom=0.45 / LOW)
        axes = made.subplots()
        ends = []
        for kind, curve in timed.kinds.items():
            colour = COLOURS.get(kind, MUTED)
            _steps(axes, curve, colour, "-", banded=True, outline=True)
            ends.append(End(_end(curve.late), _SHORT.get(kind, outcome_word(kind)), colour))
        _frame(axes, timed.steps, top, parts=2)
        axes.xaxis.set_major_locator(MaxNLocator(3, integer=True))
        title = f"{name} {short(timed.value)}" if name != "trials" else "by kind"
        axes.set_title(f"{title}, {len(timed.onsets)} trials", fontsize=9)
        end_labels(axes, ends, size=8)
        told = "; ".join(
            f"{outcome_word(kind)} {percent(_end(curve.late))}" for kind, curve in timed.kinds.items()
        )
        alt = f"Share failed first by each kind, {name} {label(timed.value)}. At the end: {told}."
        return to_svg(made, alt)
