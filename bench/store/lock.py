"""One driver per results folder, one worker per pack: advisory locks that die with their owner."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from bench.errors import UserError
from bench.store import atomic


@dataclass(frozen=True)
class Owner:
    """A process, told from a later one of the same pid by its start time (clock ticks since boot)."""

    pid: int
    host: str
    started: int

    @classmethod
    def me(cls) -> Owner:
        return cls.of(os.getpid())

    @classmethod
    def of(cls, pid: int) -> Owner:
        return cls(pid, socket.gethostname(), _start_time(pid) or 0)

    def is_alive(self) -> bool:
        """False only when it is certain: an owner on another machine counts as alive."""
        if self.host != socket.gethostname():
            return True
        return _start_time(self.pid) == self.started


def is_running(pid: int) -> bool:
    """Whether a process of this machine has not ended yet."""
    return _start_time(pid) is not None


def _start_time(pid: int) -> int | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    after_name = stat.rpartition(")")[2].split()
    return None if after_name[0] in "ZX" else int(after_name[19])


@contextmanager
def results_lock(results: Path) -> Iterator[Owner]:
    """Hold `results/lock`; UserError naming the other driver when it is held."""
    atomic.make_folder(results)
    with (results / "lock").open("a+") as file:
        if not _acquire(file, wait_s=0.5):
            other = read_owner(results)
            who = f"process {other.pid} on {other.host}" if other else "another process"
            raise UserError(
                f"{results} is in use: {who} is running this study. Wait for it, stop it, or give --out"
            )
        me = Owner.me()
        _write_owner(file, me)
        try:
            yield me
        finally:
            _write_owner(file, None)


@contextmanager
def pack_lock(folder: Path, wait_s: float = 60.0) -> Iterator[None]:
    """Hold `folder/lock`, waiting up to `wait_s` seconds for an orphan of a killed run to end."""
    atomic.make_folder(folder)
    with (folder / "lock").open("a+") as file:
        if not _acquire(file, wait_s):
            raise UserError(
                f"{folder} is still held by a worker of an earlier run, after {wait_s:.0f} s of waiting"
            )
        yield


def is_held(lock: Path) -> bool:
    """Whether some process holds this lock now."""
    try:
        with lock.open() as file:
            return not _acquire(file, 0.0, fcntl.LOCK_SH)
    except OSError:
        return False


def read_owner(results: Path) -> Owner | None:
    """Who wrote its name into `results/lock` last and has not let go since; it may be dead."""
    try:
        record = json.loads((results / "lock").read_text())
        return Owner(int(record["pid"]), str(record["host"]), int(record["started"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write_owner(file: IO[str], owner: Owner | None) -> None:
    # In place and not by rename: the lock belongs to the open file, and a new file would be unlocked.
    with atomic.said_plainly(Path(file.name)):
        file.seek(0)
        file.truncate()
        file.write(json.dumps(asdict(owner)) if owner else "")
        file.flush()


def _acquire(file: IO[str], wait_s: float, kind: int = fcntl.LOCK_EX) -> bool:
    deadline = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(file, kind | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.1)
