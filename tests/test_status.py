"""`status` and `doctor` list what a folder holds, also one of another version, and tables on their own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fake_training import packs_of_two, trial
from stored_results import store
from synthetic_results import synthetic

from bench import cli
from bench.store import ledger


@pytest.fixture
def planned(tmp_path: Path) -> Path:
    """A results folder of two packs, the first of them done with damaged files."""
    packs = tuple(packs_of_two([trial(seed) for seed in range(3)]))
    ledger.write_plan(tmp_path, ledger.Plan("fake", packs))
    folder = ledger.pack_folder(tmp_path, packs[0].id)
    folder.mkdir(parents=True)
    (folder / "done.json").write_text("{")
    return tmp_path


def rows(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[list[dict[str, object]], str]:
    cli.invoke([*arguments, "--format", "json"])
    out, err = capsys.readouterr()
    return json.loads(out), err


@pytest.mark.parametrize("change", ["protocol", "settings"])
def test_a_folder_of_another_version_is_listed(
    planned: Path, capsys: pytest.CaptureFixture[str], change: str
) -> None:
    ours, said = rows(capsys, "status", str(planned))
    checked, _ = rows(capsys, "doctor", str(planned))
    assert said == ""
    assert [(row["status"], row["trials"], row["steps"]) for row in ours] == [
        ("done", 2, 40),
        ("pending", 1, 40),
    ]
    assert [row["state"] for row in checked] == ["bad", "good"]
    plan = json.loads((planned / "plan.json").read_text())
    if change == "protocol":
        plan["protocol"] = 1
        how = "with protocol 1"
    else:
        for pack in plan["packs"]:
            for each in pack["trials"]:
                del each["record"]["ema"]
        how = "by another version of ganbench"
    (planned / "plan.json").write_text(json.dumps(plan))
    note = f"made {how}: shown as it is, and not to be trained on\n"
    assert rows(capsys, "status", str(planned)) == (ours, note)
    assert rows(capsys, "doctor", str(planned)) == (checked, note)


def test_a_plan_of_another_version_that_cannot_be_read_is_refused(
    planned: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = json.loads((planned / "plan.json").read_text())
    plan["protocol"] = 1
    for pack in plan["packs"]:
        del pack["id"]
        for each in pack["trials"]:
            del each["record"]["ema"]
    (planned / "plan.json").write_text(json.dumps(plan))
    assert cli.invoke(["status", str(planned)]) == 2
    assert "was made by another version of ganbench" in capsys.readouterr().err


def test_tables_on_their_own_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = store(synthetic(tmp_path / "r", seeds=1, unfinished=True))
    found, said = rows(capsys, "status", str(folder))
    assert said == "there is no ledger here (plan.json): told from the tables\n"
    assert sum(int(str(row["trials"])) for row in found) == 16
    assert {row["status"] for row in found} == {"crashed", "pending", "running", "done"}
    assert {row["step"] for row in found if row["status"] == "done"} == {1000}
    assert {row["step"] for row in found if row["status"] == "pending"} == {0}
    checked, _ = rows(capsys, "doctor", str(folder))
    assert [(row["check"], row["state"]) for row in checked] == [
        ("trials.parquet", "good"),
        ("curves.parquet", "good"),
        ("attempts.parquet", "good"),
    ]
