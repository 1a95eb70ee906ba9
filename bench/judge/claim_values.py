"""From tables to what a claim compares: which trials, what each of them scores, on what scale."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.errors import UserError
from bench.judge.claim import (
    FAILURE,
    FLAG,
    LESS,
    LOG_RATIO,
    METRIC,
    MONITOR,
    Quantity,
    Where,
)
from bench.judge.derived import DERIVED
from bench.judge.effects import HIGHER, LOWER, worst_if_diverged
from bench.judge.intervals import Array
from bench.judge.outcomes import FAILURES, OUTCOMES
from bench.judge.rules import RULES, Rules

DIVERGED = "diverged"

SIGNED = ("kid", "fd_inf")
"""Distances whose unbiased estimate may be below 0: they have no logarithm."""

_FROM_0_TO_1 = ("share", "probability", "similarity", "share of pairs")
_FROM_0 = (
    *("gradient norm", "weight norm", "update norm / weight norm", "|dL_G/dlogit|", "|dD/dx|", "fake / real"),
    *(each.unit for each in DERIVED.values()),
    *("data units", "squared feature units", "nats", "ratio", "modes", "pictures"),
)


@dataclass(frozen=True)
class Evidence:
    """A study's tables.

    axes: axis -> its column of `trials`; partial: marks of results that do not cover the study.
    """

    trials: pd.DataFrame
    curves: pd.DataFrame
    axes: Mapping[str, str]
    meta: Mapping[str, Any]
    rules: Rules = RULES
    partial: tuple[str, ...] = ()
    _medians: dict[str, pd.Series] = field(default_factory=dict, compare=False)

    def over_window(self, monitor: str) -> pd.Series:
        """Trial -> the median over W of a monitor, nulls left out; NaN without W."""
        if monitor not in self._medians:
            self._medians[monitor] = medians_over_window(self.curves, monitor, self.rules)
        return self._medians[monitor]


@dataclass(frozen=True)
class Scale:
    """How values of a quantity are compared.

    log: by log-ratio. better: `lower`, `higher` or empty. low, high: the least and the largest value.
    """

    log: bool
    unit: str
    better: str = ""
    low: float = -math.inf
    high: float = math.inf


def medians_over_window(curves: pd.DataFrame, monitor: str, rules: Rules) -> pd.Series:
    """Trial -> median over W of a monitor; as for `final`, a run needs more evaluations than W has.

    Raises:
        UserError: the curves lack it.
    """
    values, found = monitor_values(curves, monitor, rules), {}
    for trial, rows in _rows_of_trials(curves):
        width, found[trial] = rules.window(len(rows)), math.nan
        if len(rows) > width:
            last = values[rows[-width:]]
            last = last[np.isfinite(last)]
            found[trial] = float(np.median(last)) if last.size else math.nan
    return pd.Series(found, index=pd.Index(list(found), name="trial"), dtype=np.float64)


def monitor_values(curves: pd.DataFrame, monitor: str, rules: Rules) -> Array:
    """A monitor at each row of the curves, [rows]; NaN where it is not known.

    It is computed (`derived.py`), or a column: its own, or that of the mean over each interval.

    Raises:
        UserError: the curves lack it.
    """
    if monitor in DERIVED:
        made = DERIVED[monitor]
        first, second = (monitor_values(curves, column, rules) for column in made.columns)
        found = np.full(len(curves), np.nan)
        for _, rows in _rows_of_trials(curves):
            found[rows] = made.of(first[rows], second[rows], rules)
        return found
    for column in (monitor, f"{monitor}.mean"):
        if column in curves:
            return pd.to_numeric(curves[column], errors="coerce").to_numpy(dtype=np.float64)
    raise UserError(f"the curves have no monitor {monitor}")


def _rows_of_trials(curves: pd.DataFrame) -> Iterator[tuple[str, NDArray[np.intp]]]:
    """Each trial, and where its rows are in order of step."""
    codes, names = pd.factorize(curves["trial"])
    order = np.lexsort((curves["step"].to_numpy(dtype=np.float64), codes))
    counts = np.bincount(codes, minlength=len(names))
    for name, end, count in zip(names.astype(str), np.cumsum(counts), counts, strict=True):
        yield name, order[end - count : end]


def column_of(axis: str, evidence: Evidence) -> str:
    """The column of an axis, or of a key of the cells.

    Raises:
        UserError: the table has neither.
    """
    column = evidence.axes.get(axis, axis)
    if column not in evidence.trials:
        raise UserError(f"the table of trials has no {axis}")
    return column


def matching(evidence: Evidence, where: Where) -> NDArray[np.bool_]:
    """Which trials [N] have, at every axis or key, one of the values meant.

    Raises:
        UserError: the table has no such axis, or no trial with one of the values.
    """
    chosen = np.ones(len(evidence.trials), dtype=np.bool_)
    for axis, wanted in where.items():
        values = evidence.trials[column_of(axis, evidence)].tolist()
        hits = np.array([[same(value, each) for value in values] for each in wanted], dtype=np.bool_)
        hits = hits.reshape(len(wanted), len(values))
        lacking = [each for each, found in zip(wanted, hits, strict=True) if not found.any()]
        if lacking:
            said = ", ".join("none" if each is None else str(each) for each in lacking)
            raise UserError(f"no trial has {axis} {said}")
        chosen &= hits.any(0)
    return chosen


def same(value: Any, wanted: Any) -> bool:
    """Whether a cell of the table is this value; a column of mixed types holds texts, and null is `none`."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        value = "none"
    wanted = "none" if wanted is None else wanted
    if isinstance(value, (bool, np.bool_)) or isinstance(wanted, bool):
        return str(value).lower() == str(wanted).lower()
    if isinstance(value, str):
        return value == str(wanted) or (isinstance(wanted, (int, float)) and _reads(value, float(wanted)))
    if not isinstance(wanted, (int, float)) or not isinstance(value, (int, float, np.number)):
        return bool(value == wanted)
    return math.isclose(float(value), float(wanted), rel_tol=1e-9, abs_tol=1e-15)


def _reads(text: str, wanted: float) -> bool:
    """Whether a text is this number: a column of mixed types may hold 1 as `1`, `1.0` or `1e0`."""
    try:
        return math.isclose(float(text), wanted, rel_tol=1e-9, abs_tol=1e-15)
    except ValueError:
        return False


def cells_of(trials: pd.DataFrame, axes: Mapping[str, str]) -> list[str]:
    """What tells the cells of trials apart, as text: `lr_ratio 8, loss minimax`; [N]."""
    told = [[f"{axis} {_text(value)}" for value in trials[column].tolist()] for axis, column in axes.items()]
    return [", ".join(each) for each in zip(*told, strict=True)] if told else [""] * len(trials)


def _text(value: Any) -> str:
    # 12 digits: values that differ are other cells, and 0.1 + 0.2 is 0.3.
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def measures_of(trials: pd.DataFrame, evidence: Evidence) -> list[Mapping[str, Any]]:
    """How these trials were measured: one entry for each data set, metrics and floors among them."""
    meta = evidence.meta
    measures, of = meta.get("measures") or [meta], meta.get("measure_of") or {}
    used = {int(of.get(str(trial), 0)) for trial in trials["trial"]}
    return [measures[i] for i in sorted(used) if i < len(measures)]


def scale_of(quantity: Quantity, evidence: Evidence, trials: pd.DataFrame | None = None) -> Scale:
    """On what scale a quantity is compared, from the units and directions that the tables tell.

    Rates, counts and monitors by their difference, distances (except those that may be below 0) by the
    logarithm of their ratio; `quantity.scale` says otherwise. `trials`: those meant, whose data bound what
    is counted in modes; without them all.
    """
    if quantity.is_share:
        return Scale(False, "share of trials", low=0.0, high=1.0)
    name = quantity.names[0]
    base, units = name.removeprefix("ema."), evidence.meta.get("units") or {}
    unit = str(units.get(base) or units.get(base.rpartition(".")[0]) or "")
    if quantity.kind == MONITOR and name in DERIVED:
        unit = DERIVED[name].unit
    is_distance = quantity.kind == METRIC and f"{base.removesuffix('.heldout')}.noise" in evidence.curves
    log = quantity.scale == LOG_RATIO or (
        quantity.scale is None and is_distance and base.removesuffix(".heldout") not in SIGNED
    )
    low = 0.0 if unit in (*_FROM_0_TO_1, *_FROM_0) else -math.inf
    high = 1.0 if unit in _FROM_0_TO_1 else math.inf
    if unit == "modes":
        used = measures_of(evidence.trials if trials is None else trials, evidence)
        high = max((float(each["n_modes"]) for each in used if each.get("n_modes")), default=math.inf)
    return Scale(log, "log-ratio" if log else unit or name, better_of(quantity, evidence), low, high)


def better_of(quantity: Quantity, evidence: Evidence) -> str:
    """Which way a metric is better, `lower` or `higher`; empty where it has no direction, and of all else."""
    directions = evidence.meta.get("directions") or {}
    better = directions.get(quantity.names[0].removeprefix("ema.")) if quantity.kind == METRIC else ""
    return better if better in (LOWER, HIGHER) else ""


def best_possible(
    quantity: Quantity, trials: pd.DataFrame, evidence: Evidence, expect: str | None, scale: Scale
) -> Array:
    """What no treatment of a trial can pass in the expected direction, [N]: each trial's own data tell.

    A distance's floor, or how many modes there are; where its data tell nothing, the end of the scale.
    """
    end = scale.low if expect == LESS else scale.high
    if quantity.kind != METRIC or quantity.is_share:
        return np.full(len(trials), end)
    base, meta = quantity.names[0].removeprefix("ema."), evidence.meta
    measures, of = meta.get("measures") or [meta], meta.get("measure_of") or {}

    def own(measure: Mapping[str, Any]) -> float:
        if expect != LESS:
            return float(measure.get("n_modes") or end) if scale.unit == "modes" else end
        floor = (measure.get("floors") or {}).get(base, {}).get("mean")
        return float(floor) if scale.better == LOWER and floor is not None and floor > end else end

    each = [own(measure) for measure in measures]
    at = [int(of.get(str(trial), 0)) for trial in trials["trial"]]
    return np.array([each[i] if i < len(each) else end for i in at], dtype=np.float64)


def has_undecided(quantity: Quantity, trials: pd.DataFrame, evidence: Evidence) -> bool:
    """Whether some of these finished trials may or may not have what a share counts."""
    return quantity.is_share and bool(np.isnan(_share(quantity, trials, evidence)).any())


def values_of(
    quantity: Quantity,
    trials: pd.DataFrame,
    evidence: Evidence,
    undecided: float,
    expect: str | None = None,
    log: bool = False,
    died: float = math.nan,
) -> Array:
    """The value of each finished trial, [N]; NaN where it is not known.

    A share is 0 or 1, `undecided` for trials of which it is not known. Else a diverged trial is infinite,
    on the worse side: by the metric's direction, or else on the side that is not expected. Where nothing is,
    it is `died`: neither side is worse, so ask for both (`ends_of`).

    Args:
        log: natural logarithms of the values; an infinite one stays what it is.

    Raises:
        UserError: the tables lack the column; a value that is not positive has no logarithm.
    """
    if quantity.is_share:
        values = _share(quantity, trials, evidence)
        return np.where(np.isnan(values), undecided, values)
    values = _measured(quantity, trials, evidence)
    values = _logarithms(values, quantity) if log else values
    better = better_of(quantity, evidence) or {None: "", LESS: LOWER}.get(expect, HIGHER)
    return _with_diverged(values, trials, better, died)


def ends_of(
    quantity: Quantity, trials: pd.DataFrame, evidence: Evidence, undecided: float
) -> tuple[Array, Array]:
    """The values where nothing is expected, twice, [N] each: the diverged below all others, and above.

    To leave them out would be survivorship bias. What holds both ways holds whatever they would have been.
    Equal where no trial diverged, of shares, and of metrics with a direction.
    """
    low, high = (values_of(quantity, trials, evidence, undecided, died=end) for end in (-math.inf, math.inf))
    return low, high


def _logarithms(values: Array, quantity: Quantity) -> Array:
    bad = int((values <= 0).sum())
    if bad:
        raise UserError(
            f"{quantity.says} is not above 0 in {bad} trials, so it has no log-ratio (scale: difference)"
        )
    return np.log(values)


def _measured(quantity: Quantity, trials: pd.DataFrame, evidence: Evidence) -> Array:
    """The number of each trial as it is in the tables; NaN where there is none."""
    name = quantity.names[0]
    if quantity.kind == METRIC:
        values = _numbers(trials, f"final.{name}")
    else:
        values = evidence.over_window(name).reindex(trials["trial"].astype(str)).to_numpy(dtype=np.float64)
    return np.where(np.isfinite(values), values, np.nan)


def _with_diverged(values: Array, trials: pd.DataFrame, better: str, died: float = math.nan) -> Array:
    """Values with the diverged trials worse than all others; without a better side, they are `died`."""
    diverged = (trials["outcome"] == DIVERGED).to_numpy(dtype=np.bool_)
    return worst_if_diverged(values, diverged, better) if better else np.where(diverged, died, values)


def _numbers(trials: pd.DataFrame, column: str) -> Array:
    if column not in trials:
        raise UserError(f"the table of trials has no {column}")
    return pd.to_numeric(trials[column], errors="coerce").to_numpy(dtype=np.float64)


def _share(quantity: Quantity, trials: pd.DataFrame, evidence: Evidence) -> Array:
    """1, 0, or NaN where undecided: what a bound says of a number that is not known, or without a worse side
    of a diverged trial."""
    if quantity.bound is not None:
        measured = _measured(quantity, trials, evidence)
        values = _with_diverged(measured, trials, better_of(quantity, evidence))
        return np.where(np.isnan(values), np.nan, quantity.bound.holds(values))
    if quantity.kind == FLAG:
        column = f"flag.{quantity.names[0]}"
        if column not in trials:
            raise UserError(f"the table of trials has no {column}")
        known = trials[column].astype("boolean").astype("Float64")
        return np.asarray(known.to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64)
    wanted = outcomes_meant(quantity.names)
    ends = trials["outcome"].tolist()
    return np.array([_ended(each, wanted) for each in ends], dtype=np.float64)


def outcomes_meant(names: Sequence[str]) -> frozenset[str]:
    """Outcomes by name, `failure` spelt out."""
    return frozenset(each for name in names for each in (FAILURES if name == FAILURE else (name,)))


def _ended(outcome: Any, wanted: frozenset[str]) -> float:
    if not isinstance(outcome, str):
        return math.nan
    if outcome in wanted:
        return 1.0
    # It may still become any of them, given more steps.
    undecided = outcome in OUTCOMES and OUTCOMES[outcome].failure is None
    return math.nan if undecided else 0.0
