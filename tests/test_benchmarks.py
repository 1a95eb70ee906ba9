"""Benchmarks train the same on both sides."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

from bench.data.fingerprint import fingerprint
from bench.data.load import load
from bench.study.spec import load_study
from bench.study.trials import trials


def benchmark(repository: Path, name: str) -> ModuleType:
    path = repository / "benchmarks" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # its dataclasses look themselves up
    spec.loader.exec_module(module)
    return module


def loaded(path: Path) -> ModuleType:
    """A script as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # its dataclasses look themselves up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def vs_plain_tune(repository: Path) -> ModuleType:
    return loaded(repository / "benchmarks" / "vs_plain_tune.py")


def test_the_sides_with_and_without_monitors_train_the_same_steps(repository: Path) -> None:
    monitors = loaded(repository / "benchmarks" / "monitors.py")
    packs = {case: monitors.pack_of(case) for case in monitors.CASES}
    assert {case: (pack.width, pack.trials[0].batch) for case, pack in packs.items()} == {
        "ring8": (8, 128),
        "digits": (4, 64),
    }
    assert all(pack.trials[0].evaluate.every == pack.trials[0].steps // 20 for pack in packs.values())
    trials = tuple(dataclasses.replace(t, steps=4) for t in packs["ring8"].trials[:2])
    pack = dataclasses.replace(packs["ring8"], trials=trials)
    seconds = monitors.repeat(pack, load(trials[0].dataset))
    assert all(each > 0 for each in seconds)


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


@pytest.mark.filterwarnings("ignore")
def test_distances_are_compared_on_the_same_features(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Equal values, a row for each time, and a page that keeps what stands around the table."""
    monkeypatch.setattr("os.environ", {**os.environ})  # it asks for one thread
    frechet = benchmark(repository, "frechet")
    monkeypatch.setattr(frechet, "SIDES", {key: frechet.SIDES[key] for key in ("ours", "torch-fidelity")})
    found = [frechet.measure(n, 8, 2) for n in (6, 40)]
    for each in found:
        assert each["values"]["ours"] == pytest.approx(each["values"]["torch-fidelity"], rel=1e-5)
    text = frechet.table(found)
    assert [line.count("|") for line in text.splitlines()] == [6] * 9
    page = tmp_path / "page.md"
    page.write_text(f"before\n{frechet.START}\nold\n{frechet.END}\nafter\n")
    frechet.write(page, text)
    assert page.read_text() == f"before\n{frechet.START}\n{text}\n{frechet.END}\nafter\n"
    page.write_text("none")
    with pytest.raises(SystemExit, match="no marks"):
        frechet.write(page, text)
