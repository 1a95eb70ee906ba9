"""The tables of a study, made from the ledger: trials, curves, attempts; and how they are loaded again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import yaml

from bench.errors import UserError
from bench.judge.rules import RANGES, RULES, Rules
from bench.judge.tables import VERDICT, judge_table
from bench.store import attempts, current, floors, ledger, manifest, run_file, schema
from bench.store.segments import Corrupt, read_segment
from bench.trial import PROTOCOL, Component, Evaluate, Pack, Trial

if TYPE_CHECKING:
    import pandas as pd

TRIALS, CURVES, ATTEMPTS = "trials.parquet", "curves.parquet", "attempts.parquet"
SORTED = [("trial", "ascending"), ("step", "ascending")]


@dataclass(frozen=True)
class Results:
    """A study's tables as data frames, with what their metadata, the manifest and the study file say.

    `rules` are those that the trials were judged by. Of another version than today's, only their version
    means something: what they said is not known any more.
    """

    path: Path
    trials: pd.DataFrame
    curves: pd.DataFrame
    attempts: pd.DataFrame
    meta: dict[str, Any]
    manifest: dict[str, Any]
    study: dict[str, Any]
    rules: Rules = RULES

    @property
    def axes(self) -> dict[str, str]:
        """Axis of the study -> its column of the trials table."""
        found = {}
        for axis in map(str, self.study.get("grid") or self.meta.get("axes") or ()):
            column = f"axis.{axis}" if f"axis.{axis}" in self.trials else axis
            if column in self.trials:
                found[axis] = column
        return found

    @property
    def partial(self) -> tuple[str, ...]:
        """What keeps the results from covering the study, `--limit 5`; empty where nothing does."""
        return tuple(manifest.partial_now(self.manifest, self.trials, self.axes))


def load(results: str | Path, rules: Rules = RULES) -> Results:
    """Read the tables of a results folder, or of the file of one run (`StabilityMonitor.save`), which is
    judged by `rules` as it is read; UserError when there are none or they are not ours."""
    path = Path(results)
    if path.is_file():
        trials, curves, meta = run_file.read(path, rules)
        none = schema.table([], schema.attempts())
        study = {"name": meta[run_file.RUN].get("name")}
        return Results(path, trials.to_pandas(), curves.to_pandas(), none.to_pandas(), meta, {}, study, rules)
    if not (path / TRIALS).exists():
        raise UserError(
            f"{path} holds no tables ({TRIALS}). For a results folder, `ganbench judge {path}` makes them"
        )
    trials = schema.read_trials(path / TRIALS)
    return Results(
        path=path,
        trials=trials.to_pandas(),
        curves=schema.read(path / CURVES, schema.curves_core(), open_ended=True).to_pandas(),
        attempts=_attempts_of(path).to_pandas(),
        meta=schema.read_metadata(path / CURVES),
        manifest=manifest.read(path),
        study=study_of(path),
        rules=rules_of(schema.read_metadata(path / TRIALS), trials.column("rules_version").to_pylist()),
    )


def rules_of(meta: Mapping[str, Any], labels: Iterable[str | None] = ()) -> Rules:
    """The rules that the metadata of a table of trials name.

    Tables of before have none there: then those of the first of the trials' `labels` that is not today's.
    Thresholds of today's version that are no legal ones count as the version's own.
    """
    record = meta.get("rules")
    if not isinstance(record, dict):
        others = (label for label in labels if label is not None and label != RULES.version)
        return Rules(version=next(others, RULES.version))
    version = str(record.get("version", RULES.version))
    if version != RULES.version:
        return Rules(version=version)
    known = {}
    for name, each in RANGES.items():
        value = record.get(name)
        if isinstance(value, int | float) and each.low <= value <= each.high:
            known[name] = type(getattr(RULES, name))(value)
    return Rules(**known)


def kept_rules(results: Path) -> Rules:
    """The rules that the folder's table of trials was judged by, where they are of today's version; else
    today's own, also where there is no such table."""
    try:
        rules = rules_of(schema.read_metadata(results / TRIALS))
    except (OSError, pa.ArrowException, ValueError):
        return RULES
    return rules if rules.version == RULES.version else RULES


def told(rules: Rules) -> str:
    """Which thresholds are not the version's own: `judged by rules 2+5f0c1a2b: jaccard 0.4 instead of 0.5`"""
    changed = rules.changed().items()
    each = ", ".join(f"{name} {value:g} instead of {getattr(RULES, name):g}" for name, value in changed)
    return f"judged by rules {rules.label}: {each}"


def study_of(results: Path) -> dict[str, Any]:
    """The study as the folder's `study.yaml` has it; empty where there is none."""
    path = results / "study.yaml"
    try:
        study = yaml.safe_load(path.read_text()) if path.exists() else {}
    except (yaml.YAMLError, UnicodeDecodeError):
        study = None
    if not isinstance(study, dict):
        raise UserError(f"{path} is damaged: it is no study; `ganbench run` with the study writes it again")
    return study


def _attempts_of(results: Path) -> pa.Table:
    """The table of attempts; empty where only the other two were handed on."""
    path = results / ATTEMPTS
    return schema.read(path, schema.attempts()) if path.exists() else schema.table([], schema.attempts())


def write_trials(results: Path, trials: pa.Table, meta: Mapping[str, Any], rules: Rules) -> str:
    """Write the table of trials, judged by `rules`; returns the sha256 of its file."""
    return schema.write(results / TRIALS, trials, {**meta, "rules": asdict(rules)})


def consolidate(results: Path, rules: Rules | None = None) -> list[str]:
    """Write the three tables from the ledger; returns a sentence for each finished pack that is damaged.

    Without `rules`, by those that the tables were judged by before (`kept_rules`).
    A damaged pack is left out (its trials count as pending) and re-opened by the next start of the study.
    Nothing that varies between equal runs stands in trials and curves.
    """
    rules = kept_rules(results) if rules is None else rules
    before = current.of_ledger(results)
    plan = ledger.read_plan(results)
    if plan is None:
        raise UserError(f"{results} holds no plan.json; is it a results folder?")
    measures = floors.read(results)
    damaged = ledger.damage(results, plan.packs)
    metrics = _metric_columns(measures, plan.packs)
    tables, good = [], set()
    for pack in plan.packs:
        try:
            table = None if pack.id in damaged else _rows_of(results, pack)
        except Corrupt as error:
            damaged[pack.id] = str(error)
            continue
        if table is not None:
            if floors.measure_key(pack.trials[0]) not in measures:
                raise UserError(
                    f"{results / floors.FILE} does not tell how the trials of pack {pack.id} were measured; "
                    "`ganbench run` with their study measures the data again, and trains nothing twice"
                )
            tables.append(_widen(table, metrics))
            good.add(pack.id)
    curves = pa.concat_tables([schema.table([], schema.curves(metrics)), *tables])
    curves = curves.sort_by(SORTED).combine_chunks()
    meta = _metadata(measures, plan.packs)
    trials = judge_table(_trial_table(_trial_rows(results, plan.packs, good)), curves, meta, rules)
    tried = _attempt_table(results, plan.packs)
    made = {CURVES: schema.write(results / CURVES, curves, meta)}
    made[TRIALS] = write_trials(results, trials, meta, rules)
    # Not where a pack is damaged: it is to be told again the next time.
    stamp = {} if damaged else {"ledger": before, "made": made}
    schema.write(results / ATTEMPTS, tried, stamp)
    return [f"{sentence}. Pack {pack} will be trained again" for pack, sentence in damaged.items()]


def _rows_of(results: Path, pack: Pack) -> pa.Table | None:
    """All rows of a finished pack, counts checked against `done.json`; None when it is not done."""
    folder = ledger.pack_folder(results, pack.id)
    done = ledger.read_done(folder)
    if done is None:
        return None
    table = pa.concat_tables([read_segment(folder, part, done.columns) for part in done.segments])
    counts = {
        str(each["values"]): int(each["counts"]) for each in table.column("trial").value_counts().to_pylist()
    }
    if counts != {trial: rows for trial, rows in done.rows.items() if rows}:
        raise Corrupt(f"{folder}: the rows of its segments are not those that done.json counts")
    return table


def _metric_columns(measures: Mapping[str, Mapping[str, Any]], packs: Iterable[Pack]) -> list[str]:
    """The metric columns of all measures that the packs use, in order of first use."""
    found: dict[str, None] = {}
    for pack in packs:
        measure = measures.get(floors.measure_key(pack.trials[0]))
        if measure is not None:
            found |= dict.fromkeys(schema.with_averages(measure["columns"], pack.trials))
    return list(found)


def _widen(table: pa.Table, metrics: Sequence[str]) -> pa.Table:
    """A pack's rows with null columns for the metrics that only other packs have."""
    arrays = []
    for column in schema.curves(metrics):
        if column.name in table.column_names:
            arrays.append(table.column(column.name))
        else:
            arrays.append(pa.nulls(table.num_rows, column.type))
    return pa.Table.from_arrays(arrays, schema=schema.curves(metrics))


def _trial_rows(results: Path, packs: Iterable[Pack], good: set[str]) -> list[dict[str, Any]]:
    """Identity, status and settings of every planned trial; `good` are the packs whose rows are there."""
    rows = []
    for pack in packs:
        status = ledger.pack_status(results, pack.id)
        if status == "done" and pack.id not in good:
            status = "pending"
        for member, trial in enumerate(pack.trials):
            row = {"trial": trial.id, "cell": trial.cell, "seed": trial.seed, "pack": pack.id}
            row |= {"pack_width": pack.width, "member": member, "status": status}
            rows.append(row | config_columns(trial))
    return rows


def config_columns(trial: Trial) -> dict[str, Any]:
    """Every setting under its own name: scalars, components as `model` and `model.width`, the axes."""
    row: dict[str, Any] = {}
    for name in trial.record():
        value = getattr(trial, name)
        if isinstance(value, Component):
            row[name] = value.name
            row |= {f"{name}.{key}": each for key, each in value.keys}
        elif isinstance(value, Evaluate):
            row |= {"evaluate.every": value.every, "evaluate.samples": value.samples}
            row["evaluate.metrics"] = " ".join(each.name for each in value.metrics)
        elif isinstance(value, tuple):  # the plugins
            row[name] = " ".join(each[:12] for each in value)
        else:
            row[name] = "none" if value is None else value
    row["lr_ratio"] = trial.lr_d / trial.lr_g if trial.lr_g else None
    for axis, value in trial.axes:
        if axis in schema.TRIAL_COLUMNS and axis != "seed":
            row[f"axis.{axis}"] = value
        else:  # a label such as `mlp(width=8)` says more than the component's name
            row[axis] = "none" if value is None else value
    row.pop("seed", None)
    return row


def _trial_table(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    fixed = {name: kind for name, kind in schema.TRIAL_COLUMNS.items() if name not in VERDICT}
    names = dict.fromkeys(name for row in rows for name in row if name not in fixed)
    types = {name: _common_type([row.get(name) for row in rows]) for name in names}
    rows = [
        {k: str(v) if types.get(k) == pa.string() and v is not None else v for k, v in row.items()}
        for row in rows
    ]
    return schema.table(rows, pa.schema([*fixed.items(), *types.items()]))


def _common_type(values: Sequence[Any]) -> pa.DataType:
    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool}:
        return pa.bool_()
    if kinds == {int}:
        return pa.int64()
    return pa.float64() if kinds and kinds <= {int, float} else pa.string()


def _attempt_table(results: Path, packs: Iterable[Pack]) -> pa.Table:
    rows = []
    for pack in packs:
        for record in attempts.read(ledger.pack_folder(results, pack.id)):
            row = {name: record.get(name) for name in schema.ATTEMPT_COLUMNS}
            rows.append({**row, "pack": pack.id, "ending": record.get("ending", "killed")})
    return schema.table(rows, schema.attempts())


def _metadata(measures: Mapping[str, Mapping[str, Any]], packs: Sequence[Pack]) -> dict[str, Any]:
    """What a reader must know beside the columns; `measures` has all data sets, the first is also on top."""
    keys: dict[str, int] = {}
    of_trial, steps = {}, {}
    for pack in packs:
        for trial in pack.trials:
            steps[trial.id] = trial.steps
            if (key := floors.measure_key(trial)) in measures:
                of_trial[trial.id] = keys.setdefault(key, len(keys))
    listed = [dict(measures[key]) for key in keys]
    units: dict[str, str] = dict(schema.MONITOR_UNITS)
    directions: dict[str, str] = {}
    for each in listed:
        units |= each["units"]
        directions |= each["directions"]
    first = listed[0] if listed else {}
    return {
        "protocol": PROTOCOL,
        **{
            name: first.get(name)
            for name in ("primary", "floors", "n_modes", "extractor", "samples", "modality")
        },
        "axes": [name for name, _ in packs[0].trials[0].axes] if packs else [],
        "measures": listed,
        "measure_of": of_trial if len(listed) > 1 else {},
        "steps": steps,
        "units": units,
        "directions": directions,
    }
