"""Columns of settings, and judging again from the two tables alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fake_training import DIVERGES, Study, packs_of_two, trial

from bench import cli
from bench.errors import UserError
from bench.judge.rules import Rules
from bench.launch.run import Options, run
from bench.store import schema, tables
from bench.store.rejudge import judge_again
from bench.trial import Component

FAKE = {name: f"fake_training:{name}" for name in ("train", "load", "build")}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished study."""
    out = tmp_path_factory.mktemp("whole")
    trials = [trial(0), trial(1, weight_decay=DIVERGES), trial(2)]
    assert run(Study(), trials, packs_of_two, out, Options("inline", report=False, quiet=True, **FAKE)) == 0
    return out


@pytest.fixture
def handed_on(whole: Path, tmp_path: Path) -> Path:
    """A folder with the two tables of a study and nothing else."""
    for name in (tables.TRIALS, tables.CURVES):
        shutil.copy(whole / name, tmp_path)
    return tmp_path


def test_the_two_tables_are_enough_to_judge_again(whole: Path, handed_on: Path) -> None:
    strict = Rules(converged_distance=0.0, converged_floor_sds=0.0)
    assert judge_again(handed_on, strict).notes == ()
    found = tables.load(handed_on)
    assert "converged" not in set(found.trials["outcome"])
    assert set(found.trials["rules_version"]) == {strict.label}
    assert found.rules == strict
    assert cli.invoke(["judge", str(handed_on)]) == 0
    for name in (tables.TRIALS, tables.CURVES):
        assert (handed_on / name).read_bytes() == (whole / name).read_bytes()
    assert sorted(each.name for each in handed_on.iterdir()) == [tables.CURVES, tables.TRIALS]


def test_every_verb_that_reads_works_on_the_two_tables(
    handed_on: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.invoke(["show", str(handed_on), trial(0).id]) == 0
    assert cli.invoke(["report", str(handed_on)]) == 0
    assert "lr_ratio" in capsys.readouterr().out
    assert len(tables.load(handed_on).attempts) == 0


def test_tables_are_not_emptied_where_the_packs_were_removed(whole: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(whole, tmp_path / "copy")
    shutil.rmtree(copy / "packs")
    assert judge_again(copy).notes == ()
    assert (copy / tables.TRIALS).read_bytes() == (whole / tables.TRIALS).read_bytes()


def test_tables_of_others_are_refused(handed_on: Path) -> None:
    path = handed_on / tables.CURVES
    schema.write(path, pq.read_table(path).replace_schema_metadata(None), {"protocol": 1})
    with pytest.raises(UserError, match="says nothing of its measures and steps"):
        judge_again(handed_on)


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
