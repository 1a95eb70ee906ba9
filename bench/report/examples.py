"""For each outcome that occurs, a typical trial: its curves, film and sentence, and the rule behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from markupsafe import Markup

from bench.judge.outcomes import OUTCOMES
from bench.judge.rules import RULES, Rules
from bench.judge.words import WORDING, plain, rule, said
from bench.report import samples
from bench.report.evidence import evidence_panels, panel_text, rows_of
from bench.report.svg import Figure, panels, style, to_svg
from bench.report.traces import trace_of
from bench.report.view import Group, View
from bench.report.words import clean, number

NEXT = 3
"""Trials next to the typical one that are linked."""

FILM = 5
"""Steps of the films: the page shows up to nine of them."""


@dataclass(frozen=True)
class Example:
    """A trial that stands for an outcome, ready for the page.

    `rule` and `formula` are empty where another version of the rules judged.
    """

    outcome: str
    count: int
    others: tuple[str, ...]
    trial: str
    cell: str
    seed: int
    step: str
    reason: str
    curves: Figure
    film: Any
    film_steps: tuple[int, ...]
    vector: bool
    alt: str
    rule: str
    formula: tuple[str, ...]


def examples(view: View) -> list[Example]:
    """One example for each outcome that occurs, in the order of precedence."""
    found = []
    for outcome in OUTCOMES:
        if chosen := _most(view, outcome):
            group, trials = chosen
            count = sum(len(_with(each, outcome)) for each in view.groups)
            found.append(_example(view, group, outcome, trials, count))
    return found


def linked(view: View) -> set[str]:
    """The trials that the examples link to: the typical ones and those next to them."""
    found: set[str] = set()
    for outcome in OUTCOMES:
        if chosen := _most(view, outcome):
            found |= {str(each) for each in typical(*chosen)["trial"].iloc[: NEXT + 1]}
    return found


def _most(view: View, outcome: str) -> tuple[Group, pd.DataFrame] | None:
    """The group with most trials of an outcome, and these; None where it does not occur."""
    groups = [(each, _with(each, outcome)) for each in view.groups]
    best = max(groups, key=lambda each: len(each[1]), default=None)
    return best if best is not None and len(best[1]) else None


def _with(group: Group, outcome: str) -> pd.DataFrame:
    trials = group.trials
    return trials[(trials["status"] == "done") & (trials["outcome"] == outcome)]


def typical(group: Group, trials: pd.DataFrame) -> pd.DataFrame:
    """Trials of one outcome, the most typical first: the nearest to the middle by final distance.

    By onset where they have none (they died).
    """
    column = f"final.{group.primary}"
    known = column in trials and trials[column].notna().any()
    values = trials[column if known else "outcome_step"].astype(float)
    ordered = trials.assign(_value=values).sort_values(["_value", "trial"], na_position="last")
    middle = (int(ordered["_value"].notna().sum()) - 1) // 2 if ordered["_value"].notna().any() else 0
    order = sorted(range(len(ordered)), key=lambda at: (abs(at - middle), at))
    return ordered.iloc[order].drop(columns="_value")


def _example(view: View, group: Group, outcome: str, trials: pd.DataFrame, count: int) -> Example:
    ordered = typical(group, trials)
    row: dict[str, Any] = {str(name): value for name, value in ordered.iloc[0].to_dict().items()}
    trace = trace_of(view, group, str(row["trial"]))
    onset = None if pd.isna(row["outcome_step"]) else int(row["outcome_step"])
    known = not view.other_rules
    with style():
        parts = [
            to_svg(made, panel_text(panel, trace))
            for panel, made in evidence_panels(trace, outcome, onset, known)
        ]
    curves = Figure(panels(parts), rows_of(trace, outcome), f"trial-{row['trial']}")
    film = samples.film_of(view, group, row, FILM)
    rules = view.results.rules
    return Example(
        outcome=outcome,
        count=count,
        others=tuple(str(each) for each in ordered["trial"].iloc[1 : NEXT + 1]),
        trial=str(row["trial"]),
        cell=view.cell_text(row),
        seed=int(row["seed"]),
        step=number(row["outcome_step"]),
        reason=clean(row["outcome_reason"]),
        curves=curves,
        film=Markup(film.film) if film.vector and film.film else film.film,
        film_steps=film.film_steps,
        vector=film.vector,
        alt=film.alt,
        rule=plain(rule(outcome, rules)) if known else "",
        formula=tuple(said(line, rules) for line in WORDING[outcome].formula) if known else (),
    )


def changed_rules(rules: Rules) -> list[str]:
    """`converged_distance 0.1 instead of 0.05`, for each threshold that is not the version's own."""
    mine: Mapping[str, float] = rules.changed()
    return [
        f"{name} {number(value)} instead of {number(getattr(RULES, name))}" for name, value in mine.items()
    ]
