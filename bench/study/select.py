"""What the command line changes: `--set key=value` and `--where "lr_ratio > 1 and loss == hinge"`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bench.study.keys import FIELDS, KINDS, RENAMED, is_key, is_none
from bench.study.problems import Problems, show
from bench.study.yaml_file import parse_argument
from ganzoo.catalog import suggest

BLOCKS = ("evaluate", "checkpoint", "resources")
"""Top-level keys whose own keys are given with a dot: `evaluate.every=10`."""


def override(
    data: dict[Any, Any], arguments: Sequence[str], top: Sequence[str], problems: Problems
) -> tuple[str, ...]:
    """Change `data` in place as the `key=value` arguments say; returns the dotted keys that were set."""
    changed = []
    for argument in arguments:
        key, equal, text = argument.partition("=")
        key = key.strip()
        if not equal or not key:
            problems.add(f"--set {argument}", "expected key=value")
            continue
        inner = Problems("")
        value = parse_argument(text, inner)
        if inner.lines:
            problems.add(f"--set {argument}", inner.lines[0])
            continue
        path = _set(data, key, value, top, f"--set {argument}", problems)
        if path:
            changed.append(path)
    return tuple(changed)


def _set(
    data: dict[Any, Any], key: str, value: Any, top: Sequence[str], origin: str, problems: Problems
) -> str:
    first, dot, rest = key.partition(".")
    if not dot and key in top:
        data[key] = value
        return key
    if first in BLOCKS and dot:
        block = data.get(first)
        data[first] = {**(block if isinstance(block, dict) else {}), rest: value}
        return key
    if first == "grid" and dot:
        grid = dict(data["grid"]) if isinstance(data.get("grid"), dict) else {}
        grid[rest] = value
        if value is None:
            del grid[rest]
        data["grid"] = grid
        return key
    name = rest if first == "base" and dot else key
    axis = _axis_of(RENAMED.get(name, name), data.get("grid"))
    if axis is not None:
        problems.add(
            origin, f"{name} is set by the grid's axis {axis}: write grid.{axis}=[...], or grid.{axis}=null"
        )
        return ""
    base = dict(data["base"]) if isinstance(data.get("base"), dict) else {}
    kind, dotted, sub = name.partition(".")
    if dotted and isinstance(base.get(kind), dict):
        base[kind] = {**base[kind], sub: value}
        base.pop(name, None)
    else:
        base[name] = value
        if name in KINDS:
            for old in [each for each in base if str(each).startswith(name + ".")]:
                del base[old]
    data["base"] = base
    return f"base.{name}"


def _axis_of(name: str, grid: Any) -> str | None:
    for axis, values in grid.items() if isinstance(grid, dict) else ():
        bundles = [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []
        if axis == name or any("as" in bundle and name in bundle for bundle in bundles):
            return str(axis)
    return None


_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
_TERM = re.compile(r"""\s*([A-Za-z_][\w.-]*)\s*(==|!=|<=|>=|<|>|=)\s*("[^"]*"|'[^']*'|[^\s"']+)\s*""")
_AND = re.compile(r"and\s+")

Condition = Callable[[Callable[[str], Any]], bool]
"""Takes the function key -> value of a cell."""


def read_where(text: str, axes: Sequence[str], problems: Problems) -> list[Condition]:
    """The conditions of `key op literal and key op literal ...`. Parsed, never evaluated as code."""
    conditions: list[Condition] = []
    position = 0
    while True:
        term = _TERM.match(text, position)
        if term is None:
            problems.add(
                f"--where {text!r}",
                "expected: key op literal, joined by `and`; op is " + " ".join(_OPERATORS),
            )
            return []
        key, sign, literal = term.groups()
        if sign == "=":
            problems.add(f"--where {text!r}", f"write {key} == {literal}")
            return []
        key = RENAMED.get(key, key)
        if key not in axes and not is_key(key):
            legal = (*axes, *FIELDS, *KINDS)
            problems.add(
                f"--where {text!r}", f"unknown key {key!r}{suggest(key, legal)}; legal: {', '.join(legal)}"
            )
        conditions.append(_condition(key, sign, _literal(literal), text))
        position = term.end()
        if position == len(text):
            return conditions
        joint = _AND.match(text, position)
        if joint is None:
            problems.add(f"--where {text!r}", f"expected `and` before {text[position:]!r}")
            return []
        position = joint.end()


def _literal(text: str) -> Any:
    if text[0] in "\"'":
        return text[1:-1]
    value = parse_argument(text, Problems(""))
    return "none" if is_none(value) else value if isinstance(value, (int, float, str)) else text


def _condition(key: str, sign: str, literal: Any, text: str) -> Condition:
    def holds(value_of: Callable[[str], Any]) -> bool:
        value = value_of(key)
        value = "none" if value is None else value
        both_numbers = isinstance(value, (int, float)) and isinstance(literal, (int, float))
        if not both_numbers and (isinstance(value, str) != isinstance(literal, str)):
            return sign == "!="
        if not both_numbers and sign not in ("==", "!="):
            raise TypeError(f"{key} is {show(value)}: text can only be == or !=")
        return _OPERATORS[sign](value, literal)

    return holds
