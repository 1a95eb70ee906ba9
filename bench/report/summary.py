"""The first screen's answer in two sentences, made from the numbers alone."""

from __future__ import annotations

import pandas as pd

from bench.judge.outcomes import FAILURES
from bench.judge.stats import SEEDS_FOR_INTERVAL
from bench.report.figures import bounds_of
from bench.report.view import View
from bench.report.words import clean, label, outcome_word, span


def answer(view: View) -> str:
    """How often it failed and how; which axis moved the failure rate most, and between which values."""
    trials = view.judged
    if trials.empty:
        return "No trial has finished with an outcome yet."
    return f"{_how_often(trials)} {_which_axis(view)}"


def _how_often(trials: pd.DataFrame) -> str:
    n = len(trials)
    converged = int((trials["outcome"] == "converged").sum())
    failed = int(sum(each is True for each in trials["failed"]))
    undecided = n - converged - failed
    kinds = trials.loc[trials["outcome"].isin(FAILURES), "outcome"].value_counts()
    text = f"Of {n} finished trial{'s' if n > 1 else ''}, {converged} converged and {failed} failed"
    if len(kinds):
        name, count = str(kinds.index[0]), int(kinds.iloc[0])
        most = "all of them" if count == failed else f"most often ({count})"
        text += f", {most} by the outcome “{outcome_word(name)}”"
    if undecided:
        verbs = ("was", "is") if undecided == 1 else ("were", "are")
        text += f"; {undecided} {verbs[0]} still improving and {verbs[1]} undecided"
    return f"{text}."


def _which_axis(view: View) -> str:
    spreads = []
    for axis in view.axes:
        rates = []
        for value in view.values(axis):
            trials = view.where(axis, value)
            bounds = bounds_of(trials)
            rates.append((bounds.low.mean, bounds.high.mean, value, len(trials)))
        if len(rates) > 1:
            low, high = min(rates, key=lambda r: (r[1], r[0])), max(rates, key=lambda r: (r[0], r[1]))
            # What is certain whatever becomes of the undecided: the gap between the bounds.
            spreads.append((high[0] - low[1], axis, low, high))
    if not spreads:
        return "The study varies nothing but the seed."
    gap, axis, low, high = max(spreads, key=lambda each: each[0])
    caution = ""
    if view.seeds < SEEDS_FOR_INTERVAL:
        caution = f" (with {view.seeds} seeds this is an illustration, not a verdict)"
    if gap <= 0:
        return f"No axis moved the failure rate beyond what the undecided trials leave open{caution}."
    return (
        f"The failure rate moved most with {clean(axis)}: {span(low[0], low[1])} of {low[3]} trials at "
        f"{label(low[2])}, {span(high[0], high[1])} of {high[3]} at {label(high[2])}{caution}."
    )
