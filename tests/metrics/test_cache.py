"""The cache: what it keeps is bitwise the same, and what is damaged is made again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.metrics.cache import Cache

KEY = {"what": "test", "n": 3}
ARRAYS = {"x": np.array([0.1, np.pi]), "n": np.array(3)}


class Counter:
    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> dict[str, np.ndarray]:
        self.calls += 1
        return ARRAYS


def test_second_reading_is_from_disk_and_equal(tmp_path: Path) -> None:
    compute, cache = Counter(), Cache(tmp_path / "deep" / "cache")
    first, second = cache.get(KEY, compute), cache.get(KEY, compute)
    assert compute.calls == 1
    for name, array in ARRAYS.items():
        assert first[name].tobytes() == second[name].tobytes() == array.tobytes()
    cache.get({**KEY, "n": 4}, compute)
    assert compute.calls == 2
    assert not list((tmp_path / "deep" / "cache").glob("*.tmp"))


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 nothing", b"text"])
def test_a_damaged_file_is_made_again(tmp_path: Path, damage: bytes) -> None:
    compute, cache = Counter(), Cache(tmp_path)
    cache.get(KEY, compute)
    (path,) = tmp_path.iterdir()
    path.write_bytes(damage)
    assert cache.get(KEY, compute)["n"] == 3
    assert compute.calls == 2
    cache.get(KEY, compute)
    assert compute.calls == 2


def test_a_cut_or_bent_file_is_made_again(tmp_path: Path) -> None:
    compute, cache = Counter(), Cache(tmp_path)
    cache.get(KEY, compute)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    for i in range(0, len(whole), 11):
        for bent in (whole[:i], whole[:i] + bytes([whole[i] ^ 0xFF]) + whole[i + 1 :]):
            path.write_bytes(bent)
            found = cache.get(KEY, compute)
            assert all(found[name].tobytes() == array.tobytes() for name, array in ARRAYS.items())


def test_a_file_of_another_key_is_not_believed(tmp_path: Path) -> None:
    compute, cache = Counter(), Cache(tmp_path)
    cache.get(KEY, compute)
    (path,) = tmp_path.iterdir()
    cache.get({**KEY, "n": 4}, compute)
    (other,) = set(tmp_path.iterdir()) - {path}
    other.replace(path)
    cache.get(KEY, compute)
    assert compute.calls == 3


def test_no_folder_and_no_room_cost_only_time(tmp_path: Path) -> None:
    compute = Counter()
    (tmp_path / "file").write_text("in the way")
    for cache in (Cache(None), Cache(tmp_path / "file" / "below")):
        assert cache.get(KEY, compute)["n"] == 3
    assert compute.calls == 2
