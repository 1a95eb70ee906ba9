"""Computed monitors: closed forms, what is not known, and the rule that reads the same numbers."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from bench.errors import UserError
from bench.judge.claim_values import medians_over_window, monitor_values
from bench.judge.derived import DERIVED, g_signal
from bench.judge.rules import RULES, Rules
from bench.store import schema

NAN = math.nan


@pytest.mark.parametrize(
    ("saturation", "slope", "signal"),
    [
        ([0.5, 0.5, 0.1], [2.0, 4.0, 1.0], [0.5, 1.0, 0.05]),
        ([NAN, 0.5, 0.1], [2.0, 4.0, 1.0], [NAN, 1.0, 0.05]),
        ([0.5, math.inf, 0.1], [2.0, 4.0, 1.0], [1.0, math.inf, 0.1]),
        ([0.0, 0.0, 0.0, 0.0, 0.0, 0.5], [1.0] * 6, [NAN] * 6),  # no early value above 0
        ([NAN] * 3, [1.0] * 3, [NAN] * 3),
        ([], [], []),
    ],
)
def test_the_signal_is_a_share_of_its_largest_early_value(
    saturation: list[float], slope: list[float], signal: list[float]
) -> None:
    found = g_signal(np.array(saturation), np.array(slope), RULES)
    np.testing.assert_allclose(found, signal)


@pytest.mark.parametrize(("n", "early"), [(6, RULES.early_least), (100, math.ceil(100 * RULES.early_share))])
def test_early_is_a_share_of_the_evaluations_and_at_least_a_few(n: int, early: int) -> None:
    rising = np.arange(1.0, n + 1)
    assert g_signal(rising, np.ones(n), RULES)[-1] == pytest.approx(n / early)
    assert g_signal(rising, np.ones(n), Rules(version="t", early_least=1, early_share=0.01))[-1] == n


def test_each_trial_has_its_own_early_value_whatever_the_order_of_rows() -> None:
    steps = np.arange(10)
    curves = pd.concat(
        pd.DataFrame({"trial": name, "step": steps, "g_saturation": scale, "d_slope": slope})
        for name, scale, slope in (("a", 1.0, np.where(steps < 5, 2.0, 0.01)), ("b", 7.0, 1.0))
    ).sample(frac=1, random_state=0, ignore_index=True)
    found = curves.assign(signal=monitor_values(curves, "g_signal", RULES)).sort_values(["trial", "step"])
    np.testing.assert_allclose(found["signal"], [1.0] * 5 + [0.005] * 5 + [1.0] * 10)
    assert medians_over_window(curves, "g_signal", RULES).to_dict() == {"a": 0.005, "b": 1.0}
    empty = curves[:0]
    assert medians_over_window(empty, "g_signal", RULES).empty
    with pytest.raises(UserError, match=r"^the curves have no monitor d_slope$"):
        monitor_values(curves.drop(columns="d_slope"), "g_signal", RULES)


def test_computed_monitors_are_made_of_stored_ones_and_are_none() -> None:
    stored = schema.curves_core()
    for name, made in DERIVED.items():
        assert name not in stored
        assert set(made.columns) <= set(stored)
