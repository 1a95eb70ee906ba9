"""How long each metric takes to score 2,000 samples: processor seconds, with one thread.

    .venv/bin/python benchmarks/metrics.py [METRIC ...] [--samples N] [--json OUT]

Real held-out rows stand in for the samples of a generator: the first N of digits, ring8 and stacked_digits.
`features` is the extractor's pass over the samples, which all metrics of an evaluation share; `score` is the
metric without it, the median of 5; `ready` what is made of the data once a run, without the cache on disk;
`floor` the held-out rows scored 25 times and more, once a study. Metrics of the game are not timed here.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

from bench.data.catalog import DATA
from bench.data.load import Dataset, load
from bench.errors import UserError
from bench.metrics.batch import Batch, Context
from bench.metrics.cache import Cache
from bench.metrics.catalog import METRICS, check
from bench.metrics.evaluate import build
from bench.trial import Component
from ganzoo.catalog import Entry

REPEATS = 5
DATASETS = ("digits", "ring8", "stacked_digits")


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """Processor seconds of a call, and what it gives."""
    start = time.process_time()
    given = call()
    return time.process_time() - start, given


def row(entry: Entry, data: Dataset, n: int) -> dict[str, Any]:
    """Seconds of one metric on one data set."""
    context = Context(data, n, Cache(None))
    rows = data.heldout[:n]
    prepared = Batch(rows)
    features = 0.0
    if data.extractor is not None:
        from bench.metrics.extractors import extractor

        network = extractor(data.extractor)
        features, _ = timed(lambda: prepared.features(network))
    ready, measure = timed(lambda: entry.load()(context, **entry.resolve({})))
    measure.score(prepared)  # an extractor of the metric's own has then seen the samples
    score = statistics.median(timed(lambda: measure.score(prepared))[0] for _ in range(REPEATS))
    whole = build(data, (Component(entry.name),), n, None)
    floor, _ = timed(whole.floors)
    named = {"metric": entry.name, "dataset": data.component.name, "n": len(rows)}
    return named | {"features": features, "ready": ready, "score": score, "floor": floor}


def entries(names: list[str]) -> list[Entry]:
    """The metrics of samples called `names` (all, where there is none) whose files are here."""
    chosen = [METRICS.get("metric", name) for name in names] if names else list(METRICS.entries("metric"))
    found = []
    for entry in chosen:
        if entry.facts.get("of") == "game":
            continue
        try:
            check(Component(entry.name))
        except UserError as error:
            print(f"{entry.name}: {error}")
            continue
        found.append(entry)
    return found


def fits(entry: Entry, data: Entry) -> bool:
    """Whether the metric can measure the data set."""
    counted = data.facts["modes"] is not None or not entry.facts["needs_modes"]
    single = data.name != "stacked_digits" or not entry.facts.get("conditional")
    return data.facts["modality"] in entry.facts["modalities"] and counted and single


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("metric", nargs="*")
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    rows = []
    columns = ("features", "ready", "score", "floor")
    print(f"{'metric':<12}{'data set':<16}{'n':>7}" + "".join(f"{name + ' s':>12}" for name in columns))
    for name in DATASETS:
        data = load(Component(name))
        for entry in entries(asked.metric):
            if not fits(entry, DATA.get("dataset", name)):
                continue
            made = row(entry, data, asked.samples)
            rows.append(made)
            times = "".join(f"{made[column]:12.4f}" for column in columns)
            print(f"{entry.name:<12}{name:<16}{made['n']:>7}{times}")
    if asked.json:
        asked.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
