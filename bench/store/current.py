"""Whether the tables of a results folder still are those that its ledger gives.

The table of attempts names, in its metadata, the hash of all of the ledger that the tables were made from,
and those of the two other tables. When all agree, what was put together once need not be again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.store import atomic, attempts, floors, ledger


def of_ledger(results: Path) -> str:
    """Hash of what decides the tables: plan, floors, and of each pack what is done, tried and crashed.

    The rows themselves stand behind the hashes in each `done.json`.
    """
    told = hashlib.sha256()
    for path in (results / "plan.json", results / floors.FILE):
        _add(told, path)
    packs = results / ledger.PACKS
    for folder in sorted(packs.iterdir()) if packs.is_dir() else ():
        told.update(f"\n{folder.name}\n".encode())
        if not _add(told, folder / "done.json"):
            told.update(ledger.pack_status(results, folder.name).encode())
        _add(told, folder / attempts.FILE)
    return told.hexdigest()


def _add(told: Any, path: Path) -> bool:
    """Hash a file's length and content; False where there is none."""
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return False
    told.update(f"{path.name} {len(data)}\n".encode())
    told.update(data)
    return True


def is_current(results: Path, stamp: Mapping[str, Any]) -> bool:
    """Whether the tables are those of the stamp, and the ledger has not moved on since.

    stamp: {"made": {file: sha256}, "ledger": sha256}.
    """
    made = stamp.get("made")
    if not isinstance(made, dict) or not made:
        return False
    try:
        hashes = {str(name): atomic.sha256_file(results / str(name)) for name in made}
    except OSError:
        return False
    return hashes == made and bool(stamp.get("ledger") == of_ledger(results))
