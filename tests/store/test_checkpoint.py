from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.store import checkpoint, segments
from bench.store.checkpoint import Checkpoint
from bench.store.segments import Corrupt

COLUMNS = ("sw1",)
STATE = {"w": np.arange(6, dtype=np.float32).reshape(2, 3), "n": np.array(3), "empty": np.zeros((0, 2))}


def save(folder: Path, step: int, before: Checkpoint | None) -> Checkpoint:
    rows = [{"trial": "a", "step": step, "alive": True, "sw1": 0.5}]
    segment = segments.write_segment(folder, f"segment-{step}.parquet", rows, COLUMNS, step)
    earlier = before.segments if before else ()
    state = checkpoint.save_arrays(folder, f"state-{step}.safetensors", STATE, step)
    new = Checkpoint(step, state, (*earlier, segment), (), COLUMNS, {"a": len(earlier) + 1})
    checkpoint.commit(folder, new, before)
    return new


def corrupt(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def test_round_trip_keeps_the_last_two(tmp_path: Path) -> None:
    before = None
    for step in (0, 10, 20):
        before = save(tmp_path, step, before)
    assert sorted(p.name for p in tmp_path.glob("state-*")) == [
        "state-10.safetensors",
        "state-20.safetensors",
    ]
    found, state = checkpoint.latest(tmp_path, COLUMNS)
    assert found == before
    assert {name: (each.dtype, each.shape, each.tolist()) for name, each in state.items()} == {
        name: (each.dtype, each.shape, each.tolist()) for name, each in STATE.items()
    }


@pytest.mark.parametrize("victim", ["state-20.safetensors", "segment-20.parquet"])
def test_falls_back_to_the_one_before(tmp_path: Path, victim: str) -> None:
    before = save(tmp_path, 20, save(tmp_path, 10, save(tmp_path, 0, None)))
    corrupt(tmp_path / victim)
    found, _ = checkpoint.latest(tmp_path, COLUMNS)
    assert found.step == 10
    assert found.segments == before.segments[:-1]
    (tmp_path / "state-10.safetensors").unlink()
    assert checkpoint.latest(tmp_path, COLUMNS) is None


def test_a_damaged_list_or_other_columns_mean_a_fresh_start(tmp_path: Path) -> None:
    save(tmp_path, 0, None)
    assert checkpoint.latest(tmp_path, ("fd",)) is None
    (tmp_path / checkpoint.FILE).write_text('{"checkpoints": [{"step": 0}]}')
    assert checkpoint.latest(tmp_path, COLUMNS) is None


def test_files_that_no_manifest_names_go(tmp_path: Path) -> None:
    named = save(tmp_path, 0, None)
    (tmp_path / "segment-9.parquet").write_bytes(b"")
    (tmp_path / "preview-9.npz").write_bytes(b"")
    checkpoint.remove_unnamed_rows(tmp_path, named.segments)
    assert not list(tmp_path.glob("*-9.*"))
    assert (tmp_path / "segment-0.parquet").exists()
    checkpoint.clear(tmp_path)
    assert not list(tmp_path.glob("state-*"))


def test_a_segment_is_verified_by_hash_and_rows(tmp_path: Path) -> None:
    part = save(tmp_path, 0, None).segments[0]
    assert segments.read_segment(tmp_path, part, COLUMNS).num_rows == 1
    wrong = segments.Part(part.file, part.sha256, 2)
    with pytest.raises(Corrupt, match="holds 1 rows"):
        segments.read_segment(tmp_path, wrong, COLUMNS)
    corrupt(tmp_path / part.file)
    with pytest.raises(Corrupt, match="sha256"):
        segments.read_segment(tmp_path, part, COLUMNS)
    (tmp_path / part.file).unlink()
    with pytest.raises(Corrupt, match="gone"):
        segments.read_segment(tmp_path, part, COLUMNS)


def test_a_manifest_cannot_name_a_file_elsewhere() -> None:
    with pytest.raises(Corrupt, match="no plain file name"):
        segments.Part.from_json({"file": "../x", "sha256": ""})
