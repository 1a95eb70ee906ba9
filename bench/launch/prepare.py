"""Before any pack trains: load each data set, measure its floors. Runs where torch may be imported."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.launch.worker import Job, _set_threads, evaluator
from bench.metrics import catalog
from bench.store import floors, ledger
from bench.trial import Pack, Trial


def check(results: Path, trials: Sequence[Trial]) -> None:
    """See that the metrics of the trials that are left to train can measure here; UserError where not."""
    settled = {trial for trial, status in ledger.statuses(results).items() if status in ("done", "crashed")}
    left = [trial for trial in trials if trial.id not in settled]
    for metric in dict.fromkeys(metric for trial in left for metric in trial.evaluate.metrics):
        catalog.check(metric)


def missing(results: Path, packs: Sequence[Pack]) -> list[Pack]:
    """One pack for each way of measuring that `floors.json` does not describe yet."""
    known = floors.read(results)
    found: dict[str, Pack] = {}
    for pack in packs:
        for trial in pack.trials:
            key = floors.measure_key(trial)
            if key not in known:
                found.setdefault(key, pack)
    return list(found.values())


def entry(job: Job, pack: Pack) -> tuple[str, dict[str, Any]]:
    """(measure key, entry of `floors.json`) of a pack; UserError when its data or weights are not there."""
    _set_threads(pack)
    data, measure = evaluator(job, pack)
    trial = pack.trials[0]
    columns = catalog.columns_of(trial.evaluate.metrics)
    return floors.measure_key(trial), {
        "dataset": trial.dataset.to_json(),
        "sha256": data.sha256,
        "samples": trial.evaluate.samples,
        "metrics": [metric.to_json() for metric in trial.evaluate.metrics],
        "columns": list(measure.columns),
        "modality": data.modality,
        "primary": data.primary,
        "extractor": data.extractor,
        "n_modes": data.n_modes,
        "floors": {name: _finite(values) for name, values in measure.floors().items()},
        "provenance": getattr(measure, "provenance", {}),
        "units": {column.name: column.unit for column in columns},
        "directions": {column.name: column.direction for column in columns},
    }


def _finite(values: Mapping[str, float]) -> dict[str, float]:
    """JSON has no NaN; what is not there counts as unknown."""
    return {name: value for name, value in values.items() if math.isfinite(value)}
