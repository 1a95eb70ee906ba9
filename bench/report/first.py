"""The first screen: the question, the answer, the cells to pick and to avoid, the claims; read in seconds."""

from __future__ import annotations

import html
import re
from typing import Any

import pandas as pd
from markupsafe import Markup, escape

from bench.judge.words import WINDOW, plain, rule, said
from bench.report import choice, examples, figures, summary
from bench.report.svg import COLOURS, INK_ON, Figure
from bench.report.view import View
from bench.report.words import clean, outcome_word, percent

PHONE = 342
"""Pixels that the bar has on a narrow screen: a number that would not fit there is left to the legend."""


def content(view: View) -> dict[str, Any]:
    """What stands above the first section. All text is escaped by the template."""
    bar = None if view.judged.empty else shares_bar(view.judged)
    return {
        "name": view.name,
        "question": view.question,
        "longer": summary.longer(view),
        "answer": asides(summary.answer(view)),
        "beside_claims": asides(summary.beside_claims(view)),
        "bar": bar,
        "by_data": by_data(view),
        "kinds": [] if bar is None else [(row["outcome"], row["trials"], _share(row)) for row in bar.rows],
        "facts": _facts(view),
        "partial": [clean(each) for each in view.partial],
        "left_out": view.left_out,
        **_rules(view),
        **choice.content(view),
    }


def asides(text: str) -> Markup:
    """The text, escaped, with what stands in parentheses marked: who has five seconds reads past it."""
    return Markup(re.sub(r"\([^()]*\)", r'<span class="aside">\g<0></span>', str(escape(text))))


def by_data(view: View) -> list[tuple[str, Figure]]:
    """(name, shares) of each data set, where a study has several: a knob may do well on one of them only."""
    found = []
    for group in view.groups:
        trials = view.judged[view.judged["trial"].isin(group.trials["trial"])]
        if len(trials):
            found.append((group.name, shares_bar(trials, f" on {group.name}")))
    return found if len({name for name, _ in found}) > 1 else []


def shares_bar(trials: pd.DataFrame, where: str = "") -> Figure:
    """One bar with the shares of all outcomes, as wide as the screen: lengths are percentages of it."""
    rows = figures.counted(trials)
    marks, left = [], 0.0
    for row in rows:
        name, width = row["outcome"], 100 * row["share"]
        marks.append(f'<rect x="{left:.3f}%" width="{width:.3f}%" height="100%" fill="{COLOURS[name]}"/>')
        if PHONE * row["share"] > 10 + 9 * len(str(row["trials"])):
            at = left + width / 2
            marks.append(f'<text x="{at:.3f}%" y="50%" fill="{INK_ON[name]}">{row["trials"]}</text>')
        left += width
    text = ", ".join(f"{row['trials']} {outcome_word(row['outcome'])}" for row in rows)
    alt = f"Shares of outcomes over {len(trials)} finished trials{where}: {text or 'none'}."
    name = html.escape(alt, quote=True)
    head = f'<svg class="bar" role="img" aria-label="{name}">'
    return Figure(f"{head}<title>{name}</title>{''.join(marks)}</svg>", rows, "outcomes")


def _share(row: dict[str, Any]) -> str:
    return percent(row["share"]) if row["share"] > 0.005 else "under 1 %"


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
    table = view.results.trials
    facts = [
        ("trials", f"{len(table)} in {table['cell'].nunique()} cells"),
        ("finished", str(int((table["status"] == "done").sum()))),
        ("seeds", str(int(table["seed"].nunique()))),
        ("axes", ", ".join(f"{clean(axis)} ({len(view.values(axis))})" for axis in view.axes) or "none"),
        ("rules", ", ".join(map(clean, table["rules_version"].dropna().unique())) or "–"),
    ]
    plugins = [
        each for session in view.results.manifest.get("sessions", []) for each in session.get("plugins", [])
    ]
    names = dict.fromkeys(_plugin(each) for each in plugins)
    return [*facts, ("plugins", "; ".join(names))] if names else facts


def _plugin(record: dict[str, Any]) -> str:
    adds = ", ".join(map(str, record.get("adds") or [])) or "nothing"
    return clean(f"{record.get('file')}, sha256 {str(record.get('sha256'))[:12]}, adds {adds}")
