"""Judging stored results again: by other rules and back, and when the ledger has moved on."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fake_training import DIVERGES, Study, packs_of_two, trial

from bench import cli
from bench.errors import UserError
from bench.judge.rules import RULES, Rules
from bench.launch.run import Options, run
from bench.store import ledger, rejudge, schema, tables
from bench.store.rejudge import judge_again
from bench.trial import PROTOCOL

FAKE = {name: f"fake_training:{name}" for name in ("train", "load", "build")}
STRICT = Rules(converged_distance=0.0, converged_floor_sds=0.0)
TRIALS = [trial(0), trial(1, weight_decay=DIVERGES), trial(2), trial(3)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished study of two packs."""
    out = tmp_path_factory.mktemp("whole")
    assert run(Study(), TRIALS, packs_of_two, out, Options("inline", report=False, quiet=True, **FAKE)) == 0
    return out


@pytest.fixture
def results(whole: Path, tmp_path: Path) -> Path:
    return shutil.copytree(whole, tmp_path / "results")


def content(results: Path) -> dict[str, bytes]:
    names = (tables.TRIALS, tables.CURVES, tables.ATTEMPTS)
    return {name: (results / name).read_bytes() for name in names}


@pytest.fixture
def from_ledger(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders whose tables were made from the ledger."""
    seen: list[Path] = []

    def told(results: Path, rules: Rules = RULES) -> list[str]:
        seen.append(results)
        return tables.consolidate(results, rules)

    monkeypatch.setattr(rejudge, "consolidate", told)
    return seen


def test_other_rules_and_back_leave_every_byte_as_it_was(results: Path, from_ledger: list[Path]) -> None:
    before = content(results)
    made = judge_again(results, STRICT)
    assert set(tables.load(results).trials["rules_version"].dropna()) == {STRICT.label}
    assert tables.load(results).rules == STRICT
    assert len(made.changed) == 3
    assert set(made.changed.values()) == {(a, b) for a, b, _ in made.moves}
    assert content(results)[tables.CURVES] == before[tables.CURVES]
    back = judge_again(results)
    assert {trial: (b, a) for trial, (a, b) in made.changed.items()} == back.changed
    assert content(results) == before
    assert from_ledger == []


def test_both_ways_give_the_same_tables(results: Path) -> None:
    judge_again(results, STRICT)
    fast = content(results)
    tables.consolidate(results, STRICT)
    assert content(results) == fast


MOVED = ("done.json", "attempts.jsonl", "floors", "plan", "curves", "trials", "no attempts")


@pytest.mark.parametrize("what", MOVED)
def test_when_anything_moved_on_the_ledger_is_read(what: str, results: Path, from_ledger: list[Path]) -> None:
    pack = ledger.read_plan(results)
    assert pack is not None
    folder = ledger.pack_folder(results, pack.packs[0].id)
    if what == "done.json":
        (folder / what).unlink()
    elif what == "no attempts":
        (results / tables.ATTEMPTS).unlink()
    else:
        path = {
            "attempts.jsonl": folder / "attempts.jsonl", "floors": results / "floors.json",
            "plan": results / "plan.json", "curves": results / tables.CURVES,
            "trials": results / tables.TRIALS,
        }[what]  # fmt: skip
        if what in ("curves", "trials"):
            table = pq.read_table(path)
            schema.write(path, table.slice(0, table.num_rows - 1).replace_schema_metadata(None))
        else:
            path.write_text(path.read_text() + "\n")
    judge_again(results)
    assert from_ledger == [results]
    statuses = tables.load(results).trials["status"].tolist()
    assert statuses.count("done") == (2 if what == "done.json" else 4)
    judge_again(results)
    assert from_ledger == [results]


def test_a_damaged_pack_is_told_each_time(results: Path) -> None:
    victim = sorted(results.glob("packs/*/segment-*.parquet"))[0]
    victim.write_bytes(victim.read_bytes()[:-7] + b"garbage")
    (results / tables.ATTEMPTS).unlink()
    for _ in range(2):
        (note,) = judge_again(results).notes
        assert victim.name in note


def test_a_plan_of_another_version_leaves_the_tables(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (results / tables.ATTEMPTS).unlink()
    monkeypatch.setattr(ledger, "PROTOCOL", 99)
    made = judge_again(results, STRICT)
    assert made.notes == (f"the stored curves are judged as they are (made with protocol {PROTOCOL})",)
    assert len(made.changed) == 3
    (results / tables.TRIALS).unlink()
    with pytest.raises(UserError, match=f"made with protocol {PROTOCOL} and holds no tables") as told:
        judge_again(results)
    assert "--out" not in str(told.value)


def test_a_run_keeps_the_rules_of_the_tables_until_judge_goes_back(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = content(results)
    judge_again(results, STRICT)
    strict = content(results)
    capsys.readouterr()

    def again(quiet: bool = False) -> str:
        options = Options("inline", report=False, quiet=quiet, **FAKE)
        assert run(Study(), TRIALS, packs_of_two, results, options) == 0
        return " ".join(capsys.readouterr().err.split())

    told = again()
    assert f"judged by rules {STRICT.label}: converged_distance 0 instead of 0.05" in told
    assert "`ganbench judge RESULTS` goes back to the rules' own" in told
    assert content(results) == strict
    judge_again(results)
    assert "judged by rules" not in again()
    assert content(results) == before


@pytest.mark.parametrize("record", [{"version": "0", "jaccard": 0.4}, {"jaccard": 7.0}, None, "no record"])
def test_a_run_judges_anew_what_other_rules_or_none_that_are_legal_judged(
    record: object, results: Path
) -> None:
    before = content(results)
    path = results / tables.TRIALS
    meta = schema.read_metadata(path)
    schema.write(path, schema.read_trials(path), {**meta, "rules": record})
    assert tables.kept_rules(results) == RULES
    tables.consolidate(results)
    assert content(results) == before


def test_a_table_with_numbers_for_versions_is_read(results: Path) -> None:
    path = results / tables.TRIALS
    table = pq.read_table(path)
    at = table.column_names.index("rules_version")
    old = table.set_column(at, "rules_version", pa.array([1] * table.num_rows))
    schema.write(path, old.replace_schema_metadata(None))
    found = tables.load(results)
    assert set(found.trials["rules_version"]) == {"1"}
    assert found.rules.version == "1"


def test_the_command_says_what_changed(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("converged_distance: 0\nconverged_floor_sds: 0\n")
    command = ["judge", str(results), "--format", "csv"]
    assert cli.invoke([*command, "--rules", str(rules)]) == 0
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert lines[0] == (
        f"judged by rules {STRICT.label}: converged_distance 0 instead of 0.05, "
        "converged_floor_sds 0 instead of 3"
    )
    assert lines[1] == "3 of 4 trials have another outcome than before"
    assert lines[2].split() == ["before", "now", "trials"]
    assert out.splitlines()[0].split(",")[-4:] == ["before", "outcome", "outcome_step", "outcome_reason"]
    assert len(out.splitlines()) == 4
    assert cli.invoke(["judge", str(results), "--all", "--format", "csv"]) == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 5
    assert "judged by rules" not in err
    assert cli.invoke(["judge", str(results)]) == 0
    assert "none of 4 trials have another outcome" in capsys.readouterr().err
    rules.write_text("convrged_distance: 0\njaccard: 7\n")
    assert cli.invoke(["judge", str(results), "--rules", str(rules)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_judging_by_a_file_of_rules_needs_neither_torch_nor_scipy(results: Path, repository: Path) -> None:
    rules = results.parent / "rules.yaml"
    rules.write_text("jaccard: 0.4\n")
    code = (
        "import sys; from bench import cli\n"
        f"assert cli.invoke(['judge', {str(results)!r}, '--rules', {str(rules)!r}]) == 0\n"
        "sys.exit(any(name in sys.modules for name in ('torch', 'ray', 'scipy', 'matplotlib')))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=repository, timeout=60, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
