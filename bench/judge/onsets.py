"""When trials failed: the first onset that lasts to the end, known only between two evaluations."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.judge.intervals import Array
from bench.judge.outcomes import FAILURES

NONE = ""
"""The kind of a trial that did not fail."""


@dataclass(frozen=True)
class Onsets:
    """One row per judged trial; `left_out` counts those without an outcome, which stand in no denominator.

    A failure began in (left, right], or exactly at `right` where left == right. A trial that did not fail
    has left = its horizon and right = infinity: the study's end is the only censoring. Steps throughout.
    """

    seeds: NDArray[np.int64]
    left: Array
    right: Array
    kinds: NDArray[np.str_]
    left_out: int = 0

    def __post_init__(self) -> None:
        shapes = {each.shape for each in (self.seeds, self.left, self.right, self.kinds)}
        if len(shapes) != 1 or self.seeds.ndim != 1:
            raise ValueError(f"seeds, left, right and kinds must be vectors of one length, not {shapes}")
        if not (np.isfinite(self.left) & (self.left <= self.right)).all():
            raise ValueError("an onset needs a finite left end that is not after its right end")
        if ((self.kinds == NONE) != np.isinf(self.right)).any():
            raise ValueError("a trial has a kind of failure exactly when it has an onset")

    def __len__(self) -> int:
        return len(self.seeds)

    @property
    def failed(self) -> NDArray[np.bool_]:
        return np.isfinite(self.right)

    def times(self, late: bool) -> Array:
        """Each trial's time with its onset as late, or as early, as the evaluations allow; else its horizon.

        An early onset lies just after the evaluation that still was good, not at it.
        """
        early = np.where(self.left < self.right, np.nextafter(self.left, math.inf), self.left)
        return np.where(self.failed, self.right if late else early, self.left)

    def of(self, chosen: NDArray[np.bool_]) -> Onsets:
        """The chosen trials (a mask [N])."""
        return Onsets(self.seeds[chosen], self.left[chosen], self.right[chosen], self.kinds[chosen])


def failure_onsets(
    trials: pd.DataFrame, curves: pd.DataFrame, steps: Mapping[str, int], undecided_failed: bool = False
) -> tuple[Onsets, pd.DataFrame]:
    """The onset of every judged trial's failure, and the rows of `trials` that they are of, in that order.

    The event is the earliest onset among the failure flags that hold at the end; its kind is that flag's
    (of several, the first in the order of precedence). It lies between the last evaluation before the onset
    and the onset; an onset at a step that was not evaluated (a loss that was not finite) is exact.

    Args:
        trials: columns trial, seed, status, outcome, flag.<name>, flag.<name>.onset.
        curves: columns trial, step.
        steps: the planned length of each trial, its horizon.
        undecided_failed: count an `undertrained` trial as failed after its last evaluation but one, as
            kind `undertrained`; otherwise it had not failed at its horizon. A verdict needs both to agree.
    """
    judged = trials[(trials["status"] == "done") & trials["outcome"].notna()]
    evaluated = {
        str(trial): np.sort(rows) for trial, rows in curves.groupby("trial")["step"].unique().items()
    }
    found = [
        _onset(row, evaluated.get(row["trial"], np.empty(0)), steps[row["trial"]], undecided_failed)
        for row in judged.to_dict("records")
    ]
    left, right, kinds = zip(*found, strict=True) if found else ((), (), ())
    onsets = Onsets(
        judged["seed"].to_numpy(np.int64),
        np.array(left, dtype=np.float64),
        np.array(right, dtype=np.float64),
        np.array(kinds, dtype=np.str_),
        len(trials) - len(judged),
    )
    return onsets, judged


def _onset(
    row: Mapping[Any, Any], evaluated: NDArray[Any], horizon: int, undecided_failed: bool
) -> tuple[float, float, str]:
    held = [
        (float(row[f"flag.{name}.onset"]), name)
        for name in FAILURES
        if row.get(f"flag.{name}") is True and pd.notna(row.get(f"flag.{name}.onset"))
    ]
    if not held:
        if undecided_failed and row["outcome"] == "undertrained":
            before = evaluated[evaluated < horizon]
            return float(before[-1]) if before.size else 0.0, float(horizon), "undertrained"
        return float(horizon), math.inf, NONE
    onset, name = min(held, key=lambda each: each[0])
    before = evaluated[evaluated < onset]
    if onset not in evaluated or not before.size:
        return onset, onset, name
    return float(before[-1]), onset, name
