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

LAST_STEP = 2**53
"""The largest step that a float tells from its neighbours."""

TREND_LEAST = 5
"""Values from which a trend means something."""

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
    rows: int = 0  # that were stored, those without a step among them

    @classmethod
    def of(cls, curve: Mapping[str, NDArray[Any]], context: Context, rules: Rules) -> Trace:
        """Rows whose step is no whole number from 0 on have no place in time, and are left out.

        So are columns that are not one value for each row.
        """
        if "step" not in curve or curve["step"].ndim != 1:
            longest = max((len(values) for values in curve.values() if values.ndim), default=0)
            return cls({"step": np.empty(0, np.int64)}, context, rules, longest)
        steps = as_floats(curve["step"])
        rows = len(steps)
        curve = {name: values for name, values in curve.items() if values.shape == (rows,)}
        known = (steps >= 0) & (steps <= LAST_STEP) & (steps == np.floor(steps))
        if not (known.all() and (steps[1:] > steps[:-1]).all()):
            order = np.flatnonzero(known)
            order = order[np.argsort(steps[order], kind="stable")]
            last = np.ones(len(order), dtype=bool)
            last[:-1] = np.diff(steps[order]) > 0
            steps, keep = steps[order[last]], order[last]
            curve = {name: values[keep] for name, values in curve.items()}
        curve["step"] = steps.astype(np.int64)
        return cls(curve, context, rules, rows)

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def name(self) -> str:
        """The primary distance's column."""
        return self.context.primary

    @cached_property
    def steps(self) -> NDArray[np.int64]:
        return self.columns["step"]

    def floats(self, name: str) -> Array:
        """A column as floats; nulls, and the whole of a column that is not there, are NaN."""
        values = self.columns.get(name)
        return np.full(len(self), np.nan) if values is None else as_floats(values)

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
        return values if values.dtype == bool else as_floats(values) != 0  # an unknown one counts as alive

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
        return float(middle(values)) if values.size else 0.0

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
    def levels(self) -> Array:
        """Medians of q over windows of W's length, without step 0; the k-th ends at evaluation k + width."""
        return middle(windows(self.distance[1:], self.width))

    @cached_property
    def final(self) -> float:
        """Median of q over W."""
        return float(middle(self.distance[self.window])) if self.enough else math.nan


def as_floats(values: NDArray[Any]) -> Array:
    """An array as floats; what is no number is NaN, as a null is."""
    kind = values.dtype.kind
    if kind == "f" or kind in "iub":
        return values if values.dtype == np.float64 else values.astype(np.float64)
    if kind != "O":
        return np.full(len(values), np.nan)
    return np.array([_number(value) for value in values.tolist()], dtype=np.float64)


def _number(value: Any) -> float:
    if isinstance(value, (int, float, np.number, np.bool_)) and not isinstance(value, np.complexfloating):
        try:
            return float(value)
        except OverflowError:  # an integer beyond all floats
            return math.inf if value > 0 else -math.inf
    return math.nan


def middle(values: Array) -> Array:
    """Median over the last axis, NaN where one of its values is; `np.median`, several times faster."""
    ordered = values.copy()
    ordered.sort(axis=-1)
    half, odd = divmod(ordered.shape[-1], 2)
    found = ordered[..., half] if odd else (ordered[..., half - 1] + ordered[..., half]) / 2
    last = ordered[..., -1]  # NaN is sorted behind everything
    return np.where(last == last, found, last)


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
    # Conditions are 0, 1 and NaN: their sum is NaN where one is unknown.
    false, total = conditions[0] == 0, conditions[0]
    for each in conditions[1:]:
        false, total = false | (each == 0), total + each
    return np.where(false, 0.0, np.where(np.isnan(total), np.nan, 1.0))


def either(*conditions: Array) -> Array:
    """Kleene's or: one true decides, else an unknown makes it unknown."""
    true, total = conditions[0] == 1, conditions[0]
    for each in conditions[1:]:
        true, total = true | (each == 1), total + each
    return np.where(true, 1.0, np.where(np.isnan(total), np.nan, 0.0))


def _known(result: NDArray[np.bool_], values: Array, bar: float | Array) -> Array:
    unknown = (values != values) | (bar != bar)  # NaN differs from itself
    return np.where(unknown, np.nan, result)


def windows(values: Array, width: int) -> Array:
    """All runs of `width` consecutive values, [n - width + 1, width]; none when there are fewer."""
    return values[_places(len(values), width)]


@lru_cache(maxsize=64)
def _places(n: int, width: int) -> NDArray[np.intp]:
    return np.arange(max(0, n - width + 1))[:, None] + np.arange(width)


def jaccard(masks: list[str | None]) -> Array:
    """Jaccard index of each covered set (hex mask) with the one before; NaN at the first and beside a null.

    Two empty sets are equal: 1.
    """
    out = np.full(len(masks), np.nan)
    before = None
    for i, mask in enumerate(masks):
        if i and mask and mask == masks[i - 1] and before is not None:
            out[i] = 1.0  # the most frequent case, without any counting
            continue
        now = _covered(mask)
        if i and before is not None and now is not None:
            union = (before | now).bit_count()
            out[i] = (before & now).bit_count() / union if union else 1.0
        before = now
    return out


def overlaps(masks: list[str | None]) -> tuple[Array, Array]:
    """|A and B| of all pairs of covered sets [n, n] and |A| [n]; NaN beside a null."""
    sets = covered_sets(masks)
    size = max((each.bit_length() for each in sets if each), default=1)
    length = (size + 7) // 8
    packed = np.frombuffer(b"".join((each or 0).to_bytes(length, "big") for each in sets), np.uint8)
    bits = np.unpackbits(packed.reshape(len(sets), length), axis=1).astype(np.float64)
    bits[[each is None for each in sets]] = np.nan
    return bits @ bits.T, bits.sum(1)


def covered_sets(masks: list[str | None]) -> list[int | None]:
    """The bits of each hex mask; None for a null and for what is no mask."""
    return [_covered(mask) for mask in masks]


def _covered(mask: str | None) -> int | None:
    """The bits of a hex mask; None for a null and for what is no mask."""
    try:
        return int(mask, 16) if mask else None
    except ValueError:
        return None


def falls(steps: NDArray[np.int64], values: Array) -> tuple[float, float]:
    """One-sided p of a falling trend (Mann-Kendall) and the fall itself (Theil-Sen slope x length).

    The p is the normal approximation with the correction for ties and continuity; NaN below 5 values or
    where a value is null. A rise is a negative fall.
    """
    p = trend(values)[0]
    return p, math.nan if math.isnan(p) else theil_sen_fall(steps, values)


def trend(values: Array) -> tuple[float, float]:
    """One-sided p of a falling and of a rising trend (Mann-Kendall), see `falls`."""
    n = len(values)
    if n < TREND_LEAST or np.isnan(values).any():
        return math.nan, math.nan
    i, j = _pairs(n)
    later, earlier = values[j], values[i]
    up, down = int(np.count_nonzero(later > earlier)), int(np.count_nonzero(later < earlier))
    tied = 0
    if up + down < len(i):
        _, ties = np.unique(values, return_counts=True)
        tied = int((ties * (ties - 1) * (2 * ties + 5)).sum())
    variance = (n * (n - 1) * (2 * n + 5) - tied) / 18
    if variance <= 0:
        return 1.0, 1.0
    fall, rise = ((score + 1) / math.sqrt(variance) for score in (up - down, down - up))
    return 0.5 * math.erfc(-fall / math.sqrt(2)), 0.5 * math.erfc(-rise / math.sqrt(2))


def theil_sen_fall(steps: NDArray[np.int64], values: Array) -> float:
    """The median slope between all pairs of values, times the length, downwards."""
    i, j = _pairs(len(values))
    slopes = (values[j] - values[i]) / (steps[j] - steps[i])
    return -float(middle(slopes)) * float(steps[-1] - steps[0])


@lru_cache(maxsize=64)
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
