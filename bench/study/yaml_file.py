"""YAML text to plain values, with YAML's traps closed.

Only the safe constructors exist; a key given twice is an error with both lines; aliases that would expand
beyond `MAX_NODES` are refused before anything is built; dates stay text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import yaml

from bench.study.problems import Problems

MAX_BYTES = 1_000_000
MAX_NODES = 100_000
MAX_DEPTH = 50


class _Loader(yaml.SafeLoader):
    """SafeLoader without dates: `2024-01-01` stays text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def parse(text: str, problems: Problems) -> Any:
    """The value of a YAML text; None, with the reasons in `problems`, if it has no safe one."""
    if len(text) > MAX_BYTES:
        problems.add("", f"too long for a study: {len(text)} characters, at most {MAX_BYTES}")
        return None
    loader = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        before = len(problems.lines)
        _expanded(node, {}, (), problems)
        if len(problems.lines) > before:
            return None
        value = loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        problems.add("", f"no valid YAML: {line}{_one_line(_reason(error))}")
        return None
    except (yaml.YAMLError, ValueError) as error:
        problems.add("", f"no valid YAML: {_one_line(str(error))}")
        return None
    except RecursionError:
        problems.add("", "no valid study: nested too deeply")
        return None
    finally:
        if loader is not None:
            loader.dispose()
    for path, number in _non_finite(value, ""):
        problems.add(path, f"{number} is no finite number")
    return value


class _Refused(yaml.MarkedYAMLError):
    """Aliases that would fill the memory, or that contain themselves."""


def _expanded(
    node: yaml.Node, sizes: dict[int, int], trail: tuple[tuple[int, str], ...], problems: Problems
) -> int:
    """Number of nodes when all aliases are written out. Notes keys given twice on the way."""
    if id(node) in sizes:
        return sizes[id(node)]
    if any(id(node) == seen for seen, _ in trail):
        raise _Refused(problem="an alias contains itself", problem_mark=node.start_mark)
    if len(trail) > MAX_DEPTH:
        raise _Refused(problem=f"nested deeper than {MAX_DEPTH} levels", problem_mark=node.start_mark)
    size = 1
    if isinstance(node, yaml.MappingNode):
        _note_duplicates(node, ".".join(name for _, name in trail if name), problems)
        for key, value in node.value:
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else ""
            size += 1 + _expanded(value, sizes, (*trail, (id(node), name)), problems)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            size += _expanded(value, sizes, (*trail, (id(node), "")), problems)
    if size > MAX_NODES:
        raise _Refused(
            problem=f"its aliases expand to more than {MAX_NODES} values", problem_mark=node.start_mark
        )
    sizes[id(node)] = size
    return size


def _note_duplicates(node: yaml.MappingNode, path: str, problems: Problems) -> None:
    lines: dict[str, int] = {}
    for key, _ in node.value:
        name, line = str(key.value), key.start_mark.line + 1
        if name in lines:
            where = f"{path}.{name}" if path else name
            problems.add(where, f"given twice, on lines {lines[name]} and {line}")
        else:
            lines[name] = line


def _non_finite(value: Any, path: str) -> Iterator[tuple[str, float]]:
    if isinstance(value, float) and not math.isfinite(value):
        yield path, value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _non_finite(each, f"{path}.{key}" if path else str(key))
    elif isinstance(value, (list, tuple)):
        for position, each in enumerate(value):
            yield from _non_finite(each, f"{path}[{position}]")


def _reason(error: yaml.MarkedYAMLError) -> str | None:
    if error.context and (error.problem or "but").startswith("but"):
        return f"{error.context}, {error.problem or ''}"
    return error.problem


def _one_line(text: str | None) -> str:
    return " ".join((text or "not readable").split())


_EXPONENT = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+")


def parse_argument(text: str, problems: Problems) -> Any:
    """A value from the command line: YAML, but `1e-4` is the number that everybody means by it."""
    return _with_exponents(parse(text, problems))


def _with_exponents(value: Any) -> Any:
    if isinstance(value, str) and _EXPONENT.fullmatch(value):
        return float(value)
    if isinstance(value, list):
        return [_with_exponents(each) for each in value]
    if isinstance(value, dict):
        return {key: _with_exponents(each) for key, each in value.items()}
    return value
