"""The table of trials, and all of it as a CSV."""

from __future__ import annotations

from collections.abc import Set
from typing import Any

import pandas as pd

from bench.report import choice, examples
from bench.report.view import Group, View, ranked
from bench.report.words import clean, csv_uri, label, number, raw

ROWS_SHOWN = 300
"""Trials in the page's table, and those that are linked; all are in its CSV."""


def content(view: View) -> dict[str, Any]:
    """One table for each group of trials whose distances may share an axis."""
    linked: set[str] = set()
    if not view.judged.empty and any(len(group.trials) > ROWS_SHOWN for group in view.groups):
        linked = examples.linked(view) | {each.trial for each in choice.content(view)["choices"]}
    tables = [_of(view, group, linked) for group in view.groups]
    return {"trial_tables": tables, "rows_shown": ROWS_SHOWN}


def _of(view: View, group: Group, linked: Set[str]) -> dict[str, Any]:
    rows = _all_rows(group)
    shown = [row for i, row in enumerate(rows) if i < ROWS_SHOWN or row["trial"] in linked]
    return {
        "name": group.name,
        "primary": group.primary,
        "rows": [_row(view, group, each) for each in shown],
        "hidden": len(rows) - len(shown),
        "csv": _csv_uri(view, group, rows),
    }


def _row(view: View, group: Group, row: dict[str, Any]) -> dict[str, Any]:
    value = row.get(f"final.{group.primary}")
    died = row["outcome"] == "diverged"
    return {
        "trial": row["trial"],
        "cells": [_cell(row[column]) for column in view.axes.values()],
        "seed": row["seed"],
        "outcome": row["outcome"] if isinstance(row["outcome"], str) else None,
        "status": row["status"],
        "step": number(row["outcome_step"]),
        "step_raw": raw(row["outcome_step"]),
        "reason": clean(row["outcome_reason"]) if isinstance(row["outcome_reason"], str) else "",
        "value": number(value),
        # What died is worse than every value, and stands there when the column is sorted.
        "value_raw": "Infinity" if died else raw(value),
    }


def _cell(value: Any) -> tuple[str, str | None]:
    """The text of an axis value, and the number it sorts by; None for what is no number."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return label(value), raw(value) if is_number else None


def _all_rows(group: Group) -> list[dict[str, Any]]:
    """Trials as records, best first, dead ones last, then those that did not finish."""
    frame = pd.concat([ranked(group), group.trials[group.trials["status"] != "done"]])
    return [{str(k): v for k, v in row.items()} for row in frame.to_dict("records")]


def _csv_uri(view: View, group: Group, rows: list[dict[str, Any]]) -> str:
    shown = ["trial", *view.axes.values(), "seed", "status", "outcome", "outcome_step"]
    header = ["trial", *view.axes, "seed", "status", "outcome", "outcome_step"]
    final = f"final.{group.primary}"
    return csv_uri(
        [*header, final, "reason"],
        [[*(row[c] for c in shown), row.get(final), row["outcome_reason"]] for row in rows],
    )
