"""Bad input through the command line: the whole message, exit code 2, no traceback, no trial lost."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import fake_training
import pytest

from bench import cli
from bench.data.catalog import DATA
from bench.data.fingerprint import fingerprint
from bench.launch.run import Options
from bench.metrics.fid import FILE
from bench.store import attempts, ledger
from bench.study.axes import FIELDS, KINDS
from bench.study.examples import shipped
from bench.study.packing import packs
from bench.study.spec import read_study
from bench.study.trials import trials
from ganzoo.catalog import ZOO

STUDY = """
name: tiny
base: {dataset: ring8, model: mlp, loss: minimax, steps: 40}
grid: {lr_ratio: [1, 4]}
seeds: 2
"""
RUN = ("run", "tiny.yaml", "--backend", "inline", "--pack", "2", "-q")
TABLES = ("trials.parquet", "curves.parquet")
ADVICE = "What had finished is kept; mend this and run the same command again"
KEYS = ", ".join((*FIELDS, *KINDS))

Go = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module", autouse=True)
def _fake_training() -> Any:
    """Studies of this module train without networks and write no report."""
    fake = {name: f"fake_training:{name}" for name in ("train", "load", "build")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bench.launch.run.Options", partial(Options, report=False, **fake))
        patch.setattr("bench.data.fingerprint.fingerprint", lambda dataset: fake_training.SHA)
        yield


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of the study, uninterrupted: two packs of two trials."""
    folder = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        Path("tiny.yaml").write_text(STUDY)
        assert cli.invoke(list(RUN)) == 0
    return folder / "results" / "tiny"


@pytest.fixture
def results(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished results, where the study puts them."""
    return Path(shutil.copytree(finished, tmp_path / "results" / "tiny"))


@pytest.fixture
def go(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Go:
    """Run one command line beside tiny.yaml; returns exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.yaml").write_text(STUDY)

    def run(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = cli.invoke(list(arguments))
        captured = capsys.readouterr()
        assert "Traceback" not in captured.out + captured.err
        return code, captured.out, captured.err

    return run


def content(folder: Path) -> dict[str, str]:
    """File -> hash, for everything in a results folder."""
    files = [each for each in sorted(folder.rglob("*")) if each.is_file()]
    return {str(each.relative_to(folder)): hashlib.sha256(each.read_bytes()).hexdigest() for each in files}


def tables(folder: Path) -> list[bytes]:
    return [(folder / name).read_bytes() for name in TABLES]


# --- studies


def changed(old: str, new: str) -> str:
    assert old in STUDY
    return STUDY.replace(old, new)


SLUG = "small letters, digits, '.', '_' and '-', at most 64, a letter or digit first"
BAD_STUDIES = {
    "no YAML": (
        "a: [",
        "bad.yaml: no valid YAML: line 1, column 5: expected the node content, but found '<stream end>'",
    ),
    "binary": (b"\xff\x00", "bad.yaml: no valid YAML: no UTF-8 text (byte 0)"),
    "empty": (
        "",
        "bad.yaml: no study: expected keys such as name, base, grid; the file is empty",
    ),
    "a list": ("- a", "bad.yaml: no study: expected keys such as name, base, grid; the file is [a]"),
    "too long": ("é" * 5_000_000, "bad.yaml: too long for a study: more than 1000000 bytes"),
    "unknown block": (
        STUDY + "sedes: 3",
        "bad.yaml: sedes: unknown key 'sedes', did you mean 'seeds'?; legal: name, seed, base, grid, "
        "include, exclude, seeds, evaluate, checkpoint, resources, plugins, published, positive_control, "
        "claims",
    ),
    "unknown key": (
        changed("steps: 40", "steps: 40, lr_q: 1"),
        f"bad.yaml: base.lr_q: unknown key 'lr_q', did you mean 'lr_g'?; legal: {KEYS}, "
        "and their keys with a dot",
    ),
    "unknown loss": (
        changed("minimax", "minmax"),
        "bad.yaml: base.loss: unknown loss 'minmax', did you mean 'minimax'?; "
        f"legal: {', '.join(ZOO.names('loss'))}",
    ),
    "unknown model": (
        changed("mlp", "mpl"),
        "bad.yaml: base.model: unknown model 'mpl', did you mean 'mlp'?; legal: "
        f"{', '.join(ZOO.names('model'))}",
    ),
    "unknown data set": (
        changed("ring8", "rnig8"),
        "bad.yaml: base.dataset: unknown dataset 'rnig8', did you mean 'ring8'?; "
        f"legal: {', '.join(DATA.names('dataset'))}",
    ),
    "wrong type": (changed("40", "ten"), "bad.yaml: base.steps: expected a whole number, got 'ten'"),
    "number as text": (
        changed("steps: 40", "steps: 40, lr_g: 1e-4"),
        "bad.yaml: base.lr_g: expected a number, got '1e-4' (YAML reads 1e-4 as text: write 1.0e-4)",
    ),
    "large number as text": (
        changed("steps: 40", "steps: 4e1, lr_g: 1.5e6"),
        "bad.yaml: base.steps: expected a whole number, got '4e1' (YAML reads 4e1 as text: write 40)\n"
        "bad.yaml: base.lr_g: expected a number, got '1.5e6' (YAML reads 1.5e6 as text: write 1.5e+6)",
    ),
    "empty grid list": (
        changed("[1, 4]", "[]"),
        "bad.yaml: grid.lr_ratio: has no values; a grid needs at least one, or leave the axis out",
    ),
    "smoothing with Wasserstein": (
        changed("minimax", "wasserstein, label_smoothing: 0.1"),
        "bad.yaml: base.label_smoothing: 0.1 means nothing with the loss wasserstein, which has no targets",
    ),
    "smoothing with one of the losses": (
        changed("minimax", "minimax, label_smoothing: 0.1").replace(
            "{lr_ratio: [1, 4]}", "{loss: [hinge, minimax]}"
        ),
        "bad.yaml: base.label_smoothing: 0.1 means nothing with the loss hinge, which has no targets; "
        "to leave these cells out, add under exclude: - {loss: hinge}",
    ),
    "exclude matches nothing": (
        STUDY + "exclude: [{lr_ratio: 3}]",
        "bad.yaml: exclude[0]: {lr_ratio: 3} removes no cell; lr_ratio takes 1, 4",
    ),
    "exclude matches everything": (
        STUDY + "exclude: [{lr_ratio: [1, 4]}]",
        "bad.yaml: exclude: leaves no cell",
    ),
    "name that climbs": (changed("tiny", "../x"), f"bad.yaml: name: '../x' is no legal name: {SLUG}"),
    "no steps": (changed("40", "0"), "bad.yaml: base.steps: got 0; legal: 1 to 1e+08"),
    "negative seeds": (
        changed("seeds: 2", "seeds: -1"),
        "bad.yaml: seeds: expected at least one seed, got -1",
    ),
    "negative rate": (
        changed("40", "40, lr_g: -1.0e-4"),
        "bad.yaml: base.lr_g: got -0.0001; legal: 1e-12 to 100",
    ),
    "NaN": (changed("40", "40, lr_g: .nan"), "bad.yaml: base.lr_g: nan is no finite number"),
    "measured after the end": (
        STUDY + "evaluate: {every: 50}",
        "bad.yaml: evaluate.every: 50 is more than the 40 steps of a trial",
    ),
    "a value twice": (changed("[1, 4]", "[1, 1.0]"), "bad.yaml: grid.lr_ratio: lists 1 twice"),
    "a key on two axes": (
        changed("[1, 4]}", "[1, 4], m: [{as: a, lr_ratio: 2}]}"),
        "bad.yaml: grid.m: sets lr_ratio, and so does the axis lr_ratio: one axis per key",
    ),
    "plugin that is none": (
        STUDY + "plugins: ['../x']",
        "bad.yaml: plugins[0]: ../x: no such file; looked in {cwd}",
    ),
}


@pytest.mark.parametrize("case", BAD_STUDIES)
def test_a_bad_study_is_told_in_one_line(go: Go, results: Path, tmp_path: Path, case: str) -> None:
    text, message = BAD_STUDIES[case]
    message = message.replace("{cwd}", str(tmp_path))
    Path("bad.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    before = content(tmp_path)
    for verb in ("validate", "plan", "run"):
        assert go(verb, "bad.yaml") == (2, "", message + "\n")
    assert go("run", "bad.yaml", "--out", str(results), "--backend", "inline") == (2, "", message + "\n")
    assert content(tmp_path) == before
    assert not (tmp_path.parent / "x").exists()


def test_all_problems_are_told_at_once(go: Go) -> None:
    Path("bad.yaml").write_text(
        changed("mlp", "mpl").replace("40", "ten").replace("[1, 4]", "[]") + "sedes: 3"
    )
    lines = go("run", "bad.yaml")[2].splitlines()
    assert [line.split(": ")[1] for line in lines] == ["sedes", "base.model", "base.steps", "grid.lr_ratio"]


# --- command lines


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("run", "nosuch"),
            f"nosuch: no such file; shipped studies: {', '.join(shipped())}",
        ),
        (("run", "results"), "results: is a folder; a study is a YAML file"),
        (
            ("run", "tiny.yaml", "--out", ""),
            "Error: Invalid value for '--out': the folder has no name; write . for the current one",
        ),
        (("run", ""), "the study has no name: give a YAML file, or the name of a shipped study"),
        (("run", "tiny.yaml", "--set", "steps"), "--set steps: expected key=value"),
        (
            ("run", "tiny.yaml", "--set", "steps=x"),
            "--set: base.steps: expected a whole number, got 'x'",
        ),
        (
            ("run", "tiny.yaml", "--set", "lr_d=0.1"),
            "tiny.yaml: grid.lr_ratio[0]: lr_d is given too: give one of them (none takes a key away)\n"
            "tiny.yaml: grid.lr_ratio[1]: lr_d is given too: give one of them (none takes a key away)",
        ),
        (
            ("run", "tiny.yaml", "--where", "lr_ratio = 1"),
            "--where 'lr_ratio = 1': write lr_ratio == 1",
        ),
        (
            ("run", "tiny.yaml", "--where", "__import__('os')"),
            "--where \"__import__('os')\": expected: key op literal, joined by `and`; op is == != <= >= < >",
        ),
        (
            ("run", "tiny.yaml", "--seeds", "1000000000"),
            "--seeds: 1000000000 seeds of 2 cells are more than 100000 trials",
        ),
        (
            ("run", "tiny.yaml", "--pack", "²"),
            "Error: Invalid value for '--pack': '²' is neither auto nor a number from 1 to 4096",
        ),
        (("status", "nosuch"), "Error: Invalid value for 'RESULTS': Directory 'nosuch' does not exist."),
        (("show", "nosuch", "a"), "Error: Invalid value for 'RESULTS': Path 'nosuch' does not exist."),
        (
            ("report", "."),
            ". holds no tables (trials.parquet). For a results folder, `ganbench judge .` makes them",
        ),
        (("judge", "."), ". holds no plan.json; is it a results folder?"),
        (
            ("show", "results/tiny", "zz"),
            "no trial begins with 'zz'; ids stand in trials.parquet and in the report",
        ),
    ],
)  # fmt: skip
def test_bad_usage_is_told_in_one_sentence(
    go: Go, results: Path, arguments: tuple[str, ...], message: str
) -> None:
    before = content(results)
    code, out, err = go(*arguments)
    assert (code, out) == (2, "")
    assert err.endswith(message + "\n")
    assert err == message + "\n" or err.startswith("Usage: ")
    assert content(results) == before


def test_the_start_of_several_ids_names_them(go: Go, tmp_path: Path) -> None:
    made = trials(read_study(STUDY, "tiny.yaml", seeds=9), lambda dataset: "0" * 64)
    ledger.write_plan(tmp_path / "out", ledger.Plan("tiny", packs(made, 2)))
    assert go("judge", "out")[0] == 0
    first = [each.id[0] for each in made]  # 18 ids, 16 digits
    shared = next(each for each in first if first.count(each) > 1)
    listed = [each.id for each in made if each.id[0] == shared]
    code, out, err = go("show", "out", shared)
    assert (code, out) == (2, "")
    assert err.startswith(f"{len(listed)} trials begin with '{shared}': ")
    assert set(err.strip().partition(": ")[2].replace(", …", "").split(", ")) <= set(listed)


# --- results


def test_a_folder_of_another_study_is_left_alone(go: Go, results: Path) -> None:
    before = content(results)
    other = STUDY.replace("tiny", "other").replace("ring8", "grid25")
    Path("other.yaml").write_text(other)
    code, out, err = go("run", "other.yaml", "--out", "results/tiny", "--backend", "inline", "-q")
    ring = '{"name":"ring8","radius":1.0,"sigma":0.05}'
    grid = '{"name":"grid25","sigma":0.05,"spacing":1.0}'
    assert (code, out) == (2, "")
    assert err == (
        f"{results} belongs to another study, nothing was touched:\n"
        "  name: 'tiny' in the folder, 'other' now\n"
        f"  data: {ring} in the folder, {grid} now\n"
        "Give another folder with --out, or another name to the study\n"
    )
    assert content(results) == before


def test_a_corrupt_segment_costs_its_pack_and_nothing_else(go: Go, results: Path, finished: Path) -> None:
    victim, other = sorted(results.glob("packs/*/segment-*.parquet"))
    data = bytearray(victim.read_bytes())
    for at in range(len(data) // 2, len(data) // 2 + 8):
        data[at] ^= 0xFF
    victim.write_bytes(data)
    untouched = {each: each.stat().st_mtime_ns for each in other.parent.iterdir() if each.name != "lock"}
    code, out, err = go(*(each for each in RUN if each != "-q"))
    assert (code, out) == (0, "")
    assert (
        f"{victim} is damaged: its sha256 is not the one recorded. "
        f"Pack {victim.parent.name} (2 trials) is pending again; no other trial is lost\n"
    ) in err
    assert "2 trials to train in 1 pack, 2 done or crashed earlier" in err
    assert "4 of 4 trials are done" in err
    assert tables(results) == tables(finished)
    assert {each: each.stat().st_mtime_ns for each in untouched} == untouched
    assert [len(attempts.read(each.parent)) for each in (victim, other)] == [2, 1]
    assert go("doctor", str(results))[0] == 0


def test_lost_floors_are_measured_again_and_nothing_is_trained(go: Go, results: Path, finished: Path) -> None:
    kept = content(results / "packs")
    (results / "floors.json").unlink()
    code, _, err = go("judge", str(results))
    assert code == 2
    assert err.startswith(f"{results}/floors.json does not tell how the trials of pack ")
    assert tables(results) == tables(finished)
    assert go(*RUN)[0] == 0
    assert tables(results) == tables(finished)
    assert content(results / "packs") == kept


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("manifest.json", "[1]", "manifest.json is damaged: it holds no record of runs"),
        ("study.yaml", "[1]", "study.yaml is damaged: it is no study"),
        ("study.yaml", "a: [", "study.yaml is damaged: it is no study"),
        ("plan.json", "[1]", "plan.json is damaged: TypeError"),
    ],
)
def test_damage_beside_the_packs_is_one_sentence(
    go: Go, results: Path, name: str, text: str, message: str
) -> None:
    (results / name).write_text(text)
    code, _, err = go("judge", str(results))
    assert (code, err.count("\n")) == (2, 1)
    assert err.startswith(f"{results}/{message}")
    assert name != "plan.json" or ". Put a copy of it back, or give another folder with --out" in err


@pytest.mark.parametrize("name", ["plan.json", "floors.json", "trials.parquet"])
def test_other_damage_is_told_and_never_trains_again(go: Go, results: Path, name: str) -> None:
    kept = content(results / "packs")
    (results / name).write_bytes(b"\x00garbage")
    code, _, err = go(*RUN)
    if name == "trials.parquet":  # made from the packs
        assert code == 0
    else:
        assert code == 2
        assert err.startswith(f"{results / name} is damaged: it is no JSON (")
        assert err.count("\n") == 1
    assert content(results / "packs") == kept


@pytest.mark.parametrize(
    ("word", "survivors"),
    [
        ("plan.json", 0),
        ("floors.json", 0),
        ("segment-", 0),
        ("segment-", 1),
        ("final.safetensors", 1),
        ("done.json", 1),
        ("curves.parquet", 2),
    ],
)
def test_a_full_disk_is_one_sentence_and_the_same_command_goes_on(
    go: Go, tmp_path: Path, finished: Path, monkeypatch: pytest.MonkeyPatch, word: str, survivors: int
) -> None:
    """The disk is full when the file with this word is written for the first time after `survivors` packs."""
    sync = os.fsync
    out = tmp_path / "results" / "tiny"
    full: list[str] = []

    def fsync(number: int) -> None:
        path = os.readlink(f"/proc/self/fd/{number}")
        if word in path and len(list(out.glob("packs/*/done.json"))) == survivors:
            folder, _, temporary = path.rpartition("/.")
            full.append(f"{folder}/{temporary.rsplit('.', 2)[0]}")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(number)

    monkeypatch.setattr(os, "fsync", fsync)
    code, stdout, err = go(*RUN)
    assert (code, stdout) == (2, "")
    assert err == f"cannot write {full[0]}: no space is left on the device. {ADVICE}\n"
    monkeypatch.setattr(os, "fsync", sync)
    kept = {each: content(each.parent) for each in out.glob("packs/*/done.json")}
    assert len(kept) == survivors
    assert not list(out.rglob("*.tmp"))
    assert go(*RUN)[0] == 0
    assert tables(out) == tables(finished)
    assert {each: content(each.parent) for each in kept} == kept


def test_a_folder_that_cannot_be_made_is_one_sentence(
    go: Go, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "results" / "tiny"
    make = os.mkdir

    def mkdir(path: Any, *rest: Any) -> None:
        if Path(path).is_relative_to(tmp_path / "results"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        make(path, *rest)

    monkeypatch.setattr(os, "mkdir", mkdir)
    assert go(*RUN) == (2, "", f"cannot write {out}: no permission to write there. {ADVICE}\n")
    Path("file").touch()
    assert go(*RUN, "--out", "file") == (
        2,
        "",
        f"cannot write {tmp_path}/file: a file of that name is there, and no folder. {ADVICE}\n",
    )


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS])
def test_a_folder_that_cannot_be_written_is_one_sentence(
    go: Go, results: Path, finished: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    before = content(results)
    real = io.open

    def read_only(file: Any, mode: str = "r", *rest: Any, **more: Any) -> Any:
        if set(mode) & set("wax+") and Path(file).is_relative_to(results):
            raise OSError(code, os.strerror(code), str(file))
        return real(file, mode, *rest, **more)

    monkeypatch.setattr(io, "open", read_only)
    what = {errno.EACCES: "no permission to write there", errno.EROFS: "the file system is read-only"}[code]
    assert go(*RUN, "--seeds", "3") == (2, "", f"cannot write {results}: {what}. {ADVICE}\n")
    assert go("judge", str(results)) == (
        2,
        "",
        f"cannot write {results}/trials.parquet: {what}. {ADVICE}\n",
    )
    monkeypatch.setattr(io, "open", real)
    assert content(results) == before
    assert go(*RUN)[0] == 0
    assert tables(results) == tables(finished)


# --- what is not there


def test_an_address_that_does_not_answer_is_told_in_time(results: Path, tmp_path: Path) -> None:
    """In a process of its own, without the fake training: it must not come so far."""
    (tmp_path / "tiny.yaml").write_text(STUDY)
    before = tables(results)
    started = time.monotonic()
    command = [
        sys.executable,
        "-m",
        "bench.cli",
        "run",
        "tiny.yaml",
        "--address",
        "127.0.0.1:1",
        "--out",
        "a",
    ]
    paths = os.pathsep.join([str(Path(cli.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True
    )
    assert time.monotonic() - started < 15
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1] == (
        "no Ray cluster answers at 127.0.0.1:1 ([Errno 111] Connection refused); is it started there?"
    )
    assert tables(results) == before
    assert not list((tmp_path / "a").glob("packs/*/done.json"))


FID = """
name: tiny
base: {dataset: digits, model: dcgan, loss: minimax, steps: 40}
evaluate: {metrics: [fd, fid]}
"""


def test_fid_without_weights_is_told_before_anything_is_planned(
    go: Go, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GANBENCH_INCEPTION", raising=False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    Path("fid.yaml").write_text(FID)
    path = tmp_path / "torch" / "hub" / "checkpoints" / FILE
    assert go("run", "fid.yaml", "-q") == (
        2,
        "",
        f"The metric fid needs torch-fidelity's Inception weights, and there is no file {path}: put {FILE} "
        "there, or name it by $GANBENCH_INCEPTION or by the key weights, or use fd.\n",
    )
    assert not Path("results").exists()
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no weights")
    assert go("run", "fid.yaml", "-q") == (
        2,
        "",
        f"{path} is not torch-fidelity's {FILE}: its sha256 does not start with 6726825d.\n",
    )
    assert not Path("results").exists()


def test_data_that_are_not_there_are_told_before_anything_is_planned(
    go: Go, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.data.fingerprint.fingerprint", fingerprint)
    Path("data.yaml").write_text(FID.replace("digits", "'folder:/no/such'").replace(", fid", ""))
    message = "There is no folder '/no/such': write dataset: folder:PATH with a folder of pictures.\n"
    assert go("run", "data.yaml") == (2, "", message)
    assert not Path("results").exists()
