"""What figures with a line for each value of an axis share: colours, dashes, names at the lines' ends."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_hex

from bench.report.svg import INK
from bench.report.words import label

# Neither end fades into a light page nor into a dark one, and lightness falls and rises with the hue.
_RAMP = ("#3f6fd8", "#1f9fc4", "#3aa655", "#c79a12", "#e0662a", "#b5357a")

_DASHES: tuple[Any, ...] = ("-", (0, (5, 1.6)), (0, (1.2, 1.2)), (0, (6, 1.5, 1.2, 1.5)))

LETTER = 0.078
"""Inches: about the width of a letter in a figure."""

MOST_NAMED = 8
"""Lines that get a colour of their own; of more, the others stay grey behind them."""

LONGEST = 22
"""Letters of a line's name; the CSV has the whole one."""


def looks(values: Sequence[Any]) -> list[tuple[str, Any]]:
    """(colour, dashes) of each value: numbers along a ramp, names in the colour-blind safe set.

    No two neighbours have the same dashes, so that lines are told apart without their colours, too.
    """
    n = len(values)
    safe = [to_hex(each) for each in sns.color_palette("colorblind") if to_hex(each) not in _TOO_PALE]
    if all(isinstance(value, (int, float)) for value in values):
        ramp = LinearSegmentedColormap.from_list("steps", _RAMP)
        colours = [to_hex(ramp(at)) for at in (np.linspace(0, 1, n) if n > 1 else [0.0])]
    else:
        colours = [safe[i % len(safe)] for i in range(n)]
    turns = (i + i // len(safe) for i in range(n))  # a colour that comes again has other dashes
    return [(colour, _DASHES[turn % len(_DASHES)]) for colour, turn in zip(colours, turns, strict=True)]


_TOO_PALE = ("#ece133", "#fbafe4")


def short(value: Any) -> str:
    """The label of a value as far as there is room for it at a line's end."""
    text = label(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def room(values: Sequence[Any]) -> float:
    """Inches that the longest label takes."""
    return LETTER * max((len(short(value)) for value in values), default=0)


@dataclass(frozen=True)
class End:
    """Where a line ends (y in data) and its name and look."""

    y: float
    text: str
    colour: str
    dashes: Any = "-"


def end_labels(axes: Axes, ends: Sequence[End], size: float = 8.5) -> None:
    """Names right of the frame at the heights where the lines end, apart where they would meet.

    A leader in the line's own look goes from the end to the name. Limits, scale and place of the axes must
    be final.
    """
    known = sorted((each for each in ends if math.isfinite(each.y)), key=lambda each: each.y)
    if not known:
        return
    window = axes.get_window_extent()
    inch = float(axes.figure.dpi)
    to_axes = axes.transAxes.inverted()
    wanted = [float(to_axes.transform(axes.transData.transform((1.0, each.y)))[1]) for each in known]
    places = apart(wanted, 1.25 * size / 72 * inch / float(window.height))
    away = 0.22 * inch / float(window.width)
    for y, at, each in zip(wanted, places, known, strict=True):
        axes.plot(
            [1.0, 1.0 + 0.8 * away], [y, at], transform=axes.transAxes, color=each.colour, linewidth=1.6,
            linestyle=each.dashes, clip_on=False, scalex=False, scaley=False, solid_capstyle="butt",
        )  # fmt: skip
        axes.text(1.0 + away, at, each.text, transform=axes.transAxes, va="center", fontsize=size, color=INK)


def apart(wanted: Sequence[float], gap: float) -> list[float]:
    """Ascending positions moved as little as need be until neighbours are `gap` apart, around their middles.

    The blocks of pool-adjacent-violators: the least squares of what is moved.
    """
    blocks: list[tuple[float, int]] = []  # (mean of wanted - i gap, how many)
    for i, value in enumerate(wanted):
        mean, count = value - i * gap, 1
        while blocks and blocks[-1][0] >= mean:
            before, size = blocks.pop()
            mean, count = (before * size + mean * count) / (size + count), size + count
        blocks.append((mean, count))
    means = [mean for mean, count in blocks for _ in range(count)]
    return [mean + i * gap for i, mean in enumerate(means)]
