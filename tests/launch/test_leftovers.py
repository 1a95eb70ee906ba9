from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from bench.launch import leftovers
from bench.launch.events import Event
from bench.store import lock


def sleeper(log: Path | None = None) -> subprocess.Popen[bytes]:
    with (log or Path(os.devnull)).open("w") as file:
        return subprocess.Popen(["sleep", "60"], stdout=file)


def test_what_a_killed_driver_left_goes_and_nothing_else() -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    owner = lock.Owner.of(dead.pid)
    dead.wait()
    old, living = (Path(tempfile.mkdtemp(prefix="gb-", dir="/tmp")) for _ in range(2))
    (old / "lock").write_text(json.dumps(asdict(owner)))
    (living / "lock").write_text(json.dumps(asdict(lock.Owner.me())))
    (old / leftovers.CLUSTER).mkdir()
    orphan = sleeper(old / leftovers.CLUSTER / "log")
    other = sleeper(living / "log")
    try:
        leftovers.sweep()
        new = leftovers.temporary_folder(lock.Owner.me())
        assert lock.read_owner(new) == lock.Owner.me()
        assert orphan.wait(timeout=5) == -9
        assert not old.exists()
        assert living.exists()
        assert other.poll() is None
        shutil.rmtree(new)
    finally:
        for process in (orphan, other):
            process.kill()
            process.wait()
        shutil.rmtree(old, ignore_errors=True)
        shutil.rmtree(living)


def test_a_worker_of_this_machine_is_killed() -> None:
    process = sleeper()
    here = lock.Owner.me().host
    leftovers.kill_worker(Event("tick", "a", 0, pid=process.pid, host="elsewhere"))
    assert process.poll() is None
    leftovers.kill_worker(Event("tick", "a", 0, pid=process.pid, host=here))
    assert process.wait(timeout=5) == -9
    leftovers.kill_worker(Event("tick", "a", 0, pid=process.pid, host=here))  # is gone: no error


def test_leaving_takes_children_and_folder_along(tmp_path: Path) -> None:
    code = (
        "import subprocess\n"
        "from bench.launch import leftovers\n"
        "from bench.store import lock\n"
        "folder = leftovers.temporary_folder(lock.Owner.me())\n"
        "child = subprocess.Popen(['sleep', '60'])\n"
        "print(folder, child.pid)\n"
        "leftovers.leave()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 130, done.stderr
    folder, pid = done.stdout.split()
    assert not Path(folder).exists()
    assert not lock.is_running(int(pid))
