"""The first screen's answer in two sentences, made from the numbers alone; claims first, if there are any."""

from __future__ import annotations

import pandas as pd

from bench.judge.outcomes import FAILURES
from bench.report import saving, verdicts
from bench.report.figures import bounds_of
from bench.report.view import View
from bench.report.words import number, outcome_word, percent

NOTHING = "No trial has finished with an outcome yet."

TRAIN_LONGER = 0.2
"""Of more undecided trials a study says first that it should train longer."""


def longer(view: View) -> str:
    """That the study should train longer, where many trials are undecided; else empty."""
    trials = view.judged
    undecided = int(trials["failed"].map(lambda each: each is None).sum())
    if trials.empty or undecided <= TRAIN_LONGER * len(trials):
        return ""
    return (
        f"Train longer: {undecided} of {len(trials)} trials ({percent(undecided / len(trials))}) were still "
        "improving at their last step, so how they would end is not known."
    )


def answer(view: View) -> str:
    """What became of the claims; without any what failed, how often and since when, and what would have saved
    most."""
    if view.claims:
        return verdicts.answer(view.claims)
    return f"{what_failed(view)} {saving.sentence(view)}" if not view.judged.empty else NOTHING


def beside_claims(view: View) -> str:
    """Of a study with claims: outcomes over all cells, and what would have saved runs beyond its claims."""
    if not view.claims or view.judged.empty:
        return NOTHING if view.claims else ""
    return f"{what_failed(view)} {saving.sentence(view)}".strip()


def what_failed(view: View) -> str:
    """How many finished trials failed, as what and since when; how many converged, how many are undecided."""
    trials = view.judged
    n, failed = len(trials), trials[trials["failed"].map(lambda each: each is True)]
    undecided = int(trials["failed"].map(lambda each: each is None).sum())
    converged = n - len(failed) - undecided
    of = f"{n} finished trials{_of_all_cells(view)}" if n > 1 else "one finished trial"
    open_ = f"{undecided} {'is' if undecided == 1 else 'are'} undecided, still improving" if undecided else ""
    rest = " and ".join(each for each in (f"{converged} converged" if converged else "", open_) if each)
    rate = _rate_of_all(trials, undecided)
    if not len(failed):
        return f"Of {of} none failed ({rate}): {rest}."
    return f"Of {of} {len(failed)} failed ({rate}), {_kinds(view, failed)}{'; ' if rest else ''}{rest}."


def _of_all_cells(view: View) -> str:
    """A reminder that a study of claims has cells that were meant to fail: shares over all answer nothing."""
    cells = view.judged["cell"].nunique()
    return f" in all {cells} cells together" if view.claims and cells > 1 else ""


def _rate_of_all(trials: pd.DataFrame, undecided: int) -> str:
    bounds = bounds_of(trials)
    text = percent(bounds.low.mean)
    if undecided:
        text += f", with the undecided {percent(bounds.high.mean)}"
    low, high = bounds.low.low, bounds.high.high
    if low is None or high is None:
        seeds = trials["seed"].nunique()
        return f"{text}; {seeds} seed{'s make' if seeds != 1 else ' makes'} no interval"
    return f"{text}; 95 % interval {100 * low:.0f} to {percent(high)}"


def _kinds(view: View, failed: pd.DataFrame) -> str:
    """The most frequent kind with its count and its median onset, and the next one with its count."""
    counts = failed.loc[failed["outcome"].isin(FAILURES), "outcome"].value_counts()
    first = str(counts.index[0])
    many = "all as" if counts.iloc[0] == len(failed) else "most often as"
    told = f"“{outcome_word(first)}” ({int(counts.iloc[0])}{_since(view, failed, first)})"
    if len(counts) == 1:
        return f"{many} {told}"
    second = f"“{outcome_word(str(counts.index[1]))}” ({int(counts.iloc[1])})"
    if counts.iloc[0] > counts.iloc[1]:
        return f"{many} {told}, then {second}"
    others = int((counts == counts.iloc[0]).sum()) - 2
    return f"as {told} and as often as {second}{f' and {others} more' if others > 0 else ''}"


def _since(view: View, failed: pd.DataFrame, kind: str) -> str:
    """`, half of them by step 400 of 2000`: an onset is known only at an evaluation."""
    steps = failed.loc[failed["outcome"] == kind, "outcome_step"].dropna().astype(float)
    if steps.empty:
        return ""
    planned = {int(each) for each in (view.results.meta.get("steps") or {}).values()}
    of = f" of {planned.pop()}" if len(planned) == 1 else ""
    middle = number(float(steps.quantile(0.5, interpolation="higher")))
    if len(steps) == 1:
        return f", since step {middle}{of}"
    return f", half of them by step {middle}{of}"
