"""The rules applied to whole tables: outcome, flags, final and best values of every trial from its rows."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from bench.judge.outcomes import OUTCOMES, judge_trace
from bench.judge.rules import RULES, Rules
from bench.judge.trace import Array, Context, Trace, middle

Curve = dict[str, np.ndarray]

VERDICT: Mapping[str, pa.DataType] = {
    "outcome": pa.string(),
    "outcome_step": pa.int64(),
    "outcome_reason": pa.string(),
    "rules_version": pa.string(),
}
MADE_HERE = ("flag.", "final.", "best.")
"""How the names of the other columns that the rules make begin."""


@dataclass(frozen=True)
class Measure:
    """One way of measuring: its record in the tables' metadata, and those of its columns that are numbers."""

    record: Mapping[str, Any]
    metrics: tuple[str, ...]

    @cached_property
    def directions(self) -> tuple[str, ...]:
        return tuple(str(self.record["directions"].get(name, "")) for name in self.metrics)

    @cached_property
    def _known(self) -> Context:
        return context(self.record, 0)

    def context(self, steps: int) -> Context:
        known = self._known
        return Context(known.primary, known.floor_mean, known.floor_sd, known.n_modes, steps, known.floors)


def judge_table(
    trials: pa.Table, curves: pa.Table, meta: Mapping[str, Any], rules: Rules = RULES
) -> pa.Table:
    """`trials` with its outcome columns made anew from `curves`; a trial without rows there has nulls.

    Args:
        trials: a row per trial, columns up to `status` and settings; outcome columns of before are dropped.
        curves: sorted by trial and step.
        meta: the tables' metadata: `measures`, one record per way of measuring (primary, floors, n_modes,
            columns, directions); `measure_of` {trial: index}, empty where there is one; `steps` {trial: n}.
    """
    index = meta.get("measure_of") or {}
    numbers = {column.name for column in curves.schema if pa.types.is_floating(column.type)}
    measures = [
        Measure(each, tuple(name for name in each["columns"] if name in numbers)) for each in meta["measures"]
    ]
    judged = {
        trial: judge_trial(curve, measures[index.get(trial, 0)], int(meta["steps"][trial]), rules)
        for trial, curve in curves_by_trial(curves)
    }
    rows = [judged.get(trial, {}) for trial in trials.column("trial").to_pylist()]
    types = columns(dict.fromkeys(itertools.chain.from_iterable(each.metrics for each in measures)))
    made = {name: pa.array([row.get(name) for row in rows], type=kind) for name, kind in types.items()}
    kept = [name for name in trials.column_names if name not in VERDICT and not name.startswith(MADE_HERE)]
    place = kept.index("status") + 1
    arrays = {name: trials.column(name) for name in kept[:place]} | made
    return pa.table(arrays | {name: trials.column(name) for name in kept[place:]})


def columns(metrics: Iterable[str]) -> dict[str, pa.DataType]:
    """The columns that the rules make, in order; `metrics` are those with numbers."""
    found = dict(VERDICT)
    for name in OUTCOMES:
        found[f"flag.{name}"] = pa.bool_()
        found[f"flag.{name}.onset"] = pa.int64()
        found[f"flag.{name}.recovery"] = pa.int64()
    metrics = list(metrics)
    for kind in ("final", "best"):
        found.update({f"{kind}.{name}": pa.float64() for name in metrics})
    return found


def judge_trial(curve: Curve, measure: Measure, steps: int, rules: Rules = RULES) -> dict[str, Any]:
    """One trial's outcome columns: outcome, its step and reason, flags, final.<metric>, best.<metric>."""
    trace = Trace.of(curve, measure.context(steps), rules)
    verdict = judge_trace(trace)
    row: dict[str, Any] = {
        "outcome": verdict.outcome,
        "outcome_step": verdict.step,
        "outcome_reason": verdict.reason,
        "rules_version": verdict.rules_version,
    }
    for name, flag in verdict.flags.items():
        row[f"flag.{name}"] = flag.holds
        row[f"flag.{name}.onset"] = flag.onset
        row[f"flag.{name}.recovery"] = flag.recovery
    if measure.metrics:
        values = np.stack([trace.floats(name) for name in measure.metrics])
        for kind, found in (("final", finals(values, rules)), ("best", bests(values, measure.directions))):
            for name, value in zip(measure.metrics, found, strict=True):
                row[f"{kind}.{name}"] = value
    return row


def curves_by_trial(curves: pa.Table) -> Iterator[tuple[str, Curve]]:
    """(trial, columns as numpy arrays) for each trial of a table sorted by trial and step; null is NaN."""
    if not curves.num_rows:
        return
    arrays = {name: _to_numpy(curves.column(name)) for name in curves.column_names}
    ids = arrays["trial"]
    starts = [0, *(np.flatnonzero(ids[1:] != ids[:-1]) + 1).tolist(), len(ids)]
    for first, after in itertools.pairwise(starts):
        yield str(ids[first]), {name: values[first:after] for name, values in arrays.items()}


def _to_numpy(column: pa.ChunkedArray) -> np.ndarray:
    if pa.types.is_integer(column.type) and column.null_count:
        column = column.cast(pa.float64())
    return np.asarray(column.to_numpy(zero_copy_only=False))


def context(measure: Mapping[str, Any], steps: int) -> Context:
    """What the rules must know of a trial beside its curve, from the record of how it was measured."""
    floors = measure["floors"]
    primary = str(measure["primary"])
    floor = floors.get(primary, {})
    return Context(
        primary=primary,
        floor_mean=float(floor.get("mean", math.nan)),
        floor_sd=float(floor.get("sd", math.nan)),
        n_modes=measure["n_modes"],
        steps=steps,
        floors=floors,
    )


def finals(values: Array, rules: Rules = RULES) -> list[float | None]:
    """Median over W of each metric, `values` [metrics, evaluations]; None when W is not there or one of its
    evaluations has no value (the trial died)."""
    width = rules.window(values.shape[1])
    if values.shape[1] <= width:
        return [None] * len(values)
    window = values[:, -width:]
    middles = np.where(np.isfinite(window).all(axis=1), middle(window), np.nan)
    return [None if math.isnan(value) else float(value) for value in middles]


def bests(values: Array, directions: Sequence[str]) -> list[float | None]:
    """The best single value of each metric, `values` [metrics, evaluations]; None where none is finite.

    `directions`: lower, higher, one (the nearer to 1 the better); empty: none is. The best of many is biased.
    """
    found: list[float | None] = []
    for row, direction in zip(values, directions, strict=True):
        known = np.isfinite(row)
        if not direction or not known.any():
            found.append(None)
            continue
        cost: Array = -row if direction == "higher" else np.abs(row - 1.0) if direction == "one" else row
        found.append(float(row[np.where(known, cost, np.inf).argmin()]))
    return found
