"""`floors.json`: how each data set of a study is measured, and what real held-out data score."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.errors import UserError
from bench.store import atomic
from bench.trial import Trial, canonical_json

FILE = "floors.json"


def measure_key(trial: Trial) -> str:
    """What decides the floor of a trial: data set with its hash, sample count, metrics with their keys."""
    evaluate = trial.record()["evaluate"]
    return canonical_json(
        {
            "dataset": trial.dataset.to_json(),
            "sha256": trial.data_sha256,
            "samples": evaluate["samples"],
            "metrics": evaluate["metrics"],
        }
    )


def read(results: Path) -> dict[str, dict[str, Any]]:
    """Measure key -> entry with dataset, samples, columns, primary, extractor, n_modes, modality, floors,
    units, directions."""
    path = results / FILE
    if not path.exists():
        return {}
    value = atomic.read_json(path)
    if not isinstance(value, dict):
        raise UserError(f"{path} is damaged: remove it, it will be made again")
    return value


def add(results: Path, entries: Mapping[str, Mapping[str, Any]]) -> None:
    """Add entries; those that are there stay as they are."""
    if entries:
        atomic.write_json(results / FILE, {**{k: dict(v) for k, v in entries.items()}, **read(results)})
