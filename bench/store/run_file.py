"""The file of one run that was watched in a loop of the user's own: its curve, and how it was measured."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from bench.errors import UserError
from bench.judge.rules import RULES, Rules
from bench.judge.tables import judge_table
from bench.store import schema
from bench.trial import PROTOCOL

RUN = "run"
"""Key of the metadata that makes a curves file the file of one run: the settings, in the trial's row."""


def write(
    path: Path, curve: pa.Table, measure: Mapping[str, Any], record: Mapping[str, Any], steps: int
) -> None:
    """Write the curve of one run with all that its judging needs; equal runs give equal bytes."""
    units = {**schema.MONITOR_UNITS, **measure["units"]}
    top = ("primary", "floors", "n_modes", "extractor", "samples", "modality")
    meta = {
        "protocol": PROTOCOL,
        **{name: measure[name] for name in top},
        "axes": [],
        "measures": [dict(measure)],
        "measure_of": {},
        "steps": {record["trial"]: steps},
        "units": units,
        "directions": dict(measure["directions"]),
        RUN: dict(record),
    }
    schema.write(path, curve, meta)


def read(path: Path, rules: Rules = RULES) -> tuple[pa.Table, pa.Table, dict[str, Any]]:
    """(trials, curves, metadata) of a run's file, judged as it is read; UserError for any other file."""
    curves = schema.read(path, schema.curves_core(), open_ended=True)
    meta = schema.read_metadata(path)
    record, steps = meta.get(RUN), meta.get("steps")
    if not isinstance(record, dict) or not isinstance(steps, dict) or len(meta.get("measures") or []) != 1:
        raise UserError(
            f"{path} is not the file of one run, as `StabilityMonitor.save` writes it; of a study, "
            "give the folder"
        )
    trial = str(record.get("trial"))
    if set(curves.column("trial").to_pylist()) - {trial} or trial not in steps:
        raise UserError(f"{path} is damaged: it holds rows of another run than {trial}")
    row = {
        "trial": trial, "cell": trial, "seed": 0, "pack": "", "pack_width": 1, "member": 0, "status": "done",
        **{k: v for k, v in record.items() if isinstance(v, str | int | float)},
    }  # fmt: skip
    types = {name: schema.TRIAL_COLUMNS.get(name) or _type(value) for name, value in row.items()}
    trials = schema.table([row], pa.schema(list(types.items())))
    curves = curves.sort_by([("step", "ascending")]).combine_chunks()
    return judge_table(trials, curves, meta, rules), curves, meta


def _type(value: Any) -> pa.DataType:
    kinds = {bool: pa.bool_(), int: pa.int64(), float: pa.float64()}
    return kinds.get(type(value), pa.string())
