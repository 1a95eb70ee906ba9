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
from bench.study.packing import packs
from bench.study.spec import load_study
from bench.study.trials import trials

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
    ended = dict(zip(before.trials["speed"], before.trials["outcome"], strict=True))
    assert ended["absurd"] == "diverged"

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


def test_averaged_weights_have_columns_of_their_own(tmp_path: Path) -> None:
    """`ema.*` beside the metrics, text where they are text; null for members that average nothing."""
    base = {**STUDY["base"], "loss": "minimax", "steps": 4}  # type: ignore[dict-item]
    evaluate = {"every": 4, "samples": 100, "metrics": ["sw1", "modes"]}
    study = write(tmp_path / "ema.yaml", base=base, grid={"ema": [0.9, 0.0]}, evaluate=evaluate)
    assert go(study, tmp_path / "out") == 0
    results = bench.load(tmp_path / "out")
    ema = results.curves["trial"].map(results.trials.set_index("trial")["ema"])
    assert results.curves["ema.modes.set"][ema > 0].map(type).eq(str).all()
    at_end = results.curves["step"] == 4
    last = results.curves[at_end].set_index(ema[at_end])
    assert last.loc[0.9, "ema.sw1"] not in (None, last.loc[0.9, "sw1"])
    averaged = [name for name in results.curves if name.startswith("ema.")]
    assert "ema.spread" in averaged
    assert results.curves.loc[ema == 0, averaged].isna().all(axis=None)
