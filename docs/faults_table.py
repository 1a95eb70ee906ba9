"""What metrics say of samples with a known fault, for docs/metrics.md: `python docs/faults_table.py`.

2,000 held-out digits, or points of ring8, in the place of a generator's samples: as they are; without half of
the modes; one mode alone; 100 of them again and again; with noise of the size of the data; noise alone.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from bench.data.load import Dataset, load
from bench.metrics.evaluate import build
from bench.trial import Component

N = 2000
MODES = ("modes.covered", "modes.hq", "modes.tv", "modes.kl")
PRDC = ("prdc.precision", "prdc.recall", "prdc.density", "prdc.coverage")
COLUMNS = {
    "digits": ("fd", *MODES, *PRDC, "ms_ssim", "birthday.support", "spread"),
    "ring8": ("sw1", *MODES, *PRDC, "spread"),
}
Samples = NDArray[np.float32]


def faults(data: Dataset) -> Mapping[str, Samples]:
    """Samples by the name of their fault."""
    rng = np.random.default_rng(0)
    rows, labels = data.heldout, data.heldout_labels
    assert labels is not None
    noise = rows.std() * rng.standard_normal((N, *data.shape))
    draw = {
        "none": rows[:N],
        "every second mode": _some(rows[labels % 2 == 0], rng),
        "one mode": _some(rows[labels == 1], rng),
        "100 copies": rows[rng.integers(100, size=N)],
        "noise on top": rows[:N] + noise / 3,
        "noise alone": noise,
    }
    return {name: np.asarray(each, dtype=np.float32) for name, each in draw.items()}


def _some(rows: Samples, rng: np.random.Generator) -> Samples:
    """N rows, without any twice where there are as many."""
    return rows[rng.permutation(len(rows))[:N]] if len(rows) >= N else rows


def _number(value: float) -> str:
    """Three digits, without an exponent for large numbers."""
    return f"{value:.3g}" if abs(value) < 999.5 else f"{float(f'{value:.3g}'):,.0f}"


def main() -> None:
    for name, columns in COLUMNS.items():
        data = load(Component(name))
        metrics = dict.fromkeys(column.partition(".")[0] for column in columns)
        evaluator = build(data, tuple(map(Component, metrics)), N, None)
        made = {fault: evaluator(samples) for fault, samples in faults(data).items()}
        print(f"\n| {name} | {' | '.join(made)} |\n|{'---|' * (1 + len(made))}")
        for column in columns:
            values = [row[column] for row in made.values()]
            cells = ["–" if value is None else _number(float(value)) for value in values]
            print(f"| `{column}` | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
