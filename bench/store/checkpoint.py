"""Checkpoints of a pack: the state after an evaluation, and the rows and previews up to it.

`checkpoint.json` names the last two, newest last. Hashes are checked before anything is parsed;
when the newest does not verify, the one before it is used, and when neither does, the pack starts anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load as parse_safetensors
from safetensors.numpy import save as to_safetensors

from bench.errors import UserError
from bench.store import atomic
from bench.store.segments import Corrupt, Part, read_part, write_part

Arrays = Mapping[str, np.ndarray]
FILE = "checkpoint.json"


@dataclass(frozen=True)
class Checkpoint:
    """All that a new attempt needs to go on after the evaluation at `step`."""

    step: int
    state: Part
    segments: tuple[Part, ...]
    previews: tuple[Part, ...]
    columns: tuple[str, ...]
    counts: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "state": self.state.to_json(),
            "segments": [part.to_json() for part in self.segments],
            "previews": [part.to_json() for part in self.previews],
            "columns": list(self.columns),
            "rows": dict(self.counts),
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Checkpoint:
        return cls(
            int(record["step"]),
            Part.from_json(record["state"]),
            tuple(Part.from_json(each) for each in record["segments"]),
            tuple(Part.from_json(each) for each in record["previews"]),
            tuple(str(each) for each in record["columns"]),
            {str(key): int(value) for key, value in record["rows"].items()},
        )


def save_arrays(folder: Path, name: str, arrays: Arrays, step: int) -> Part:
    """Write named arrays as safetensors."""
    contiguous = {key: np.ascontiguousarray(value).reshape(value.shape) for key, value in arrays.items()}
    return write_part(folder, name, to_safetensors(contiguous), step=step)


def load_arrays(folder: Path, part: Part) -> dict[str, np.ndarray]:
    """The arrays of a safetensors file, hash checked before it is parsed."""
    return dict(parse_safetensors(read_part(folder, part)))


def commit(folder: Path, new: Checkpoint, previous: Checkpoint | None) -> None:
    """Name `new` the newest checkpoint and `previous`, which is known to be sound, the one before it."""
    kept = [new] if previous is None else [previous, new]
    atomic.write_json(folder / FILE, {"checkpoints": [each.to_json() for each in kept]})
    _remove_unnamed(folder, "state-*.safetensors", {each.state.file for each in kept})


def listed(folder: Path) -> list[Checkpoint]:
    """The checkpoints that `checkpoint.json` names, oldest first; none when it is absent or damaged."""
    try:
        record = atomic.read_json(folder / FILE)
        return [Checkpoint.from_json(each) for each in record["checkpoints"]]
    except (FileNotFoundError, UserError, KeyError, TypeError, ValueError):
        return []


def latest(folder: Path, columns: Sequence[str]) -> tuple[Checkpoint, dict[str, np.ndarray]] | None:
    """The newest checkpoint that verifies, and its state; None when the pack must start anew."""
    for candidate in reversed(listed(folder)):
        if candidate.columns != tuple(columns):
            continue
        try:
            for part in (*candidate.segments, *candidate.previews):
                read_part(folder, part)
            return candidate, load_arrays(folder, candidate.state)
        except Corrupt:
            continue
    return None


def clear(folder: Path) -> None:
    """Forget all checkpoints of a finished pack."""
    (folder / FILE).unlink(missing_ok=True)
    _remove_unnamed(folder, "state-*.safetensors", set())


def remove_unnamed_rows(folder: Path, named: Sequence[Part]) -> None:
    """Remove segments and previews that no manifest names: a killed attempt wrote them after its checkpoint.

    Only for who holds the pack's lock. Those of the older kept checkpoint are a prefix of the newer one's.
    """
    names = {part.file for part in named}
    names |= {part.file for each in listed(folder) for part in (*each.segments, *each.previews)}
    for pattern in ("segment-*.parquet", "preview-*.npz"):
        _remove_unnamed(folder, pattern, names)


def _remove_unnamed(folder: Path, pattern: str, named: set[str]) -> None:
    for path in folder.glob(pattern):
        if path.name not in named:
            path.unlink(missing_ok=True)
