"""The report's section on losses and methods: which axis is one, compared on each data set."""

from __future__ import annotations

from typing import Any

import pandas as pd

from bench.errors import UserError
from bench.report.arms import Part, best_first, by_value, question
from bench.report.compare import block, refused
from bench.report.compared import compared
from bench.report.view import Group, View
from bench.report.words import clean

PARTS = ("loss", "penalty", "update", "model", "optimizer")
"""Components of a training: an axis whose values differ in one of them is one of methods."""

NAMES = ("method", *PARTS, "recipe", "algorithm", "gan")
"""Axes that are so called are, too."""

MOST_AXES = 2
MOST_GROUPS = 3
MOST_VALUES = 20
"""Of more values the table of pairs could not be read."""


def content(view: View) -> dict[str, Any]:
    """`methods`: a comparison for each axis of methods and data set; `methods_left`: what is not shown."""
    if view.judged.empty:
        return {"methods": [], "methods_left": []}
    blocks, left = [], []
    axes = method_axes(view)
    groups = [group for group in view.groups if group.trials["trial"].isin(view.judged["trial"]).any()]
    for axis in axes[:MOST_AXES]:
        for group in groups[:MOST_GROUPS]:
            name = group.name if len(groups) > 1 else ""
            if made := _compared(view, group, axis, name):
                blocks.append(made)
    more = [f"by {clean(axis)}" for axis in axes[MOST_AXES:]]
    more += [f"on {group.name}" for group in groups[MOST_GROUPS:]] if axes else []
    if more:
        left.append(
            f"Not shown: {', '.join(more)}. `ganbench compare RESULTS --by AXIS --where TEXT` compares them."
        )
    return {"methods": blocks, "methods_left": left}


def method_axes(view: View) -> list[str]:
    """The axes of losses, networks, penalties or methods, those of losses first; often there is none.

    An axis is one if it is so called, or if its values, each having one of it, differ in a trained component.
    """
    found: dict[str, int] = {}
    trials = view.judged
    for axis, column in view.axes.items():
        rank = [i for i, part in enumerate(PARTS) if part != axis and _decides(trials, column, part)]
        if axis in NAMES:
            found[axis] = 0
        elif rank:
            found[axis] = 1 + rank[0]
    return sorted(found, key=lambda axis: found[axis])


def _decides(trials: pd.DataFrame, column: str, part: str) -> bool:
    if part not in trials or trials[part].nunique(dropna=False) < 2:
        return False
    each = trials.groupby(column, dropna=False)[part]
    return bool(each.nunique(dropna=False).le(1).all() and each.first().nunique(dropna=False) > 1)


def _compared(view: View, group: Group, axis: str, name: str) -> dict[str, Any] | None:
    trials = view.judged[view.judged["trial"].isin(group.trials["trial"])]
    part = Part(view.name, view, trials)
    rows, values = by_value(part, axis)
    if len(rows) < 2:
        return None
    if len(rows) > MOST_VALUES:
        return refused(
            axis, name, f"{len(rows)} values make too many pairs for a page; `ganbench compare` lists them."
        )
    try:
        return block(compared(best_first(question(rows, values, axis, None, None))), name)
    except UserError as error:
        return refused(axis, name, str(error))
