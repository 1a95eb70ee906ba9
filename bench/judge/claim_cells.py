"""A claim's effect cell by cell, and on which axis it depends."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bench.judge.claim import LESS, Claim
from bench.judge.claim_tests import NONE_FAILED, Arms, Effects
from bench.judge.claim_values import Evidence, scale_of, values_of
from bench.judge.intervals import CONFIDENCE
from bench.judge.stats import Estimate

OneCell = tuple[str, Mapping[str, Any], Estimate]
"""Name, value on each axis that varies among the cells, effect."""


def by_cell(claim: Claim, arms: Arms, evidence: Evidence) -> list[OneCell]:
    """The effect in each cell at 95 %, undecided trials not failed; empty where there is one cell."""
    names = list(dict.fromkeys(arms.cells))
    if len(names) < 2:
        return []
    scale = scale_of(claim.quantity, evidence)
    values = values_of(claim.quantity, arms.trials, evidence, NONE_FAILED, claim.expect, scale.log)
    sign = -1.0 if claim.expect == LESS else 1.0
    columns = {
        axis: column
        for axis, column in evidence.axes.items()
        if axis not in claim.compare and arms.trials[column].nunique(dropna=False) > 1
    }
    found: list[OneCell] = []
    of = np.array(arms.cells, dtype=object)
    for name in names:
        here = np.asarray(of == name, dtype=np.bool_)
        one = Arms(arms.trials[here], arms.treated[here], (name,) * int(here.sum()), 0)
        pairs = one.pairs(values[here])
        if len(pairs):
            at = {axis: one.trials[column].iloc[0] for axis, column in columns.items()}
            estimate = Effects(pairs, claim.quantity.is_share, sign).at(CONFIDENCE)
            found.append((name, at, estimate))
    return sorted(found, key=lambda each: [_place(value) for value in each[1].values()])


def _place(value: Any) -> tuple[int, float, str]:
    """Numbers ascending, then texts."""
    is_number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    return (0, float(value), "") if is_number and value == value else (1, 0.0, str(value))


def depends_on(claim: Claim, cells: Sequence[OneCell]) -> str:
    """The axis on which the sign of the effect depends; empty where no cells disagree.

    Cells disagree where one has an effect beyond the margin in the expected direction and another one in
    the other, each with an interval that leaves 0 out. The axis is the one whose values explain most of the
    variance between the cells' effects.
    """
    margin = claim.margin or 0.0
    up = any(e.mean > margin and e.low is not None and e.low > 0 for _, _, e in cells)
    down = any(e.mean < -margin and e.high is not None and e.high < 0 for _, _, e in cells)
    if not (up and down):
        return ""
    # A cell in which trials diverged may have an infinite effect: beyond every finite one.
    finite = [abs(e.mean) for _, _, e in cells if math.isfinite(e.mean)]
    most = 2 * max(finite, default=1.0) or 1.0
    effects = np.array([np.clip(np.nan_to_num(e.mean), -most, most) for _, _, e in cells])
    axes = list(cells[0][1])
    return max(axes, key=lambda axis: _explained([at[axis] for _, at, _ in cells], effects))


def _explained(values: Sequence[Any], effects: np.ndarray) -> float:
    """Sum of squares between the means of the groups, less one group's worth for each further value."""
    names = [str(each) for each in values]
    groups = [effects[[name == each for name in names]] for each in dict.fromkeys(names)]
    between = sum(len(each) * (each.mean() - effects.mean()) ** 2 for each in groups)
    within = sum(((each - each.mean()) ** 2).sum() for each in groups)
    free = max(1, len(effects) - len(groups))
    return float(between / max(1, len(groups) - 1) / (within / free + 1e-12)) if len(groups) > 1 else -1.0
