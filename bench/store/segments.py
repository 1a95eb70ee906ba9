"""Segments: immutable Parquet files of the rows that one attempt at a pack wrote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from bench.errors import UserError
from bench.store import atomic, schema


class Corrupt(UserError):
    """A file does not hold what the manifest that names it says."""


@dataclass(frozen=True)
class Part:
    """A file as its manifest names it: name, hash and, for a segment, the number of rows."""

    file: str
    sha256: str
    rows: int = 0
    step: int = 0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Part:
        name = str(record["file"])
        if Path(name).name != name:
            raise Corrupt(f"a manifest names {name!r}, which is no plain file name")
        return cls(name, str(record["sha256"]), int(record.get("rows", 0)), int(record.get("step", 0)))


def write_part(folder: Path, name: str, data: bytes, *, rows: int = 0, step: int = 0) -> Part:
    """Write an immutable file and return what a manifest must say of it."""
    atomic.write_bytes(folder / name, data)
    return Part(name, atomic.sha256_bytes(data), rows, step)


def read_part(folder: Path, part: Part) -> bytes:
    """The bytes of a named file, hash checked; Corrupt when it is gone or differs."""
    path = folder / part.file
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise Corrupt(f"{path} is gone") from None
    if atomic.sha256_bytes(data) != part.sha256:
        raise Corrupt(f"{path} is damaged: its sha256 is not the one recorded")
    return data


def write_segment(
    folder: Path, name: str, rows: Sequence[Mapping[str, Any]], metrics: Sequence[str], step: int
) -> Part:
    """Write `rows` (up to and including `step`) as one segment."""
    table = schema.table(rows, schema.curves(metrics))
    return write_part(folder, name, schema.to_bytes(table), rows=table.num_rows, step=step)


def read_segment(folder: Path, part: Part, metrics: Sequence[str]) -> pa.Table:
    """The rows of a segment; its hash, then its schema and row count are checked."""
    table = schema.parse(read_part(folder, part), folder / part.file, schema.curves(metrics))
    if table.num_rows != part.rows:
        raise Corrupt(f"{folder / part.file} holds {table.num_rows} rows, {part.rows} were recorded")
    return table
