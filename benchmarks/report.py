"""What the report of a large study costs: time, peak memory and bytes, on results made without any training.

    .venv/bin/python benchmarks/report.py                                    # 10,000 trials x 50 evaluations
    .venv/bin/python benchmarks/report.py --trials 1000 --evaluations 20

On one core, cold start included. Every outcome occurs; the pictures of samples are made up as they are read.
--folder keeps the results and takes them again the next time, --profile prints where the time went.
Exit code 1 where a bar is missed: 30 s and 2 GB for 10,000 x 50, 5 MB for 1,000 x 20.
"""

from __future__ import annotations

import argparse
import cProfile
import itertools
import json
import os
import pstats
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path += [
    str(Path(__file__).resolve().parent),
    str(Path(__file__).resolve().parent.parent / "tests" / "fixtures"),
]

SEEDS = 10
AXES = {
    "lr_ratio": [0.05, 0.25, 1.0, 4.0, 16.0, 64.0, 128.0, 256.0, 512.0, 1024.0],
    "dropout": [0.0, 0.2, 0.4, 0.6, 0.8],
    "label_noise": [0.0, 0.1, 0.2, 0.3, 0.4],
    "beta1": [0.0, 0.25, 0.5, 0.9],
}
BARS = {(10_000, 50): {"wall_s": 30.0, "peak_mb": 2000.0}, (1000, 20): {"page_mb": 5.0}}


def make(folder: Path, trials: int, evaluations: int) -> None:
    """Results of a full grid of the first axes that is as large as asked for, with 10 seeds a cell."""
    from fake_training import trial
    from judge import make as store

    cells = list(itertools.islice(itertools.product(*AXES.values()), trials // SEEDS))
    names = [name for i, name in enumerate(AXES) if len({cell[i] for cell in cells}) > 1]
    planned = []
    for cell, seed in itertools.product(cells, range(SEEDS)):
        values = dict(zip(AXES, cell, strict=True))
        axes = tuple((name, values[name]) for name in names)
        changes = {name: value for name, value in values.items() if name != "lr_ratio"}
        lr_d = 1e-3 * values["lr_ratio"]
        planned.append(trial(seed=seed, steps=1000, lr_d=lr_d, axes=axes, **changes))
    store(folder, planned, evaluations, "{" + ", ".join(f"{name}: []" for name in names) + "}")


def build(folder: Path, profile: bool) -> None:
    """Write the page in this process."""
    from synthetic_results import synthetic_points

    from bench.report import page, samples

    samples.trial_previews = synthetic_points
    if not profile:
        page.write(folder)
        return
    profiler = cProfile.Profile()
    profiler.runcall(page.write, folder)
    pstats.Stats(profiler).sort_stats("cumtime").print_stats(45)


def timed(folder: Path) -> dict[str, float]:
    """Wall and processor time (s), peak memory (MB) and the size of the page (MB)."""
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, __file__, "--build", str(folder)])
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    if status:
        sys.exit("the report failed")
    return {
        "wall_s": round(wall, 1),
        "cpu_s": round(usage.ru_utime + usage.ru_stime, 1),
        "peak_mb": round(usage.ru_maxrss / 1024),
        "page_mb": round((folder / "report.html").stat().st_size / 1e6, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the report of a large study.")
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--evaluations", type=int, default=50)
    parser.add_argument("--folder", type=Path, help="where the results are made, or are from before")
    parser.add_argument("--build", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--profile", action="store_true")
    settings = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    if settings.build:
        build(settings.build, False)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = settings.folder or Path(temporary) / "results"
        if not (folder / "trials.parquet").exists():
            make(folder, settings.trials, settings.evaluations)
        if settings.profile:
            build(folder, True)
            return
        found = timed(folder)
    print(json.dumps(found))
    bars = BARS.get((settings.trials, settings.evaluations), {})
    missed = {name: bar for name, bar in bars.items() if found[name] > bar}
    if missed:
        sys.exit(f"missed: {missed}")


if __name__ == "__main__":
    main()
