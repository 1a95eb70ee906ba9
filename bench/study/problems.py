"""All that is wrong with a study, said at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from bench.errors import UserError
from bench.listing import printable


class StudyError(UserError):
    """Every problem of a study, each one line `file: dotted.key: sentence`.

    unread: blocks of the file that these problems kept from being read; a last line of the message says so.
    That nothing of a file could be read needs no such line: its one problem says it.
    """

    def __init__(self, problems: Iterable[str], unread: Iterable[str] = ()) -> None:
        self.problems = [printable(each) for each in problems]
        self.unread = [printable(each) for each in unread]
        more = [f"more may follow once {listed(self.unread)} can be read"] if self.unread else []
        super().__init__("\n".join((*self.problems, *more)))


class Problems:
    """Collects the problems of one study file. `overridden` are the dotted keys that came from `--set`."""

    def __init__(self, source: str, overridden: Iterable[str] = ()) -> None:
        self.source = source
        self.overridden = tuple(overridden)
        self.lines: list[str] = []
        self.unread: list[str] = []
        self.muted: tuple[str, ...] = ()

    def add(self, path: str, sentence: str) -> None:
        """Note one problem; the same line is noted once."""
        if any(path.endswith(f".{key}") for key in self.muted):
            return
        origin = "" if path.startswith("--") else self.source
        if any(path == key or path.startswith((key + ".", key + "[")) for key in self.overridden):
            origin = "--set"
        line = ": ".join(part for part in (origin, path, sentence) if part)
        if line not in self.lines:
            self.lines.append(line)

    @contextmanager
    def muting(self, keys: Iterable[str]) -> Iterator[None]:
        """Within this, nothing is noted about these keys: their own problem says it all."""
        self.muted = tuple(keys)
        try:
            yield
        finally:
            self.muted = ()

    def hide(self, *blocks: str) -> None:
        """Note blocks that a problem keeps from being read, so that more may be wrong with them."""
        self.unread += [each for each in blocks if each not in self.unread]

    def check(self) -> None:
        """Raise StudyError if any problem was noted."""
        if self.lines:
            raise StudyError(self.lines, self.unread)


def listed(names: Iterable[str]) -> str:
    """`a, b and c`"""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


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
