"""All that is wrong with a study, said at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bench.errors import UserError
from bench.listing import printable


class StudyError(UserError):
    """Every problem of a study, each one line `file: dotted.key: sentence`."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = [printable(each) for each in problems]
        super().__init__("\n".join(self.problems))


class Problems:
    """Collects the problems of one study file. `overridden` are the dotted keys that came from `--set`."""

    def __init__(self, source: str, overridden: Iterable[str] = ()) -> None:
        self.source = source
        self.overridden = tuple(overridden)
        self.lines: list[str] = []

    def add(self, path: str, sentence: str) -> None:
        """Note one problem; the same line is noted once."""
        origin = "" if path.startswith("--") else self.source
        if any(path == key or path.startswith((key + ".", key + "[")) for key in self.overridden):
            origin = "--set"
        line = ": ".join(part for part in (origin, path, sentence) if part)
        if line not in self.lines:
            self.lines.append(line)

    def check(self) -> None:
        """Raise StudyError if anything was noted."""
        if self.lines:
            raise StudyError(self.lines)


def show(value: Any) -> str:
    """A value as YAML would write it in one line: `{lr_ratio: 8, loss: hinge}`."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        digits, exponent, power = f"{value:.12g}".partition("e")
        return f"{digits}{'.0' if exponent and '.' not in digits else ''}{exponent}{power}"  # 1e-07 is text
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {show(each)}" for key, each in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(show(each) for each in value) + "]"
    return str(value)
