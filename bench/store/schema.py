"""The columns of curves, trials and attempts: names, types, units and directions.

Files carry plain Parquet types only, without an embedded Arrow schema: a reader can then never be made to
build an extension type (some of which unpickle), and `read` refuses a file that has one.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bench.errors import UserError
from bench.judge.tables import VERDICT
from bench.store import atomic
from bench.trial import Trial

METADATA_KEY = b"ganbench"
EMBEDDED_SCHEMA = b"ARROW:schema"

IDENTITY: Mapping[str, pa.DataType] = {
    "trial": pa.string(),
    "step": pa.int64(),
    "d_updates": pa.int64(),
    "g_updates": pa.int64(),
    "alive": pa.bool_(),
    "first_bad_step": pa.int64(),
}
INTERVAL_MONITORS = ("d_loss", "g_loss", "d_auc", "d_accuracy", "d_grad", "g_grad", "d_update", "g_update")
INTERVAL_SUFFIXES = ("mean", "min", "max", "last")
POINT_MONITORS = (
    "d_weight", "g_weight", "d_auc_train", "d_auc_heldout", "logit_max", "g_saturation", "d_slope",
    "g_cosine",
)  # fmt: skip
ALWAYS_MEASURED = ("spread", "sample_rms")
AVERAGED = "ema."
"""Before the metrics of averaged weights."""

MONITOR_UNITS: Mapping[str, str] = {
    "d_loss": "loss", "g_loss": "loss", "d_auc": "probability", "d_accuracy": "share",
    "d_grad": "gradient norm", "g_grad": "gradient norm", "d_update": "update norm / weight norm",
    "g_update": "update norm / weight norm", "d_weight": "weight norm", "g_weight": "weight norm",
    "d_auc_train": "probability", "d_auc_heldout": "probability", "logit_max": "logit",
    "g_saturation": "|dL_G/dlogit|", "d_slope": "|dD/dx|", "g_cosine": "cosine",
    "spread": "fake / real", "sample_rms": "fake / real",
}  # fmt: skip

TRIAL_COLUMNS: Mapping[str, pa.DataType] = {
    "trial": pa.string(),
    "cell": pa.string(),
    "seed": pa.int64(),
    "pack": pa.string(),
    "pack_width": pa.int64(),
    "member": pa.int64(),
    "status": pa.string(),
    **VERDICT,
}
OLDER_TRIAL_COLUMNS: Mapping[str, pa.DataType] = {"rules_version": pa.int64()}
ATTEMPT_COLUMNS: Mapping[str, pa.DataType] = {
    "pack": pa.string(),
    "attempt": pa.int64(),
    "started": pa.float64(),
    "wall_s": pa.float64(),
    "host": pa.string(),
    "pid": pa.int64(),
    "device": pa.string(),
    "threads": pa.int64(),
    "resumed_step": pa.int64(),
    "last_step": pa.int64(),
    "member_steps": pa.int64(),
    "peak_mb": pa.float64(),
    "ending": pa.string(),
    "message": pa.string(),
}
PLAIN = (pa.string(), pa.int64(), pa.float64(), pa.bool_())


def metric_type(column: str) -> pa.DataType:
    """Text for statuses and for the hex mask of covered modes, a number otherwise."""
    is_text = column.endswith("_status") or column.removeprefix(AVERAGED) == "modes.set"
    return pa.string() if is_text else pa.float64()


def with_averages(columns: Sequence[str], trials: Iterable[Trial]) -> tuple[str, ...]:
    """The metric columns of a pack: all a second time as `ema.*` where a member averages its weights."""
    averaged = any(trial.ema > 0 for trial in trials)
    return (*columns, *(f"{AVERAGED}{name}" for name in columns if averaged))


def curves(metric_columns: Sequence[str]) -> pa.Schema:
    """The schema of curves and segments, in order: identity, monitors, metrics."""
    columns = dict(IDENTITY)
    for name in INTERVAL_MONITORS:
        columns |= {f"{name}.{suffix}": pa.float64() for suffix in INTERVAL_SUFFIXES}
        columns[f"{name}.flips"] = pa.int64()
    columns |= {name: pa.float64() for name in POINT_MONITORS}
    columns |= {name: metric_type(name) for name in (*metric_columns, *ALWAYS_MEASURED)}
    return pa.schema(list(columns.items()))


def curves_core() -> dict[str, pa.DataType]:
    """The columns that every curves table has, whatever was measured."""
    return {column.name: column.type for column in curves(())}


def attempts() -> pa.Schema:
    return pa.schema(list(ATTEMPT_COLUMNS.items()))


def table(rows: Iterable[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    """Rows as a table of exactly this schema; NaN and missing become null, an unknown column an error."""
    rows = list(rows)
    known = set(schema.names)
    unknown = {name for row in rows for name in row} - known
    if unknown:
        raise ValueError(f"rows have columns that the schema lacks: {', '.join(sorted(unknown))}")
    arrays = []
    for column in schema:
        values = [row.get(column.name) for row in rows]
        if column.type == pa.float64():
            values = [None if v is None or math.isnan(v) else float(v) for v in values]
        elif column.type == pa.int64():
            values = [None if v is None else int(v) for v in values]
        elif column.type == pa.bool_():
            values = [None if v is None else bool(v) for v in values]
        arrays.append(pa.array(values, type=column.type))
    return pa.Table.from_arrays(arrays, schema=schema)


REPEATING = 0.25
"""A column with fewer distinct values, as a share of its rows, is smaller as a dictionary of them."""

SMALL_LEVEL = 19
"""Of zstd: a tenth smaller than its default, in seconds where that takes tenths of one."""


def to_bytes(data: pa.Table, metadata: Mapping[str, Any] | None = None, small: bool = False) -> bytes:
    """Parquet bytes with `metadata` as JSON under the key `ganbench`; equal tables give equal bytes.

    Measured numbers seldom repeat: their bytes are stored plane by plane, which zstd packs a third smaller
    than a dictionary of them (those computed in float32 have three planes of zeros). `small`: as small as
    can be, for what is kept in a repository; ten times slower.
    """
    floats = [column.name for column in data.schema if pa.types.is_floating(column.type)]
    if small:
        floats = [name for name in floats if not repeats(data.column(name))]
    others = [name for name in data.schema.names if name not in floats]
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(
        sink,
        data.schema,
        compression="zstd",
        compression_level=SMALL_LEVEL if small else None,
        use_dictionary=others,
        use_byte_stream_split=floats,
        store_schema=False,
    ) as writer:
        writer.write_table(data)
        if metadata is not None:
            text = json.dumps(metadata, sort_keys=True, allow_nan=False)
            writer.add_key_value_metadata({METADATA_KEY: text.encode()})
    return bytes(sink.getvalue())


def repeats(column: pa.ChunkedArray) -> bool:
    """Whether a column has few distinct values for its rows, as shares and counts have."""
    return bool(pc.count_distinct(column).as_py() <= REPEATING * len(column))


def write(path: Path, data: pa.Table, metadata: Mapping[str, Any] | None = None, small: bool = False) -> str:
    """Write a table, see `to_bytes`; returns the sha256 of its file."""
    content = to_bytes(data, metadata, small)
    atomic.write_bytes(path, content)
    return atomic.sha256_bytes(content)


def read(path: Path, expected: Mapping[str, pa.DataType] | pa.Schema, open_ended: bool = False) -> pa.Table:
    """The table in `path`; see `parse`."""
    return parse(_bytes_of(path), path, expected, open_ended)


def _bytes_of(path: Path) -> bytes:
    """The content of a table's file."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path} is not there") from None


def read_trials(path: Path) -> pa.Table:
    """The table of trials in `path`, also one with numbers for versions of rules."""
    table = parse(_bytes_of(path), path, TRIAL_COLUMNS, open_ended=True, older=OLDER_TRIAL_COLUMNS)
    at = table.column_names.index("rules_version")
    return table.set_column(at, "rules_version", table.column(at).cast(pa.string()))


def parse(
    data: bytes,
    path: Path,
    expected: Mapping[str, pa.DataType] | pa.Schema,
    open_ended: bool = False,
    older: Mapping[str, pa.DataType] | None = None,
) -> pa.Table:
    """The table that `data`, the content of `path`, holds; the schema is checked before any conversion.

    Args:
        expected: the columns by name and type; a schema must match exactly and in order.
        open_ended: further columns are welcome if they hold plain text, numbers or booleans.
        older: types that columns had in tables of before, which are welcome, too.
    Raises:
        UserError: the file is no Parquet, embeds a foreign schema, or its columns differ.
    """
    try:
        raw = pq.read_metadata(pa.BufferReader(data)).metadata or {}
        if EMBEDDED_SCHEMA in raw:
            raise UserError(f"{path} was not written by ganbench: it embeds a schema of its own")
        file = pq.ParquetFile(pa.BufferReader(data))
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{path} is damaged: it cannot be read as Parquet ({error})") from error
    found = {column.name: column.type for column in file.schema_arrow}
    exact = isinstance(expected, pa.Schema)
    wanted = {c.name: c.type for c in expected} if isinstance(expected, pa.Schema) else dict(expected)
    problems = [f"{name} is missing" for name in wanted if name not in found]
    also = older or {}
    problems += [
        f"{n} is {found[n]}, not {t}" for n, t in wanted.items() if found.get(n, t) not in (t, also.get(n, t))
    ]
    for name in found:
        if name not in wanted and not (open_ended and found[name] in PLAIN):
            problems.append(f"{name} ({found[name]}) is unknown")
    if exact and not problems and list(found) != list(wanted):
        problems = ["the columns stand in another order"]
    if problems:
        raise UserError(f"{path} has other columns than expected: {'; '.join(problems[:5])}")
    return file.read()


def read_metadata(path: Path) -> dict[str, Any]:
    """The JSON under the key `ganbench` of a Parquet file; empty when it has none."""
    raw = pq.read_metadata(path).metadata or {}
    value = json.loads(raw.get(METADATA_KEY, b"{}"))
    return dict(value)
