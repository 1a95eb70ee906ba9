"""Arrays on disk that can always be made again: what a reader cannot use, it recomputes."""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.trial import PROTOCOL, canonical_json

Arrays = dict[str, NDArray[np.generic]]
DIGEST = 32


@dataclass(frozen=True)
class Cache:
    """A folder of files (sha256, then .npz), one a key; None keeps nothing. Processes may share it."""

    folder: Path | None

    def get(
        self, key: Mapping[str, object], compute: Callable[[], Mapping[str, NDArray[np.generic]]]
    ) -> Arrays:
        """The arrays of `key`, from disk or `compute()`; a damaged file or a full disk only costs time."""
        if self.folder is None:
            return dict(compute())
        text = canonical_json({**key, "protocol": PROTOCOL})
        path = self.folder / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.cache"
        found = _read(path, text)
        if found is None:
            found = dict(compute())
            _write(path, text, found)
        return found


def _read(path: Path, text: str) -> Arrays | None:
    """The arrays, or None. The hash is checked before the parser sees a byte."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    digest, payload = content[:DIGEST], content[DIGEST:]
    if hashlib.sha256(payload).digest() != digest:
        return None
    with np.load(io.BytesIO(payload), allow_pickle=False) as file:
        arrays: Arrays = {name: file[name] for name in file.files}
    return arrays if str(arrays.pop("key", None)) == text else None


def _write(path: Path, text: str, arrays: Arrays) -> None:
    """Temporary file in the same folder, then a rename; no fsync, since a lost cache loses nothing."""
    payload = io.BytesIO()
    np.savez(payload, key=np.array(text), **arrays)  # type: ignore[arg-type]
    content = payload.getvalue()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    except OSError:
        return
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(hashlib.sha256(content).digest() + content)
        os.replace(temporary, path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
