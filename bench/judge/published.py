"""Published numbers and closed forms beside a study's own: does the measurement agree?"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

AGREES, DIFFERS, NO_DATA = "agrees", "differs", "no data"


@dataclass(frozen=True)
class Published:
    """One statement of a study's `published` block.

    where: axis -> value of the cells it is about; metric: a column of the curves; at: the step, None for the
    end. The statement: |mean - value| <= `within`, or <= `standard_errors` times the SE over seeds; or the
    mean is `below`, or `at_least`, a bound.
    """

    where: Mapping[str, Any]
    metric: str
    source: str
    at: int | None = None
    value: float | None = None
    within: float | None = None
    standard_errors: float | None = None
    below: float | None = None
    at_least: float | None = None

    @property
    def says(self) -> str:
        """The statement as text, without the cell."""
        if self.value is not None:
            tolerance = f"± {self.within:g}" if self.within is not None else f"± {self.standard_errors:g} SE"
            return f"{self.value:.7g} {tolerance}"
        return f"< {self.below:.7g}" if self.below is not None else f"≥ {self.at_least:.7g}"


@dataclass(frozen=True)
class Compared:
    """A statement beside what was measured: n seeds, their mean and its standard error (None for n < 2).

    lacking: finished trials of these cells that have no such number: they died before, or it could not be
    measured.
    """

    published: Published
    n: int
    mean: float | None
    se: float | None
    verdict: str
    lacking: int = 0


def compare(
    statements: Iterable[Published], trials: pd.DataFrame, curves: pd.DataFrame, axes: Mapping[str, str]
) -> list[Compared]:
    """Each statement with its verdict. `axes`: axis -> its column in `trials`. Only finished trials count;
    cells that share a seed are averaged first, since seeds are the replicates."""
    done = trials[trials["status"] == "done"]
    by_trial = {str(trial): rows for trial, rows in curves.groupby("trial", sort=False)}
    return [_compare(each, _matching(done, each.where, axes), by_trial) for each in statements]


def _matching(trials: pd.DataFrame, where: Mapping[str, Any], axes: Mapping[str, str]) -> pd.DataFrame:
    chosen = trials
    for axis, wanted in where.items():
        column = axes.get(axis, axis)
        if column not in chosen:
            return chosen[:0]
        # As an array of booleans: the empty list would choose columns.
        chosen = chosen[np.array([_same(value, wanted) for value in chosen[column]], dtype=bool)]
    return chosen


def _same(value: Any, wanted: Any) -> bool:
    """Whether a cell of the trials table is this value of an axis; a column of mixed types holds texts."""
    if isinstance(value, str):
        return value == ("none" if wanted is None else str(wanted))
    return bool(value == wanted)


def _compare(published: Published, trials: pd.DataFrame, by_trial: Mapping[str, pd.DataFrame]) -> Compared:
    found = [
        (seed, value)
        for trial, seed in zip(trials["trial"], trials["seed"], strict=True)
        if (value := _value(by_trial.get(str(trial)), published)) is not None
    ]
    if not found:
        return Compared(published, 0, None, None, NO_DATA, len(trials))
    per_seed = pd.DataFrame(found, columns=["seed", "value"]).groupby("seed")["value"].mean()
    n, mean = len(per_seed), float(per_seed.mean())
    se = float(per_seed.std(ddof=1)) / math.sqrt(n) if n > 1 else None
    lacking = len(trials) - len(found)
    # A mean over survivors proves nothing of those that died.
    verdict = DIFFERS if lacking else _verdict(published, mean, se)
    return Compared(published, n, mean, se, verdict, lacking)


def _value(curve: pd.DataFrame | None, published: Published) -> float | None:
    if curve is None or published.metric not in curve:
        return None
    at = curve["step"].max() if published.at is None else published.at
    values = curve.loc[curve["step"] == at, published.metric]
    found = values.iloc[0] if len(values) else None
    return float(found) if isinstance(found, Real) and math.isfinite(found) else None


def _verdict(published: Published, mean: float, se: float | None) -> str:
    if published.value is not None:
        if published.within is not None:
            agrees = abs(mean - published.value) <= published.within
        elif se is None:
            return NO_DATA
        else:
            agrees = abs(mean - published.value) <= (published.standard_errors or 0.0) * se
    elif published.below is not None:
        agrees = mean < published.below
    else:
        agrees = mean >= (published.at_least if published.at_least is not None else math.inf)
    return AGREES if agrees else DIFFERS
