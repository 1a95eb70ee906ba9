from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.store import manifest

HUNGRY = "data = bytearray(b'x') * (200 * 2**20); print('ready', flush=True); input()"


def test_sessions_are_appended_and_marks_stay(tmp_path: Path) -> None:
    first = manifest.open_session(tmp_path, {"backend": "inline"}, ["--limit 5"])
    manifest.close_session(tmp_path, first, {"wall_s": 1.5})
    second = manifest.open_session(tmp_path, {"backend": "ray"}, [])
    manifest.close_session(tmp_path, second, {"wall_s": 2.5})
    record = manifest.read(tmp_path)
    assert record["partial"] == ["--limit 5"]
    assert [each["wall_s"] for each in record["sessions"]] == [1.5, 2.5]
    session = record["sessions"][0]
    assert session["versions"]["python"].startswith("3.")
    assert session["machine"]["cores"] >= 1
    assert session["machine"]["memory_mb"] > 100
    assert {"commit", "dirty"} <= session.keys()


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="needs Linux's smaps_rollup")
def test_memory_of_children_is_counted() -> None:
    before = manifest.tree_pss_mb(os.getpid())
    child = subprocess.Popen([sys.executable, "-c", HUNGRY], stdin=-1, stdout=-1, text=True)
    assert child.stdout is not None
    child.stdout.readline()
    sampler = manifest.MemorySampler(every_s=0.05)
    sampler.start()
    during = manifest.tree_pss_mb(os.getpid())
    peak = sampler.finish()
    child.communicate("\n")
    assert 195 < during - before < 400
    assert peak > 195
