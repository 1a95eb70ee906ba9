"""Whole runs without ray, of real trainings that take a second: killed, gone on with, extended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import yaml

import bench
from bench.data.fingerprint import fingerprint
from bench.launch.run import Options, run
from bench.store import attempts
from bench.study.grid import trials
from bench.study.packing import packs
from bench.study.spec import load_study

STUDY = {
    "name": "real",
    "base": {"dataset": "ring8", "model": {"name": "mlp", "width": 16}, "loss": "wasserstein", "steps": 200},
    "grid": {"speed": [{"as": "slow", "lr_g": 1e-3}, {"as": "absurd", "lr_g": 100.0, "lr_ratio": 1e6}]},
    "seeds": 1,
    "evaluate": {"every": 20, "samples": 200},
    "checkpoint": {"every_s": 0},
}

SCRIPT = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "ray":
            raise ImportError("blocked: " + name)
sys.meta_path.insert(0, Block())
from pathlib import Path
from test_real_training import go
sys.exit(go(Path(sys.argv[1]), Path(sys.argv[2])))
"""


def go(study: Path, out: Path) -> int:
    """`ganbench run STUDY --out OUT --backend inline --pack 2`, without the report."""
    spec = load_study(str(study))
    options = Options(backend="inline", report=False)
    return run(spec, trials(spec, fingerprint), lambda new: packs(new, 2, 1, 1, "cpu", None), out, options)


def write(path: Path, **changes: object) -> Path:
    path.write_text(yaml.safe_dump({**STUDY, **changes}))
    return path


def test_killed_without_ray_then_extended(tmp_path: Path) -> None:
    out, whole = tmp_path / "out", tmp_path / "whole"
    study = write(tmp_path / "real.yaml")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(study), str(out)],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not list(out.glob("packs/*/checkpoint.json")) and process.poll() is None:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    _, err = process.communicate()
    assert process.returncode == -signal.SIGKILL, err
    assert not list(out.glob("packs/*/done.json"))

    assert go(study, out) == 0
    assert go(write(tmp_path / "default.yaml", checkpoint={}), whole) == 0
    for name in ("trials.parquet", "curves.parquet"):
        assert (out / name).read_bytes() == (whole / name).read_bytes()
    before = bench.load(out)
    assert before.attempts["ending"].tolist() == ["killed", "done"]
    assert before.attempts["resumed_step"].tolist()[1] >= 0
    assert before.trials["outcome"].tolist()[1] == "diverged"

    assert go(write(study, seeds=2), out) == 0
    after = bench.load(out)
    assert len(after.trials) == 4
    for name in ("trials", "curves"):
        old, new = getattr(before, name), getattr(after, name)
        kept = new[new["trial"].isin(old["trial"])].reset_index(drop=True)
        assert kept.equals(old), "rows of finished trials stay as they are"
    plan = json.loads((out / "plan.json").read_text())
    counts = [len(attempts.read(out / "packs" / pack["id"])) for pack in plan["packs"]]
    assert counts == [2, 1], "the finished pack did not run again"
