"""What a driver of a Ray cluster must not leave behind: processes and temporary folders."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from bench.errors import INTERRUPTED
from bench.launch.events import Event
from bench.store import lock, manifest

CLUSTER = "r"  # the folder in the folder; sockets need short paths


def temporary_folder(owner: lock.Owner) -> Path:
    """A folder of this driver, with a path short enough for sockets."""
    folder = Path(tempfile.mkdtemp(prefix="gb-", dir="/tmp"))
    (folder / "lock").write_text(json.dumps(asdict(owner)))
    return folder


def sweep() -> None:
    """Remove the clusters and folders of drivers that were killed."""
    for old in Path("/tmp").glob("gb-*"):
        known = lock.read_owner(old)
        with suppress(FileNotFoundError):  # another driver may be removing it, too
            if known is not None and not known.is_alive() and old.stat().st_uid == os.getuid():
                _kill_orphans(old)
                remove(old)


def remove(folder: Path) -> None:
    """Remove a cluster's folder: its lock last, so that what cannot go yet is found by the next sweep."""
    for _ in range(20):
        shutil.rmtree(folder / CLUSTER, ignore_errors=True)
        if not (folder / CLUSTER).exists():
            shutil.rmtree(folder, ignore_errors=True)
            return
        time.sleep(0.05)  # a dying process wrote another line to its log


def _kill_orphans(folder: Path) -> None:
    """Kill what still runs of a cluster whose driver is dead; ray's own agents take a minute to see it."""
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and _has_open(process, folder):
            with suppress(ProcessLookupError):
                os.kill(int(process.name), signal.SIGKILL)


def _has_open(process: Path, folder: Path) -> bool:
    """Whether a process holds a file of this folder open; all of ray's hold their logs."""
    try:
        handles = list((process / "fd").iterdir())
    except OSError:  # it has ended, or is another user's
        return False
    for handle in handles:
        with suppress(OSError):
            if os.readlink(handle).startswith(f"{folder}/"):
                return True
    return False


def kill_worker(event: Event) -> None:
    """Kill the process that sent this event, when it is one of this machine."""
    if event.pid and event.pid != os.getpid() and event.host == socket.gethostname():
        with suppress(ProcessLookupError):
            os.kill(event.pid, signal.SIGKILL)


def leave() -> None:
    """End this process and all that it started, now, as interrupted; its temporary folder goes, too."""
    sys.stdout.flush()
    sys.stderr.flush()
    children = manifest.process_tree(os.getpid())[1:]
    for pid in children:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 1.0
    while any(lock.is_running(pid) for pid in children) and time.monotonic() < deadline:
        time.sleep(0.02)
    for folder in Path("/tmp").glob("gb-*"):
        if lock.read_owner(folder) == lock.Owner.me():
            remove(folder)
    os._exit(INTERRUPTED)
