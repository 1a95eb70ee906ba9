from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from bench.errors import UserError
from bench.store import atomic


def fail(code: int):
    def raising(*args: object, **kwargs: object) -> None:
        raise OSError(code, os.strerror(code))

    return raising


def test_writes_and_replaces(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.json"
    atomic.write_json(path, {"a": 1})
    atomic.write_json(path, {"a": 2})
    assert atomic.read_json(path) == {"a": 2}
    assert [each.name for each in path.parent.iterdir()] == ["a.json"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failure_before_the_rename_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = tmp_path / "a.txt"
    atomic.write_text(path, "old")
    monkeypatch.setattr(os, step, fail(errno.EIO))
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        atomic.write_text(path, "new")
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize(
    ("code", "words"),
    [(errno.ENOSPC, "no space is left"), (errno.EACCES, "no permission"), (errno.EROFS, "read-only")],
)
def test_full_disk_and_missing_permission_are_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, words: str
) -> None:
    path = tmp_path / "a.txt"
    atomic.write_text(path, "old")
    monkeypatch.setattr(os, "fsync", fail(code))
    with pytest.raises(UserError, match=words) as caught:
        atomic.write_text(path, "new")
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert path.read_text() == "old"


def test_a_folder_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="is a file, not a folder"):
        atomic.make_folder(tmp_path / "file" / "below")


def test_a_folder_without_permission_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "mkdir", fail(errno.EACCES))
    with pytest.raises(UserError, match="no permission"):
        atomic.make_folder(tmp_path / "x")


def test_sweep_removes_what_a_killed_writer_left(tmp_path: Path) -> None:
    (tmp_path / ".a.json.123.tmp").write_text("half")
    (tmp_path / "a.json").write_text("{}")
    atomic.sweep(tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["a.json"]


def test_damaged_json_is_a_user_error(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(UserError, match="damaged"):
        atomic.read_json(tmp_path / "a.json")
