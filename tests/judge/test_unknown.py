"""A sign that cannot be judged says what it lacks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from planted_curves import CONTEXT, healthy

from bench.judge.outcomes import OUTCOMES, Context, judge
from bench.judge.unknown import unknown

Curve = dict[str, Any]


def why(curve: Curve, context: Context = CONTEXT) -> dict[str, str]:
    return unknown(judge(curve, context), curve, context)


def without(curve: Curve, *names: str) -> Curve:
    return {name: values for name, values in curve.items() if name not in names}


def test_nothing_is_unknown_of_a_whole_curve() -> None:
    assert why(healthy()) == {}


@pytest.mark.parametrize("rows", range(1, 12))
def test_few_evaluations_are_counted(rows: int) -> None:
    short = {name: values[:rows] for name, values in healthy().items()}
    found = why(short)
    told = f"{rows} evaluation{'s' if rows > 1 else ''} so far, and "
    assert ("degraded" in found) == (rows < 11)
    for name in found.keys() - {"degraded", "oscillating"}:
        assert found[name] == f"{told}the rules need 5 after the first", name
    if rows < 6:
        assert found.keys() == OUTCOMES.keys() - {"diverged"}


def test_each_missing_thing_is_named() -> None:
    sure = healthy() | {"d_auc.mean": np.ones(23), "fd": np.full(23, 90.0)}
    assert "needs the loss" in why(without(sure, "g_saturation"))["vanishing_gradient"]
    bare = Context("fd", 2.0, 0.2, None, 1000, CONTEXT.floors)
    assert (
        "neither the modes" in why(without(healthy(), "modes.hq", "modes.covered"), bare)["partial_collapse"]
    )
    assert why(without(healthy(), "fd"))["converged"] == "no distance to the data is measured"
    gap = healthy()
    gap["fd"][-2:] = np.nan
    assert why(gap)["converged"] == "fd is missing at 2 evaluations of the last 5"
    floorless = Context("fd", np.nan, np.nan, 10, 1000)
    assert why(healthy(), floorless)["stalled"] == "the floor of fd is not known"
    blind = healthy()
    blind["fd"][0] = np.nan
    assert "fd was not measured at step 0" in why(blind)["degraded"]
    late = {name: values[1:] for name, values in healthy().items()}
    assert "not watched from its start" in why(late)["degraded"]
    nothing = {name: values[:0] for name, values in healthy().items()}
    assert set(why(nothing).values()) == {"nothing has been measured yet"}
