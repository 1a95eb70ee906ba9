"""What is published of a run: its small files, of whole runs only, in place of those of before."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path
from types import ModuleType

import numpy as np
import pyarrow as pa
import pytest
from pandas.testing import assert_frame_equal
from pyarrow import parquet
from stored_results import store
from synthetic_results import synthetic

from bench.errors import UserError
from bench.store import schema
from bench.store.rejudge import judge_again
from bench.store.tables import load

SHA = "ab" * 32


@pytest.fixture
def rerun(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """benchmarks/rerun.py, in a repository of two studies."""
    spec = importlib.util.spec_from_file_location("rerun", repository / "benchmarks" / "rerun.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    (tmp_path / "studies" / "folklore").mkdir(parents=True)
    for name in ("strong_d", "weak_d"):
        (tmp_path / "studies" / "folklore" / f"{name}.yaml").write_text(f"# About {name}?\nname: {name}\n")
    return module


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run as it is when it has ended: with what is kept, and with much that is not."""
    folder = store(synthetic(tmp_path_factory.mktemp("strong_d"), seeds=1))
    for name, text in (("manifest.json", "{}"), ("floors.json", "{}"), ("report.html", "<p>new</p>")):
        (folder / name).write_text(text)
    for name in (f"plugins/{SHA}/my_loss.py", "packs/abc/done.json", "samples/abc.png", "lock", "plan.json"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


@pytest.fixture
def results(whole: Path, tmp_path: Path) -> Path:
    return shutil.copytree(whole, tmp_path / "results" / "strong_d")


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_the_small_files_replace_those_of_before(rerun: ModuleType, results: Path, tmp_path: Path) -> None:
    kept = tmp_path / "results" / "folklore" / "strong_d"
    kept.mkdir(parents=True)
    (kept / "old.parquet").write_text("of before")
    size = rerun.keep(results, kept)
    assert files(kept) == {*rerun.FILES, f"plugins/{SHA}/my_loss.py"}
    written_anew = ("curves.parquet", "trials.parquet")
    copied = [name for name in rerun.FILES if name not in written_anew]
    assert all((kept / name).read_bytes() == (results / name).read_bytes() for name in copied)
    assert (kept / "curves.parquet").stat().st_size < (results / "curves.parquet").stat().st_size
    assert size == sum((kept / name).stat().st_size for name in files(kept))
    assert [path.name for path in kept.parent.iterdir()] == ["strong_d"]


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        ("no report", "has no report.html"),
        ("partial", r"covers its study in part \(--limit 5\)"),
        ("crashed", r"is not finished \(13 done, 1 crashed, 1 pending, 1 running\)"),
    ],
)
def test_what_is_not_whole_is_refused(
    rerun: ModuleType, results: Path, tmp_path: Path, harm: str, message: str
) -> None:
    if harm == "no report":
        (results / "report.html").unlink()
    elif harm == "partial":
        (results / "manifest.json").write_text(json.dumps({"partial": ["--limit 5"]}))
    else:
        store(synthetic(results, seeds=1, unfinished=True))
    kept = tmp_path / "results" / "folklore" / "strong_d"
    kept.mkdir(parents=True)
    (kept / "old.parquet").write_text("of before")
    with pytest.raises(UserError, match=message):
        rerun.keep(results, kept)
    assert files(kept) == {"old.parquet"}


def test_one_command_runs_one_or_all(
    rerun: ModuleType,
    results: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ran: list[list[str]] = []

    class Done:
        returncode = 0

    def fake(command: list[object], **_: object) -> Done:
        ran.append([str(part) for part in command[1:]])
        return Done()

    monkeypatch.setattr(rerun.subprocess, "run", fake)
    runs = ["--runs", str(tmp_path / "results")]
    assert rerun.main(["folklore", "strong_d", *runs]) == 0
    study, out = "studies/folklore/strong_d.yaml", "results/strong_d"
    assert ran[0] == ["-m", "bench.cli", "run", study, "--out", out]
    assert ran[1] == [str(tmp_path / "docs" / "make_verdicts.py")]
    assert len(ran) == 2
    assert "== strong_d: About strong_d?\n" in capsys.readouterr().out
    assert rerun.main(["folklore", "strong_d", "--keep-only", *runs]) == 0
    assert len(ran) == 3
    assert rerun.main(["folklore", *runs]) == 2  # weak_d, of which there are no results
    assert "weak_d has no trials.parquet" in capsys.readouterr().err
    assert rerun.main(["folklore", "strongd", *runs]) == 2
    assert "no study 'strongd', did you mean 'strong_d'?" in capsys.readouterr().err
    trained = len(ran)
    assert rerun.main(["folklore", "strong_d", "--runs", str(tmp_path.parent)]) == 2
    assert "is not in the repository, and would be published as it is" in capsys.readouterr().err
    assert len(ran) == trained  # said before anything is trained
    monkeypatch.setattr(Done, "returncode", 1)
    assert rerun.main(["folklore", "strong_d", *runs]) == 1
    assert "ended with exit code 1; what was published of it stays" in capsys.readouterr().err


def changed(results: Path, **columns: object) -> pa.Table:
    """The curves of a run with these columns (their names with __ for the dot) in place of its own."""
    path = results / "curves.parquet"
    curves = parquet.read_table(path)
    for name, values in columns.items():
        at = curves.column_names.index(name.replace("__", "."))
        curves = curves.set_column(at, curves.schema.field(at), pa.array(values))
    schema.write(path, curves, json.loads(curves.schema.metadata[schema.METADATA_KEY]))
    return curves


def test_curves_are_kept_without_what_no_rule_reads(rerun: ModuleType, results: Path, tmp_path: Path) -> None:
    kept, rows = tmp_path / "results" / "folklore" / "strong_d", len(load(results).curves)
    changed(results, d_loss__max=[2.5] * rows, g_loss__flips=[3] * rows)
    rerun.keep(results, kept)
    before, after = load(results), load(kept)
    left_out = [name for name in before.curves if name.endswith(rerun.NOT_KEPT)]
    assert left_out
    assert before.curves[left_out].notna().any(axis=None)
    assert after.curves[left_out].isna().all(axis=None)
    assert_frame_equal(after.curves.drop(columns=left_out), before.curves.drop(columns=left_out), rtol=1e-7)
    assert before.meta == after.meta


def test_numbers_are_kept_as_float32_and_shares_exactly(
    rerun: ModuleType, results: Path, tmp_path: Path
) -> None:
    rows = len(load(results).curves)
    shares = [(i % 10) / 10 for i in range(rows)]
    changed(results, d_slope=[1 / (i + 3) for i in range(rows)], g_cosine=shares)
    rerun.keep(results, kept := tmp_path / "kept")
    after = load(kept).curves
    assert after["d_slope"].tolist() == [float(np.float32(1 / (i + 3))) for i in range(rows)]
    assert after["g_cosine"].tolist() == shares  # 0.9 is no float32
    assert load(kept).trials["lr_g"].eq(5e-4).all()  # settings are no measured numbers


def test_what_is_kept_is_judged_as_it_stands(rerun: ModuleType, results: Path, tmp_path: Path) -> None:
    rerun.keep(results, kept := tmp_path / "kept")
    first = (kept / "trials.parquet").read_bytes()
    said = ["trial", "outcome", "outcome_step", "rules_version"]
    assert load(kept).trials[said].equals(load(results).trials[said])
    before = load(kept).trials
    assert not judge_again(kept).changed
    assert load(kept).trials.equals(before)
    rerun.keep(results, kept)
    assert (kept / "trials.parquet").read_bytes() == first


def test_a_run_that_is_judged_otherwise_by_what_is_kept_is_refused(
    rerun: ModuleType, results: Path, tmp_path: Path
) -> None:
    path = results / "trials.parquet"
    trials = parquet.read_table(path)
    outcomes = trials.column("outcome").to_pylist()
    own = outcomes[1]
    outcomes[1] = "stalled" if own != "stalled" else "converged"
    at = trials.column_names.index("outcome")
    trials = trials.set_column(at, "outcome", pa.array(outcomes))
    schema.write(path, trials, schema.read_metadata(path))
    name = trials.column("trial")[1].as_py()
    with pytest.raises(UserError, match=rf"{name} \(outcome: {outcomes[1]}, now {own}\);"):
        rerun.keep(results, tmp_path / "kept")
    assert not (tmp_path / "kept").exists()


def test_a_part_that_a_later_start_made_whole_is_kept(
    rerun: ModuleType, results: Path, tmp_path: Path
) -> None:
    record = {"partial": ["--limit 5"], "last_start": {"partial": []}}
    (results / "manifest.json").write_text(json.dumps(record))
    assert rerun.keep(results, tmp_path / "kept") > 0


def test_where_a_run_stood_is_not_published(rerun: ModuleType, results: Path, tmp_path: Path) -> None:
    (results / "manifest.json").write_text(
        json.dumps({"sessions": [{"argv": ["run", "--out", "/home/me/x"]}]})
    )
    with pytest.raises(UserError, match="would publish where it stood"):
        rerun.keep(results, tmp_path / "results" / "folklore" / "strong_d")
