"""The rules applied to whole tables: verdict, flags and final metrics of every trial of `curves`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.judge.outcomes import OUTCOMES, Context, Verdict, judge
from bench.judge.rules import RULES, Rules
from bench.judge.trace import Trace

Curve = Mapping[str, NDArray[Any]]

VERDICT_COLUMNS = ("outcome", "outcome_step", "outcome_reason", "rules_version")
IDENTITY = ("trial", "step", "d_updates", "g_updates", "alive", "first_bad_step")


def judge_table(
    curves: pd.DataFrame,
    contexts: Context | Mapping[str, Context],
    directions: Mapping[str, str] | None = None,
    rules: Rules = RULES,
) -> pd.DataFrame:
    """One row per trial of `curves`, in the order of their ids.

    Args:
        curves: the curves table, rows in any order.
        contexts: one context for all trials, or one for each trial id (trials without one are left out).
        directions: metric columns to summarise, each "lower" or "higher"; None: `metric_directions`.
    Returns:
        columns trial, outcome, outcome_step, outcome_reason, rules_version; flag.<name> (bool or null),
        flag.<name>.onset and .recovery (steps or null); final.<metric> (median over W, null for a trial that
        died) and best.<metric> (null where the metric has no direction or was never computed).
    """
    directions = metric_directions(curves) if directions is None else directions
    ids, verdicts, finals, bests = [], [], [], []
    for trial, curve in split(curves):
        context = contexts if isinstance(contexts, Context) else contexts.get(trial)
        if context is None:
            continue
        trace = Trace.of(curve, context, rules)
        ids.append(trial)
        verdicts.append(judge(curve, context, rules))
        finals.append({name: final(trace, name) for name in directions})
        bests.append({name: best(trace, name, way) for name, way in directions.items()})
    table: dict[str, Any] = {"trial": pd.array(ids, dtype="object"), **_verdict_columns(verdicts)}
    table |= {f"final.{name}": np.array([row[name] for row in finals], dtype=float) for name in directions}
    table |= {f"best.{name}": np.array([row[name] for row in bests], dtype=float) for name in directions}
    return pd.DataFrame(table)


def split(curves: pd.DataFrame) -> Iterator[tuple[str, Curve]]:
    """Each trial's id and its columns as arrays, ordered by step; a thousand times cheaper than groupby."""
    ordered = curves.sort_values(["trial", "step"], kind="stable")
    trials = ordered["trial"].to_numpy(dtype=object)
    arrays = {str(name): _array(ordered[name]) for name in ordered.columns if name != "trial"}
    if not len(trials):
        return
    starts = np.flatnonzero(np.concatenate(([True], trials[1:] != trials[:-1])))
    for first, after in zip(starts, [*starts[1:], len(trials)], strict=True):
        yield str(trials[first]), {name: values[first:after] for name, values in arrays.items()}


def contexts_from(trials: pd.DataFrame, meta: Mapping[str, Any]) -> dict[str, Context]:
    """The context of each trial from the trials table (`trial`, `steps`) and the curves' metadata.

    The metadata's keys: `primary`, `floors` {column: {mean, sd, n}}, `n_modes`; a study of several data sets
    has a list `measures` of such records and `measure_of` {trial: index}.
    """
    measures, index = meta.get("measures") or [], meta.get("measure_of") or {}
    steps = trials["steps"] if "steps" in trials else pd.Series(0, index=trials.index)
    found = {}
    for trial, planned in zip(trials["trial"].astype(str), steps, strict=True):
        measure = measures[index[trial]] if trial in index else meta
        floors = measure.get("floors") or {}
        primary, n_modes = str(measure.get("primary", "")), measure.get("n_modes")
        mean, sd = (_number(floors.get(primary, {}).get(key)) for key in ("mean", "sd"))
        modes = None if n_modes is None else int(n_modes)
        found[trial] = Context(primary, mean, sd, modes, int(planned), floors)
    return found


def metric_directions(curves: pd.DataFrame) -> dict[str, str]:
    """The numeric metric columns (those with a status, and their parts) and their direction.

    Distances are better lower; parts of `modes` are better higher, but for `modes.tv`.
    """
    families = [str(name).removesuffix("_status") for name in curves.columns if str(name).endswith("_status")]
    found: dict[str, str] = {}
    for name in map(str, curves.columns):
        family = name.partition(".")[0]
        # The evaluation noise describes the measurement, not the run.
        if family not in families or name.endswith((".noise", "_status", ".set")):
            continue
        found[name] = "higher" if family == "modes" and not name.endswith(".tv") else "lower"
    return found


def final(trace: Trace, column: str) -> float:
    """Median over W; NaN when the trial died or a value of W is missing."""
    if not trace.enough or not trace.live.all():
        return math.nan
    return float(np.median(trace.floats(column)[trace.window]))


def best(trace: Trace, column: str, direction: str) -> float:
    """The best value after step 0. Descriptive only: the best of many noisy values is biased."""
    values = trace.floats(column)[1:]
    values = values[np.isfinite(values)]
    if not values.size or direction not in ("lower", "higher"):
        return math.nan
    return float(values.min() if direction == "lower" else values.max())


def _verdict_columns(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Columns with nulls for what is not known: pandas' boolean and Int64, objects for text."""
    columns: dict[str, Any] = {
        "outcome": pd.array([v.outcome for v in verdicts], dtype="object"),
        "outcome_step": pd.array([v.step for v in verdicts], dtype="Int64"),
        "outcome_reason": pd.array([v.reason for v in verdicts], dtype="object"),
        "rules_version": pd.array([v.rules_version for v in verdicts], dtype="object"),
    }
    for name in OUTCOMES:
        flags = [v.flags[name] for v in verdicts]
        columns[f"flag.{name}"] = pd.array([flag.holds for flag in flags], dtype="boolean")
        columns[f"flag.{name}.onset"] = pd.array([flag.onset for flag in flags], dtype="Int64")
        columns[f"flag.{name}.recovery"] = pd.array([flag.recovery for flag in flags], dtype="Int64")
    return columns


def _array(column: pd.Series[Any]) -> NDArray[Any]:
    """Floats with NaN for null where the column holds numbers, objects with None where it does not."""
    if str(column.name) == "step":
        return column.to_numpy(dtype=np.int64)
    if pd.api.types.is_bool_dtype(column.dtype):
        return np.asarray(column.fillna(True).to_numpy(dtype=bool))
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    values: NDArray[Any] = column.to_numpy(dtype=object, copy=True)
    values[column.isna().to_numpy()] = None
    return values


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)
