"""Whole tables: one row per trial, nulls, several data sets; final and best values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from planted_curves import FLOOR, FLOOR_SD, KINDS, planted

from bench.judge.rules import RULES, Rules
from bench.judge.tables import bests, columns, curves_by_trial, finals, judge_table
from bench.store import schema

IDS = [f"{i:02d}" for i in range(len(KINDS))]
MEASURE = {
    "primary": "fd",
    "floors": {"fd": {"mean": FLOOR, "sd": FLOOR_SD}},
    "n_modes": 10,
    "columns": ["fd", "fd_status", "modes.covered", "modes.set"],
    "directions": {"fd": "lower", "modes.covered": "higher"},
}
META = {"measures": [MEASURE], "steps": dict.fromkeys([*IDS, "x"], 1000)}


@pytest.fixture(scope="module")
def curves() -> pa.Table:
    frames = [pd.DataFrame({"trial": i, **planted(kind)}) for i, kind in zip(IDS, KINDS, strict=True)]
    return pa.Table.from_pandas(pd.concat(frames, ignore_index=True), preserve_index=False)


def trials_of(ids: list[str], **more: Any) -> pa.Table:
    status = ["done"] * len(ids)
    return pa.table(
        {"trial": ids, "seed": [0] * len(ids), "status": status, "lr_g": [0.1] * len(ids), **more}
    )


def test_every_trial_gets_outcome_flags_and_values(curves: pa.Table) -> None:
    table = judge_table(trials_of(IDS), curves, META)
    assert table.column("outcome").to_pylist() == list(KINDS)
    assert table.column_names == [
        *("trial", "seed", "status"),
        *columns(["fd", "modes.covered"]),
        "lr_g",
    ]
    row = table.to_pylist()[KINDS.index("total_collapse")]
    assert row["flag.total_collapse"] is True
    assert row["flag.total_collapse.onset"] == 350
    assert row["flag.total_collapse.recovery"] is None
    assert row["rules_version"] == RULES.version
    curve = planted("total_collapse")["fd"]
    assert row["final.fd"] == np.median(curve[-5:])
    assert row["best.fd"] == curve.min()
    assert row["best.modes.covered"] == 10
    assert row["lr_g"] == 0.1


def test_a_dead_trial_has_no_final_value(curves: pa.Table) -> None:
    row = judge_table(trials_of(IDS), curves, META).to_pylist()[KINDS.index("diverged")]
    assert row["final.fd"] is None
    assert np.isfinite(row["best.fd"])
    assert row["flag.degraded"] is None


def test_what_was_judged_before_is_made_anew(curves: pa.Table) -> None:
    once = judge_table(trials_of(IDS), curves, META)
    old = once.append_column("flag.forgotten", pa.array([True] * len(IDS)))
    old = old.set_column(3, "outcome", pa.array(["wrong"] * len(IDS)))
    assert judge_table(old, curves, META).equals(once)


def test_other_rules_are_heard(curves: pa.Table) -> None:
    lenient = Rules(converged_distance=1e6, window_least=7)
    table = judge_table(trials_of(IDS), curves, META, lenient)
    assert table.column("outcome").to_pylist().count("converged") > 1
    assert set(table.column("rules_version").to_pylist()) == {lenient.label}
    at = KINDS.index("stalled")
    assert table.column("final.fd").to_pylist()[at] == np.median(planted("stalled")["fd"][-7:])


def test_rows_twice_and_in_another_order_change_nothing(curves: pa.Table) -> None:
    """Within a trial, whose rows stand together."""
    expected = judge_table(trials_of(IDS), curves, META)
    order = [("trial", "ascending"), ("step", "descending")]
    twice = pa.concat_tables([curves, curves]).sort_by(order)
    assert judge_table(trials_of(IDS), twice, META).equals(expected)


def test_a_trial_without_rows_is_not_judged(curves: pa.Table) -> None:
    row = judge_table(trials_of([*IDS, "x"]), curves, META).to_pylist()[-1]
    assert {name for name, value in row.items() if value is not None} == {"trial", "seed", "status", "lr_g"}


def test_each_data_set_is_judged_by_its_own_measure(curves: pa.Table) -> None:
    unknown = {**MEASURE, "floors": {}, "columns": ["fd"], "directions": {}}
    meta = {"measures": [MEASURE, unknown], "steps": META["steps"], "measure_of": {IDS[-1]: 1, IDS[0]: 0}}
    rows = judge_table(trials_of(IDS), curves, meta).to_pylist()
    assert rows[0]["outcome"] == KINDS[0]
    assert rows[-1]["outcome"] is None
    assert "floor of fd is not known" in rows[-1]["outcome_reason"]
    assert rows[-1]["final.fd"] is not None
    assert (rows[-1]["best.fd"], rows[-1]["final.modes.covered"]) == (None, None)


def test_a_study_without_rows() -> None:
    empty = schema.table([], schema.curves(()))
    table = judge_table(trials_of(["x"]), empty, {"measures": [], "steps": {}})
    assert table.column("outcome").to_pylist() == [None]
    assert not list(curves_by_trial(empty))


def test_a_table_is_split_by_trial_with_nulls_as_nan() -> None:
    rows = [
        {"trial": "a", "step": 0, "alive": True, "sw1": 1.0, "sw1_status": "ok"},
        {"trial": "a", "step": 1, "alive": False, "first_bad_step": 1, "sw1_status": None},
        {"trial": "b", "step": 0, "alive": True},
    ]
    found = dict(curves_by_trial(schema.table(rows, schema.curves(("sw1", "sw1_status")))))
    assert list(found) == ["a", "b"]
    assert found["a"]["step"].tolist() == [0, 1]
    assert found["a"]["alive"].tolist() == [True, False]
    assert np.isnan(found["a"]["sw1"][1])
    assert np.isnan(found["a"]["first_bad_step"][0])
    assert found["a"]["sw1_status"].tolist() == ["ok", None]


@pytest.mark.parametrize("length", [6, 7, 25, 26, 40, 101])
def test_final_is_the_median_over_the_window_of_the_rules(length: int) -> None:
    values = np.arange(float(length))
    dead, wild = values.copy(), values.copy()
    dead[-1], wild[-1] = np.nan, np.inf
    expected = np.median(values[-RULES.window(length) :])
    assert finals(np.stack([values, dead, wild])) == [expected, None, None]


def test_final_needs_the_window_beside_the_first_evaluation() -> None:
    assert finals(np.arange(5.0)[None]) == [None]


@pytest.mark.parametrize(("direction", "value"), [("lower", 0.5), ("higher", 3.0), ("one", 1.1), ("", None)])
def test_best_follows_the_direction(direction: str, value: float | None) -> None:
    assert bests(np.array([[3.0, np.nan, 0.5, 1.1, np.inf]]), [direction]) == [value]
    assert bests(np.array([[np.nan]]), [direction]) == [None]
