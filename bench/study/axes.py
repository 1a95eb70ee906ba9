"""The axes of a grid, read from a study: lists of values and labelled bundles of linked keys."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.study.keys import (
    BAD,
    FIELDS,
    KINDS,
    RENAMED,
    Settings,
    Whole,
    is_key,
    read_settings,
    truth_hint,
    unknown_key,
)
from bench.study.problems import Problems, show
from bench.trial import KeyValue


@dataclass(frozen=True)
class Point:
    """One value of an axis: how tables call it, and what it sets."""

    label: KeyValue
    settings: Settings


@dataclass(frozen=True)
class Axis:
    """One key of the grid, or a named axis of labelled bundles."""

    name: str
    points: tuple[Point, ...]
    is_bundle: bool


def read_axes(grid: Mapping[Any, Any], problems: Problems) -> tuple[Axis, ...]:
    """The axes of a `grid` block: lists of values (W&B's and Ray's spellings too) and labelled bundles."""
    axes = []
    for key, written in grid.items():
        path = f"grid.{key}"
        if not isinstance(key, str):
            problems.add("grid", f"the axis {show(key)} is no text")
            continue
        values = written
        if (
            isinstance(written, dict)
            and len(written) == 1
            and next(iter(written)) in ("values", "grid_search")
        ):
            values = next(iter(written.values()))
        if not isinstance(values, list):
            problems.add(path, f"expected a list of values, got {show(values)}; one value: [{show(values)}]")
        elif not values:
            problems.add(path, "has no values; a grid needs at least one, or leave the axis out")
        elif any(isinstance(value, dict) and "as" in value for value in values):
            axes.append(_read_bundles(key, values, path, problems))
        else:
            axes.append(_read_values(key, values, path, problems))
    _note_shared_keys(axes, problems)
    return tuple(axes)


def _read_values(key: str, values: Sequence[Any], path: str, problems: Problems) -> Axis:
    key = RENAMED.get(key, key)
    if not is_key(key):
        if all(isinstance(value, dict) for value in values):
            problems.add(path, "a bundle of linked keys needs a label: {as: NAME, ...}")
        else:
            problems.add(path, unknown_key(key))
        return Axis(key, (), False)
    points: list[Point] = []
    for position, value in enumerate(values):
        before = len(problems.lines)
        settings = read_settings({key: value}, "", problems, key, f"{path}[{position}]")
        label = axis_label(key, settings)
        if any(_value_of(point.settings, key) == _value_of(settings, key) for point in points):
            if len(problems.lines) == before:
                problems.add(path, f"lists {show(value)} twice")
        elif label in [point.label for point in points]:  # a model and a recipe of one name
            label = show(value)
        points.append(Point(label, settings))
    if key in KINDS:
        points = [_short_label(point, key, points) for point in points]
    return Axis(key, tuple(points), False)


def _value_of(settings: Settings, key: str) -> Any:
    return settings[key].value if key in settings else None


def axis_label(key: str, settings: Settings) -> KeyValue:
    """How tables call the value of a key."""
    setting = settings.get(key)
    if setting is None or setting.value is None or setting.value is BAD:
        return "none"
    if isinstance(setting.value, Whole):
        written = setting.value.written()
        written.pop("recipe" if setting.value.recipe else "name")
        keys = ", ".join(f"{k}={show(v)}" for k, v in written.items())
        return f"{setting.value.called}({keys})" if keys else setting.value.called
    found = setting.value
    return found if isinstance(found, (str, int, float, bool)) else show(found)


def _short_label(point: Point, key: str, points: Sequence[Point]) -> Point:
    """A component is called by its bare name where no other value of the axis has it."""
    whole = point.settings[key].value
    if not isinstance(whole, Whole):
        return point
    others = [p.settings[key].value for p in points if p is not point]
    if any(isinstance(other, Whole) and other.called == whole.called for other in others):
        return point
    return Point(whole.called, point.settings)


RESERVED = (
    *("trial", "cell", "seed", "pack", "pack_width", "member", "status", "outcome", "outcome_step"),
    *("outcome_reason", "rules_version", "step", "alive", "first_bad_step", "d_updates", "g_updates", "as"),
    *("protocol", "study_seed", "data_sha256", "evaluate", "axes", "plugins"),
)
"""Column names of the results: no name for an axis of bundles."""


def _read_bundles(name: str, values: Sequence[Any], path: str, problems: Problems) -> Axis:
    if name in FIELDS or name in KINDS or name in RESERVED or "." in name:
        problems.add(path, f"an axis of bundles needs a name of its own; {name!r} is taken")
    points: list[Point] = []
    for position, value in enumerate(values):
        place = f"{path}[{position}]"
        if not isinstance(value, dict) or "as" not in value:
            problems.add(
                place, f"a bundle of linked keys needs a label: {{as: NAME, ...}}; got {show(value)}"
            )
            continue
        label = value["as"]
        if not isinstance(label, str) or not label.strip() or len(label) > 64:
            sentence = f"expected a label of at most 64 characters, got {show(label)}{truth_hint(label)}"
            problems.add(f"{place}.as", sentence)
            continue
        if label in [point.label for point in points]:
            problems.add(f"{place}.as", f"the label {label!r} is used twice")
        settings = read_settings({k: v for k, v in value.items() if k != "as"}, place, problems, name)
        points.append(Point(label, settings))
    return Axis(name, tuple(points), True)


def _note_shared_keys(axes: Sequence[Axis], problems: Problems) -> None:
    for first, second in itertools.combinations(axes, 2):
        ours = {key for point in first.points for key in point.settings}
        theirs = {key for point in second.points for key in point.settings}
        for key in sorted(ours & theirs):
            problems.add(
                f"grid.{second.name}", f"sets {key}, and so does the axis {first.name}: one axis per key"
            )
