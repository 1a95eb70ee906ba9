"""The Ray backend, each time in a process of its own: a driver is a process, and ray is one per process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from fake_training import DIES, DIVERGES, RAISES, Checkpoint, Study, packs_of_two, trial

from bench.launch.run import Options, run
from bench.store import ledger, lock, manifest, tables

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
FAKE = {name: f"fake_training:{name}" for name in ("train", "load", "build")}
GOOD = [*(trial(seed) for seed in range(5)), trial(5, weight_decay=DIVERGES)]
BAD = [trial(8, weight_decay=RAISES), trial(9), trial(10, weight_decay=DIES), trial(11)]

SCRIPT = """
import json, sys, tempfile
from pathlib import Path
import fake_training as fake
from bench.launch.run import Options, run
if __name__ == "__main__":
    trials = [*(fake.trial(seed) for seed in range(5)), fake.trial(5, weight_decay=fake.DIVERGES)]
    if sys.argv[2] == "bad":
        trials += [fake.trial(8, weight_decay=fake.RAISES), fake.trial(9)]
        trials += [fake.trial(10, weight_decay=fake.DIES), fake.trial(11)]
    names = {name: f"fake_training:{name}" for name in ("train", "load", "build")}
    options = Options(backend="ray", cores=1, report=False, **names)
    study = fake.Study(resources=fake.Resources(cpu=float(sys.argv[3])))
    try:
        code = run(study, trials, fake.packs_of_two, Path(sys.argv[1]), options)
    except Exception as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        code = getattr(error, "exit_code", 99)
    print(json.dumps({"torch": "torch" in sys.modules, "ray": "ray" in sys.modules}))
    sys.exit(code)
"""


def start(out: Path, kind: str = "good", cpu: float = 1.0, sleep_s: float = 0.0) -> subprocess.Popen[str]:
    paths = os.pathsep.join([str(FIXTURES), os.environ.get("PYTHONPATH", "")])
    extra = {"PYTHONPATH": paths, "FAKE_SLEEP_S": str(sleep_s), "FAKE_FOLDER": str(out.parent)}
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(out), kind, str(cpu)],
        env={**os.environ, **extra},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def listening(pids: list[int]) -> set[str]:
    """Addresses, as /proc/net writes them, on which these processes accept connections."""
    links = set()
    for pid in pids:
        for handle in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                links.add(os.readlink(handle))
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state, *rest = line.split()
            if state == "0A" and f"socket:[{rest[5]}]" in links:
                found.add(local.partition(":")[0])
    return found


def temporary_folders(driver: int) -> list[Path]:
    owners = {folder: lock.read_owner(folder) for folder in Path("/tmp").glob("gb-*")}
    return [folder for folder, owner in owners.items() if owner is not None and owner.pid == driver]


@pytest.mark.ray
def test_packs_retries_and_a_torch_free_driver(tmp_path: Path) -> None:
    out, inline = tmp_path / "ray", tmp_path / "inline"
    started = time.monotonic()
    process = start(out, "bad")
    assert process.stderr is not None
    first = process.stderr.readline()
    assert "10 trials" in first
    assert time.monotonic() - started < 15  # 5 s on an idle machine
    printed, err = process.communicate(timeout=180)
    assert process.returncode == 1, err
    assert json.loads(printed) == {"torch": False, "ray": True}
    assert "Traceback" not in err
    assert "failed (its process or machine was lost); it will be tried again" in err
    assert "crashed for good (an exception: RuntimeError: boom)" in err

    statuses = ledger.statuses(out)
    assert [statuses[t.id] for t in (*GOOD, *BAD)] == ["done"] * 6 + ["crashed"] * 2 + ["done"] * 2
    endings = tables.load(out).attempts["ending"].tolist()
    assert endings == ["done"] * 3 + ["error"] * 2 + ["killed", "done"]
    pids = tables.load(out).attempts["pid"].tolist()
    assert pids[0] == pids[1] == pids[2], "one actor runs one pack after the other"
    assert not (out / ".tune").exists()
    assert manifest.read(out)["sessions"][0]["workers"] == 1

    # The third pack of an actor gives what a pack gives that runs first, and without ray.
    options = Options(backend="inline", report=False, quiet=True, **FAKE)
    assert run(Study(checkpoint=Checkpoint()), GOOD, packs_of_two, inline, options) == 0
    both = [tables.load(each).curves for each in (out, inline)]
    ids = [t.id for t in GOOD]
    mine = both[0][both[0]["trial"].isin(ids)].reset_index(drop=True)
    assert mine.equals(both[1])


@pytest.mark.ray
def test_sigterm_stops_within_seconds_and_can_go_on(tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = start(out, sleep_s=30.0)
    while not list(out.glob("packs/*/attempts.jsonl")) and process.poll() is None:
        time.sleep(0.1)
    assert temporary_folders(process.pid)
    time.sleep(1.0)
    loopback = {"0100007F", "0000000000000000FFFF00000100007F"}
    assert listening(manifest.process_tree(process.pid)) <= loopback
    assert listening(manifest.process_tree(process.pid)), "else nothing was tested"
    asked = time.monotonic()
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert time.monotonic() - asked < 30  # about 5 s on an idle machine
    assert process.returncode == 130, err
    assert "0 of 6 trials are done and kept. To go on: ganbench" in err
    assert "Traceback" not in err
    assert "***" not in err
    assert not temporary_folders(process.pid)
    assert not (out / ".tune").exists()
    assert set(ledger.statuses(out).values()) == {"pending"}


@pytest.mark.ray
def test_a_request_that_no_machine_meets_is_refused(tmp_path: Path) -> None:
    process = start(tmp_path / "out", cpu=64.0)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "each pack asks for 64 cores and 0 GPUs, and no machine has them (there: 1 cores" in err
