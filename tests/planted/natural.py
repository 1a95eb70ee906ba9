"""The natural runs: trials of the project's own studies that two raters named before the rules were asked.

natural_open.parquet, natural_open.csv          92 runs; the rules were mended because of some of them
natural_held_out.parquet, natural_held_out.csv  42 others, judged when the rules were done

parquet: rows of curves.parquet with `study` beside `trial`; its schema metadata holds `contexts`: JSON
{trial: {primary, floors, n_modes, steps}}. csv: trial, study, first, second, note: what each rater called it
from film strips and curves.
"""

from __future__ import annotations

import csv
import json
import math
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from bench.judge.outcomes import Context
from bench.judge.tables import curves_by_trial
from tests.planted.plant import Curve

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Natural:
    """A trial, what the raters called it, and what it is judged by."""

    trial: str
    study: str
    first: str
    second: str
    note: str
    curve: Curve
    context: Context
    is_held_out: bool


def natural(folder: Path = HERE) -> list[Natural]:
    """Every labelled trial of both sets; none of a set whose files are not there."""
    return [*_one_set(folder, "natural_open", False), *_one_set(folder, "natural_held_out", True)]


def _one_set(folder: Path, name: str, is_held_out: bool) -> list[Natural]:
    path = folder / f"{name}.parquet"
    if not path.is_file():
        return []
    table = pq.read_table(path)
    contexts = json.loads((table.schema.metadata or {})[b"contexts"])
    table = table.sort_by([("trial", "ascending"), ("step", "ascending")])
    table = pa.Table.from_arrays(table.columns, names=table.column_names)
    curves = dict(curves_by_trial(table))
    with (folder / f"{name}.csv").open(newline="") as file:
        labels = list(csv.DictReader(file))
    found = []
    for row in labels:
        record = contexts[row["trial"]]
        floors = record["floors"]
        floor = floors.get(record["primary"], {})
        context = Context(
            primary=record["primary"],
            floor_mean=float(floor.get("mean", math.nan)),
            floor_sd=float(floor.get("sd", math.nan)),
            n_modes=record["n_modes"],
            steps=int(record["steps"]),
            floors=floors,
        )
        names = (row[key] for key in ("trial", "study", "first", "second", "note"))
        found.append(Natural(*names, curves[row["trial"]], context, is_held_out))
    return found
