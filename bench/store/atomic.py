"""Files that are whole or absent: temporary file, flush, fsync, rename, fsync of the directory."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.errors import UserError

_SENTENCES = {
    errno.ENOSPC: "no space is left on the device",
    errno.EDQUOT: "the disk quota is used up",
    errno.EACCES: "no permission to write there",
    errno.EPERM: "no permission to write there",
    errno.EROFS: "the file system is read-only",
    errno.ENOTDIR: "a part of the path is a file, not a folder",
    errno.EEXIST: "a file of that name is there, and no folder",
    errno.ENAMETOOLONG: "the name is too long",
}


@contextmanager
def said_plainly(path: Path) -> Iterator[None]:
    """Turn what a full disk or a missing permission raises into one sentence."""
    try:
        yield
    except OSError as error:
        sentence = _SENTENCES.get(error.errno or 0)
        if sentence is None:
            raise
        advice = "What had finished is kept; mend this and run the same command again"
        raise UserError(f"cannot write {path}: {sentence}. {advice}") from error


def write_bytes(path: Path, data: bytes) -> None:
    """Put `data` at `path`; a reader, or a power cut, sees the old file or the new one, no mixture."""
    temporary = path.parent / f".{path.name}.{os.getpid()}.tmp"
    with said_plainly(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
        sync_folder(path.parent)


def write_text(path: Path, text: str) -> None:
    write_bytes(path, text.encode())


def write_json(path: Path, value: Any) -> None:
    """JSON for people: indented, in the order given, without NaN."""
    write_text(path, json.dumps(value, indent=1, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """The value in `path`; UserError when it is no JSON."""
    try:
        return json.loads(path.read_text())
    except ValueError as error:
        raise UserError(f"{path} is damaged: it is no JSON ({error})") from error


def sync_folder(folder: Path) -> None:
    """Make renames and removals in `folder` durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(folder: Path) -> None:
    """Create `folder`, and find out now whether it can be written to."""
    with said_plainly(folder):
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".probe.{os.getpid()}.tmp"
        try:
            probe.write_bytes(b"")
        finally:
            probe.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Remove the temporary files that a killed writer left. Only for who holds the folder's lock."""
    for stale in folder.glob(".*.tmp"):
        stale.unlink(missing_ok=True)


def sha256_bytes(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
