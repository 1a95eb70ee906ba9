"""From a recipe to judged curves: the real loop trains, the real evaluator measures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.data.load import Dataset, load
from bench.judge.outcomes import Context
from bench.metrics.evaluate import Evaluator, build
from bench.train.loop import train
from bench.trial import Component, Evaluate, Pack, Trial, evaluation_steps
from ganzoo.catalog import ZOO
from tests.planted.scripted import BANKS, PARTICLES, ROWS, SCRIPTS, Script, bank, rows

DRIVEN = ("palette", "album", "particles")
"""Generators that need real samples to make."""

Curve = dict[str, NDArray[Any]]
Data = Callable[[Dataset], Dataset]
"""What G and D are shown instead of the data; the evaluator never sees it."""


@dataclass(frozen=True)
class Run:
    """A measured run and the outcome that was caused."""

    half: str
    recipe: str
    name: str
    truth: str
    curve: Curve
    context: Context


@dataclass(frozen=True)
class Plant:
    """One pack: members of one recipe on one data set, each with the truth that its script causes.

    script: made from the number of members; shown: (from step, what the players see) in order of step.
    `settings` are fields of the trial; `per_member` {field: a value for each member}.
    """

    dataset: Component
    truths: tuple[str, ...]
    steps: int
    every: int
    script: Script | None = None
    model: Component | None = None
    update: str = "scripted"
    samples: int = 1000
    settings: Mapping[str, Any] = field(default_factory=dict)
    per_member: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    shown: tuple[tuple[int, Data], ...] = ()
    seed: int = 0
    note: str = ""

    @property
    def evaluations(self) -> int:
        """How many follow the one at step 0."""
        return len(evaluation_steps(self.steps, self.every)) - 1

    @property
    def cost(self) -> float:
        """About the seconds that it takes, to begin with the longest."""
        members, critic = len(self.truths), int(self.settings.get("n_critic", 1))
        size = 8.0 if self.dataset.name == "digits" else 2.0 if self.dataset.name == "waves" else 1.0
        return size * (self.steps * (1 + critic) * 2e-3 + self.evaluations * members * 1e-2)


def component(kind: str, name: str, **keys: object) -> Component:
    return Component(name, tuple(ZOO.get(kind, name).resolve(keys).items()))


@lru_cache(maxsize=64)
def loaded(dataset: Component) -> Dataset:
    return load(dataset)


@lru_cache(maxsize=64)
def evaluator_of(dataset: Component, samples: int) -> tuple[Evaluator, dict[str, dict[str, float]]]:
    """The evaluator with the data set's default metrics, and its floors."""
    evaluator = build(loaded(dataset), _metrics(loaded(dataset)), samples, None)
    return evaluator, evaluator.floors()


def _metrics(data: Dataset) -> tuple[Component, ...]:
    return (Component(data.primary), *([Component("modes")] if data.n_modes else []))


_STANDARD: Mapping[str, Any] = {
    **{"study_seed": 0, "data_sha256": "0" * 64, "penalty": None, "lr_g": 0.0, "lr_d": 3e-3, "lr_decay": 0.0},
    **{"dropout": 0.0, "label_noise": 0.0, "label_smoothing": 0.0, "label_jitter": 0.0},
    **{"label_jitter_sign": "inward", "instance_noise": 0.0, "instance_noise_until": 0, "n_critic": 1},
    **{
        "g_steps": 1,
        "order": "d_first",
        "d_batch": "split",
        "g_batch": "fresh",
        "beta1": 0.5,
        "beta2": 0.999,
    },
    **{"weight_decay": 0.0, "aux_weight": 1.0, "ema": 0.0, "batch": 64, "dtype": "float32"},
    **{"loss": "non_saturating", "optimizer": "adam"},
}


def trials_of(plant: Plant, key: str) -> tuple[Trial, ...]:
    """One trial for each member; `key` names its script and its bank."""
    settings = {**_STANDARD, **plant.settings}
    model = plant.model or Component("palette")
    if model.name in DRIVEN:
        model = Component(model.name, (*model.keys, ("bank", key)))
    update_keys = [("script", key)]
    if settings.pop("simultaneously", False):
        update_keys.append(("simultaneously", True))
    for kind in ("loss", "penalty", "optimizer"):
        if isinstance(settings[kind], str):
            settings[kind] = component(kind, settings[kind])
    metrics = _metrics(loaded(plant.dataset))
    fixed = {
        **settings,
        **{"dataset": plant.dataset, "model": model, "steps": plant.steps},
        "update": Component(plant.update, tuple(update_keys)),
        "evaluate": Evaluate(plant.every, plant.samples, metrics),
    }
    return tuple(
        Trial(seed=plant.seed + k, **fixed | {name: values[k] for name, values in plant.per_member.items()})
        for k in range(len(plant.truths))
    )


def play(plant: Plant, half: str, recipe: str, number: int) -> list[Run]:
    """Train and measure one pack."""
    key = f"{half}.{recipe}.{number}"
    data = loaded(plant.dataset)
    evaluator, floors = evaluator_of(plant.dataset, plant.samples)
    if plant.model is None or plant.model.name in DRIVEN:
        BANKS[key] = bank(data, min(plant.samples, len(data.train) // 2))
    SCRIPTS[key] = plant.script or (lambda game: None)
    trials = trials_of(plant, key)
    found: dict[str, list[dict[str, Any]]] = {trial.id: [] for trial in trials}
    for tick in _ticks(plant, Pack(trials), data, evaluator):
        for row in tick:
            found[row["trial"]].append(row)
    floor = floors[data.primary]
    context = Context(data.primary, floor["mean"], floor["sd"], data.n_modes, plant.steps, floors)
    name = f"{plant.dataset.name}, {plant.evaluations} evaluations{', ' + plant.note if plant.note else ''}"
    return [
        Run(half, recipe, f"{name} #{number}.{k}", truth, curve_of(found[trial.id]), context)
        for k, (trial, truth) in enumerate(zip(trials, plant.truths, strict=True))
    ]


def _ticks(plant: Plant, pack: Pack, data: Dataset, evaluator: Evaluator) -> Any:
    """Rows of every evaluation. Where the players are shown other data from some step on, training is
    resumed from its own state."""
    shown = plant.shown or ((0, lambda same: same),)
    resume: tuple[int, Mapping[str, Tensor]] | None = None
    for (_, show), until in zip(shown, [*(step for step, _ in shown[1:]), plant.steps], strict=True):
        seen = show(data)
        if plant.update == "rote":
            key = str(pack.trials[0].update.kwargs["script"])
            ROWS[key] = rows(seen, PARTICLES, BANKS[key].rms)
        for tick in train(pack, seen, evaluator, resume):
            yield tick.rows
            if tick.step >= until:
                resume = (tick.step, tick.state())
                break


def curve_of(rows: list[dict[str, Any]]) -> Curve:
    """Columns as the curves table has them: floats with NaN for null, texts with None."""
    names = dict.fromkeys(name for row in rows for name in row)
    curve: Curve = {}
    for name in names:
        values = [row.get(name) for row in rows]
        if name == "trial":
            continue
        if name in ("step", "d_updates", "g_updates"):
            curve[name] = np.array(values, dtype=np.int64)
        elif name == "alive":
            curve[name] = np.array(values, dtype=bool)
        elif any(isinstance(value, str) for value in values) or name == "modes.set":
            curve[name] = np.array(values, dtype=object)
        else:
            curve[name] = np.array([np.nan if v is None else v for v in values], dtype=np.float64)
    return curve


torch.set_num_threads(1)
