"""Where the files of data sets lie, and how fetched ones are kept."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def cache() -> Path:
    """The user's cache folder, $XDG_CACHE_HOME/ganbench or ~/.cache/ganbench."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "ganbench"


def roots() -> list[Path]:
    """The folders below which data sets are looked for, in order: $GANBENCH_DATA, the cache."""
    given = os.environ.get("GANBENCH_DATA")
    return [*([Path(given).expanduser()] if given else []), cache()]


def write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
