"""A file with some thresholds of the outcome rules, for `ganbench judge --rules FILE`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from bench.errors import UserError
from bench.judge.rules import RANGES, RULES, Range, Rules
from bench.study import yaml_file
from bench.study.problems import Problems, show
from ganzoo.entry import suggest


def load_rules(path: Path) -> Rules:
    """Today's rules with the thresholds that a YAML file gives in place of their own.

    `version` may say which version of the rules the file is meant for. StudyError (a UserError) tells
    everything that is wrong with it at once.
    """
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"{path} cannot be read: {getattr(error, 'strerror', None) or 'it is no text'}"
        ) from error
    problems = Problems(str(path))
    value = yaml_file.parse(text, problems)
    problems.check()
    if not isinstance(value, dict):
        problems.add("", "expected thresholds, a line each: `converged_distance: 0.1`")
        problems.check()
    given: dict[str, Any] = {}
    for key, each in value.items():
        name = str(key)
        if name == "version":
            _check_version(each, problems)
        elif name not in RANGES:
            legal = sorted(RANGES)
            hint = suggest(name, legal)
            problems.add(name, f"no such threshold{hint or '; there are: ' + ', '.join(legal)}")
        elif (sentence := _wrong(each, RANGES[name], getattr(RULES, name))) is not None:
            problems.add(name, sentence)
        else:
            given[name] = type(getattr(RULES, name))(each)
    problems.check()
    return dataclasses.replace(RULES, **given)


def _check_version(value: Any, problems: Problems) -> None:
    if str(value) != RULES.version:
        problems.add(
            "version",
            f"the file is for version {show(value)} of the rules, these are of version {RULES.version}: look "
            "at docs/outcomes.md for what changed, then give this version or none",
        )


def _wrong(value: Any, range_: Range, default: float) -> str | None:
    """What is wrong with the value of a threshold; None when it is legal."""
    unit = f"{range_.unit}; {range_.meaning}"
    if isinstance(value, bool) or not isinstance(value, int | float):
        hint = f", write {float(value)!r}" if isinstance(value, str) and _is_number(value) else ""
        return f"{show(value)} is no number{hint} ({unit})"
    if isinstance(default, int) and value != int(value):
        return f"{show(value)} is no whole number ({unit})"
    if not range_.low <= value <= range_.high:
        return f"{show(value)} is not from {show(range_.low)} to {show(range_.high)} ({unit})"
    return None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
