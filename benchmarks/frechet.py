"""The Fréchet distance by ganbench, torch-fidelity and pytorch-fid on the same features: values and times.

    .venv/bin/python benchmarks/frechet.py [--n N ...] [--d D] [--repeats R] [--write docs/metrics.md]

pytorch-fid is no dependency. Its column stays empty unless a folder with it is named by $PYTORCH_FID:

    pip install --no-deps --target /tmp/pytorch_fid pytorch-fid
    PYTORCH_FID=/tmp/pytorch_fid .venv/bin/python benchmarks/frechet.py

Features are float32 [n, 2048] of two Gaussians with the same random axes, along which variances fall from 1
to 1e-4. All sides run in one process, one after the other, R times (pytorch-fid once); the medians of wall
times are printed, with one thread each. What a time includes:

  from features    both sides, float32 features to the distance
  one side known   the same, with the statistics of the data (ours: and their factor) made beforehand, as
                   the evaluations of a study have them in the cache
  from statistics  two means and covariances to the distance, where n > d: covariances of fewer vectors are
                   singular, and ours works on the vectors

pytorch-fid takes numpy's mean and cov too, so its statistics are timed as those of torch-fidelity are, in
float64 as its own code does.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Set before numpy is imported: its BLAS reads it once.
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"

import numpy as np
import torch
from numpy.typing import NDArray
from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_features_to_statistics, fid_statistics_to_metric

from bench.metrics import fd

Features = NDArray[np.float32]
Stage = tuple[Callable[[], Any], ...]
MARK = "frechet"
START, END = f"<!-- {MARK} -->", f"<!-- /{MARK} -->"
STAGES = ("from features", "one side known", "from statistics")


def features(n: int, d: int, seed: int) -> tuple[Features, Features]:
    """Samples [n, d] and data [n, d]."""
    rng = np.random.default_rng(seed)
    roots = np.sqrt(np.exp(-np.arange(d) / (d / 10)) + 1e-4)
    axes = np.linalg.qr(rng.normal(size=(d, d)))[0]
    fake = (rng.normal(size=(n, d)) * roots * 1.05) @ axes + 0.41
    real = (rng.normal(size=(n, d)) * roots) @ axes + 0.4
    return fake.astype(np.float32), real.astype(np.float32)


def ours(fake: Features, real: Features) -> Stage:
    known, moments = fd.reference(fd.summary(real)), [fd.moments(each) for each in (fake, real)]
    return (
        lambda: fd.features_distance(fake, real),
        lambda: fd.distance(fd.summary(fake), known),
        lambda: fd.distance(moments[0], fd.reference(moments[1])),
    )


def torch_fidelitys(fake: Features, real: Features) -> Stage:
    def described(x: Features) -> dict[str, Any]:
        return dict(fid_features_to_statistics(torch.from_numpy(x)))

    def distance(a: dict[str, Any], b: dict[str, Any]) -> float:
        return float(fid_statistics_to_metric(a, b, verbose=False)[KEY_METRIC_FID])

    a, b = described(fake), described(real)
    return (
        lambda: distance(described(fake), described(real)),
        lambda: distance(described(fake), b),
        lambda: distance(a, b),
    )


def pytorch_fids(fake: Features, real: Features) -> Stage | None:
    """None where it is not installed."""
    if folder := os.environ.get("PYTORCH_FID"):
        sys.path.append(folder)
    try:
        from pytorch_fid.fid_score import calculate_frechet_distance
    except ImportError:
        return None

    def described(x: Features) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        activations = x.astype(np.float64)
        return np.mean(activations, axis=0), np.cov(activations, rowvar=False)

    a, b = described(fake), described(real)
    return (
        lambda: float(calculate_frechet_distance(*described(fake), *described(real))),
        lambda: float(calculate_frechet_distance(*described(fake), *b)),
        lambda: float(calculate_frechet_distance(*a, *b)),
    )


SIDES = {"ours": ours, "torch-fidelity": torch_fidelitys, "pytorch-fid": pytorch_fids}


def measure(n: int, d: int, repeats: int) -> dict[str, Any]:
    """Values and median seconds by side and stage; sides take turns within a repeat."""
    fake, real = features(n, d, seed=0)
    made = {name: side(fake, real) for name, side in SIDES.items()}
    sides = {name: stages for name, stages in made.items() if stages is not None}
    values: dict[str, float] = {}
    seconds: dict[str, list[list[float]]] = {name: [[] for _ in STAGES] for name in sides}
    stages_here = range(len(STAGES) if n > d else len(STAGES) - 1)
    for repeat in range(repeats):
        for stage in stages_here:
            for name, stages in sides.items():
                # It takes a minute a time: once shows that it is not the faster one.
                if name == "pytorch-fid" and repeat:
                    continue
                start = time.perf_counter()
                value = stages[stage]()
                seconds[name][stage].append(time.perf_counter() - start)
                values.setdefault(name, value)
                print(f"n {n} {STAGES[stage]} {name}: {seconds[name][stage][-1]:.2f} s", file=sys.stderr)
    medians = {
        name: {STAGES[stage]: statistics.median(each[stage]) for stage in stages_here}
        for name, each in seconds.items()
    }
    return {"n": n, "d": d, "values": values, "seconds": medians}


def table(found: list[dict[str, Any]]) -> str:
    """A markdown table: a row for each n and stage."""
    lines = [
        "| n | time | " + " | ".join(SIDES) + " | faster than the faster of the two |",
        "|---|---|" + "---|" * (len(SIDES) + 1),
    ]
    for each in found:
        values, seconds = each["values"], each["seconds"]
        cells = [f"{values[name]:.9g}" if name in values else "" for name in SIDES]
        worst = max(abs(values["ours"] / other - 1.0) for other in values.values())
        lines.append(f"| {each['n']:,} | (the value) | " + " | ".join(cells) + f" | equal to {worst:.1g} |")
        for stage in seconds["ours"]:
            cells = [f"{seconds[name][stage]:.2f} s" if name in seconds else "" for name in SIDES]
            best = min(times[stage] for name, times in seconds.items() if name != "ours")
            lines.append(
                f"| {each['n']:,} | {stage} | "
                + " | ".join(cells)
                + f" | {best / seconds['ours'][stage]:.1f} times |"
            )
    return "\n".join(lines)


def machine() -> str:
    """What the numbers depend on, in one line."""
    info = Path("/proc/cpuinfo")
    models = [line.split(":")[1].strip() for line in info.read_text().splitlines() if "model name" in line]
    name = models[0] if models else platform.processor()
    return f"One thread of {name}; numpy {np.__version__}, torch {torch.__version__.split('+')[0]}."


def write(page: Path, text: str) -> None:
    """Put `text` between the marks of a page."""
    before, _, rest = page.read_text().partition(START)
    _, _, after = rest.partition(END)
    if not rest or END not in rest:
        raise SystemExit(f"{page} has no marks {START} and {END}")
    page.write_text(f"{before}{START}\n{text}\n{END}{after}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--n", type=int, nargs="+", default=[2000, 10_000], help="rows of each side")
    parser.add_argument("--d", type=int, default=2048, help="features")
    parser.add_argument("--repeats", type=int, default=5, help="the median of so many (pytorch-fid: 1)")
    parser.add_argument("--write", type=Path, help=f"a page with the marks {START} and {END}")
    parser.add_argument("--json", type=Path, help="write the numbers here")
    given = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    found = [measure(n, given.d, given.repeats) for n in given.n]
    text = f"{table(found)}\n\n{machine()}"
    print(text)
    if "pytorch-fid" not in found[0]["values"]:
        print("pytorch-fid is not installed: see the head of this file.", file=sys.stderr)
    if given.write:
        write(given.write, text)
    if given.json:
        given.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
