"""Whole runs on the inline backend, with the training of `fake_training`."""

from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from fake_training import DIVERGES, RAISES, RAISES_ONCE, Checkpoint, Study, packs_of_two, trial

import bench
from bench.errors import UserError
from bench.launch import retry
from bench.launch.run import Options, run
from bench.store import artefacts, attempts, cover, ledger, lock, manifest, tables

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
FAKE = {"train": "fake_training:train", "load": "fake_training:load", "build": "fake_training:build"}
INLINE = Options(backend="inline", report=False, quiet=True, **FAKE)
TRIALS = [*(trial(seed) for seed in range(3)), trial(3, weight_decay=DIVERGES)]
TABLES = (tables.TRIALS, tables.CURVES)

SCRIPT = """
import sys
from pathlib import Path
from fake_training import DIVERGES, Study, packs_of_two, trial
from bench.launch.run import Options, run
fake = {name: f"fake_training:{name}" for name in ("train", "load", "build")}
trials = [*(trial(seed) for seed in range(3)), trial(3, weight_decay=DIVERGES)]
options = Options(backend=sys.argv[2], report=False, **fake)
sys.exit(run(Study(), trials, packs_of_two, Path(sys.argv[1]), options))
"""


@pytest.fixture(autouse=True)
def no_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "BACKOFF_S", (0.0,))


def go(out: Path, trials=TRIALS, study: Study | None = None, **changes) -> int:
    options = Options(**{**INLINE.__dict__, **changes})
    return run(study or Study(), trials, packs_of_two, out, options)


def content(out: Path) -> list[bytes]:
    return [(out / name).read_bytes() for name in TABLES]


def script(*arguments: str, sleep_s: float = 0.0, **environment: str) -> subprocess.Popen[str]:
    paths = os.pathsep.join([str(FIXTURES), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-c", environment.pop("code", SCRIPT), *arguments],
        env={**os.environ, "PYTHONPATH": paths, "FAKE_SLEEP_S": str(sleep_s), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An uninterrupted run."""
    out = tmp_path_factory.mktemp("whole")
    assert go(out, study=Study(checkpoint=Checkpoint(every_s=1e9), claims_sha256={"a": "0123456789ab"})) == 0
    return out


def test_a_run_leaves_what_the_documents_promise(whole: Path) -> None:
    results = bench.load(whole)
    assert results.trials["status"].tolist() == ["done"] * 4
    assert results.trials["outcome"].notna().all()
    assert results.trials["outcome"].tolist()[3] == "diverged"
    assert results.trials["outcome_step"].tolist()[3] == 20
    curves = results.curves
    assert curves[["trial", "step"]].apply(tuple, axis=1).is_monotonic_increasing
    assert not curves.duplicated(["trial", "step"]).any()
    dead = curves[curves["trial"] == TRIALS[3].id]
    assert dead["alive"].tolist() == [True] * (len(dead) - 1) + [False]
    assert dead["sw1"].isna().tolist() == [False] * (len(dead) - 1) + [True]
    assert results.meta["primary"] == "sw1"
    assert results.meta["directions"]["modes.hq"] == "higher"
    assert results.meta["steps"][TRIALS[0].id] == 40
    assert results.attempts["ending"].tolist() == ["done", "done"]
    assert results.study == {"name": "fake"}
    assert results.manifest["sessions"][0]["peak_mb"] > 0
    assert results.manifest["sessions"][0]["claims"] == {"a": "0123456789ab"}
    assert results.manifest["sessions"][0]["partial"] == []
    previews = artefacts.trial_previews(whole, TRIALS[1].id)
    assert sorted(previews) == [0, 40]
    assert previews[0].shape == (3, 2)
    assert artefacts.trial_final(whole, TRIALS[1].id).keys() == {"gen.x", "disc.x"}
    assert not list(whole.glob("packs/*/state-*"))
    assert not list(whole.rglob("*.tmp"))


def test_a_second_start_does_nothing_and_changes_nothing(whole: Path) -> None:
    before = content(whole)
    assert go(whole) == 0
    assert content(whole) == before
    assert len(manifest.read(whole)["sessions"]) == 1


def test_every_start_updates_the_marks(tmp_path: Path) -> None:
    cells = [cover.key(dict(each.axes)) for each in {each.cell: each for each in TRIALS}.values()]
    part = Study(partial=("--limit 2",), whole={"cells": cells, "seeds": [0, 1, 2, 3]})

    def now() -> list[str]:
        table = tables.load(tmp_path)
        return manifest.partial_now(table.manifest, table.trials, {each: each for each in table.meta["axes"]})

    assert go(tmp_path, TRIALS[:2], part) == 0
    assert now() == ["--limit 2"]
    assert go(tmp_path, TRIALS[:2]) == 0  # nothing to do, and all of a smaller study
    assert now() == []
    assert len(manifest.read(tmp_path)["sessions"]) == 1
    assert go(tmp_path, TRIALS[:2], part) == 0
    assert now() == ["--limit 2"]
    seeds = Study(partial=("--limit 2",), whole={"cells": cells[:1], "seeds": [0, 1]})
    assert go(tmp_path, TRIALS[:1], seeds) == 0  # a part of what is whole
    assert now() == []


def test_checkpoints_do_not_show_in_the_tables(whole: Path, tmp_path: Path) -> None:
    assert go(tmp_path, study=Study(checkpoint=Checkpoint(every_s=0.0))) == 0
    assert content(tmp_path) == content(whole)


def test_killed_at_random_points_equals_uninterrupted(whole: Path, tmp_path: Path) -> None:
    chance = random.Random(0)
    kills = 0
    for _ in range(30):
        process = script(str(tmp_path), "inline", sleep_s=0.05)
        deadline = time.monotonic() + 60
        # The time of the kill counts from the first checkpoint or row of this attempt, not from the imports.
        started = len(list(tmp_path.glob("packs/*/attempts.jsonl")))
        seen = sum(len(attempts.read(each.parent)) for each in tmp_path.glob("packs/*/attempts.jsonl"))
        while process.poll() is None and time.monotonic() < deadline:
            now = sum(len(attempts.read(each.parent)) for each in tmp_path.glob("packs/*/attempts.jsonl"))
            if now > seen or started == 2:
                break
            time.sleep(0.01)
        try:
            process.wait(timeout=chance.uniform(0.05, 0.9) if kills < 3 else 60)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.communicate()
        if process.returncode == 0:
            break
    assert process.returncode == 0
    assert kills == 3
    assert content(tmp_path) == content(whole)
    assert not list(tmp_path.rglob("*.tmp"))
    endings = bench.load(tmp_path).attempts["ending"].tolist()
    assert endings.count("done") == 2


def test_a_signal_stops_at_once_and_says_how_to_go_on(tmp_path: Path, whole: Path) -> None:
    process = script(str(tmp_path), "inline", sleep_s=5.0)
    while not list(tmp_path.glob("packs/*/attempts.jsonl")) and process.poll() is None:
        time.sleep(0.05)
    asked = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert time.monotonic() - asked < 5
    assert process.returncode == 130
    assert "0 of 4 trials are done and kept. To go on: ganbench" in err
    assert "Traceback" not in err
    assert go(tmp_path) == 0
    assert content(tmp_path) == content(whole)


def test_new_seeds_run_alone(tmp_path: Path) -> None:
    assert go(tmp_path, TRIALS[:2]) == 0
    before = tables.load(tmp_path)
    assert go(tmp_path, [*TRIALS[:2], trial(7)]) == 0
    after = tables.load(tmp_path)
    assert len(after.trials) == 3
    assert len(after.attempts) == 2
    ids = before.trials["trial"]
    same = after.curves[after.curves["trial"].isin(ids)].reset_index(drop=True)
    assert same.equals(before.curves)


def test_a_crash_is_retried_reported_and_reopened(tmp_path: Path) -> None:
    bad = [*TRIALS[:2], trial(8, weight_decay=RAISES), trial(9)]
    assert go(tmp_path, bad) == 1
    results = tables.load(tmp_path)
    assert results.trials["status"].tolist() == ["done", "done", "crashed", "crashed"]
    assert results.attempts["ending"].tolist() == ["done", "error", "error"]
    text = next(tmp_path.glob("packs/*/error.txt")).read_text()
    assert "failure 2 of 2: an exception: RuntimeError: boom" in text
    assert "Traceback" in text
    assert go(tmp_path, bad) == 1, "a crashed pack stays crashed"
    assert len(tables.load(tmp_path).attempts) == 3
    assert go(tmp_path, bad, retry=True) == 1
    assert len(tables.load(tmp_path).attempts) == 5


def test_a_passing_failure_is_mended_by_the_retry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_FOLDER", str(tmp_path))
    assert go(tmp_path / "out", [trial(8, weight_decay=RAISES_ONCE)]) == 0
    assert tables.load(tmp_path / "out").attempts["ending"].tolist() == ["error", "done"]


def test_fail_fast_leaves_the_rest_pending(tmp_path: Path) -> None:
    trials = [trial(8, weight_decay=RAISES), trial(9), *TRIALS[:2]]
    assert go(tmp_path, trials, fail_fast=True) == 1
    assert set(ledger.statuses(tmp_path).values()) == {"crashed", "pending"}
    assert tables.load(tmp_path).trials["outcome"].isna().all()


def test_a_budget_stops_and_the_next_start_goes_on(tmp_path: Path, whole: Path) -> None:
    assert go(tmp_path, budget_s=0.0) == 130
    assert "done" not in ledger.statuses(tmp_path).values()
    assert go(tmp_path) == 0
    assert content(tmp_path) == content(whole)


def test_a_corrupt_segment_costs_its_pack_and_no_other(tmp_path: Path, whole: Path) -> None:
    assert go(tmp_path) == 0
    victim = sorted(tmp_path.glob("packs/*/segment-*.parquet"))[0]
    victim.write_bytes(victim.read_bytes()[:-7] + b"garbage")
    sentences = tables.consolidate(tmp_path)
    assert len(sentences) == 1
    assert victim.name in sentences[0]
    assert sorted(tables.load(tmp_path).trials["status"]) == ["done", "done", "pending", "pending"]
    assert go(tmp_path) == 0
    assert content(tmp_path) == content(whole)
    assert len(tables.load(tmp_path).attempts) == 3


def test_another_study_and_a_second_driver_are_refused(tmp_path: Path) -> None:
    assert go(tmp_path, TRIALS[:2]) == 0
    with pytest.raises(UserError, match="name: 'fake' in the folder, 'other' now"):
        go(tmp_path, study=Study(name="other"))
    with lock.results_lock(tmp_path), pytest.raises(UserError, match=f"process {os.getpid()}"):
        go(tmp_path)


def test_changed_data_are_refused_before_training(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the data of ring8 changed"):
        go(tmp_path, [trial(0, data_sha256="e" * 64)])


def test_a_full_disk_is_one_sentence_and_loses_nothing(
    tmp_path: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert go(tmp_path, TRIALS[:2]) == 0
    replace = os.replace

    def full(source: os.PathLike[str], target: os.PathLike[str]) -> None:
        if "segment" in Path(target).name:
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(UserError, match="no space is left"):
        go(tmp_path)
    monkeypatch.undo()
    assert sorted(ledger.statuses(tmp_path).values()) == ["done", "done", "pending", "pending"]
    assert go(tmp_path) == 0
    assert content(tmp_path) == content(whole)


def test_kept_weights_can_be_none(tmp_path: Path) -> None:
    assert go(tmp_path, TRIALS[:1], Study(checkpoint=Checkpoint(keep="none"))) == 0
    assert artefacts.trial_final(tmp_path, TRIALS[0].id) == {}


def test_inline_needs_no_ray(tmp_path: Path) -> None:
    blocked = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "ray":
            raise ImportError("blocked: " + name)
sys.meta_path.insert(0, Block())
"""
    process = script(str(tmp_path), "inline", code=blocked + SCRIPT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err


def test_previews_of_images_are_kept_small(tmp_path: Path) -> None:
    samples = np.linspace(-1, 1, 2 * 3 * 28 * 28, dtype=np.float32).reshape(2, 3, 1, 28, 28)
    part = artefacts.write_preview(tmp_path, 5, samples)
    found = artefacts.read_preview(tmp_path, part)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, samples, atol=1e-3)
