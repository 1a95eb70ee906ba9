"""What the figures of outcomes share: their order, their counts, the failure rate of trials."""

from __future__ import annotations

from typing import Any

import pandas as pd

from bench.judge.outcomes import FAILURES, OUTCOMES
from bench.judge.stats import Bounds, failure_bounds
from bench.report.svg import COLOURS
from bench.report.view import View

STACK = (*FAILURES, "undertrained", "converged")
"""Failures from the left, success from the right, the undecided between: the failure share ends there."""


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


def legend_entries(view: View) -> list[tuple[str, str, str, str]]:
    """(outcome, colour, meaning, folklore) of every outcome, in the order of the bars."""
    return [(name, COLOURS[name], OUTCOMES[name].meaning, OUTCOMES[name].folklore) for name in STACK]
