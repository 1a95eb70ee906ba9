"""Real trainings, killed at many moments and started again: the tables must not show it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

import bench
from bench.store import attempts, lock
from bench.store.manifest import process_tree

TABLES = ("trials.parquet", "curves.parquet")
PATIENCE_S = 120.0
SLOW = {"as": "slow", "lr_g": 1.0e-3}
FAST = {"as": "fast", "lr_g": 1.0e-2}
ABSURD = {"as": "absurd", "lr_g": 100.0, "lr_ratio": 1.0e6}  # diverges
STUDY = {
    "name": "kills",
    "base": {"dataset": "ring8", "model": {"name": "mlp", "width": 16}, "loss": "wasserstein", "steps": 300},
    "grid": {"speed": [SLOW, FAST, ABSURD]},
    "seeds": 3,
    "evaluate": {"every": 20, "samples": 500},
    "checkpoint": {"every_s": 0},
}


@dataclass
class Driver:
    """One `ganbench run` on a folder; packs of three, one at a time."""

    out: Path
    process: subprocess.Popen[str]
    err: Path
    done_before: int
    begun: float = field(default_factory=time.monotonic)
    tree: dict[int, lock.Owner] = field(default_factory=dict)

    def said(self) -> str:
        return self.err.read_text()

    def wait_for(self, moment: Callable[[], bool]) -> bool:
        """Wait until `moment()` holds; False when the driver ended before."""
        deadline = time.monotonic() + PATIENCE_S
        while not moment():
            if self.process.poll() is not None:
                return moment()
            assert time.monotonic() < deadline, f"waited in vain; the driver said:\n{self.said()}"
            time.sleep(0.005)
        return True

    def tree_now(self) -> dict[int, lock.Owner]:
        return {pid: lock.Owner.of(pid) for pid in process_tree(self.process.pid)}

    def kill(self) -> None:
        self.tree = self.tree_now()
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def end(self) -> int:
        return self.process.wait(timeout=PATIENCE_S)

    def packs(self, name: str) -> list[Path]:
        return list(self.out.glob(f"packs/*/{name}"))


Start = Callable[..., Driver]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts drivers; those that still run when the test is over are killed."""
    started: list[Driver] = []

    def start(out: Path, backend: str = "ray", **changes: object) -> Driver:
        study = tmp_path / "kills.yaml"
        study.write_text(yaml.safe_dump({**STUDY, **changes}))
        err = tmp_path / f"{len(started)}.err"
        done_before = len(list(out.glob("packs/*/done.json")))
        arguments = ["run", str(study), "--out", str(out), "--backend", backend, "--pack", "3"]
        if backend == "ray":
            arguments += ["--workers", "1"]
        with err.open("w") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "bench.cli", *arguments],
                stdout=subprocess.DEVNULL,
                stderr=file,
                text=True,
                env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")},
            )
        started.append(Driver(out, process, err, done_before))
        return started[-1]

    yield start
    for driver in started:
        if driver.process.poll() is None:
            driver.kill()


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An uninterrupted run without ray, with the default checkpoints."""
    folder = tmp_path_factory.mktemp("reference")
    (folder / "kills.yaml").write_text(
        yaml.safe_dump({key: value for key, value in STUDY.items() if key != "checkpoint"})
    )
    arguments = ["run", str(folder / "kills.yaml"), "--backend", "inline", "--pack", "3", "-q"]
    out = folder / "out"
    subprocess.run(
        [sys.executable, "-m", "bench.cli", *arguments, "--out", str(out)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    results = bench.load(out)
    assert results.trials["status"].tolist() == ["done"] * 9
    assert "diverged" in results.trials["outcome"].tolist()
    return out


def content(out: Path) -> list[bytes]:
    return [(out / name).read_bytes() for name in TABLES]


def endings(out: Path) -> list[list[str]]:
    """How the attempts at each pack ended, in the order of the plan."""
    plan = json.loads((out / "plan.json").read_text())
    records = [attempts.read(out / "packs" / pack["id"]) for pack in plan["packs"]]
    return [[record.get("ending", "killed") for record in each] for each in records]


def assert_nothing_is_left(out: Path, killed: list[Driver]) -> None:
    """No process of a killed driver lives on, no temporary folder stays, nothing is written any more."""
    for driver in killed:
        assert not [pid for pid, owner in driver.tree.items() if owner.is_alive()]
    drivers = {driver.process.pid for driver in killed}
    owners = [lock.read_owner(folder) for folder in Path("/tmp").glob("gb-*")]
    assert not [owner for owner in owners if owner is not None and owner.pid in drivers]
    assert not (out / ".tune").exists()
    assert not list(out.rglob("*.tmp"))
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    time.sleep(2.0)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before


def has_trained(driver: Driver, steps: int) -> bool:
    """Whether a checkpoint of this many steps is there."""
    for path in driver.packs("checkpoint.json"):
        with suppress(FileNotFoundError):  # the pack was done just now
            if json.loads(path.read_text())["checkpoints"][-1]["step"] >= steps:
                return True
    return False


MOMENTS: dict[str, Callable[[Driver], bool]] = {
    "imports": lambda driver: time.monotonic() - driver.begun > 0.4,
    "start of ray": lambda driver: "starting Ray" in driver.said() and time.monotonic() - driver.begun > 2.5,
    "floors": lambda driver: "measuring the floors" in driver.said(),
    "start of a pack": lambda driver: bool(driver.packs("attempts.jsonl")),
    "first checkpoint": lambda driver: bool(driver.packs("checkpoint.json")),
    "later checkpoint": lambda driver: has_trained(driver, 160),
    "a pack is done": lambda driver: len(driver.packs("done.json")) > driver.done_before,
    "all are done": lambda driver: len(driver.packs("done.json")) == 3,
    "first table": lambda driver: (driver.out / "curves.parquet").exists(),
    "report": lambda driver: (driver.out / "samples").exists() or (driver.out / "report.html").exists(),
}


@pytest.mark.slow
@pytest.mark.ray
def test_a_driver_killed_at_any_moment(start: Start, reference: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    killed: list[Driver] = []
    for name, moment in MOMENTS.items():
        driver = start(out)
        assert driver.wait_for(lambda driver=driver, moment=moment: moment(driver)), name
        driver.kill()
        killed.append(driver)
    last = start(out)
    assert last.end() == 0, last.said()
    assert content(out) == content(reference)
    each = endings(out)
    assert [pack.count("done") for pack in each] == [1, 1, 1], "no finished trial is repeated"
    assert [pack[-1] for pack in each] == ["done"] * 3
    assert sum(len(pack) for pack in each) > 3, "at least one pack was killed and went on"
    assert_nothing_is_left(out, [*killed, last])


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_at_any_moment(start: Start, reference: Path, tmp_path: Path, number: int) -> None:
    out = tmp_path / "out"
    stopped: list[Driver] = []
    for name in ("start of ray", "floors", "start of a pack", "later checkpoint", "first table"):
        driver = start(out)
        assert driver.wait_for(lambda driver=driver, name=name: MOMENTS[name](driver)), name
        asked = time.monotonic()
        driver.tree = driver.tree_now()
        driver.process.send_signal(number)
        assert driver.end() == 130, (name, driver.said())
        assert time.monotonic() - asked < 20, name  # under 5 s on an idle machine
        assert "trials are done and kept. To go on: ganbench run" in driver.said()
        assert "Traceback" not in driver.said()
        assert "***" not in driver.said()
        stopped.append(driver)
    last = start(out)
    assert last.end() == 0, last.said()
    assert content(out) == content(reference)
    assert [pack.count("done") for pack in endings(out)] == [1, 1, 1]
    assert_nothing_is_left(out, [*stopped, last])


@pytest.mark.slow
@pytest.mark.ray
def test_kills_with_the_default_checkpoints(start: Start, reference: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    killed = []
    for name in ("start of a pack", "a pack is done"):
        driver = start(out, checkpoint={})
        assert driver.wait_for(lambda driver=driver, name=name: MOMENTS[name](driver)), name
        driver.kill()
        killed.append(driver)
    last = start(out, checkpoint={})
    assert last.end() == 0, last.said()
    assert content(out) == content(reference)
    assert [pack.count("done") for pack in endings(out)] == [1, 1, 1]
    assert_nothing_is_left(out, [*killed, last])


@pytest.mark.slow
@pytest.mark.ray
def test_a_killed_worker_is_replaced(start: Start, reference: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    driver = start(out)
    assert driver.wait_for(lambda: bool(driver.packs("checkpoint.json")))
    path = driver.packs("attempts.jsonl")[0]
    victim = attempts.read(path.parent)[-1]["pid"]
    assert victim != driver.process.pid
    os.kill(victim, signal.SIGKILL)
    assert driver.end() == 0, driver.said()
    assert "its process or machine was lost); it will be tried again" in driver.said()
    assert "Traceback" not in driver.said()
    assert content(out) == content(reference)
    assert endings(out)[0] == ["killed", "done"]
    assert_nothing_is_left(out, [driver])


@pytest.mark.slow
@pytest.mark.ray
def test_packs_of_one_actor_equal_packs_that_run_first(start: Start, reference: Path, tmp_path: Path) -> None:
    out, turned = tmp_path / "out", tmp_path / "turned"
    driver = start(out)
    assert driver.end() == 0, driver.said()
    pids = bench.load(out).attempts["pid"].tolist()
    assert len(pids) == 3
    assert len(set(pids)) == 1, "one actor runs all three packs"
    assert content(out) == content(reference)

    # The third pack runs first where the plan names it first.
    plan = json.loads((reference / "plan.json").read_text())
    turned.mkdir()
    (turned / "plan.json").write_text(json.dumps({**plan, "packs": plan["packs"][::-1]}))
    driver = start(turned, backend="inline")
    assert driver.end() == 0, driver.said()
    results = bench.load(turned)
    assert results.attempts["pack"].iloc[0] == plan["packs"][2]["id"], "the third pack was the first"
    assert results.curves.equals(bench.load(reference).curves)
