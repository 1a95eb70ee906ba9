"""What is compared: the values of one axis of a study, or several studies; and what forbids a comparison."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from bench.errors import UserError
from bench.judge.comparison import DIFFERENCE, RATIO, Arm
from bench.judge.comparisons import on_shared_cells
from bench.judge.effects import HIGHER, LOWER
from bench.report import alike
from bench.report.view import View
from bench.report.words import clean, label
from bench.store.tables import Results
from bench.study.problems import Problems, show
from bench.study.select import read_where
from ganzoo.catalog import suggest

FINAL = "final."

STUDY = "study"
"""What the arms are called where whole studies are compared."""

CONTROL_COLUMNS = (
    *("trial", "cell", "seed", "pack", "pack_width", "member", "status", "protocol", "data_sha256"),
    *("evaluate.metrics", "rules_version", "name", "study_seed"),
)


@dataclass(frozen=True)
class Question:
    """The arms with all that a table of them must say.

    by: the axis, or STUDY; values: the arms' values, for their order and looks; scale: as
    `bench.judge.comparisons.compare` takes it; floor: mean and SD of the metric on real data, NaN where
    unknown; differs: settings in which the arms differ; notes: what a reader must know.
    """

    by: str
    metric: str
    better: str
    unit: str
    scale: str
    arms: tuple[Arm, ...]
    values: tuple[Any, ...]
    data: str
    samples: str
    floor: tuple[float, float]
    differs: tuple[str, ...]
    notes: tuple[str, ...]
    where: str = ""


@dataclass(frozen=True)
class Part:
    """Judged trials of one study that are compared, with the view that they come from."""

    name: str
    view: View
    trials: pd.DataFrame

    @property
    def measures(self) -> list[tuple[Mapping[str, Any], pd.DataFrame]]:
        """Each way of measuring, with the trials so measured."""
        meta = self.view.results.meta
        records, of = meta.get("measures") or [meta], meta.get("measure_of") or {}
        index = self.trials["trial"].map(lambda trial: of.get(trial, 0))
        return [(each, self.trials[index == i]) for i, each in enumerate(records) if (index == i).any()]


Row = tuple[str, Part, "np.ndarray[Any, np.dtype[np.bool_]]"]
"""An arm's name, where its trials are, and which of them."""


def of_axis(results: Results, axis: str, metric: str | None = None, where: str | None = None) -> Question:
    """The values of one axis of one study as arms.

    Raises:
        UserError: no such axis, fewer than two values, unlike measurements (all of them at once).
    """
    view = View(results)
    axes = view.all_axes
    if axis not in axes:
        known = f"its axes: {', '.join(axes)}" if axes else "it has no axes"
        raise UserError(f"--by {axis}: {view.name} has no axis {axis!r}{suggest(axis, axes)}; {known}")
    part = _part(view.name, view, where)
    rows, values = by_value(part, axis)
    if len(values) < 2:
        one = f"one value only, {label(values[0])}" if values else "no value"
        there = f" where {where}" if where else ""
        raise UserError(f"--by {axis}: the judged trials{there} have {one}: nothing to compare")
    return best_first(question(rows, values, axis, metric, where))


def by_value(part: Part, axis: str) -> tuple[list[Row], list[Any]]:
    """An arm for each value of an axis, in the study's order, and the values."""
    column = part.trials[part.view.all_axes[axis]]
    values = _in_order(part.view, axis, column)
    return [(label(value), part, _at(column, value)) for value in values], values


def best_first(asked: Question) -> Question:
    """The same with the arms that fail least before the others, where their values are names, no numbers.

    Over the cells that all of them have.
    """
    if all(isinstance(value, (int, float)) for value in asked.values):
        return asked
    sign = 1.0 if asked.better == LOWER else -1.0
    level = on_shared_cells(asked.arms)

    def cost(at: int) -> tuple[float, float]:
        arm = level[at]
        known = arm.values[~np.isnan(arm.values)]
        rates = [0.5 if each is None else float(each) for each in arm.failed]
        return float(np.mean(rates)), sign * float(np.median(known)) if known.size else math.inf

    order = sorted(range(len(asked.arms)), key=cost)
    return replace(
        asked, arms=tuple(asked.arms[i] for i in order), values=tuple(asked.values[i] for i in order)
    )


def of_studies(several: Sequence[Results], metric: str | None = None, where: str | None = None) -> Question:
    """Whole studies (or files of single runs) as arms.

    Raises:
        UserError: one of them twice, a study without judged trials, unlike measurements (all at once).
    """
    paths = [each.path.resolve() for each in several]
    if twice := next((str(path) for i, path in enumerate(paths) if path in paths[:i]), None):
        raise UserError(f"{twice} is given twice: nothing to compare")
    views = [View(each) for each in several]
    names = _names(views)
    parts = [_part(name, view, where) for name, view in zip(names, views, strict=True)]
    rows = [(part.name, part, np.ones(len(part.trials), dtype=np.bool_)) for part in parts]
    return question(rows, names, STUDY, metric, where)


def question(
    rows: Sequence[Row], values: Sequence[Any], by: str, metric: str | None, where: str | None
) -> Question:
    """The arms of `rows`, checked; see `of_axis` and `of_studies`."""
    parts = list({id(part): part for _, part, _ in rows}.values())
    chosen, better, unit, scale = _metric(parts, metric)
    measured = [(part.name, part.trials, part.measures) for part in parts]
    alike.check(measured, chosen, {part.name: part.view.axes for part in parts})
    record, trials = parts[0].measures[0]
    others = _other_axes(parts, by)
    arms = [_arm(name, part, part.trials[kept], others, chosen, better) for name, part, kept in rows]
    floor = (record.get("floors") or {}).get(chosen, {})
    return Question(
        by=by,
        metric=chosen,
        better=better,
        unit=unit,
        scale=scale,
        arms=tuple(arms),
        values=tuple(values),
        data=alike.data_name(trials),
        samples=label(record.get("samples")),
        floor=(float(floor.get("mean", math.nan)), float(floor.get("sd", math.nan))),
        differs=tuple(_differs([(name, part.trials[kept]) for name, part, kept in rows], by, others)),
        notes=tuple(_notes(parts)),
        where=clean(where or ""),
    )


def _part(name: str, view: View, where: str | None) -> Part:
    trials = view.judged
    if trials.empty:
        raise UserError(f"{name}: no trial has finished with an outcome yet")
    if where is not None:
        trials = trials[_selected(trials, view, where)]
        if trials.empty:
            axes = "; ".join(f"{a}: {', '.join(label(v) for v in view.values(a))}" for a in view.axes)
            raise UserError(f"--where {where!r} leaves no trial of {name}; its axes: {axes or 'none'}")
    return Part(name, view, trials)


def _selected(trials: pd.DataFrame, view: View, where: str) -> list[bool]:
    problems = Problems("")
    axes = view.all_axes
    conditions = read_where(where, list(axes), problems)
    problems.check()
    columns: dict[str, list[Any]] = {}

    def value(key: str, row: int) -> Any:
        if key not in columns:
            column = axes.get(key, key)
            found = trials[column].tolist() if column in trials else [None] * len(trials)
            columns[key] = [plain(each) for each in found]
        return columns[key][row]

    def holds(row: int) -> bool:
        def value_of(key: str) -> Any:
            return value(key, row)

        return all(condition(value_of) for condition in conditions)

    try:
        return [holds(row) for row in range(len(trials))]
    except TypeError as error:
        raise UserError(f"--where {where!r}: {error}") from None


def plain(value: Any) -> Any:
    """A cell of a table as a study writes it: null is none, text that reads as a number is one.

    A column with numbers and names holds text alone.
    """
    if value is None or value != value:
        return None
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value.item() if hasattr(value, "item") else value


def _at(column: pd.Series[Any], value: Any) -> np.ndarray[Any, np.dtype[np.bool_]]:
    missing = value is None or value != value
    return np.asarray(column.isna() if missing else column == value, dtype=np.bool_)


def _in_order(view: View, axis: str, column: pd.Series[Any]) -> list[Any]:
    """The values that a column of trials takes, in the study's order (`View.values`)."""
    if axis in view.axes:
        return view.values(axis, pd.DataFrame({view.axes[axis]: column}))
    return list(column.unique())


def _names(views: Sequence[View]) -> list[str]:
    """The studies' names where they tell them apart, else as they were given."""
    names = [view.name for view in views]
    return names if len(set(names)) == len(names) else [clean(view.results.path) for view in views]


def _metric(parts: Sequence[Part], asked: str | None) -> tuple[str, str, str, str]:
    """(name, direction, unit, scale) of the metric: the primary distance unless another is asked for."""
    records = [record for part in parts for record, _ in part.measures]
    primaries = list(dict.fromkeys(str(record.get("primary") or "") for record in records))
    legal = [name for name in legal_metrics(records[0]) if all(name in legal_metrics(r) for r in records)]
    legal = [name for name in legal if all(FINAL + name in part.trials for part in parts)]
    name = asked if asked is not None else primaries[0]
    if asked is None and len(primaries) > 1:
        what = " and ".join(primaries)
        raise UserError(
            f"the trials have different primary distances, {what}: take one data set with --where, "
            f"or say --metric ({', '.join(legal) or 'they have none in common'})"
        )
    if name not in legal:
        raise UserError(
            f"--metric {name}: no metric {name!r} that all trials have and of which less or more is better"
            f"{suggest(name, legal)}; legal: {', '.join(legal) or 'none'}"
        )
    record = records[0]
    base = name.removeprefix("ema.")
    unit = str((record.get("units") or {}).get(base) or "")
    distances = {
        each.removesuffix(".noise") for each in record.get("columns") or () if each.endswith(".noise")
    }
    distances.add(str(record.get("primary")))
    scale = RATIO if base.removesuffix(".heldout") in distances else DIFFERENCE
    return name, legal_metrics(record)[name], unit, scale


def legal_metrics(record: Mapping[str, Any]) -> dict[str, str]:
    """Metric -> LOWER or HIGHER, of those that a record of measuring has a better and a worse for."""
    directions = record.get("directions") or {}
    names = dict.fromkeys([*(record.get("columns") or ()), *directions])  # in the order of the tables
    found = {str(name): directions[name] for name in names if directions.get(name) in (LOWER, HIGHER)}
    if record.get("primary") and record["primary"] not in found:
        found[str(record["primary"])] = LOWER
    return found | {f"ema.{name}": direction for name, direction in found.items()}


def _other_axes(parts: Sequence[Part], by: str) -> list[str]:
    """The axes that vary among the trials of any part, but the one compared: they tell cells apart."""
    found: dict[str, None] = {}
    for part in parts:
        found |= dict.fromkeys(
            a for a, c in part.view.axes.items() if part.trials[c].nunique(dropna=False) > 1
        )
    return [axis for axis in found if axis != by]


def _arm(name: str, part: Part, trials: pd.DataFrame, others: Sequence[str], metric: str, better: str) -> Arm:
    path = part.view.results.path
    worst = math.inf if better == LOWER else -math.inf
    values = np.where(
        trials["outcome"] == "diverged", worst, trials[FINAL + metric].to_numpy(np.float64, na_value=np.nan)
    )
    # What a seed draws follows from the study's own seed; runs of loops of one's own share nothing.
    stream = str(path) if path.is_file() else _stream(trials)
    return Arm(
        name=name,
        seeds=trials["seed"].to_numpy(np.int64),
        cells=tuple(_cells(part.view, trials, others)),
        failed=tuple(trials["failed"].tolist()),
        values=values,
        stream=stream,
    )


def _stream(trials: pd.DataFrame) -> str:
    if "study_seed" not in trials:
        return ""
    return " ".join(sorted(str(each) for each in trials["study_seed"].unique()))


def _cells(view: View, trials: pd.DataFrame, others: Sequence[str]) -> list[str]:
    """What identifies a trial beside its arm and seed: `lr_ratio 4, dropout 0.4`.

    Where an included cell differs in a key that is no axis, that key is named as well.
    """
    columns = {axis: _column(view, trials, axis) for axis in others}
    texts = _joined(trials, columns)
    doubled = (
        pd.Series(texts, index=trials.index)
        .to_frame("cell")
        .assign(seed=trials["seed"])
        .duplicated(keep=False)
    )
    if doubled.any():
        inside = trials[doubled]
        more = [c for c in settings(trials) if inside[c].nunique(dropna=False) > 1]
        texts = _joined(trials, columns | {c: c for c in more if c not in columns.values()})
    return texts


def _column(view: View, trials: pd.DataFrame, axis: str) -> str | None:
    column = view.all_axes.get(axis, axis)
    return column if column in trials else None


def _joined(trials: pd.DataFrame, columns: Mapping[str, str | None]) -> list[str]:
    parts = [
        [f"{clean(axis)} {label(plain(value))}" for value in trials[column]]
        if column is not None
        else [f"without {clean(axis)}"] * len(trials)
        for axis, column in columns.items()
    ]
    return [", ".join(each) for each in zip(*parts, strict=True)] if parts else [""] * len(trials)


def settings(trials: pd.DataFrame) -> list[str]:
    """The columns of a table of trials that say how a trial was set up, and not what came of it."""
    made = ("outcome", "flag.", FINAL, "best.", "failed", "axis.")
    return [c for c in map(str, trials.columns) if c not in CONTROL_COLUMNS and not c.startswith(made)]


def _differs(rows: Sequence[tuple[str, pd.DataFrame]], by: str, others: Sequence[str]) -> list[str]:
    """`steps (a 500, b 2000)` for each setting that every arm has one value of, and not all the same."""
    names = dict.fromkeys(column for _, trials in rows for column in settings(trials))
    found: dict[str, str] = {}
    for name in names:
        head, dot, _ = name.partition(".")
        if name in (by, *others) or (dot and head in found):
            continue
        values = [
            [show(plain(v)) for v in trials[name].unique()] if name in trials else ["none"]
            for _, trials in rows
        ]
        if all(len(each) == 1 for each in values) and len({each[0] for each in values}) > 1:
            each_said = ", ".join(f"{arm} {v[0]}" for (arm, _), v in zip(rows, values, strict=True))
            found[name] = clean(f"{name} ({each_said})") if len(rows) == 2 else clean(name)
    return list(found.values())


def _notes(parts: Sequence[Part]) -> list[str]:
    notes = []
    for part in parts:
        view, lead = part.view, f"{part.name}: " if len(parts) > 1 else ""
        if view.partial:
            notes.append(clean(f"{lead}partial results ({', '.join(view.partial)})"))
        if view.left_out:
            notes.append(f"{lead}in no number: {view.left_out}")
        if view.other_rules:
            notes.append(f"{lead}{view.other_rules}")
    seeds = {tuple(sorted(part.trials["seed"].unique().tolist())) for part in parts}
    if len(seeds) > 1:
        counts = ", ".join(f"{part.trials['seed'].nunique()} in {part.name}" for part in parts)
        notes.append(f"not the same seeds: {counts}")
    return notes
