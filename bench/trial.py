"""Trial and Pack, the two records that everything else is derived from."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from typing import Any

PROTOCOL = 2
"""Version of all that decides a number: streams, evaluation schedule, metrics. Part of every trial's id."""

KeyValue = str | int | float | bool


@dataclass(frozen=True)
class Component:
    """A catalogue entry with all its keys, sorted by name: `{name: dcgan, width: 16, ...}` of a study."""

    name: str
    keys: tuple[tuple[str, KeyValue], ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "keys", tuple(sorted(self.keys)))

    @property
    def kwargs(self) -> dict[str, KeyValue]:
        return dict(self.keys)

    @property
    def graph(self) -> tuple[object, ...]:
        """What of it decides a pack's graph: its name and the keys that no column of numbers can hold."""
        return (self.name, *(each for each in self.keys if not isinstance(each[1], float)))

    def to_json(self) -> dict[str, KeyValue]:
        return {"name": self.name, **self.kwargs}

    @classmethod
    def from_json(cls, record: dict[str, KeyValue]) -> Component:
        return cls(str(record["name"]), tuple((k, v) for k, v in record.items() if k != "name"))


@dataclass(frozen=True)
class Evaluate:
    """When and on how many samples a trial is measured, and by which metrics."""

    every: int
    samples: int
    metrics: tuple[Component, ...]


@dataclass(frozen=True)
class Trial:
    """Cell x seed: one training run, fully resolved. Every field is part of the id, but `axes`.

    `plugins`: sha256 of each plugin of the study, sorted; without plugins the record has no such field.
    `axes` holds the value (or the label of a bundle) that each grid axis takes, for tables only.
    """

    study_seed: int
    seed: int
    dataset: Component
    data_sha256: str
    model: Component
    loss: Component
    penalty: Component | None
    update: Component
    optimizer: Component
    lr_g: float
    lr_d: float
    lr_decay: float
    dropout: float
    label_noise: float
    label_smoothing: float
    label_jitter: float
    label_jitter_sign: str
    instance_noise: float
    instance_noise_until: int
    n_critic: int
    g_steps: int
    order: str
    d_batch: str
    g_batch: str
    beta1: float
    beta2: float
    weight_decay: float
    aux_weight: float
    ema: float
    batch: int
    steps: int
    dtype: str
    evaluate: Evaluate
    protocol: int = PROTOCOL
    plugins: tuple[str, ...] = ()
    axes: tuple[tuple[str, KeyValue], ...] = field(default=(), compare=False)

    def record(self) -> dict[str, Any]:
        """The canonical JSON record that the id is a hash of; `axes` is no part of it."""
        out: dict[str, Any] = {}
        for each in fields(self):
            value = getattr(self, each.name)
            if each.name == "axes" or (each.name == "plugins" and not value):
                continue
            if isinstance(value, Component):
                value = value.to_json()
            elif isinstance(value, Evaluate):
                value = {**asdict(value), "metrics": [m.to_json() for m in value.metrics]}
            elif isinstance(value, tuple):
                value = list(value)
            out[each.name] = value
        return out

    @classmethod
    def from_record(cls, record: dict[str, Any], axes: tuple[tuple[str, KeyValue], ...] = ()) -> Trial:
        """The inverse of `record`."""
        values = dict(record)
        for name in ("dataset", "model", "loss", "update", "optimizer", "penalty"):
            values[name] = None if values[name] is None else Component.from_json(values[name])
        ev = values["evaluate"]
        metrics = tuple(Component.from_json(m) for m in ev["metrics"])
        values["evaluate"] = Evaluate(ev["every"], ev["samples"], metrics)
        values["plugins"] = tuple(values.get("plugins", ()))
        return cls(**values, axes=axes)

    @cached_property
    def id(self) -> str:
        return _short_hash(self.record())

    @cached_property
    def cell(self) -> str:
        """Hash of the record without its seed: trials of one cell differ in the seed alone."""
        return _short_hash({k: v for k, v in self.record().items() if k != "seed"})


SHARED = (
    *("study_seed", "dataset", "data_sha256", "model", "update", "optimizer", "n_critic", "g_steps", "order"),
    *("d_batch", "g_batch", "batch", "steps", "dtype", "evaluate", "protocol"),
)
"""Fields that decide shapes or the graph: the trials of a pack agree in them. Others are numbers, or the
loss."""


@dataclass(frozen=True)
class Pack:
    """Trials trained together as one program. Order, threads and device decide the bits: they make the id."""

    trials: tuple[Trial, ...]
    threads: int = 1
    device: str = "cpu"

    @property
    def width(self) -> int:
        return len(self.trials)

    @cached_property
    def id(self) -> str:
        trials = [trial.id for trial in self.trials]
        return _short_hash({"trials": trials, "threads": self.threads, "device": self.device})


def canonical_json(value: Any) -> str:
    """JSON with sorted keys, no spaces and no NaN: equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=True)


def _short_hash(value: Any) -> str:
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:12]


def evaluation_steps(steps: int, every: int) -> tuple[int, ...]:
    """When a trial is measured: 0, every/4, every/2 (early change is fast), multiples of every, the end."""
    points = {0, every // 4, every // 2, steps, *range(every, steps, every)}
    return tuple(sorted(p for p in points if p <= steps))
