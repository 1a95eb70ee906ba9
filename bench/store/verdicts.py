"""Outcome, flags, final and best values of each trial, from its rows alone."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from bench.judge.outcomes import OUTCOMES, Context, Verdict, judge
from bench.judge.rules import RULES

Curve = dict[str, np.ndarray]
Judge = Callable[[Curve, Context], Verdict]


def curves_by_trial(curves: pa.Table) -> Iterator[tuple[str, Curve]]:
    """(trial, columns as numpy arrays) for each trial of a table sorted by trial and step; null is NaN."""
    if not curves.num_rows:
        return
    columns = {name: _to_numpy(curves.column(name)) for name in curves.column_names}
    ids = columns["trial"]
    starts = [0, *(np.flatnonzero(ids[1:] != ids[:-1]) + 1).tolist(), len(ids)]
    for first, after in itertools.pairwise(starts):
        yield str(ids[first]), {name: values[first:after] for name, values in columns.items()}


def _to_numpy(column: pa.ChunkedArray) -> np.ndarray:
    if pa.types.is_integer(column.type) and column.null_count:
        column = column.cast(pa.float64())
    return np.asarray(column.to_numpy(zero_copy_only=False))


def context(measure: Mapping[str, Any], steps: int) -> Context:
    """The judge's context from an entry of `floors.json`."""
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


def columns(metrics: Sequence[str]) -> dict[str, pa.DataType]:
    """The outcome columns of the trials table that depend on rules and metrics, in order."""
    found: dict[str, pa.DataType] = {}
    for name in OUTCOMES:
        found[f"flag.{name}"] = pa.bool_()
        found[f"flag.{name}.onset"] = pa.int64()
        found[f"flag.{name}.recovery"] = pa.int64()
    for kind in ("final", "best"):
        found.update({f"{kind}.{name}": pa.float64() for name in metrics})
    return found


def judged(
    curve: Curve,
    measure: Mapping[str, Any],
    steps: int,
    metrics: Sequence[str],
    by: Judge = judge,
) -> dict[str, Any]:
    """One trial's outcome columns: outcome, its step and reason, flags, final.<metric>, best.<metric>."""
    verdict = by(curve, context(measure, steps))
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
    for name in metrics:
        values = np.asarray(curve[name], dtype=np.float64) if name in curve else np.empty(0)
        row[f"final.{name}"] = final(values)
        row[f"best.{name}"] = best(values, str(measure["directions"].get(name, "")))
    return row


def final(values: np.ndarray) -> float | None:
    """Median over the last 20 % of the evaluations, at least 5; None when one of them has no value."""
    width = max(RULES.window_least, math.ceil(RULES.window_share * len(values) - 1e-9))
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
