"""Whole tables: one row per trial, whatever the order of rows; nulls; several data sets."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from planted_curves import CONTEXT, FLOOR, FLOOR_SD, KINDS, STEPS, planted

from bench.judge.tables import contexts_from, judge_table, metric_directions


@pytest.fixture(scope="module")
def curves() -> pd.DataFrame:
    frames = [pd.DataFrame({"trial": f"{i:02d}", **planted(kind)}) for i, kind in enumerate(KINDS)]
    return pd.concat(frames, ignore_index=True).sample(frac=1.0, random_state=0)


def test_one_row_per_trial_with_outcome_flags_and_metrics(curves: pd.DataFrame) -> None:
    table = judge_table(curves, CONTEXT)
    assert table["outcome"].tolist() == list(KINDS)
    assert table["trial"].tolist() == [f"{i:02d}" for i in range(len(KINDS))]
    collapsed = table.set_index("outcome").loc["total_collapse"]
    assert collapsed["flag.total_collapse"] is True or bool(collapsed["flag.total_collapse"])
    assert collapsed["flag.total_collapse.onset"] == 350
    assert pd.isna(collapsed["flag.total_collapse.recovery"])
    assert collapsed["final.fd"] == pytest.approx(np.median(planted("total_collapse")["fd"][-5:]))
    assert collapsed["best.fd"] == pytest.approx(planted("total_collapse")["fd"][1:].min())
    assert collapsed["best.modes.covered"] == 10


def test_a_dead_trial_has_no_final_value(curves: pd.DataFrame) -> None:
    dead = judge_table(curves, CONTEXT).set_index("outcome").loc["diverged"]
    assert np.isnan(dead["final.fd"])
    assert np.isfinite(dead["best.fd"])
    assert pd.isna(dead["flag.degraded"])


def test_parquet_nulls_of_pandas_are_nulls_of_the_rules(curves: pd.DataFrame) -> None:
    nullable = curves.convert_dtypes()
    pd.testing.assert_frame_equal(judge_table(nullable, CONTEXT), judge_table(curves, CONTEXT))


def test_no_trials_give_an_empty_table(curves: pd.DataFrame) -> None:
    table = judge_table(curves.iloc[:0], CONTEXT)
    assert len(table) == 0
    assert {"trial", "outcome", "flag.stalled", "final.fd"} <= set(table.columns)


def test_contexts_of_one_and_of_several_data_sets() -> None:
    trials = pd.DataFrame({"trial": ["a", "b"], "steps": [100, 200]})
    one = {"primary": "fd", "floors": {"fd": {"mean": FLOOR, "sd": FLOOR_SD}}, "n_modes": 10}
    contexts = contexts_from(trials, one)
    assert (contexts["a"].floor_mean, contexts["b"].steps, contexts["b"].n_modes) == (FLOOR, 200, 10)
    other = {"primary": "sw1", "floors": {}, "n_modes": None}
    several = contexts_from(trials, {**one, "measures": [one, other], "measure_of": {"a": 0, "b": 1}})
    assert (several["a"].primary, several["b"].primary) == ("fd", "sw1")
    assert np.isnan(several["b"].floor_mean)
    assert several["b"].n_modes is None


def test_trials_without_a_context_are_left_out(curves: pd.DataFrame) -> None:
    assert judge_table(curves, {"03": CONTEXT})["trial"].tolist() == ["03"]


def test_directions_of_metric_columns(curves: pd.DataFrame) -> None:
    assert metric_directions(curves) == {"fd": "lower", "modes.hq": "higher", "modes.covered": "higher"}


def test_many_trials_are_judged_in_little_time(curves: pd.DataFrame) -> None:
    wide = pd.concat(
        [curves.assign(trial=curves["trial"] + f"-{copy}") for copy in range(20)], ignore_index=True
    )
    table = judge_table(wide, CONTEXT)
    assert len(table) == 20 * len(KINDS)
    assert (table.groupby("outcome").size() == 20).all()
    assert len(STEPS) * len(table) >= 4000
