"""A data set, an evaluator and a training without networks: deterministic, resumable, and able to fail on order.

Workers find this module by name, so it stands alone. What a trial does is told by its weight decay.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.metrics.catalog import columns_of
from bench.trial import Component, Evaluate, Pack, Trial, evaluation_steps

RAISES, DIES, DIVERGES, RAISES_ONCE, FULL = 1.0, 2.0, 3.0, 4.0, 5.0
RING = Component("ring8", (("radius", 1.0), ("sigma", 0.05)))
METRICS = (Component("sw1"), Component("modes"))
SHA = "d" * 64


def trial(seed: int = 0, steps: int = 40, weight_decay: float = 0.0, **changes: Any) -> Trial:
    values: dict[str, Any] = {
        "study_seed": 0, "seed": seed, "dataset": RING, "data_sha256": SHA, "model": Component("mlp", (("width", 8),)),
        "loss": Component("non_saturating"), "penalty": None, "update": Component("alternating"),
        "optimizer": Component("adam"), "lr_g": 1e-3, "lr_d": 8e-3, "dropout": 0.0, "label_noise": 0.0,
        "label_smoothing": 0.0, "label_jitter": 0.0, "label_jitter_sign": "inward", "instance_noise": 0.0,
        "instance_noise_until": 0, "n_critic": 1, "g_steps": 1, "order": "d_first", "d_batch": "split", "beta1": 0.5,
        "beta2": 0.999, "weight_decay": weight_decay, "ema": 0.0, "batch": 8, "steps": steps, "dtype": "float32",
        "evaluate": Evaluate(4, 100, METRICS), "axes": (("lr_ratio", 8.0),),
    }  # fmt: skip
    return Trial(**{**values, **changes})


def packs_of_two(trials: list[Trial]) -> list[Pack]:
    return [Pack(tuple(trials[i : i + 2])) for i in range(0, len(trials), 2)]


@dataclass(frozen=True)
class Checkpoint:
    every_s: float = 0.0
    keep: str = "final"


@dataclass(frozen=True)
class Resources:
    cpu: float = 1.0
    gpu: float = 0.0


@dataclass(frozen=True)
class Study:
    name: str = "fake"
    partial: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()
    checkpoint: Checkpoint = Checkpoint()
    resources: Resources = Resources()

    def to_yaml(self) -> str:
        return f"name: {self.name}\n"


@dataclass(frozen=True)
class Data:
    component: Component
    sha256: str = SHA
    modality: str = "points"
    primary: str = "sw1"
    extractor: str | None = None
    n_modes: int = 8


def load(component: Component) -> Data:
    return Data(component)


class Evaluator:
    def __init__(self, metrics: tuple[Component, ...]) -> None:
        self.columns = tuple(column.name for column in columns_of(metrics))

    def floors(self) -> dict[str, dict[str, float]]:
        return {"sw1": {"mean": 0.01, "sd": 0.001, "n": 100.0, "resamples": 20.0}}


def build(data: Data, metrics: tuple[Component, ...], samples: int, cache: Path | None) -> Evaluator:
    return Evaluator(metrics)


@dataclass(frozen=True)
class Tick:
    step: int
    rows: list[dict[str, Any]]
    preview: np.ndarray | None
    state: Any
    alive: np.ndarray


def train(
    pack: Pack, data: Data, evaluator: Evaluator, resume: tuple[int, Mapping[str, Any]] | None
) -> Iterator[Tick]:
    """x <- 0.9 x + hash-like noise of (seed, step): any lost or repeated step shows in every later row."""
    import torch

    steps = pack.trials[0].steps
    x = np.array([1.0 + each.seed for each in pack.trials])
    bad = np.full(pack.width, -1)
    at = -1
    if resume is not None:
        at = resume[0]
        x, bad = resume[1]["gen.x"].numpy().copy(), resume[1]["bad"].numpy().copy()
    for step in evaluation_steps(steps, pack.trials[0].evaluate.every):
        if step <= at:
            continue
        before = max(at, 0)
        for each in range(before + 1, step + 1):
            noise = np.array([np.sin(12.9898 * each + 78.233 * t.seed) for t in pack.trials])
            x = np.where(bad < 0, 0.9 * x + 0.01 * noise, x)
            for k, member in enumerate(pack.trials):
                if member.weight_decay == DIVERGES and each == steps // 2:
                    bad[k] = each
        _misbehave(pack, step, steps)
        time.sleep(float(os.environ.get("FAKE_SLEEP_S", "0")))
        rows = [
            _row(member, step, float(x[k]), int(bad[k]))
            for k, member in enumerate(pack.trials)
            if bad[k] < 0 or bad[k] > before
        ]
        state = {"gen.x": torch.tensor(x), "disc.x": torch.tensor(x), "bad": torch.tensor(bad)}
        preview = np.broadcast_to(x[:, None, None], (pack.width, 3, 2)) if step in (0, steps) else None
        yield Tick(step, rows, preview, lambda state=state: state, bad < 0)
        if (bad >= 0).all():
            return
        at = step


def _misbehave(pack: Pack, step: int, steps: int) -> None:
    ways = {member.weight_decay for member in pack.trials}
    if step < steps // 2:
        return
    if RAISES in ways:
        raise RuntimeError("boom")
    flag = Path(os.environ.get("FAKE_FOLDER", "/tmp")) / f"seen-{pack.id}"
    if ways & {RAISES_ONCE, DIES} and not flag.exists():
        flag.touch()
        if DIES in ways:
            os.kill(os.getpid(), signal.SIGKILL)
        raise RuntimeError("only once")


def _row(member: Trial, step: int, x: float, bad: int) -> dict[str, Any]:
    row: dict[str, Any] = {
        "trial": member.id, "step": step, "d_updates": step, "g_updates": step, "alive": bad < 0,
        "first_bad_step": bad if bad >= 0 else None, "g_grad.mean": x, "d_auc.flips": step % 3,
    }  # fmt: skip
    if bad < 0:
        row |= {"sw1": abs(x), "sw1_status": "ok", "sw1.noise": 0.001, "modes.covered": 8.0, "modes.hq": 0.9}
        row |= {"modes.set": "ff", "modes_status": "ok", "spread": 1.0, "sample_rms": 1.0}
    else:
        row |= {"sw1_status": "nonfinite", "modes_status": "nonfinite"}
    return row
