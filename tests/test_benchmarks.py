"""The benchmark trains the same trials on both sides, and measures them at the same steps."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from bench.data.fingerprint import fingerprint
from bench.study.grid import trials
from bench.study.spec import load_study


@pytest.fixture(scope="module")
def vs_plain_tune(repository: Path) -> ModuleType:
    path = repository / "benchmarks" / "vs_plain_tune.py"
    spec = importlib.util.spec_from_file_location("vs_plain_tune", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["vs_plain_tune"] = module  # its dataclasses look themselves up
    spec.loader.exec_module(module)
    return module


def test_both_sides_train_the_same_trials(vs_plain_tune: ModuleType, tmp_path: Path) -> None:
    settings = vs_plain_tune.Settings()
    file = tmp_path / "vs_plain_tune.yaml"
    file.write_text(json.dumps(vs_plain_tune.study(settings)))
    ours = trials(load_study(file), fingerprint)
    plain = vs_plain_tune.plain_config(settings, reuse=False)

    pairs = {(ratio, seed) for ratio in plain["lr_ratio"] for seed in plain["seed"]}
    assert len(ours) == settings.trials == 32
    assert {(round(t.lr_d / t.lr_g, 9), t.seed) for t in ours} == pairs
    for trial in ours:
        assert (trial.steps, trial.batch, trial.lr_g) == (plain["steps"], plain["batch"], plain["lr_g"])
        assert (trial.evaluate.every, trial.evaluate.samples) == (plain["every"], plain["samples"])
        assert [m.name for m in trial.evaluate.metrics if m.name != "spread"] == ["sw1", "modes"]
        assert trial.model.kwargs["width"] == plain["width"]
        assert trial.model.kwargs["latent_dim"] == plain["latent"]
        assert (trial.optimizer.name, trial.beta1, trial.beta2) == ("adam", 0.5, 0.999)
        assert (trial.loss.name, trial.penalty, trial.n_critic, trial.g_steps) == (
            "non_saturating",
            None,
            1,
            1,
        )
