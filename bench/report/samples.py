"""Pictures of what a trial makes: grids and film strips of the same latents, for the page and `samples/`."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from bench.data.load import load as load_data
from bench.errors import UserError
from bench.report.svg import COLOURS, INK, MUTED, SURFACE, figure, png_uri, style, to_svg
from bench.report.view import Group, View, chosen
from bench.report.words import number, outcome_word
from bench.store.artefacts import trial_previews
from bench.store.atomic import write_bytes
from bench.trial import Component

Pixels = NDArray[np.float32]

GRID = 36
"""Samples in a grid: 6 x 6 of them can still be looked at one by one."""

FILM_ROWS, FILM_STEPS = 6, 10

LINE_SIZE, FINER = (48, 36), 4
"""Width and height in pixels of a signal's line plot, and how many times larger it is drawn before.

Six beside each other fit the width that the page gives to a grid."""

LINE_COLOUR, AXIS_COLOUR = "#1f4e8c", "#b0b0b0"

_OURS = re.compile(r"(best|median|worst)-[0-9a-f]{12}-(grid|film)\.png")


@dataclass(frozen=True)
class Shown:
    """The pictures of one chosen trial: HTML-ready sources, or None where nothing was stored.

    `grid` and `film` are data URIs of PNG for images and signals, inline SVG for points; `files` has the PNGs
    by name.
    """

    word: str
    trial: dict[str, Any]
    step: int | None
    grid: str | None
    film: str | None
    film_steps: tuple[int, ...]
    vector: bool
    alt: str
    files: Mapping[str, bytes] = field(default_factory=dict)


def previews(results: Path, trial: str) -> dict[int, Pixels]:
    """Step -> samples [n, *shape] of the fixed latents; empty when none are stored or files are damaged."""
    try:
        return dict(sorted(trial_previews(results, trial).items()))
    except (UserError, OSError, ValueError):
        # The report's numbers stand without its pictures.
        return {}


def show_chosen(view: View, group: Group) -> list[Shown]:
    """Best, median and worst trial of a group, with their pictures."""
    picture = PICTURES[group.modality]
    centres = true_modes(group) if picture.framed else None
    picks = [(word, row, previews(view.results.path, str(row["trial"]))) for word, row in chosen(group)]
    span = _frame([taken for _, _, taken in picks], centres) if picture.framed else 1.0
    return [_shown(picture, word, row, taken, centres, span) for word, row, taken in picks]


def film_of(view: View, group: Group, row: dict[str, Any], steps: int, rows: int = 3) -> Shown:
    """One trial over at most so many steps, for a place with less room: the film alone, no files."""
    picture = PICTURES[group.modality]
    centres = true_modes(group) if picture.framed else None
    taken = previews(view.results.path, str(row["trial"]))
    alt = f"Samples of trial {row['trial']} ({outcome_word(str(row['outcome']))})"
    if not taken:
        return Shown("typical", row, None, None, None, (), False, alt)
    span = _frame([taken], centres) if picture.framed else 1.0
    shown = film_steps(list(taken), steps)
    if picture.tile is None:
        over = f"{alt} over steps {', '.join(map(str, shown))}."
        film = scatter({s: taken[s] for s in shown}, centres, span, over, width=10.2, ticks=False)
        return Shown("typical", row, max(taken), None, film, shown, True, alt)
    strip = film_strip([picture.tile(taken[s], span) for s in shown], rows=rows)
    return Shown("typical", row, max(taken), None, png_uri(strip), shown, False, alt)


def _shown(
    picture: Picture,
    word: str,
    row: dict[str, Any],
    taken: Mapping[int, Pixels],
    centres: NDArray[np.float64] | None,
    span: float,
) -> Shown:
    alt = f"Samples of the {word} trial {row['trial']} ({outcome_word(str(row['outcome']))})"
    if not taken:
        return Shown(word, row, None, None, None, (), False, alt)
    steps = film_steps(list(taken))
    last = max(taken)
    if picture.tile is None:
        at = f"{alt} at step {last}."
        over = f"{alt} over steps {', '.join(map(str, steps))}."
        grid = scatter({last: taken[last]}, centres, span, at, width=3.1)
        film = scatter({s: taken[s] for s in steps}, centres, span, over, width=10.2)
        return Shown(word, row, last, grid, film, steps, True, alt)
    frames = [picture.tile(taken[s], span) for s in steps]
    pictures = {"grid": image_grid(frames[-1]), "film": film_strip(frames)}
    files = {f"{word}-{row['trial']}-{kind}.png": data for kind, data in pictures.items()}
    grid, film = png_uri(pictures["grid"]), png_uri(pictures["film"])
    return Shown(word, row, last, grid, film, steps, False, alt, files)


def line_plots(signals: Pixels, span: float) -> Pixels:
    """Each signal [n, length] as a picture [n, 3, height, width] in [-1, 1]: its line between -span and span.

    A signal that is not finite becomes a picture that is not, which grids and strips show in red.
    """
    return np.stack([_line_plot(each, span) for each in signals[:GRID]])


def _line_plot(signal: NDArray[np.float32], span: float) -> Pixels:
    width, height = LINE_SIZE
    if not np.isfinite(signal).all():
        return np.full((3, height, width), np.nan, np.float32)
    # Drawn larger and shrunk: Pillow's lines have no smooth edges of their own.
    canvas = Image.new("RGB", (FINER * width, FINER * height), "white")
    draw = ImageDraw.Draw(canvas)
    x = np.linspace(0.0, FINER * width - 1.0, len(signal))
    y = (1.0 - np.clip(signal.astype(np.float64) / span, -9.0, 9.0)) / 2.0 * FINER * height
    draw.line([(0, FINER * height / 2), (FINER * width, FINER * height / 2)], fill=AXIS_COLOUR, width=1)
    draw.line(
        list(zip(x.tolist(), y.tolist(), strict=True)), fill=LINE_COLOUR, width=FINER + 1, joint="curve"
    )
    small = np.asarray(canvas.resize((width, height), Image.Resampling.LANCZOS), dtype=np.float32)
    return np.moveaxis(small / np.float32(127.5) - np.float32(1.0), -1, 0)


@dataclass(frozen=True)
class Picture:
    """How samples of a modality are drawn.

    tile: samples and half the side of the frame -> pictures [n, C, H, W] in [-1, 1], one a sample; None for
    all samples of a step in one plot. framed: the frame is that of the true modes.
    """

    tile: Callable[[Pixels, float], Pixels] | None
    framed: bool


PICTURES: Mapping[str, Picture] = {
    "points": Picture(None, True),
    "signal": Picture(line_plots, True),
    "image": Picture(lambda images, _: images, False),
}


def film_steps(steps: list[int], most: int = FILM_STEPS) -> tuple[int, ...]:
    """At most so many of the steps, first and last among them, evenly spread in their order."""
    steps = sorted(steps)
    picks = np.linspace(0, len(steps) - 1, min(most, len(steps))).round().astype(int)
    return tuple(steps[i] for i in picks)


def image_grid(samples: Pixels, gap: int = 1) -> bytes:
    """PNG of up to 36 images [n, C, H, W] in [-1, 1], side by side."""
    shown = samples[:GRID]
    across = math.ceil(math.sqrt(len(shown)))
    rows = [shown[i : i + across] for i in range(0, len(shown), across)]
    return _png(_tiles(rows, across, gap))


def film_strip(frames: list[Pixels], gap: int = 1, rows: int = FILM_ROWS) -> bytes:
    """PNG with a column for each step and a row for each of the first latents."""
    count = min(rows, min(len(frame) for frame in frames))
    tiles = [np.stack([frame[i] for frame in frames]) for i in range(count)]
    return _png(_tiles(tiles, len(frames), gap))


def _tiles(rows: list[Pixels], across: int, gap: int) -> NDArray[np.uint8]:
    _, channels, height, width = rows[0].shape
    canvas = np.full((len(rows) * (height + gap) - gap, across * (width + gap) - gap, 3), 128, dtype=np.uint8)
    for i, row in enumerate(rows):
        for j, image in enumerate(row):
            top, left = i * (height + gap), j * (width + gap)
            canvas[top : top + height, left : left + width] = _pixels(image, channels)
    return canvas


def _pixels(image: Pixels, channels: int) -> NDArray[np.uint8]:
    """uint8 [H, W, 3]; an image that is not finite becomes red, never black: black could be a sample."""
    if not np.isfinite(image).all():
        return np.broadcast_to(np.array([204, 51, 51], dtype=np.uint8), (*image.shape[1:], 3))
    levels = ((np.clip(image, -1, 1) + 1) * 127.5).round().astype(np.uint8)
    return np.moveaxis(levels if channels == 3 else np.repeat(levels[:1], 3, axis=0), 0, -1)


def _png(canvas: NDArray[np.uint8]) -> bytes:
    out = io.BytesIO()
    Image.fromarray(canvas).save(out, "PNG", optimize=True)
    return out.getvalue()


def scatter(
    frames: Mapping[int, Pixels],
    centres: NDArray[np.float64] | None,
    span: float,
    alt: str,
    width: float,
    ticks: bool = True,
) -> str:
    """Points [n, d] at each step over the true modes, all in one frame, as inline SVG.

    Their first two coordinates; points of one dimension lie on a horizontal line.
    """
    across = min(5, len(frames))
    down = math.ceil(len(frames) / across)
    # Squares of one size, placed by hand: to measure their labels takes most of the time of drawing.
    left, below, above, gap = (0.3 if ticks else 0.05), (0.25 if ticks else 0.05), 0.25, 0.08
    side = (width - left - gap * across) / across
    height = below + down * (side + above)
    with style():
        made = figure(width, height, layout=None)
        panels = np.atleast_1d(made.subplots(down, across, sharex=True, sharey=True)).ravel()
        for i, axes in enumerate(panels):
            x, y = left + (i % across) * (side + gap), below + (down - 1 - i // across) * (side + above)
            axes.set_position((x / width, y / height, side / width, side / height))
        for i, (axes, (step, points)) in enumerate(zip(panels, frames.items(), strict=False)):
            _points(axes, _plane(points), centres, span)
            axes.set_title(f"step {step}", fontsize=8.5, fontweight="normal")
            lowest = i + across >= len(frames)
            axes.tick_params(labelleft=ticks and i % across == 0, labelbottom=ticks and lowest)
        for spare in panels[len(frames) :]:
            spare.set_axis_off()
        return to_svg(made, alt)


def _plane(points: Pixels) -> Pixels:
    """[n, d] -> [n, 2]."""
    return np.pad(points, ((0, 0), (0, 1))) if points.shape[1] == 1 else points[:, :2]


def _points(axes: Axes, points: Pixels, centres: NDArray[np.float64] | None, span: float) -> None:
    inside: NDArray[np.bool_] = np.all(np.abs(points) <= span, axis=1)  # false for what is not finite, too
    if centres is not None:
        axes.plot(centres[:, 0], centres[:, 1], "o", ms=8, mfc="none", mec=MUTED, mew=0.9)
    seen, colour = points[inside], COLOURS["vanishing_gradient"]
    axes.plot(seen[:, 0], seen[:, 1], ".", ms=3.5, mew=0, color=colour, alpha=0.6, rasterized=True)
    text = _outside(points, inside)
    if len(seen):
        axes.text(0.03, 0.03, text, transform=axes.transAxes, fontsize=8, color=INK)
    else:
        axes.text(
            0.5, 0.5, text, transform=axes.transAxes, fontsize=8.5, color=INK, ha="center", va="center",
            bbox={"facecolor": SURFACE, "edgecolor": "none", "pad": 2},
        )  # fmt: skip
    axes.set_xlim(-span, span)
    axes.set_ylim(-span, span)
    axes.set_aspect("equal")
    axes.tick_params(labelsize=7.5)


def _outside(points: Pixels, inside: NDArray[np.bool_]) -> str:
    """What a frame does not show, in words: an empty frame looks like a fault of the drawing."""
    outside = int((~inside).sum())
    if not outside:
        return ""
    if outside < len(points):
        return f"{outside} of {len(points)} outside"
    finite = np.abs(points[np.isfinite(points).all(axis=1)])
    if not len(finite):
        return f"none of {len(points)} samples\nis finite"
    return f"all {len(points)} samples lie\noutside, {number(float(np.median(finite.max(axis=1))))} away"


def _frame(taken: list[dict[int, Pixels]], centres: NDArray[np.float64] | None) -> float:
    """Half the side of the frame: well around the true modes, else around the bulk of the samples."""
    if centres is not None:
        return 1.6 * float(np.abs(centres).max())
    last = [frames[max(frames)] for frames in taken if frames]
    finite = [np.abs(each[np.isfinite(each)]) for each in last]
    tops = [float(np.quantile(each, 0.98)) for each in finite if each.size]
    return max(0.1, min(1.25 * float(np.median(tops)), 1e6)) if tops else 1.0


def true_modes(group: Group) -> NDArray[np.float64] | None:
    """Centres [m, *shape] of a mixture, from its data set; None when it has none or cannot be made here."""
    row = group.trials.iloc[0]
    keys = {
        str(name).removeprefix("dataset."): _plain(row[name])
        for name in group.trials.columns
        if str(name).startswith("dataset.") and not pd.isna(row[name])
    }
    try:
        data = load_data(Component(str(row["dataset"]), tuple(keys.items())))
    except (UserError, LookupError, TypeError, ValueError):
        return None
    return None if data.centres is None else np.asarray(data.centres, dtype=np.float64)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def store(results: Path, shown: Iterable[Shown]) -> None:
    """Write the pictures to `samples/`, in place of those that an earlier report left there."""
    folder = results / "samples"
    folder.mkdir(exist_ok=True)
    files = {name: data for each in shown for name, data in each.files.items()}
    for old in folder.iterdir():
        if _OURS.fullmatch(old.name) and old.name not in files:
            old.unlink()
    for name, data in files.items():
        write_bytes(folder / name, data)


def floor_text(group: Group) -> str:
    """`fd floor 2.1 (SD 0.3)`."""
    return f"{group.primary} floor {number(group.floor_mean)} (SD {number(group.floor_sd)})"
