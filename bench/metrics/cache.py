"""Arrays on disk that can always be made again: what a reader cannot use, it recomputes."""

from __future__ import annotations

import hashlib
import os
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.trial import PROTOCOL, canonical_json

Arrays = dict[str, NDArray[np.generic]]


@dataclass(frozen=True)
class Cache:
    """A folder of .npz files, one a key; None keeps nothing. Writes are atomic: processes may share it."""

    folder: Path | None

    def get(
        self, key: Mapping[str, object], compute: Callable[[], Mapping[str, NDArray[np.generic]]]
    ) -> Arrays:
        """The arrays of `key`, from disk or `compute()`; a damaged file or a full disk only costs time."""
        if self.folder is None:
            return dict(compute())
        text = canonical_json({**key, "protocol": PROTOCOL})
        path = self.folder / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.npz"
        found = _read(path, text)
        if found is None:
            found = dict(compute())
            _write(path, text, found)
        return found


def _read(path: Path, text: str) -> Arrays | None:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays: Arrays = {name: file[name] for name in file.files}
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error):
        return None
    stored = arrays.pop("key", None)
    return arrays if stored is not None and str(stored) == text else None


def _write(path: Path, text: str, arrays: Arrays) -> None:
    """Temporary file in the same folder, then a rename; no fsync, since a lost cache loses nothing."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    except OSError:
        return
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, key=np.array(text), **arrays)  # type: ignore[arg-type]
        os.replace(temporary, path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
