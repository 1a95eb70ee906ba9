"""`manifest.json`: on what, with which versions, for how long and with how much memory a study ran."""

from __future__ import annotations

import os
import platform
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from bench.errors import UserError
from bench.store import atomic, cover
from bench.trial import PROTOCOL

if TYPE_CHECKING:
    import pandas as pd

FILE = "manifest.json"
NO_TRIALS: Mapping[str, str] = MappingProxyType({})
SHARE = 0.007  # of one core, for sampling memory
PACKAGES = ("torch", "torchvision", "torch-fidelity", "ray", "numpy", "pandas", "pyarrow", "scipy", "mlxtend")


def read(results: Path) -> dict[str, Any]:
    path = results / FILE
    record = atomic.read_json(path) if path.exists() else {}
    if not isinstance(record, dict):
        raise UserError(f"{path} is damaged: it holds no record of runs; remove it to go on")
    return record


def open_session(results: Path, session: Mapping[str, Any], partial: list[str]) -> int:
    """Append a session of running with the machine it runs on; returns its index.

    `partial` names what keeps this session from covering the study (`--limit 5`); marks are never removed.
    """
    record = read(results)
    sessions = [
        *record.get("sessions", []),
        {**session, "partial": partial, "machine": machine(), "versions": versions(), **source()},
    ]
    marks = list(dict.fromkeys([*record.get("partial", []), *partial]))
    made = {"protocol": PROTOCOL, "partial": marks, "sessions": sessions}
    atomic.write_json(results / FILE, {**record, **made})
    return len(sessions) - 1


def close_session(results: Path, index: int, session: Mapping[str, Any]) -> None:
    """Add how a session went: wall_s, peak_mb, exit code, counts."""
    record = read(results)
    record["sessions"][index].update(session)
    atomic.write_json(results / FILE, record)


def mark(results: Path, partial: Sequence[str], whole: Mapping[str, Any]) -> None:
    """Remember what kept this start, also one that had nothing to do, from covering the study, and which
    cells and seeds would cover it; nothing is written where that is known."""
    record = read(results)
    start = {"partial": list(partial), **(whole if partial else {})}
    if record.get("last_start") != start:
        made = {"protocol": PROTOCOL, "partial": [], "sessions": [], **record, "last_start": start}
        atomic.write_json(results / FILE, made)


def partial_now(
    record: Mapping[str, Any],
    trials: pd.DataFrame | None = None,
    axes: Mapping[str, str] = MappingProxyType({}),
) -> list[str]:
    """What keeps the results from covering the study: the marks of the last start, not those that a later,
    whole one made good; all marks where starts do not tell theirs. None where every cell and seed of the
    study is done among `trials`, in however many starts; `axes`: axis -> its column."""
    start = record.get("last_start")
    if isinstance(start, Mapping):
        cells, seeds = start.get("cells") or [], start.get("seeds") or []
        if trials is not None and cover.is_covered(cells, seeds, trials, axes):
            return []
        return [str(each) for each in start.get("partial") or []]
    sessions = record.get("sessions") or []
    last = sessions[-1].get("partial") if sessions else None
    return [str(each) for each in (record.get("partial") or [] if last is None else last)]


def first_start(record: Mapping[str, Any], name: str) -> dict[str, str] | None:
    """A table of texts that the first start of the study wrote down; None where it told none."""
    sessions = record.get("sessions") or [{}]
    found = sessions[0].get(name)
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, Mapping) else None


def look_of(
    record: Mapping[str, Any], seeds: Sequence[int], rules: str = "", trials: Mapping[str, str] = NO_TRIALS
) -> int:
    """Which look at the results a judging is, from 1 on.

    The same look has the same seeds, the same rules (their label), and for each claim that both judged the
    same finished trials (`trials`: claim id -> their hash).
    """
    looks = record.get("looks") or []
    return next(
        (i for i, look in enumerate(looks, start=1) if _is_same(look, seeds, rules, trials)), len(looks) + 1
    )


def _is_same(look: Mapping[str, Any], seeds: Sequence[int], rules: str, trials: Mapping[str, str]) -> bool:
    known = look.get("trials") or {}
    return (
        sorted(look.get("seeds", [])) == sorted(seeds)
        and look.get("rules", rules) == rules
        and all(known.get(claim, digest) == digest for claim, digest in trials.items())
    )


def record_look(
    results: Path, seeds: Sequence[int], rules: str = "", trials: Mapping[str, str] = NO_TRIALS
) -> None:
    """Remember on what claims were judged; nothing is written where that is known."""
    record = read(results)
    looks = list(record.get("looks") or [])
    at = look_of(record, seeds, rules, trials) - 1
    if at == len(looks):
        looks.append({"seeds": sorted(seeds), "rules": rules, "at": round(time.time())})
    looks[at] = {**looks[at], "trials": {**trials, **(looks[at].get("trials") or {})}}
    if looks != record.get("looks"):
        whole = {"protocol": PROTOCOL, "partial": [], "sessions": [], **record, "looks": looks}
        atomic.write_json(results / FILE, whole)


def versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in ("ganbench", *PACKAGES):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def source() -> dict[str, Any]:
    """Commit and dirty flag of the source tree; nulls for an installed copy."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return {"commit": None, "dirty": None}
    try:
        commit = _git(root, "rev-parse", "HEAD")
        dirty = bool(_git(root, "status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.SubprocessError):
        return {"commit": None, "dirty": None}
    return {"commit": commit, "dirty": dirty}


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()


def machine() -> dict[str, Any]:
    """Host, processor, cores that this process may use, memory, accelerators."""
    return {
        "host": platform.node(),
        "system": platform.platform(),
        "cpu": _field(Path("/proc/cpuinfo"), "model name") or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_mb": round(int((_field(Path("/proc/meminfo"), "MemTotal") or "0 kB").split()[0]) / 1024),
        "gpus": [
            _field(each, "Model") or "unknown"
            for each in sorted(Path("/proc/driver/nvidia/gpus").glob("*/information"))
        ],
    }


def _field(path: Path, name: str) -> str | None:
    try:
        for line in path.read_text().splitlines():
            key, _, value = line.partition(":")
            if key.strip() == name:
                return value.strip()
    except OSError:
        pass
    return None


class MemorySampler(threading.Thread):
    """Peak of the summed proportional set size of a process and all its descendants, in MB.

    The proportional size shares out pages that several processes map, so the sum counts no page twice. The
    kernel walks all pages to tell it, so samples are the rarer the more they cost: under 1 % of a core.
    """

    def __init__(self, root_pid: int | None = None, every_s: float = 2.0) -> None:
        super().__init__(name="memory-sampler", daemon=True)
        self.root_pid = root_pid or os.getpid()
        self.every_s = every_s
        self.peak_mb = 0.0
        self._stop_event = threading.Event()

    def run(self) -> None:
        while True:
            begun = time.thread_time()
            self.peak_mb = max(self.peak_mb, tree_pss_mb(self.root_pid))
            cost = time.thread_time() - begun
            if self._stop_event.wait(max(self.every_s, cost / SHARE)):
                return

    def finish(self) -> float:
        """Stop sampling; returns the peak in MB."""
        self._stop_event.set()
        self.join(timeout=5)
        return round(self.peak_mb, 1)


def tree_pss_mb(root_pid: int) -> float:
    """Summed proportional set size of a process tree now, in MB; what has just ended counts as 0."""
    return sum(_pss_kb(pid) for pid in process_tree(root_pid)) / 1024


def process_tree(root_pid: int) -> list[int]:
    """A process and all its descendants, itself first."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError, ValueError):
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found, rest = [], [root_pid]
    while rest:
        pid = rest.pop()
        found.append(pid)
        rest.extend(children.get(pid, []))
    return found


def _pss_kb(pid: int) -> int:
    value = _field(Path(f"/proc/{pid}/smaps_rollup"), "Pss")
    return int(value.split()[0]) if value else 0
