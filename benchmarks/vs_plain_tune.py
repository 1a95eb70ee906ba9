"""The same 32 GAN trainings by ganbench and by plain Ray Tune: the ratio of wall times.

    .venv/bin/python benchmarks/vs_plain_tune.py [--json OUT]

8 learning-rate ratios x 4 seeds on ring8, 3,000 steps each: MLP 2 x 128, batch 128, latent 32, Adam (0.5,
0.999), non-saturating loss. Each side is a fresh process, timed from its launch to its exit, so
interpreter, imports and Ray's start are included (and reported apart: the time until the first trial
trains). All have two workers with one torch thread at niceness 0, the same data, and the same evaluation
(sw1 and modes of 2,000 samples) at the same steps.

The baseline is plain_tune.py, twice: with one process a trial, which is Tune's default and gives the ratio,
and with processes that are reused, which is the best that plain Tune can do. It reuses D's fake batch for
G's step, which ganbench does not. What ganbench does beyond (monitors in every step, checkpoints, outcomes,
the report) is in its time.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

RATIOS = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Settings:
    """What both sides train. `every` is the distance of evaluations in steps."""

    ratios: tuple[float, ...] = RATIOS
    seeds: int = 4
    steps: int = 3000
    every: int = 150
    samples: int = 2000
    width: int = 128
    latent: int = 32
    batch: int = 128
    lr_g: float = 2e-4
    workers: int = 2
    fused: bool = False

    @property
    def trials(self) -> int:
        return len(self.ratios) * self.seeds


@dataclass(frozen=True)
class Side:
    """One side's times, and its quality: the median of the last sw1 over seeds, by ratio.

    wall_s = startup_s + train_s; startup_s ends when the first trial begins to train (null: not known).
    """

    name: str
    wall_s: float
    startup_s: float | None
    train_s: float | None
    final_sw1: dict[str, float | None]


def study(settings: Settings) -> dict[str, Any]:
    """The study file of ganbench; JSON is YAML."""
    return {
        "name": "vs_plain_tune",
        "base": {
            "dataset": "ring8",
            "model": {"name": "mlp", "width": settings.width, "depth": 2, "latent_dim": settings.latent},
            "loss": "non_saturating",
            "lr_g": settings.lr_g,
            "steps": settings.steps,
            "batch": settings.batch,
        },
        "grid": {"lr_ratio": list(settings.ratios)},
        "seeds": settings.seeds,
        "evaluate": {"every": settings.every, "samples": settings.samples, "metrics": ["sw1", "modes"]},
    }


def plain_config(settings: Settings, reuse: bool) -> dict[str, Any]:
    """The same trials for plain_tune.py."""
    return {
        "lr_ratio": list(settings.ratios),
        "seed": list(range(settings.seeds)),
        "concurrent": settings.workers,
        "reuse": reuse,
        **{k: v for k, v in asdict(settings).items() if k not in ("ratios", "seeds", "workers")},
    }


def environment() -> dict[str, str]:
    """Equal for both: one thread for each process, Ray's workers at niceness 0 (15 is its default)."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    return {**os.environ, **threads, "RAY_worker_niceness": "0", "PYTHONPATH": str(HERE.parent)}


def timed(command: list[str], log: Path) -> tuple[float, float]:
    """Run a command; its launch (epoch seconds) and its wall time. Raises SystemExit with its last lines."""
    launched, start = time.time(), time.perf_counter()
    with log.open("w") as out:
        done = subprocess.run(
            command,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            check=False,
        )
    wall = time.perf_counter() - start
    if done.returncode != 0:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
        raise SystemExit(f"{' '.join(command[:3])} ... ended with {done.returncode}:\n{tail}")
    return launched, wall


def side(
    name: str, launched: float, wall: float, began: float | None, finals: list[tuple[float, Any]]
) -> Side:
    """Put one side's record together; `finals` are (lr_ratio, last sw1) of each trial."""
    startup = None if began is None else began - launched
    by_ratio: dict[str, float | None] = {}
    for ratio in sorted({r for r, _ in finals}):
        known = [float(v) for r, v in finals if r == ratio and v is not None and v == v]
        by_ratio[f"{ratio:g}"] = statistics.median(known) if known else None
    return Side(name, wall, startup, None if startup is None else wall - startup, by_ratio)


def run_ganbench(settings: Settings, folder: Path) -> Side:
    """`ganbench run` on the generated study."""
    file, out = folder / "vs_plain_tune.yaml", folder / "ganbench"
    file.write_text(json.dumps(study(settings), indent=1))
    command = [sys.executable, "-m", "bench.cli", "run", str(file), "--out", str(out)]
    launched, wall = timed(command, folder / "ganbench.log")

    import pandas as pd

    trials = pd.read_parquet(out / "trials.parquet")
    done = trials[trials["status"] == "done"]
    if len(done) != settings.trials:
        raise SystemExit(f"ganbench finished {len(done)} of {settings.trials} trials")
    last = pd.read_parquet(out / "curves.parquet").sort_values("step").groupby("trial").tail(1)
    both = done[["trial", "lr_ratio"]].merge(last[["trial", "sw1"]], on="trial")
    finals = list(zip(both["lr_ratio"].tolist(), both["sw1"].tolist(), strict=True))
    return side("ganbench", launched, wall, first_start(out / "attempts.parquet"), finals)


def first_start(attempts: Path) -> float | None:
    """When ganbench's first pack began (epoch seconds), or None when the table does not say."""
    import pandas as pd

    table = pd.read_parquet(attempts) if attempts.exists() else pd.DataFrame()
    if "started" not in table or table.empty:
        return None
    first = table["started"].min()
    return float(first.timestamp()) if hasattr(first, "timestamp") else float(first)


def run_plain(settings: Settings, folder: Path, reuse: bool = False) -> Side:
    """plain_tune.py on the same trials."""
    folder = folder / ("reused" if reuse else "plain")
    folder.mkdir(exist_ok=True)
    config, out = folder / "plain.json", folder / "rows.json"
    config.write_text(json.dumps(plain_config(settings, reuse)))
    command = [sys.executable, str(HERE / "plain_tune.py"), str(config), str(out)]
    launched, wall = timed(command, folder / "plain.log")
    trials = json.loads(out.read_text())
    if len(trials) != settings.trials:
        raise SystemExit(f"plain Ray Tune finished {len(trials)} of {settings.trials} trials")
    finals = [(t["lr_ratio"], t["rows"][-1]["sw1"]) for t in trials]
    name = "plain Tune, reused processes" if reuse else "plain Tune, a process a trial"
    return side(name, launched, wall, min(t["started"] for t in trials), finals)


RUNS: dict[str, Callable[[Settings, Path], Side]] = {
    "ganbench": run_ganbench,
    "plain": run_plain,
    "reused": functools.partial(run_plain, reuse=True),
}


def table(sides: list[Side]) -> str:
    """The times, one line a side, and the quality that both reached."""

    def seconds(value: float | None) -> str:
        return "      -" if value is None else f"{value:7.1f}"

    lines = [f"{'':30}{'wall s':>9}{'start-up s':>12}{'training s':>12}"]
    lines += [
        f"{s.name:30}  {seconds(s.wall_s)}     {seconds(s.startup_s)}     {seconds(s.train_s)}" for s in sides
    ]
    ratios = list(sides[0].final_sw1)
    lines += ["", "last sw1, median over seeds, by lr_ratio", f"{'':30}" + "".join(f"{r:>9}" for r in ratios)]
    for each in sides:
        values = [each.final_sw1.get(r) for r in ratios]
        lines.append(f"{each.name:30}" + "".join(f"{'-':>9}" if v is None else f"{v:9.4f}" for v in values))
    return "\n".join(lines)


def settings_from(arguments: argparse.Namespace) -> Settings:
    every = max(1, arguments.steps // 20)
    return Settings(
        RATIOS[: arguments.ratios], arguments.seeds, arguments.steps, every, workers=2, fused=arguments.fused
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--ratios", type=int, default=len(RATIOS), help="how many of the 8 ratios")
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--fused", action="store_true", help="give the baseline torch's fused Adam")
    parser.add_argument("--only", choices=tuple(RUNS), nargs="+", help="run only these sides")
    parser.add_argument("--json", type=Path, help="write the result here as well")
    parser.add_argument("--keep", type=Path, help="keep logs and results in this folder")
    arguments = parser.parse_args()
    settings = settings_from(arguments)
    # Ray's sockets want a short path, hence no long prefix.
    folder = Path(arguments.keep or tempfile.mkdtemp(prefix="vs-"))
    folder.mkdir(parents=True, exist_ok=True)

    # Both sides find the libraries in the page cache; otherwise whoever starts first pays for reading them.
    warm = "import torch, ray.tune, pandas, pyarrow.parquet, scipy.stats, seaborn"
    subprocess.run([sys.executable, "-c", warm], env=environment(), check=True)
    sides = {}
    for name in arguments.only or RUNS:
        print(f"{name}: {settings.trials} trials x {settings.steps} steps ...", file=sys.stderr, flush=True)
        sides[name] = RUNS[name](settings, folder)
    print(table(list(sides.values())))
    ratios = {}
    if "ganbench" in sides:
        ratios = {k: s.wall_s / sides["ganbench"].wall_s for k, s in sides.items() if k != "ganbench"}
        for name, ratio in ratios.items():
            print(f"{sides[name].name} / ganbench, wall time: {ratio:.2f}")
    result: dict[str, Any] = {
        "settings": asdict(settings),
        "machine": {
            "cores": os.cpu_count(),
            "machine": platform.machine(),
            "python": platform.python_version(),
        },
        "sides": {name: asdict(s) for name, s in sides.items()},
        "ratio": ratios.get("plain"),
        "ratio_reused": ratios.get("reused"),
    }
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1))
    if not arguments.keep:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
