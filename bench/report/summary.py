"""The first screen's answer in two sentences, made from the numbers alone."""

from __future__ import annotations

import math

import pandas as pd

from bench.judge.outcomes import FAILURES
from bench.judge.stats import SEEDS_FOR_INTERVAL
from bench.report.contrasts import Contrast, largest
from bench.report.figures import bounds_of
from bench.report.view import View
from bench.report.words import clean, label, number, outcome_word, percent, span


def answer(view: View) -> str:
    """What failed, how often and since when; where in the grid, and which value would have saved most."""
    if view.judged.empty:
        return "No trial has finished with an outcome yet."
    return f"{_what_failed(view)} {_what_saves(view)}"


def _what_failed(view: View) -> str:
    trials = view.judged
    n, failed = len(trials), trials[trials["failed"].map(lambda each: each is True)]
    undecided = int(trials["failed"].map(lambda each: each is None).sum())
    converged = n - len(failed) - undecided
    of = f"{n} finished trials" if n > 1 else "one finished trial"
    open_ = f"{undecided} {'is' if undecided == 1 else 'are'} undecided, still improving" if undecided else ""
    rest = " and ".join(each for each in (f"{converged} converged" if converged else "", open_) if each)
    rate = _rate_of_all(trials, undecided)
    if not len(failed):
        return f"Of {of} none failed ({rate}): {rest}."
    return f"Of {of} {len(failed)} failed ({rate}), {_kinds(view, failed)}{'; ' if rest else ''}{rest}."


def _rate_of_all(trials: pd.DataFrame, undecided: int) -> str:
    bounds = bounds_of(trials)
    text = percent(bounds.low.mean)
    if undecided:
        text += f", with the undecided {percent(bounds.high.mean)}"
    low, high = bounds.low.low, bounds.high.high
    if low is None or high is None:
        return f"{text}; {trials['seed'].nunique()} seeds make no interval"
    return f"{text}; 95 % interval {100 * low:.0f} to {percent(high)}"


def _kinds(view: View, failed: pd.DataFrame) -> str:
    """The most frequent kind with its count and its median onset, and the next one with its count."""
    counts = failed.loc[failed["outcome"].isin(FAILURES), "outcome"].value_counts()
    first = str(counts.index[0])
    many = "all" if counts.iloc[0] == len(failed) else "most often"
    text = f"{many} as “{outcome_word(first)}” ({int(counts.iloc[0])}{_since(view, failed, first)})"
    if len(counts) > 1:
        second = str(counts.index[1])
        text += f", then “{outcome_word(second)}” ({int(counts.iloc[1])})"
    return text


def _since(view: View, failed: pd.DataFrame, kind: str) -> str:
    """`, half of them since step 400 of 2000 or before`: an onset is known only at an evaluation."""
    steps = failed.loc[failed["outcome"] == kind, "outcome_step"].dropna().astype(float)
    if steps.empty:
        return ""
    planned = {int(each) for each in (view.results.meta.get("steps") or {}).values()}
    of = f" of {planned.pop()}" if len(planned) == 1 else ""
    middle = number(float(steps.quantile(0.5, interpolation="higher")))
    if len(steps) == 1:
        return f", since step {middle}{of}"
    return f", half of them by step {middle}{of}"


def _what_saves(view: View) -> str:
    if not view.axes:
        return "The study varies nothing but the seed, so no knob can be named."
    best, compared = largest(view)
    if best is None:
        return "No two values of an axis share a seed and all other settings, so no knob can be named."
    if best.certain == 0:
        if all(each is False for each in view.judged["failed"]):
            return "There was nothing to save."
        leaves = any(each is None for each in view.judged["failed"])
        beyond = " beyond what the undecided leave open" if leaves else ""
        return f"No value of an axis had fewer failures than another{beyond}."
    change = f"{clean(best.axis)} {label(best.treatment)} instead of {label(best.control)}"
    rates = f"{_rate(view, best, best.treatment)} failed, {_rate(view, best, best.control)}"
    if view.seeds < SEEDS_FOR_INTERVAL:
        return (
            f"Most was saved by {change} ({rates}), an illustration and no verdict, for there "
            f"{'is' if view.seeds == 1 else 'are'} {view.seeds} seed{'s' if view.seeds != 1 else ''}."
        )
    points = _points(best)
    if best.shown:
        return f"Most would have been saved by {change} ({rates}): {points}, {_how(best, compared)}."
    return (
        f"No single change is shown to prevent failures; the largest difference is {change}: {points}, "
        f"{_how(best, compared)}."
    )


def _rate(view: View, best: Contrast, value: object) -> str:
    trials = view.where(best.axis, value)
    bounds = bounds_of(trials)
    return f"at {label(value)}: {span(bounds.low.mean, bounds.high.mean)} of {len(trials)}"


def _points(best: Contrast) -> str:
    low, high = (100 * abs(each) for each in sorted(best.means, key=abs))
    amount = f"{low:.0f}" if math.isclose(low, high, abs_tol=0.5) else f"{low:.0f} to {high:.0f}"
    return f"{amount} points fewer, all else equal"


def _signed(points: float) -> str:
    """A whole number with a minus sign where it is negative, unlike a hyphen."""
    whole = round(points)
    return f"\N{MINUS SIGN}{-whole}" if whole < 0 else str(whole)


def _how(best: Contrast, compared: int) -> str:
    n = best.least.n
    ends = ""
    if best.low is not None and best.high is not None:
        ends = f"95 % interval {_signed(-100 * best.high)} to {_signed(-100 * best.low)}, "
    family = f", largest of {compared} differences" if compared > 1 else ""
    return f"{ends}{n} seeds{family}"
