from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from fake_training import trial

from bench.store import schema, tables, verdicts
from bench.trial import Component


def test_final_is_the_median_over_the_last_fifth() -> None:
    values = np.arange(40.0)
    assert verdicts.final(values) == np.median(values[-8:])
    assert verdicts.final(np.arange(6.0)) == 3.0
    assert verdicts.final(np.arange(5.0)) is None
    values[-1] = np.nan
    assert verdicts.final(values) is None


@pytest.mark.parametrize(("direction", "best"), [("lower", 0.5), ("higher", 3.0), ("one", 1.1), ("", None)])
def test_best_follows_the_direction(direction: str, best: float | None) -> None:
    assert verdicts.best(np.array([3.0, np.nan, 0.5, 1.1, np.inf]), direction) == best
    assert verdicts.best(np.array([np.nan]), direction) is None


def test_a_table_is_split_by_trial_with_nulls_as_nan() -> None:
    rows = [
        {"trial": "a", "step": 0, "alive": True, "sw1": 1.0, "sw1_status": "ok"},
        {"trial": "a", "step": 1, "alive": False, "first_bad_step": 1, "sw1_status": None},
        {"trial": "b", "step": 0, "alive": True},
    ]
    found = dict(verdicts.curves_by_trial(schema.table(rows, schema.curves(("sw1", "sw1_status")))))
    assert list(found) == ["a", "b"]
    assert found["a"]["step"].tolist() == [0, 1]
    assert found["a"]["alive"].tolist() == [True, False]
    assert np.isnan(found["a"]["sw1"][1])
    assert np.isnan(found["a"]["first_bad_step"][0])
    assert found["a"]["sw1_status"].tolist() == ["ok", None]
    assert not list(verdicts.curves_by_trial(schema.table([], schema.curves(()))))


def test_every_setting_is_a_column() -> None:
    made = trial(0, penalty=Component("weight_clip", (("value", 0.01),)), axes=(("method", "wgan"),))
    row = tables.config_columns(made)
    assert row["model"] == "mlp"
    assert row["model.width"] == 8
    assert row["penalty.value"] == 0.01
    assert row["method"] == "wgan"
    assert row["lr_ratio"] == 8.0
    assert row["evaluate.metrics"] == "sw1 modes"
    assert tables.config_columns(trial(0))["penalty"] == "none"


def test_an_axis_never_hides_a_column_of_ours() -> None:
    row = tables.config_columns(trial(0, axes=(("outcome", "x"), ("status", 1))))
    assert row["axis.outcome"] == "x"
    assert row["axis.status"] == 1
    assert not row.keys() & schema.TRIAL_COLUMNS.keys()


def test_types_of_mixed_columns() -> None:
    assert tables._common_type([1, None]) == pa.int64()
    assert tables._common_type([1, 2.5]) == pa.float64()
    assert tables._common_type([True]) == pa.bool_()
    assert tables._common_type([1, "none"]) == pa.string()
    assert tables._common_type([None]) == pa.string()
