"""From tables of flags to onsets between evaluations."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bench.judge.onsets import Onsets, failure_onsets

EVALUATED = [0, 10, 20, 30, 40]


def trial(name: str, outcome: str | None, status: str = "done", **onsets: int) -> dict[str, Any]:
    row: dict[str, Any] = {"trial": name, "seed": 3, "status": status, "outcome": outcome}
    for flag in ("diverged", "oscillating", "stalled"):
        row[f"flag.{flag}"] = flag in onsets
        row[f"flag.{flag}.onset"] = onsets.get(flag)
    return row


def found(*rows: dict[str, Any], undecided_failed: bool = False) -> Onsets:
    names = [row["trial"] for row in rows]
    curves = pd.DataFrame({"trial": np.repeat(names, 5), "step": EVALUATED * len(names)})
    steps = dict.fromkeys(names, 40)
    onsets, kept = failure_onsets(pd.DataFrame(rows), curves, steps, undecided_failed)
    assert len(kept) == len(onsets)
    return onsets


def test_the_earliest_lasting_onset_counts_and_lies_after_the_evaluation_before() -> None:
    onsets = found(trial("a", "oscillating", oscillating=30, stalled=20), trial("b", "converged"))
    assert onsets.left.tolist() == [10, 40]
    assert onsets.right.tolist() == [20, math.inf]
    assert onsets.kinds.tolist() == ["stalled", ""]
    assert onsets.failed.tolist() == [True, False]


def test_a_flag_that_came_and_went_is_no_event() -> None:
    row = trial("a", "converged") | {"flag.oscillating.onset": 10, "flag.oscillating.recovery": 20}
    assert not found(row).failed.any()


def test_a_step_that_was_not_evaluated_is_exact() -> None:
    onsets = found(trial("a", "diverged", diverged=17), trial("b", "stalled", stalled=0))
    assert onsets.left.tolist() == onsets.right.tolist() == [17, 0]


def test_crashed_and_unjudged_trials_are_counted_apart() -> None:
    onsets = found(
        trial("a", "stalled", stalled=10),
        trial("b", None, status="crashed"),
        trial("c", None),
        trial("d", "converged"),
    )
    assert (len(onsets), onsets.left_out) == (2, 2)


@pytest.mark.parametrize(("undecided_failed", "ends"), [(False, (40, math.inf)), (True, (30, 40))])
def test_the_undecided_fail_at_the_end_or_not_at_all(
    undecided_failed: bool, ends: tuple[float, float]
) -> None:
    onsets = found(trial("a", "undertrained"), undecided_failed=undecided_failed)
    assert (onsets.left[0], onsets.right[0]) == ends


def test_early_and_late_times() -> None:
    onsets = found(
        trial("a", "stalled", stalled=20), trial("b", "converged"), trial("c", "diverged", diverged=17)
    )
    assert onsets.times(late=True).tolist() == [20, 40, 17]
    early = onsets.times(late=False)
    assert early == pytest.approx([10, 40, 17])
    assert early[0] > 10


def test_nothing_judged_is_no_error() -> None:
    assert len(found(trial("a", None, status="pending"))) == 0
