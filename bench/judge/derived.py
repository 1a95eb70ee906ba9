"""Monitors that are no column of the curves: computed from columns that are, wherever they are asked for.

The rules read them, claims name them like any other monitor (docs/claims.md), and so do the numbers in the
texts of docs/beliefs.yaml.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from bench.judge.rules import Rules
from bench.judge.trace import Array


@dataclass(frozen=True)
class Derived:
    """A monitor and what it is made of.

    of: from the `columns` of one trial, [evaluations] in order of step, to its values, NaN where unknown.
    """

    columns: tuple[str, str]
    unit: str
    of: Callable[[Array, Array, Rules], Array]


def g_signal(saturation: Array, slope: Array, rules: Rules) -> Array:
    """How much of its gradient still reaches G: g_saturation * d_slope over the largest early value.

    Early are the first evaluations, `early_share` of them and at least `early_least`. NaN throughout where
    none of those is known and above 0.
    """
    signal = saturation * slope
    early = signal[: max(rules.early_least, math.ceil(rules.early_share * len(signal) - 1e-9))]
    early = early[np.isfinite(early)]
    reference = float(early.max()) if early.size else math.nan
    return signal / reference if reference > 0 else np.full(len(signal), np.nan)


DERIVED: Mapping[str, Derived] = {
    "g_signal": Derived(("g_saturation", "d_slope"), "share of early value", g_signal),
}
