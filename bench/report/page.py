"""The report: one HTML file that needs no network, made again from the stored tables at any time."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from bench.judge.words import WINDOW, plain, rule, said
from bench.report import curves, examples, figures, maps, published, samples, summary, template
from bench.report.samples import Shown
from bench.report.view import Group, View, ranked
from bench.report.words import clean, csv_text, duration, label, number
from bench.store.atomic import write_text
from bench.store.tables import Results, load

FILE = "report.html"

ROWS_SHOWN = 1000
"""Trials in the page's table; all are in its CSV."""


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
    Section("maps", "Maps", maps.content),
    Section("axes", "Outcomes along each axis"),
    Section("curves", "Curves", curves.content),
    Section("gallery", "From outcome to evidence"),
    Section("samples", "Samples"),
    Section("published", "Published numbers", needs="published"),
    Section("trials", "Trials"),
    Section("data", "Data and floors"),
    Section("provenance", "Provenance"),
    Section("glossary", "Glossary"),
)
"""The page from top to bottom. A new part is one entry here, one template and one module."""


def write(results: Path) -> Path:
    """Write `report.html` into a results folder from its tables; returns its path."""
    view = View(load(results))
    pictures = [samples.show_chosen(view, group) for group in view.groups]
    text = _render(view, pictures)
    samples.store(results, [each for shown in pictures for each in shown])
    write_text(results / FILE, text)
    return results / FILE


def render(results: Results) -> str:
    """The page as text; nothing is written."""
    view = View(results)
    return _render(view, [samples.show_chosen(view, group) for group in view.groups])


def _render(view: View, pictures: Sequence[list[Shown]]) -> str:
    content = _content(view, pictures)
    for section in SECTIONS:
        content |= section.content(view)
    shown = [each for each in SECTIONS if not each.needs or content[each.needs]]
    return template.render("report.html.j2", sections=shown, **content)


def _content(view: View, pictures: Sequence[list[Shown]]) -> dict[str, Any]:
    """What the first screen and the oldest sections show. Only figures are Markup: other text is escaped."""
    judged = not view.judged.empty
    beside = published.beside(view)
    return {
        "name": view.name,
        "question": view.question,
        "answer": summary.answer(view),
        "facts": _facts(view),
        "partial": [clean(each) for each in view.results.manifest.get("partial", [])],
        "left_out": view.left_out,
        "overall": _shown(figures.overall(view)) if judged else None,
        "shares": [(clean(axis), _shown(figures.shares(view, axis))) for axis in view.axes] if judged else [],
        "groups": [_group(view, *each) for each in zip(view.groups, pictures, strict=True)],
        "legend": figures.legend_entries(view),
        "axes": [clean(axis) for axis in view.axes],
        "seeds": view.seeds,
        "sessions": [_session(each) for each in view.results.manifest.get("sessions", [])],
        "attempts": _attempts(view),
        "beside": beside,
        "published": beside.sentence,
        "examples": examples.examples(view) if judged else [],
        **_rules(view),
        "folder": clean(view.results.path),
    }


def _shown(figure: Any) -> Any:
    """A figure as the templates take it."""
    return Markup(figure) if isinstance(figure, str) else figure


def _rules(view: View) -> dict[str, Any]:
    """The rules as texts, and what of them is not today's; no texts of another version's rules."""
    rules = view.results.rules
    if view.other_rules:
        return {"other_rules": view.other_rules, "window": "", "rules": {}, "changed_rules": []}
    return {
        "other_rules": "",
        "window": said(WINDOW, rules),
        "rules": {name: plain(rule(name, rules)) for name in figures.STACK},
        "changed_rules": [clean(each) for each in examples.changed_rules(rules)],
    }


def _facts(view: View) -> list[tuple[str, str]]:
    trials = view.results.trials
    facts = [
        ("trials", f"{len(trials)} in {trials['cell'].nunique()} cells"),
        ("finished", str(int((trials["status"] == "done").sum()))),
        ("seeds", str(int(trials["seed"].nunique()))),
        ("axes", ", ".join(f"{clean(axis)} ({len(view.values(axis))})" for axis in view.axes) or "none"),
        ("rules", ", ".join(map(clean, trials["rules_version"].dropna().unique())) or "–"),
    ]
    plugins = [
        each for session in view.results.manifest.get("sessions", []) for each in session.get("plugins", [])
    ]
    names = dict.fromkeys(_plugin(each) for each in plugins)
    return [*facts, ("plugins", "; ".join(names))] if names else facts


def _plugin(record: dict[str, Any]) -> str:
    adds = ", ".join(map(str, record.get("adds") or [])) or "nothing"
    return clean(f"{record.get('file')}, sha256 {str(record.get('sha256'))[:12]}, adds {adds}")


def _group(view: View, group: Group, pictures: list[Shown]) -> dict[str, Any]:
    table = _table(view, group)
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
        "rows": table[:ROWS_SHOWN],
        "hidden": max(0, len(table) - ROWS_SHOWN),
        "csv": _csv_uri(view, group),
        "protocol": _protocol(view, group),
    }


def _table(view: View, group: Group) -> list[dict[str, Any]]:
    """One record per trial, best first, dead ones last, then those that did not finish."""
    rows = _all_rows(group)
    return [
        {
            "trial": row["trial"],
            "cells": [label(row[column]) for column in view.axes.values()],
            "seed": row["seed"],
            "outcome": row["outcome"] if isinstance(row["outcome"], str) else None,
            "status": row["status"],
            "step": number(row["outcome_step"]),
            "reason": clean(row["outcome_reason"]) if isinstance(row["outcome_reason"], str) else "",
            "value": number(row.get(f"final.{group.primary}")),
        }
        for row in rows
    ]


def _all_rows(group: Group) -> list[dict[str, Any]]:
    frame = pd.concat([ranked(group), group.trials[group.trials["status"] != "done"]])
    return [{str(k): v for k, v in row.items()} for row in frame.to_dict("records")]


def _csv_uri(view: View, group: Group) -> str:
    header = [
        "trial",
        *view.axes,
        "seed",
        "status",
        "outcome",
        "outcome_step",
        f"final.{group.primary}",
        "reason",
    ]
    columns = ["trial", *view.axes.values(), "seed", "status", "outcome", "outcome_step"]
    rows = [
        [*(row[c] for c in columns), row.get(f"final.{group.primary}"), row["outcome_reason"]]
        for row in _all_rows(group)
    ]
    return f"data:text/csv;base64,{base64.b64encode(csv_text(header, rows).encode()).decode()}"


def _protocol(view: View, group: Group) -> list[tuple[str, str]]:
    meta, trials = view.results.meta, group.trials
    measure = next((m for m in meta.get("measures") or [] if m.get("primary") == group.primary), meta)
    facts = [
        ("data set", group.name),
        ("data sha256", ", ".join(clean(each) for each in trials["data_sha256"].unique()[:3]))
        if "data_sha256" in trials
        else None,
        ("primary distance", f"{group.primary}; {samples.floor_text(group)}"),
        ("samples per evaluation", label(measure.get("samples"))),
        ("feature extractor", clean(measure.get("extractor") or "none")),
        ("modes", label(group.n_modes)),
        ("protocol version", label(meta.get("protocol"))),
    ]
    facts += [
        (
            f"floor of {clean(name)}",
            f"{number(f.get('mean'))} (SD {number(f.get('sd'))}, n = {number(f.get('n'))})",
        )
        for name, f in sorted(group.floors.items())
        if name != group.primary
    ]
    return [fact for fact in facts if fact is not None]


def _session(session: dict[str, Any]) -> list[tuple[str, str]]:
    """One start of the study: versions, commit, machine, time and memory."""
    machine, versions = session.get("machine", {}), session.get("versions", {})
    commit = session.get("commit")
    gpus = ", ".join(map(clean, machine.get("gpus", []))) or "no GPU"
    memory = f"{number(session['peak_mb'])} MB" if session.get("peak_mb") else "–"
    return [
        ("command", clean(" ".join(["ganbench", *map(str, session.get("argv") or [])]))),
        ("backend", clean(f"{session.get('backend', '–')}, {label(session.get('workers'))} workers")),
        (
            "commit",
            clean(commit) + (" (with local changes)" if session.get("dirty") else "") if commit else "–",
        ),
        ("machine", clean(f"{machine.get('cpu', '–')}, {machine.get('cores', '–')} cores, {gpus}")),
        ("system", clean(machine.get("system", "–"))),
        ("versions", ", ".join(f"{clean(k)} {clean(v)}" for k, v in versions.items()) or "–"),
        ("wall time", duration(session.get("wall_s"))),
        ("peak memory", memory),
    ]


def _attempts(view: View) -> dict[str, Any]:
    """Attempts at packs: how many, how many were repeated, how they ended, the largest worker."""
    attempts = view.results.attempts
    if attempts.empty:
        return {"count": 0, "packs": 0, "retries": 0, "endings": "", "peak_mb": "–", "wall": "–"}
    endings = attempts["ending"].fillna("unknown").value_counts()
    packs = int(attempts["pack"].nunique())
    return {
        "count": len(attempts),
        "packs": packs,
        "retries": len(attempts) - packs,
        "endings": ", ".join(f"{count} {clean(word)}" for word, count in endings.items()),
        "peak_mb": number(attempts["peak_mb"].max()),
        "wall": duration(attempts["wall_s"].sum()),
    }
