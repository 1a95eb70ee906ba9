"""The history of a pack: one record when an attempt starts, one when it ends; a killed attempt has no end."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.store import atomic

FILE = "attempts.jsonl"


def read(folder: Path) -> list[dict[str, Any]]:
    """One merged record per attempt, in order; without `ending` where the attempt was killed."""
    merged: dict[int, dict[str, Any]] = {}
    for record in _lines(folder):
        merged.setdefault(int(record["attempt"]), {}).update(record)
    return [merged[number] for number in sorted(merged)]


def start(folder: Path, record: Mapping[str, Any]) -> int:
    """Record that an attempt starts; returns its number (1, 2, ...)."""
    number = 1 + max((int(each["attempt"]) for each in _lines(folder)), default=0)
    _append(folder, {"attempt": number, **record})
    return number


def end(folder: Path, number: int, record: Mapping[str, Any]) -> None:
    """Record how attempt `number` ended."""
    _append(folder, {"attempt": number, **record})


def _lines(folder: Path) -> list[dict[str, Any]]:
    try:
        text = (folder / FILE).read_text(errors="replace")
    except FileNotFoundError:
        return []
    records = []
    for line in text.splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            continue  # history only: a damaged line must not stop a study
        if isinstance(record, dict) and isinstance(record.get("attempt"), int):
            records.append(record)
    return records


def _append(folder: Path, record: Mapping[str, Any]) -> None:
    # The file is small; rewriting it whole keeps the one rule of writing.
    lines = [json.dumps(each) for each in (*_lines(folder), record)]
    atomic.write_text(folder / FILE, "\n".join(lines) + "\n")
