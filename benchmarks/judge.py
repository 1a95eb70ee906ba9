"""How long `ganbench judge` takes to label a large study again after a threshold has changed.

Makes a results folder of 10,000 trials x 50 evaluations in packs of 8 (ledger, segments, tables; every
outcome in it, no pictures), then times the whole command, cold start included, on one core:

    .venv/bin/python benchmarks/judge.py

--folder keeps the results, and takes them again the next time.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests" / "fixtures"))

import planted_curves
from fake_training import trial as fake_trial

from bench.metrics.catalog import columns_of
from bench.store import floors, ledger, schema, segments, tables
from bench.trial import Pack, Trial

ROOT = Path(__file__).resolve().parent.parent
WIDTH = 8
RULES = ("partial_hq: 0.9999\n", "degraded_good: 0.001\n", "collapse_spread: 0.01\ncollapse_hq: 1.0\n")
"""Each labels a ninth of the trials anew."""


def study(trials: int) -> list[Trial]:
    """Trials of cells with 10 seeds each."""
    return [
        fake_trial(
            seed=i % 10, steps=1000, lr_d=1e-4 * (1 + i // 10), axes=(("lr_ratio", 0.1 * (1 + i // 10)),)
        )
        for i in range(trials)
    ]


def curves(evaluations: int, seeds: int = 12) -> list[dict[str, Any]]:
    """Curves with every planted ending, columns as the tables have them but for those of noise."""
    planted_curves.STEPS = np.linspace(0, 1000, evaluations).round().astype(np.int64)
    found = []
    for kind in planted_curves.KINDS:
        for seed in range(seeds):
            curve = planted_curves.planted(kind, seed)
            found.append({name.replace("fd", "sw1"): values for name, values in curve.items()})
    return found


def segment(
    members: list[tuple[Trial, dict[str, Any]]], columns: pa.Schema, rng: np.random.Generator
) -> pa.Table:
    """Rows of the members; monitors that no planted curve has are noise, so that files are of honest size."""
    rows = [len(curve["step"]) for _, curve in members]
    arrays = []
    for column in columns:
        if column.name == "trial":
            ids = np.repeat([trial.id for trial, _ in members], rows)
            arrays.append(pa.array(ids, type=pa.string()))
        elif column.name in members[0][1]:
            values = np.concatenate([curve[column.name] for _, curve in members])
            if column.type == pa.float64():
                values = values * rng.uniform(0.999, 1.001, len(values))
            arrays.append(pa.array(values, from_pandas=True).cast(column.type))
        elif column.type == pa.float64():
            arrays.append(pa.array(rng.random(sum(rows))))
        else:
            arrays.append(pa.nulls(sum(rows), column.type))
    return pa.Table.from_arrays(arrays, schema=columns)


def make(folder: Path, planned: list[Trial], evaluations: int, grid: str = "{lr_ratio: []}") -> None:
    """A results folder as a finished study leaves it."""
    rng = np.random.default_rng(0)
    shapes = curves(evaluations)
    packs = [Pack(tuple(planned[i : i + WIDTH])) for i in range(0, len(planned), WIDTH)]
    metrics = tuple(column.name for column in columns_of(planned[0].evaluate.metrics))
    names = tuple(dict.fromkeys([*metrics, "spread", "sample_rms"]))
    floor = {"mean": planted_curves.FLOOR, "sd": planted_curves.FLOOR_SD, "n": 100.0}
    entry = {
        "dataset": planned[0].dataset.to_json(), "samples": 100, "columns": list(names), "primary": "sw1",
        "extractor": None, "n_modes": 10, "modality": "points", "floors": {"sw1": floor}, "units": {},
        "directions": {"sw1": "lower", "modes.covered": "higher", "modes.hq": "higher", "spread": "one"},
    }  # fmt: skip
    floors.add(folder, {floors.measure_key(planned[0]): entry})
    ledger.write_plan(folder, ledger.Plan("judged", tuple(packs)))
    (folder / "study.yaml").write_text(f"name: judged\ngrid: {grid}\n")
    columns = schema.curves(names)
    for at, pack in enumerate(packs):
        members = [(each, shapes[(at * WIDTH + k) % len(shapes)]) for k, each in enumerate(pack.trials)]
        table = segment(members, columns, rng)
        late = np.asarray(table.column("step")) > 500
        parts = []
        for number, rows in enumerate((table.filter(pa.array(~late)), table.filter(pa.array(late))), start=1):
            data = schema.to_bytes(rows)
            name = f"segment-001-{500 * number:09d}.parquet"
            where = ledger.pack_folder(folder, pack.id)
            parts.append(segments.write_part(where, name, data, rows=rows.num_rows, step=500 * number))
        counted = {each.id: len(curve["step"]) for each, curve in members}
        ledger.write_done(where, ledger.Done(counted, names, tuple(parts), (), None))
    tables.consolidate(folder)


def judge(folder: Path, rules: Path | None) -> tuple[float, float, float]:
    """Wall time, processor time and peak memory (MB) of the whole command."""
    command = [sys.executable, "-m", "bench.cli", "judge", str(folder), "--format", "csv"]
    command += ["--rules", str(rules)] if rules else []
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    said = process.stderr.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    if status:
        sys.exit(f"{' '.join(command)} failed: {said}")
    print(said, file=sys.stderr)
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description="Time `ganbench judge` on a large study.")
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--evaluations", type=int, default=50)
    parser.add_argument("--folder", type=Path, help="where the results are made, or are from before")
    parser.add_argument("--no-rules", action="store_true", help="judge by the default rules")
    settings = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as temporary:
        folder = settings.folder or Path(temporary) / "results"
        if not (folder / tables.TRIALS).exists():
            started = time.perf_counter()
            make(folder, study(settings.trials), settings.evaluations)
            print(f"made in {time.perf_counter() - started:.0f} s", file=sys.stderr)
        times = []
        for text in RULES:
            rules = Path(temporary) / "rules.yaml"
            rules.write_text(text)
            times.append(judge(folder, None if settings.no_rules else rules))
    wall, cpu, memory = min(times)
    print(json.dumps({"wall_s": round(wall, 1), "cpu_s": round(cpu, 1), "peak_mb": round(memory)}))


if __name__ == "__main__":
    main()
