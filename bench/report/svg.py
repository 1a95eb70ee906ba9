"""From a matplotlib figure to inline SVG that follows the page's light or dark colours, and to PNG."""

from __future__ import annotations

import base64
import html
import io
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import matplotlib as mpl
import seaborn as sns
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Drawing

from bench.report.slim import slim
from bench.report.words import brief_cell, csv_uri, slug

# One colour for one outcome everywhere. Okabe and Ito's palette, wine of Tol's for the ninth: told apart by
# people with any of the common colour deficiencies, and by lightness where two hues come close.
COLOURS = {
    "diverged": "#882255",
    "total_collapse": "#D55E00",
    "vanishing_gradient": "#0072B2",
    "oscillating": "#CC79A7",
    "partial_collapse": "#E69F00",
    "degraded": "#56B4E9",
    "stalled": "#F0E442",
    "undertrained": "#B8B8B8",
    "converged": "#009E73",
}
INK_ON = {name: "#ffffff" if name in ("diverged", "vanishing_gradient") else "#000000" for name in COLOURS}
"""Letters on these: a contrast of 4.5 or more, as WCAG 2 wants for small text."""

# Stand-ins that no palette uses; the SVG gets the page's own colours in their place.
INK, MUTED, LINE, SURFACE = "#123451", "#123452", "#123453", "#123454"
_PAGE = {INK: "currentColor", MUTED: "var(--muted)", LINE: "var(--line)", SURFACE: "var(--surface)"}

PHONE = 342
"""Pixels that a figure has on a screen of 390."""

SHRINK = 0.74
"""How small a figure may be drawn: 9.5 points are then still 9 pixels high."""

PANEL = 4.8
"""Inches: the width of a figure of which two stand beside each other, and one fills a phone."""

_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.size": 9.5,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9.5,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": LINE,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "legend.frameon": False,
    "hatch.linewidth": 0.6,
    "axes.unicode_minus": False,
    "text.parse_math": False,  # a dollar in a name is a dollar
}


@dataclass(frozen=True)
class Figure:
    """A picture and its numbers: `svg` as it stands in the page, `rows` one record for each mark drawn.

    The picture is drawn from the rows, so the CSV cannot say anything else. In a template `{{ figure }}` is
    the SVG.
    """

    svg: str
    rows: list[dict[str, Any]]
    name: str

    def __html__(self) -> str:
        return self.svg

    @property
    def csv_name(self) -> str:
        """The file that the page offers: `failure-rate-lr_ratio.csv`."""
        return f"{slug(self.name)}.csv"

    @property
    def csv_href(self) -> str:
        """The rows as a CSV in a data URI, each cell safe for a spreadsheet."""
        header = list(dict.fromkeys(key for row in self.rows for key in row))
        return csv_uri(header, ([brief_cell(row.get(key)) for key in header] for row in self.rows))


@contextmanager
def style() -> Iterator[None]:
    """The report's look, for the time of drawing only: global settings stay as they were."""
    with mpl.rc_context(), sns.axes_style("whitegrid"):
        mpl.rcParams.update(_STYLE)
        yield


def figure(width: float, height: float, layout: Literal["constrained"] | None = "constrained") -> Drawing:
    """A figure outside of pyplot, so that nothing global keeps it alive."""
    made = Drawing(figsize=(width, height), layout=layout)
    FigureCanvasAgg(made)
    return made


def to_svg(made: Drawing, alt: str, alone: bool = False) -> str:
    """Inline SVG with `alt` as its accessible name, without ids, metadata and addresses of others.

    It shrinks with the page until its letters would be too small to read; then it scrolls sideways within a
    box of its own, except `alone`.
    """
    out = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": alt}):
        made.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    text = slim(text[text.index("<svg") :])
    text = re.sub(r"; font-family: [^;\"]*", "", text)
    text = re.sub(r' transform="rotate\(-0 [^"]*\)"', "", text)
    for stand_in, colour in _PAGE.items():
        text = text.replace(stand_in, colour)
    name = html.escape(alt, quote=True)
    head, rest = text.split(">", 1)
    head = re.sub(r'\s(width|height|version)="[^"]*"', "", head)
    width = made.get_figwidth() * 96
    least = SHRINK * width
    look = f"width: {width:.0f}px; max-width: 100%"
    if not alone:
        look += f"; min-width: {least:.0f}px"
    text = f'{head} role="img" aria-label="{name}" style="{look}"><title>{name}</title>{rest}'
    if alone or least <= PHONE:
        return text
    box = 'class="sideways" tabindex="0" role="group" aria-label="Figure that scrolls sideways"'
    return f"<div {box}>{text}</div>"


def panels(parts: Iterable[str]) -> str:
    """Pictures beside each other where the page is wide, below each other where it is not."""
    return f'<div class="panels">{"".join(parts)}</div>'


_LIGHT = {
    "currentColor": "#1b1f24",
    "var(--muted)": "#5b6570",
    "var(--line)": "#d7dce1",
    "var(--surface)": "#fff",
}


def standalone(made: Drawing, alt: str) -> str:
    """The same as a file of its own, on white, for a page that has no colours of its own."""
    text = to_svg(made, alt, alone=True)
    for variable, colour in _LIGHT.items():
        text = text.replace(variable, colour)
    text = text.replace(
        'style="width:', 'style="font-family: system-ui, sans-serif; background: #fff; width:', 1
    )
    spaces = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return text.replace("<svg", f"<svg {spaces}", 1) + "\n"


def png_uri(data: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"
