"""The outline of a mark, the `d` of an SVG path: read, placed, and written in few letters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

Point = tuple[float, float]
Command = tuple[str, tuple[Point, ...]]
"""A letter of `M L Q C Z` and its points, all of them absolute."""

Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""

_POINTS = {"M": 1, "L": 1, "Q": 2, "C": 3, "Z": 0}
_TOKEN = re.compile(r"[A-Za-z]|-?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?")


def parse(d: str) -> list[Command] | None:
    """Commands of a path with absolute coordinates, as matplotlib writes it; None for any other."""
    found: list[Command] = []
    tokens = _TOKEN.findall(d)
    at = 0
    while at < len(tokens):
        letter = tokens[at].upper() if tokens[at] in ("z", "Z") else tokens[at]
        if letter not in _POINTS:
            return None
        count = 2 * _POINTS[letter]
        numbers = tokens[at + 1 : at + 1 + count]
        if len(numbers) < count or any(each.isalpha() for each in numbers):
            return None
        values = [float(each) for each in numbers]
        found.append((letter, tuple(zip(values[::2], values[1::2], strict=True))))
        at += 1 + count
    return found if found and found[0][0] == "M" else None


def moved(commands: Iterable[Command], x: float, y: float) -> list[Command]:
    return [(letter, tuple((px + x, py + y) for px, py in points)) for letter, points in commands]


def box(commands: Iterable[Command]) -> Box:
    """What holds all points; no curve leaves it."""
    points = [point for _, each in commands for point in each]
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return min(xs), min(ys), max(xs), max(ys)


def absolute(commands: Iterable[Command]) -> str:
    """The `d` that `parse` reads."""
    return " ".join(
        " ".join((letter, *(f"{x:.6g} {y:.6g}" for x, y in points))) for letter, points in commands
    )


def written(commands: Sequence[Command]) -> str:
    """The `d` with relative coordinates: a tenth of a point is enough for lines, a hundredth for curves."""
    scale = 100 if any(letter in "QC" for letter, _ in commands) else 10
    steps = [
        (letter, tuple((round(x * scale), round(y * scale)) for x, y in points))
        for letter, points in commands
    ]
    return _joined(_relative(list(_shorter(steps))), scale)


_Step = tuple[str, tuple[tuple[int, int], ...]]


def _shorter(steps: Sequence[_Step]) -> Iterator[_Step]:
    """Without lines of no length, and lines to the start of an outline that is closed there anyway."""
    start = here = (0, 0)
    drawn = False  # a single point is a dot where ends are round: it stays
    for at, (letter, points) in enumerate(steps):
        after = steps[at + 1][0] if at + 1 < len(steps) else ""
        if letter == "L" and (
            (points[0] == here and (drawn or after == "L")) or (points[0] == start and after == "Z")
        ):
            continue
        yield letter, points
        drawn = letter not in "MZ"
        if letter == "M":
            start = points[0]
        here = points[-1] if points else start


def _relative(steps: Iterable[_Step]) -> list[tuple[str, list[int]]]:
    """Relative commands, level and upright lines by one number, those that go on in one direction as one."""
    found: list[tuple[str, list[int]]] = []
    start = here = (0, 0)
    for letter, points in steps:
        if letter == "Z":
            found.append(("z", []))
            here = start
            continue
        numbers = [value - origin for point in points for value, origin in zip(point, here, strict=True)]
        if letter == "L" and 0 in numbers:
            letter, numbers = ("h", numbers[:1]) if numbers[1] == 0 else ("v", numbers[1:])
        last, before = found[-1] if found else ("", [])
        if letter in "hv" and last == letter and before[0] * numbers[0] > 0:
            before[0] += numbers[0]
        else:
            found.append(("M" if not found else letter.lower(), numbers))
        here = points[-1]
        if letter == "M":
            start = here
    return found


def _joined(commands: Iterable[tuple[str, list[int]]], scale: int) -> str:
    parts: list[str] = []
    last = ""
    for letter, numbers in commands:
        if letter != last or letter in "zmM":
            parts.append(letter)
        for number in numbers:
            short, before = decimal(number / scale), parts[-1]
            glued = before.isalpha() or short[0] == "-" or (short[0] == "." and "." in before)
            parts.append(short if glued else f" {short}")
        last = letter
    return "".join(parts)


def decimal(value: float) -> str:
    """A number in few letters: `-.5`, `12`, `3.25`."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    if text in ("-0", "0", ""):
        return "0"
    return re.sub(r"^(-?)0\.", r"\1.", text)
