from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.errors import UserError
from bench.store import lock

HOLDER = """
import sys, time
from pathlib import Path
from bench.store import lock
with getattr(lock, sys.argv[1])(Path(sys.argv[2])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def hold():
    holders = []

    def start(kind: str, folder: Path) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", HOLDER, kind, str(folder)]
        holder = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        holders.append(holder)
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        return holder

    yield start
    for holder in holders:
        holder.kill()
        holder.communicate()


def test_a_second_driver_is_told_who_runs(tmp_path: Path, hold) -> None:
    other = hold("results_lock", tmp_path)
    with pytest.raises(UserError, match=f"process {other.pid} on"), lock.results_lock(tmp_path):
        pass
    assert lock.read_owner(tmp_path).is_alive()
    other.kill()
    other.wait()
    assert not lock.read_owner(tmp_path).is_alive()
    with lock.results_lock(tmp_path) as owner:
        assert owner == lock.read_owner(tmp_path)
        assert owner.pid == os.getpid()
    assert lock.read_owner(tmp_path) is None


def test_a_worker_waits_for_a_dying_orphan(tmp_path: Path, hold) -> None:
    orphan = hold("pack_lock", tmp_path)
    assert lock.is_held(tmp_path / "lock")
    with pytest.raises(UserError, match="still held"), lock.pack_lock(tmp_path, wait_s=0.2):
        pass
    orphan.kill()
    started = time.monotonic()
    with lock.pack_lock(tmp_path):
        assert time.monotonic() - started < 10
    assert not lock.is_held(tmp_path / "lock")


def test_the_same_pid_with_another_start_is_another_process() -> None:
    me = lock.Owner.me()
    assert me.is_alive()
    assert not lock.Owner(me.pid, me.host, me.started + 1).is_alive()
    assert lock.Owner(me.pid, "elsewhere", 0).is_alive()
