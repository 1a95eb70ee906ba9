"""The report: one HTML file that needs no network, made again from the stored tables at any time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from bench.judge.claim import Judged
from bench.report import (
    along,
    claim_section,
    claim_text,
    claims,
    curves,
    examples,
    figures,
    first,
    maps,
    methods,
    onset,
    provenance,
    published,
    samples,
    template,
    trials,
)
from bench.report.samples import Shown
from bench.report.view import Group, View
from bench.report.words import clean, number
from bench.store.atomic import write_text
from bench.store.tables import Results, load

FILE = "report.html"


@dataclass(frozen=True)
class Section:
    """A part of the page below the first screen: `sections/NAME.html.j2`, whose heading has the id NAME.

    `title` stands in the navigation; `content` gives what the template shows, under keys of its own; where
    `needs` is a key whose value is empty, the section is left out.
    """

    name: str
    title: str
    content: Callable[[View], dict[str, Any]] = lambda view: {}
    needs: str = ""


SECTIONS = (
    Section("claims", "Claims", claim_section.content, needs="claims_any"),
    Section("maps", "Maps", maps.content, needs="maps_any"),
    Section("axes", "Outcomes along each axis", along.content),
    Section("onset", "Time to failure", onset.content),
    Section("curves", "Curves", curves.content),
    Section("methods", "Methods compared", methods.content, needs="methods"),
    Section("gallery", "From outcome to evidence"),
    Section("samples", "Samples"),
    Section("published", "Published numbers", needs="published"),
    Section("trials", "Trials", trials.content),
    Section("data", "Data and floors", provenance.protocols),
    Section("provenance", "Provenance", provenance.content),
    Section("glossary", "Glossary"),
)
"""The page from top to bottom. A new part is one entry here, one template and one module."""


@dataclass(frozen=True)
class Written:
    """A report that was written: its claims as it shows them, and whether every trial is done.

    `told`: what a terminal says of it, as lines: published numbers, every verdict, claims that were removed.
    """

    path: Path
    claims: tuple[Judged, ...]
    told: tuple[str, ...]
    is_whole: bool


def write(results: Path) -> Path:
    """Write `report.html` into a results folder from its tables; returns its path. To see verdicts is a look
    at the results, which is recorded."""
    return written(results).path


def written(results: Path) -> Written:
    """As `write`, with the verdicts."""
    view = View(load(results))
    pictures = [samples.show_chosen(view, group) for group in view.groups]
    text = _render(view, pictures)
    samples.store(results, [each for shown in pictures for each in shown])
    write_text(results / FILE, text)
    claims.remember(view.results, view.claims)
    beside = published.beside(view).sentence
    removed = claim_text.notes(view.results.study, view.results.manifest)
    told = (*([beside] if beside else []), *claim_text.lines(view.claims), *removed)
    return Written(results / FILE, view.claims, told, set(view.results.trials["status"]) == {"done"})


def render(results: Results) -> str:
    """The page as text; nothing is written."""
    view = View(results)
    return _render(view, [samples.show_chosen(view, group) for group in view.groups])


def _render(view: View, pictures: Sequence[list[Shown]]) -> str:
    content = _content(view, pictures)
    for section in SECTIONS:
        content |= section.content(view)
    shown = [each for each in SECTIONS if not each.needs or content[each.needs]]
    return template.render("report.html.j2", f"{view.name} – stability report", sections=shown, **content)


def _content(view: View, pictures: Sequence[list[Shown]]) -> dict[str, Any]:
    """What the first screen and the oldest sections show. Only figures are Markup: other text is escaped."""
    judged = not view.judged.empty
    beside = published.beside(view)
    return {
        **first.content(view),
        "groups": [_group(view, *each) for each in zip(view.groups, pictures, strict=True)],
        "legend": figures.legend_entries(view),
        "axes": [clean(axis) for axis in view.axes],
        "seeds": view.seeds,
        "beside": beside,
        "published": beside.sentence,
        "examples": examples.examples(view) if judged else [],
    }


def _group(view: View, group: Group, pictures: list[Shown]) -> dict[str, Any]:
    return {
        "name": group.name,
        "primary": group.primary,
        "floor": samples.floor_text(group),
        "pictures": [
            {
                "shown": each,
                "grid": Markup(each.grid) if each.vector and each.grid else each.grid,
                "film": Markup(each.film) if each.vector and each.film else each.film,
                "cell": view.cell_text(each.trial),
                "value": number(each.trial.get(f"final.{group.primary}")),
            }
            for each in pictures
        ],
    }
