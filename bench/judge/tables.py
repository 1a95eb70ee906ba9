"""The rules applied to whole tables: outcome, flags, final and best values of every trial from its rows."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from bench.judge.outcomes import OUTCOMES, Context, Verdict, judge
from bench.judge.rules import RULES

Curve = dict[str, np.ndarray]
Judge = Callable[[Curve, Context], Verdict]

VERDICT: Mapping[str, pa.DataType] = {
    "outcome": pa.string(),
    "outcome_step": pa.int64(),
    "outcome_reason": pa.string(),
    "rules_version": pa.int64(),
}
MADE_HERE = ("flag.", "final.", "best.")
"""How the names of the other columns that the rules make begin."""


def judge_table(trials: pa.Table, curves: pa.Table, meta: Mapping[str, Any], by: Judge = judge) -> pa.Table:
    """`trials` with its outcome columns made anew from `curves`; a trial without rows there has nulls.

    Args:
        trials: a row per trial, columns up to `status` and settings; outcome columns of before are dropped.
        curves: sorted by trial and step.
        meta: the tables' metadata: `measures`, one record per way of measuring (primary, floors, n_modes,
            columns, directions); `measure_of` {trial: index}, empty where there is one; `steps` {trial: n}.
    """
    measures, index = meta["measures"], meta.get("measure_of") or {}
    numbers = {column.name for column in curves.schema if pa.types.is_floating(column.type)}
    metrics = [[name for name in each["columns"] if name in numbers] for each in measures]
    judged = {}
    for trial, curve in curves_by_trial(curves):
        at = index.get(trial, 0)
        judged[trial] = judge_trial(curve, measures[at], int(meta["steps"][trial]), metrics[at], by)
    rows = [judged.get(trial, {}) for trial in trials.column("trial").to_pylist()]
    types = columns(dict.fromkeys(itertools.chain.from_iterable(metrics)))
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


def judge_trial(
    curve: Curve, measure: Mapping[str, Any], steps: int, metrics: Iterable[str], by: Judge = judge
) -> dict[str, Any]:
    """One trial's outcome columns: outcome, its step and reason, flags, final.<metric>, best.<metric>."""
    verdict = by(curve, context(measure, steps))
    row: dict[str, Any] = {
        "outcome": verdict.outcome,
        "outcome_step": verdict.step,
        "outcome_reason": verdict.reason,
        "rules_version": int(verdict.rules_version),
    }
    for name, flag in verdict.flags.items():
        row[f"flag.{name}"] = flag.holds
        row[f"flag.{name}.onset"] = flag.onset
        row[f"flag.{name}.recovery"] = flag.recovery
    for name in metrics:
        values = np.asarray(curve[name], dtype=np.float64)
        row[f"final.{name}"] = final(values)
        row[f"best.{name}"] = best(values, str(measure["directions"].get(name, "")))
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


def final(values: np.ndarray) -> float | None:
    """Median over W; None when W is not there or one of its evaluations has no value (the trial died)."""
    width = RULES.window(len(values))
    window = values[-width:]
    if len(values) <= width or not np.isfinite(window).all():
        return None
    return float(np.median(window))


def best(values: np.ndarray, direction: str) -> float | None:
    """The best single value (`direction`: lower, higher, one; empty: none is). The best of many is biased."""
    finite = values[np.isfinite(values)]
    if not finite.size or not direction:
        return None
    if direction == "one":
        return float(finite[np.abs(finite - 1.0).argmin()])
    return float(finite.max() if direction == "higher" else finite.min())
