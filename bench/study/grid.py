"""Axes -> cells. Nothing is sampled: as many as the product - excluded + included."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.study.axes import Axis, Point, axis_label
from bench.study.exclude import Labels, equals, without_excluded
from bench.study.keys import (
    DEFAULT_COMPONENTS,
    FIELDS,
    KINDS,
    Settings,
    Whole,
    read_settings,
    show_component,
)
from bench.study.layers import settle
from bench.study.problems import Problems, show
from bench.study.resolve import Evaluation, rates, resolve
from bench.study.rules import Complaint
from bench.trial import Component, KeyValue, canonical_json
from ganzoo.catalog import suggest

MAX_TRIALS = 100_000
ABSENT = "n/a"
"""The value of a bundle axis in an included cell that names none of its labels."""


@dataclass(frozen=True)
class Cell:
    """One point of the grid: the fields of its trials without seeds and data, and its value on each axis."""

    fields: Mapping[str, Any]
    axes: tuple[tuple[str, KeyValue], ...]
    settings: Settings

    def value(self, key: str) -> Any:
        """The value of an axis, a flat key, a component's name or a dotted key; None if the cell has none."""
        axes = dict(self.axes)
        if key in axes:
            return axes[key]
        if key == "lr_ratio":
            return self.fields["lr_d"] / self.fields["lr_g"]
        kind, _, sub = key.partition(".")
        found = self.fields.get(kind)
        if isinstance(found, Component):
            return found.kwargs.get(sub) if sub else found.name
        return "none" if kind in KINDS and not sub and found is None else found


@dataclass(frozen=True)
class Grid:
    """All cells, and how many the product had, lost and gained."""

    axes: tuple[Axis, ...]
    cells: tuple[Cell, ...]
    product: int
    excluded: int
    included: int


def build(
    base: Settings,
    axes: tuple[Axis, ...],
    include: Sequence[Mapping[Any, Any]],
    exclude: Sequence[Mapping[Any, Any]],
    evaluation: Evaluation,
    seeds: int,
    problems: Problems,
) -> Grid:
    """All cells of a study, resolved; what is wrong with them goes to `problems`."""
    product = math.prod(len(axis.points) for axis in axes)
    if (product + len(include)) * max(1, seeds) > MAX_TRIALS:
        problems.add("grid", f"{product} cells with {seeds} seeds each are more than {MAX_TRIALS} trials")
        return Grid(axes, (), product, 0, 0)
    is_sound = not problems.lines
    points = [_at(base, axes, combination) for combination in itertools.product(*(a.points for a in axes))]
    points = without_excluded(points, axes, exclude, problems, is_sound)
    left = len(points)
    if is_sound and exclude and not left and not include:
        problems.add("exclude", "leaves no cell")
    places = [""] * left
    for position, mapping in enumerate(include):
        points.append(_included(base, axes, mapping, f"include[{position}]", problems))
        places.append(f"include[{position}]")
    cells, found = [], []
    for (settings, labels), place in zip(points, places, strict=True):
        fields, complaints = resolve(settings, evaluation)
        cells.append(Cell(fields, labels, settings))
        found += [(complaint, cells[-1], place) for complaint in complaints]
    hits = Counter((complaint.key, complaint.involved) for complaint, _, place in found if not place)
    for complaint, cell, place in found:
        spares_some = hits[complaint.key, complaint.involved] < left
        _note(complaint, cell, axes, place, spares_some, problems)
    if not problems.lines:
        _note_duplicates(cells, places, problems)
    return Grid(axes, tuple(cells), product, product - left, len(include))


def _at(base: Settings, axes: Sequence[Axis], combination: Sequence[Point]) -> tuple[Settings, Labels]:
    labels = tuple((axis.name, point.label) for axis, point in zip(axes, combination, strict=True))
    return settle([base, *(point.settings for point in combination)]), labels


def _included(
    base: Settings, axes: Sequence[Axis], row: Mapping[Any, Any], path: str, problems: Problems
) -> tuple[Settings, Labels]:
    """An included cell: its keys over `base`; a bundle axis may be named with one of its labels."""
    layers, named = [base], {}
    bundles = {axis.name: axis for axis in axes if axis.is_bundle}
    for key in row:
        if key in bundles:
            points = {point.label: point for point in bundles[key].points}
            if row[key] in points:
                named[key] = row[key]
                layers.append(points[row[key]].settings)
            else:
                legal = ", ".join(str(label) for label in points)
                problems.add(
                    f"{path}.{key}", f"no label {show(row[key])}{suggest(row[key], points)}; legal: {legal}"
                )
    layers.append(read_settings({k: v for k, v in row.items() if k not in bundles}, path, problems))
    settings = settle(layers)
    labels = tuple(
        (axis.name, named.get(axis.name, ABSENT) if axis.is_bundle else _axis_value(axis, settings))
        for axis in axes
    )
    return settings, labels


def _axis_value(axis: Axis, settings: Settings) -> KeyValue:
    """Where an included cell lies on an axis: at one of its labels, or at a value of its own."""
    if axis.name == "lr_ratio":
        lr_g, lr_d = rates(settings)
        near = [point.label for point in axis.points if math.isclose(float(point.label), lr_d / lr_g)]
        return near[0] if near else lr_d / lr_g
    for point in axis.points:
        if equals(settings, {}, axis.name, _plain(point, axis.name)):
            return point.label
    if axis.name in settings:
        return axis_label(axis.name, settings)
    if axis.name in KINDS:
        return DEFAULT_COMPONENTS.get(axis.name) or "none"
    default = FIELDS[axis.name].default if axis.name in FIELDS else None
    return "none" if default is None else default


def _plain(point: Point, key: str) -> Any:
    value = point.settings[key].value if key in point.settings else None
    return value.written() if isinstance(value, Whole) else value


def _note(
    complaint: Complaint,
    cell: Cell,
    axes: Sequence[Axis],
    place: str,
    spares_some: bool,
    problems: Problems,
) -> None:
    """A complaint about one cell, at the key to blame, with the `exclude` line that leaves such cells out.

    No such line where the complaint holds of all cells: nothing would be left.
    """
    settings = cell.settings
    setting = settings.get(complaint.key)
    path = setting.path if setting else complaint.key if "." in complaint.key else f"base.{complaint.key}"
    if place:
        problems.add(path, f"{complaint.sentence} (in {place})" if place not in path else complaint.sentence)
        return
    called = dict(cell.axes)
    names = [s.axis for key in complaint.involved if (s := settings.get(key)) and s.axis]
    row = {
        name: _to_paste(axis, called[name])
        for name in dict.fromkeys(names)
        for axis in axes
        if axis.name == name
    }
    remedy = f"; to leave these cells out, add under exclude: - {show(row)}" if row and spares_some else ""
    problems.add(path, complaint.sentence + remedy)


def _to_paste(axis: Axis, label: KeyValue) -> Any:
    """The value of an axis in an `exclude` row: its label, or the component where the name is not enough."""
    for point in axis.points:
        whole = point.settings[axis.name].value if axis.name in point.settings else None
        if point.label == label and isinstance(whole, Whole) and label != whole.called:
            return show_component(whole)
    return label


def _note_duplicates(cells: Sequence[Cell], places: Sequence[str], problems: Problems) -> None:
    first: dict[str, str] = {}
    for cell, place in zip(cells, places, strict=True):
        identity = canonical_json(dict(_jsonable(cell.fields)))
        name = place or show(dict(cell.axes))
        if identity in first:
            problems.add(
                place or "grid", f"{name} trains the same as {first[identity]}: a cell may stand only once"
            )
        else:
            first[identity] = name


def _jsonable(fields: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in fields.items():
        if isinstance(value, Component):
            yield key, value.to_json()
        elif key == "evaluate":
            yield key, [value.every, value.samples, [each.to_json() for each in value.metrics]]
        else:
            yield key, value
