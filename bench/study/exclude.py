"""Which cells a row of `exclude` means: those that match all of its keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.study.axes import Axis
from bench.study.keys import (
    DEFAULT_COMPONENTS,
    FIELDS,
    KINDS,
    NEUTRAL,
    RENAMED,
    Settings,
    Whole,
    is_key,
    is_none,
)
from bench.study.problems import Problems, show
from bench.trial import KeyValue
from ganzoo.catalog import suggest

Labels = tuple[tuple[str, KeyValue], ...]


def without_excluded(
    points: list[tuple[Settings, Labels]],
    axes: Sequence[Axis],
    exclude: Sequence[Mapping[Any, Any]],
    problems: Problems,
    is_sound: bool,
) -> list[tuple[Settings, Labels]]:
    """The points that no row of `exclude` matches; a row that matches none is a problem."""
    gone: set[int] = set()
    for position, row in enumerate(exclude):
        path = f"exclude[{position}]"
        if not row:
            problems.add(path, "names no key")
            continue
        tests = []
        for key, wanted in row.items():
            name = RENAMED.get(str(key), str(key))
            if name not in [axis.name for axis in axes] and not is_key(name):
                legal = (*(axis.name for axis in axes), *FIELDS, *KINDS)
                problems.add(f"{path}.{key}", f"no axis and no key of a cell{suggest(key, legal)}")
                break
            tests.append((name, wanted if isinstance(wanted, list) else [wanted]))
        else:
            found = {i for i, point in enumerate(points) if all(_matches(point, *test) for test in tests)}
            if not found and is_sound:
                problems.add(path, f"{show(row)} removes no cell{_what_axes_have(row, axes)}")
            gone |= found
    return [point for i, point in enumerate(points) if i not in gone]


def _what_axes_have(row: Mapping[Any, Any], axes: Sequence[Axis]) -> str:
    lists = [
        f"; {axis.name} takes {', '.join(show(p.label) for p in axis.points)}"
        for axis in axes
        if axis.name in row
    ]
    return "".join(lists)


def _matches(point: tuple[Settings, Labels], key: str, wanted: Sequence[Any]) -> bool:
    settings, labels = point
    return any(equals(settings, dict(labels), key, each) for each in wanted)


def equals(settings: Settings, labels: Mapping[str, KeyValue], key: str, wanted: Any) -> bool:
    """Whether a cell has `wanted` at an axis or key: a label, a number, a component's name or its keys."""
    if is_none(wanted):
        wanted = NEUTRAL.get(key, "none")
    if key in labels and _same(labels[key], wanted):
        return True
    setting = settings.get(key)
    value = setting.value if setting else None
    if key in KINDS:
        whole = value if isinstance(value, Whole) else Whole(DEFAULT_COMPONENTS.get(key) or "none")
        if not isinstance(wanted, dict):
            return _same(whole.called, wanted) or (whole.name == "none" and wanted == 0)
        keys = {"name": whole.name, "recipe": whole.recipe, **dict(whole.keys)}
        return all(_same(keys.get(str(k)), v) for k, v in wanted.items())
    kind, dot, sub = key.partition(".")
    if dot and setting is None and kind in settings and isinstance(settings[kind].value, Whole):
        value = dict(settings[kind].value.keys).get(sub)
    elif setting is None and key in FIELDS:
        value = FIELDS[key].default
    return _same("none" if value is None else value, wanted)


def _same(value: Any, wanted: Any) -> bool:
    if isinstance(value, (int, float)) and isinstance(wanted, (int, float)):
        return isinstance(value, bool) == isinstance(wanted, bool) and value == wanted
    return type(value) is type(wanted) and bool(value == wanted)
