"""One trial's curve made ready for the rules: ordered, without duplicates, missing columns as nulls."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.judge.rules import Rules

Array = NDArray[np.float64]
"""Floats with NaN for null. A condition is such an array of 1 (true), 0 (false) and NaN (unknown)."""


@dataclass(frozen=True)
class Context:
    """What a rule must know beside the curve. Numbers that are not known are NaN (or None for `n_modes`).

    `steps` is the planned length; `floors` maps a column to {"mean", "sd", ...} of real held-out data.
    """

    primary: str
    floor_mean: float
    floor_sd: float
    n_modes: int | None
    steps: int
    floors: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Trace:
    """The evaluations of one trial in order of step, each step once (the last row written for it).

    Traces are compared by identity, so that what several rules ask of one trace is computed once.
    """

    columns: Mapping[str, NDArray[Any]]
    context: Context
    rules: Rules

    @classmethod
    def of(cls, curve: Mapping[str, NDArray[Any]], context: Context, rules: Rules) -> Trace:
        steps = np.asarray(curve["step"], dtype=np.int64)
        if steps.size > 1 and not np.all(np.diff(steps) > 0):
            order = np.argsort(steps, kind="stable")
            last = np.append(np.diff(steps[order]) > 0, True)
            keep = order[last]
            curve = {name: np.asarray(values)[keep] for name, values in curve.items()}
        return cls(curve, context, rules)

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def name(self) -> str:
        """The primary distance's column."""
        return self.context.primary

    @cached_property
    def steps(self) -> NDArray[np.int64]:
        return np.asarray(self.columns["step"], dtype=np.int64)

    def floats(self, name: str) -> Array:
        """A column as floats; nulls, and the whole of a column that is not there, are NaN."""
        values = self.columns.get(name)
        if values is None:
            return np.full(len(self), np.nan)
        if values.dtype == np.float64:
            return values
        if values.dtype == object:
            values = np.array([np.nan if v is None else v for v in values.tolist()], dtype=np.float64)
        return np.asarray(values, dtype=np.float64)

    def texts(self, name: str) -> list[str | None]:
        """A column of strings; nulls, and the whole of a column that is not there, are None."""
        values = self.columns.get(name)
        if values is None:
            return [None] * len(self)
        return [v if isinstance(v, str) else None for v in values.tolist()]

    @cached_property
    def live(self) -> NDArray[np.bool_]:
        """Rows written by a living member. The last row of a dead one has no metrics."""
        values = self.columns.get("alive")
        if values is None:
            return np.ones(len(self), dtype=bool)
        return np.array([v is None or v != v or bool(v) for v in values.tolist()], dtype=bool)

    @cached_property
    def width(self) -> int:
        """Number of evaluations in W."""
        return self.rules.window(len(self))

    @cached_property
    def enough(self) -> bool:
        """Whether W exists without the untrained evaluation at step 0."""
        return len(self) > self.width

    @property
    def window(self) -> slice:
        return slice(len(self) - self.width, len(self))

    @cached_property
    def distance(self) -> Array:
        """q, the primary distance; NaN where it could not be computed."""
        values = self.floats(self.context.primary)
        return np.where(np.isfinite(values), values, np.nan)

    @cached_property
    def noise(self) -> float:
        """sigma: median over the evaluations of the SD of `q`; 0 when it was never measured."""
        values = self.floats(f"{self.context.primary}.noise")
        values = values[np.isfinite(values)]
        return float(np.median(values)) if values.size else 0.0

    @cached_property
    def scale(self) -> float:
        """q0 - f: how far there is to go; NaN when step 0 was not measured or starts at the floor already."""
        if not len(self) or self.steps[0] != 0:
            return math.nan
        far = float(self.distance[0]) - self.context.floor_mean
        spread = self.context.floor_sd if math.isfinite(self.context.floor_sd) else 0.0
        return far if far > self.rules.converged_floor_sds * spread else math.nan

    @cached_property
    def relative(self) -> Array:
        """(q - f) / (q0 - f): 1 at the start, 0 at the floor."""
        return (self.distance - self.context.floor_mean) / self.scale

    @cached_property
    def final(self) -> float:
        """Median of q over W."""
        return float(np.median(self.distance[self.window])) if self.enough else math.nan


def less(values: Array, bar: float | Array) -> Array:
    """values < bar, unknown where either is unknown."""
    return _known((values < bar), values, bar)


def at_most(values: Array, bar: float | Array) -> Array:
    return _known((values <= bar), values, bar)


def more(values: Array, bar: float | Array) -> Array:
    return _known((values > bar), values, bar)


def at_least(values: Array, bar: float | Array) -> Array:
    return _known((values >= bar), values, bar)


def equal(values: Array, bar: float | Array) -> Array:
    return _known((values == bar), values, bar)


def both(*conditions: Array) -> Array:
    """Kleene's and: one false decides, else an unknown makes it unknown."""
    stack = np.stack(conditions)
    return np.where((stack == 0).any(0), 0.0, np.where(np.isnan(stack).any(0), np.nan, 1.0))


def either(*conditions: Array) -> Array:
    """Kleene's or: one true decides, else an unknown makes it unknown."""
    stack = np.stack(conditions)
    return np.where((stack == 1).any(0), 1.0, np.where(np.isnan(stack).any(0), np.nan, 0.0))


def _known(result: NDArray[np.bool_], values: Array, bar: float | Array) -> Array:
    return np.where(np.isnan(values) | np.isnan(bar), np.nan, result.astype(np.float64))


def windows(values: Array, width: int) -> Array:
    """All runs of `width` consecutive values, [n - width + 1, width]; none when there are fewer."""
    if len(values) < width:
        return np.empty((0, width))
    return np.lib.stride_tricks.sliding_window_view(values, width)


def jaccard(masks: list[str | None]) -> Array:
    """Jaccard index of each covered set (hex mask) with the one before; NaN at the first and beside a null.

    Two empty sets are equal: 1.
    """
    out = np.full(len(masks), np.nan)
    sets = [int(mask, 16) if mask else None for mask in masks]
    for i in range(1, len(sets)):
        before, now = sets[i - 1], sets[i]
        if before is not None and now is not None:
            union = (before | now).bit_count()
            out[i] = (before & now).bit_count() / union if union else 1.0
    return out


def falls(steps: NDArray[np.int64], values: Array) -> tuple[float, float]:
    """One-sided p of a falling trend (Mann-Kendall) and the fall itself (Theil-Sen slope x length).

    The p is the normal approximation with the correction for ties and for continuity; NaN below 5 values or
    where a value is null. A rise is a negative fall.
    """
    n = len(values)
    if n < 5 or np.isnan(values).any():
        return math.nan, math.nan
    i, j = _pairs(n)
    rises = values[j] - values[i]
    score = float(np.sign(rises).sum())
    _, ties = np.unique(values, return_counts=True)
    variance = (n * (n - 1) * (2 * n + 5) - float((ties * (ties - 1) * (2 * ties + 5)).sum())) / 18
    if variance <= 0:
        return 1.0, 0.0
    z = (score + 1) / math.sqrt(variance)
    slope = float(np.median(rises / (steps[j] - steps[i])))
    return 0.5 * math.erfc(-z / math.sqrt(2)), -slope * float(steps[-1] - steps[0])


@lru_cache(maxsize=8)
def _pairs(n: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    return np.triu_indices(n, 1)


def reversals(values: Array, leg: float) -> list[int]:
    """Positions of the turning points between legs of at least `leg` (a zigzag filter); nulls are skipped."""
    turns: list[int] = []
    direction, extreme, at, start = 0, math.nan, 0, math.nan
    low = high = math.nan
    for i, value in enumerate(values.tolist()):
        if math.isnan(value):
            continue
        if direction == 0:
            if math.isnan(start):
                start, low, high = value, value, value
            low, high = min(low, value), max(high, value)
            if value - low >= leg:
                direction, extreme, at = 1, value, i
            elif high - value >= leg:
                direction, extreme, at = -1, value, i
        elif (value - extreme) * direction > 0:
            extreme, at = value, i
        elif (extreme - value) * direction >= leg:
            turns.append(at)
            direction, extreme, at = -direction, value, i
    return turns
