"""What figures with a line for each value of an axis share: colours, dashes, names at the lines' ends."""

from __future__ import annotations

import itertools
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

MERGED = 14
"""Letters that a name of several lines has at least."""

SAME = 0.004
"""Heights of the frame below which two ends are one."""

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


def end_labels(axes: Axes, ends: Sequence[End], size: float = 8.5, merge: bool = True) -> None:
    """Names right of the frame at the heights where the lines end, apart where they would meet.

    None stands above the frame or below it. With `merge`, lines that end at one height share a name, and so
    do the nearest ones where there are more than the frame has room for.

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
    gap = 1.25 * size / 72 * inch / float(window.height)
    blocks = shared(wanted, int(1 / gap) + 1) if merge else [[i] for i in range(len(known))]
    middles = [float(np.mean([wanted[i] for i in block])) for block in blocks]
    letters = max(MERGED if merge else 0, *(len(each.text) for each in known))
    away = 0.22 * inch / float(window.width)
    for block, at in zip(blocks, apart(middles, gap, (0.0, 1.0)), strict=True):
        for i in block:
            axes.plot(
                [1.0, 1.0 + 0.8 * away], [wanted[i], at], transform=axes.transAxes, color=known[i].colour,
                linewidth=1.6, linestyle=known[i].dashes, clip_on=False, scalex=False, scaley=False,
                solid_capstyle="butt",
            )  # fmt: skip
        text = together([known[i].text for i in block], letters, every=len(block) == len(ends))
        axes.text(1.0 + away, at, text, transform=axes.transAxes, va="center", fontsize=size, color=INK)


def shared(wanted: Sequence[float], most: int) -> list[list[int]]:
    """Ascending positions in at most `most` blocks: the equal ones, then the nearest neighbours together."""
    blocks = [[0]]
    for i in range(1, len(wanted)):
        if wanted[i] - wanted[blocks[-1][0]] < SAME:
            blocks[-1].append(i)
        else:
            blocks.append([i])
    while len(blocks) > max(most, 1):
        gaps = [wanted[b[0]] - wanted[a[-1]] for a, b in itertools.pairwise(blocks)]
        at = gaps.index(min(gaps))
        blocks[at : at + 2] = [blocks[at] + blocks[at + 1]]
    return blocks


def together(names: Sequence[str], letters: int, every: bool = False) -> str:
    """The names of lines that end together, in so many letters: `none, bn_g + 4`; of `every` line `all 6`."""
    whole = ", ".join(names)
    if len(whole) <= letters or len(names) == 1:
        return whole
    if every:
        return "both" if len(names) == 2 else f"all {len(names)}"
    for count in range(len(names) - 1, 0, -1):
        text = f"{', '.join(names[:count])} + {len(names) - count}"
        if len(text) <= letters:
            return text
    more = f"… + {len(names) - 1}"
    return f"{names[0][: letters - len(more)]}{more}"


def apart(
    wanted: Sequence[float], gap: float, within: tuple[float, float] = (-math.inf, math.inf)
) -> list[float]:
    """Ascending positions moved as little as need be until neighbours are `gap` apart and all lie `within`.

    The blocks of pool-adjacent-violators, cut off at the bounds: the least squares of what is moved. Where
    there is no room for such gaps, all are as wide as there is.
    """
    low, high = within
    gap = min(gap, (high - low) / max(1, len(wanted) - 1))
    blocks: list[tuple[float, int]] = []  # (mean of wanted - i gap, how many)
    for i, value in enumerate(wanted):
        mean, count = value - i * gap, 1
        while blocks and blocks[-1][0] >= mean:
            before, size = blocks.pop()
            mean, count = (before * size + mean * count) / (size + count), size + count
        blocks.append((mean, count))
    means = [mean for mean, count in blocks for _ in range(count)]
    top = high - (len(wanted) - 1) * gap
    return [min(max(mean, low), top) + i * gap for i, mean in enumerate(means)]
