"""The command line from outside: exit codes, messages, what goes where, what is imported."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from bench import cli
from bench.data.catalog import DataMissing
from bench.errors import UserError
from bench.store import attempts, ledger
from bench.study.packing import packs
from bench.study.spec import read_study
from bench.study.trials import trials

STUDY = """
name: tiny
base: {dataset: ring8, model: mlp, loss: minimax, steps: 10}
grid: {lr_ratio: [1, 4]}
seeds: 2
"""

Invoke = Callable[..., tuple[int, str, str]]


@pytest.fixture
def invoke(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """Run one command line in an empty folder; returns exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.yaml").write_text(STUDY)

    def run(*arguments: str) -> tuple[int, str, str]:
        code = cli.invoke(list(arguments))
        captured = capsys.readouterr()
        assert "Traceback" not in captured.out + captured.err
        return code, captured.out, captured.err

    return run


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A results folder that is planned and not begun."""
    study = read_study(STUDY, "tiny.yaml")
    made = trials(study, lambda dataset: "0" * 64)
    folder = tmp_path / "results" / "tiny"
    ledger.write_plan(folder, ledger.Plan("tiny", packs(made, 2)))
    return folder


# --- listing and planning


@pytest.mark.parametrize("what", cli.LISTS)
@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_ls(invoke: Invoke, what: str, form: str) -> None:
    code, out, _ = invoke("ls", what, "--format", form)
    assert code == 0
    if form == "json":
        assert all(row["name"] for row in json.loads(out))


def test_ls_names_what_there_is(invoke: Invoke, repository: Path) -> None:
    files = (repository / "studies").rglob("*.yaml")
    shipped = {file.relative_to(repository / "studies").with_suffix("").as_posix() for file in files}
    assert {row["name"] for row in json.loads(invoke("ls", "studies", "--format", "json")[1])} == shipped
    assert shipped >= {"smoke", "replications/dirac", "losses", "lr_ratio"}
    names = [row["list"] for row in csv.DictReader(invoke("ls", "--format", "csv")[1].splitlines())]
    assert names == list(cli.LISTS)
    assert invoke("ls", "modles")[0] == 2


def test_ls_metrics_tells_protocol_and_cost_where_there_is_room(invoke: Invoke) -> None:
    rows = json.loads(invoke("ls", "metrics", "--format", "json")[1])
    assert all(row["protocol"] and row["cost"] and isinstance(row["floor"], bool) for row in rows)
    head = invoke("ls", "metrics")[1].splitlines()[0].split()
    assert head == ["name", "keys", "unit", "direction", "floor", "formula", "paper"]


def test_plan(invoke: Invoke) -> None:
    code, out, err = invoke("plan", "tiny.yaml", "--pack", "2", "--workers", "2")
    assert (code, err) == (0, "")
    assert "2 = 2 cells × 2 seeds = 4 trials in 2 packs" in out
    assert "unknown with 2 workers" in out
    record = json.loads(invoke("plan", "tiny.yaml", "--format", "json", "--set", "seeds=1")[1])
    assert len(record["trials"]) == 2
    assert len(invoke("plan", "tiny.yaml", "--format", "csv", "--limit", "3")[1].splitlines()) == 4


def test_a_dry_run_is_a_plan_and_writes_nothing(invoke: Invoke, tmp_path: Path) -> None:
    code, out, _ = invoke("run", "tiny.yaml", "--dry-run", "--pack", "2")
    assert code == 0
    assert "= 4 trials in 2 packs" in out
    assert not (tmp_path / "results").exists()


def test_validate(invoke: Invoke) -> None:
    assert invoke("validate", "tiny.yaml") == (0, "tiny.yaml: good: 2 cells, 2 seeds, 4 trials\n", "")
    assert invoke("validate", "smoke")[0] == 0


def test_schema(invoke: Invoke) -> None:
    assert json.loads(invoke("schema")[1])["properties"]["base"]["properties"]["lr_g"]["default"] == 2e-4


def test_doctor(invoke: Invoke, results: Path) -> None:
    rows = {row["check"]: row for row in json.loads(invoke("doctor", "--format", "json")[1])}
    assert rows["torch"]["state"] == rows["digits"]["state"] == "good"
    code, out, _ = invoke("doctor", str(results), "--format", "json")
    assert (code, [row["state"] for row in json.loads(out)]) == (0, ["good", "good"])


# --- what is refused


def test_every_problem_is_printed(invoke: Invoke) -> None:
    Path("bad.yaml").write_text(STUDY.replace("mlp", "mpl").replace("10", "ten") + "sedes: 3")
    assert len(invoke("validate", "bad.yaml")[2].splitlines()) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "nosuch.yaml"), "nosuch.yaml: no such file"),
        (("run", "tiny.yaml", "--budget", "soon"), "'soon' is no duration; examples: 90s, 20m, 2h, 1h30m"),
        (("run", "tiny.yaml", "--pack", "wide"), "'wide' is neither auto nor a number from 1 to 4096"),
        (("run", "tiny.yaml", "--backend", "inline", "--address", "a:1"), "runs one pack at a time, here"),
        (("plan", "tiny.yaml", "--seeds", "0"), "0 is not in the range"),
        (("plan", "tiny.yaml", "--where", "lr_ratio > 9"), "--where 'lr_ratio > 9': selects no cell"),
        (("status", "nosuch"), "'nosuch' does not exist"),
        (("status", "."), ". holds no plan.json; is it a results folder?"),
        (("show", ".", "abc"), ". holds no tables"),
        (("judge", "."), ". holds no plan.json; is it a results folder?"),
        (("plna",), "No such command 'plna'"),
    ],
)
def test_bad_usage_exits_2(invoke: Invoke, arguments: Sequence[str], message: str) -> None:
    code, out, err = invoke(*arguments)
    assert (code, out) == (2, "")
    assert message in err


@pytest.mark.parametrize("error", [UserError("one sentence"), DataMissing("one sentence")])
def test_what_the_user_can_mend_is_one_sentence(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("bench.study.spec.load_study", fail)
    assert invoke("validate", "tiny.yaml") == (2, "", "one sentence\n")


def test_a_bug_keeps_its_traceback(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("bench.study.spec.load_study", fail)
    with pytest.raises(ZeroDivisionError):
        invoke("validate", "tiny.yaml")


def test_ctrl_c_exits_130(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("bench.study.spec.load_study", stop)
    assert invoke("validate", "tiny.yaml")[0] == 130


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("20m", 1200), ("2h", 7200), ("1h30m", 5400)])
def test_durations(text: str, seconds: float) -> None:
    assert cli.Duration().convert(text, None, None) == seconds


# --- running and reading


def test_run_hands_over_trials_packs_and_options(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, object] = {}

    def launch(study, trials, make_packs, out, options):  # type: ignore[no-untyped-def]
        seen.update(study=study, packs=make_packs(list(trials)), out=out, options=options)
        return 1

    monkeypatch.setattr("bench.launch.run.run", launch)
    arguments = ("--backend", "inline", "--pack", "2", "--budget", "2h", "--retry", "--seeds", "1", "-q")
    assert invoke("run", "tiny.yaml", *arguments)[0] == 1
    assert [pack.width for pack in seen["packs"]] == [2]  # type: ignore[attr-defined]
    assert seen["out"] == Path("results/tiny")
    assert seen["study"].partial == ("--seeds 1",)  # type: ignore[attr-defined]
    options = seen["options"]
    assert (options.backend, options.budget_s, options.retry, options.quiet) == ("inline", 7200.0, True, True)  # type: ignore[attr-defined]


def test_status_counts_trials_and_says_why_a_pack_crashed(invoke: Invoke, results: Path) -> None:
    plan = ledger.read_plan(results)
    assert plan is not None
    folder = ledger.pack_folder(results, plan.packs[1].id)
    attempts.start(folder, {"host": "h"})
    ledger.write_crash(folder, "ValueError: \x1b[31mno\nTraceback ...")
    code, out, err = invoke("status", str(results))
    assert (code, err) == (0, "4 trials: 2 pending, 2 crashed\n")
    assert "\x1b" not in out
    rows = json.loads(invoke("status", str(results), "--json")[1])
    assert [(row["status"], row["trials"], row["attempts"]) for row in rows] == [
        ("pending", 2, 0),
        ("crashed", 2, 1),
    ]
    assert rows[1]["error"].startswith("ValueError")


def test_status_watches_until_nothing_is_left(
    invoke: Invoke, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = ledger.read_plan(results)
    assert plan is not None
    waited = []

    def crash_all(seconds: float) -> None:
        waited.append(seconds)
        for pack in plan.packs:
            ledger.write_crash(ledger.pack_folder(results, pack.id), "lost")

    monkeypatch.setattr("time.sleep", crash_all)
    assert invoke("status", str(results), "--watch")[0] == 0
    assert waited == [2.0]


def test_judge_and_show_read_the_tables(invoke: Invoke, results: Path) -> None:
    code, out, err = invoke("judge", str(results), "--all", "--format", "json")
    assert code == 0
    rows = json.loads(out)
    assert [row["status"] for row in rows] == ["pending"] * 4
    assert {row["lr_ratio"] for row in rows} == {1.0, 4.0}
    assert err == "4 not finished\n"
    assert invoke("judge", str(results), "--strict")[0] == 4
    trial = rows[0]["trial"]
    code, out, _ = invoke("show", str(results), trial[:8])
    assert code == 0
    assert trial in out
    code, _, err = invoke("show", str(results), "zzz")
    assert (code, "zzz" in err) == (2, True)
    assert invoke("show", str(results), "")[0] == 2


PROBE = """
import json, sys
from bench import cli
for arguments in json.loads(sys.argv[1]):
    code = cli.invoke(arguments)
    found = sorted({"torch", "torchvision", "ray"} & set(sys.modules))
    if code or found:
        sys.exit(f"{arguments}: exit code {code}, imported {found}")
"""


def test_the_verbs_that_plan_and_read_import_neither_torch_nor_ray(
    results: Path, tmp_path: Path, repository: Path
) -> None:
    (tmp_path / "tiny.yaml").write_text(STUDY)
    verbs = [
        ["ls", "outcomes"],
        ["validate", "tiny.yaml"],
        ["plan", "smoke"],
        ["run", "tiny.yaml", "--dry-run"],
        ["schema"],
        ["status", str(results)],
        ["judge", str(results)],
        ["report", str(results)],
    ]
    # One process for all: what a verb imports stays, and is seen after it.
    done = subprocess.run(
        [sys.executable, "-c", PROBE, json.dumps(verbs)],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(repository)}, capture_output=True, text=True,
        timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_help_is_short_and_complete(invoke: Invoke) -> None:
    code, out, _ = invoke("--help")
    assert code == 0
    for verb in ("run", "plan", "validate", "status", "show", "judge", "report", "ls", "schema", "doctor"):
        assert f"\n  {verb} " in out
