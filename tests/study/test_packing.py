"""Which trials share a pack, in which order, and how wide packs are."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.study.memory import BASE_MB, member_mb, pack_mb, weights
from bench.study.packing import DEFAULT_SPEED, SPEED, auto_width, packs, speeds_of
from bench.study.spec import load_study, read_study
from bench.study.trials import trials
from bench.trial import Component, Pack, Trial


def made(text: str) -> tuple[Trial, ...]:
    head = "name: x\nbase: {dataset: ring8, model: mlp, loss: minimax, steps: 100}\n"
    return trials(read_study(head + text, "s.yaml"), lambda dataset: dataset.name * 8)


@pytest.mark.parametrize(
    "axis",
    [
        "lr_g: [0.1, 0.2]",
        "lr_ratio: [1, 2]",
        "dropout: [0, 0.4]",
        "label_noise: [0, 0.1]",
        "label_smoothing: [0, 0.1]",
        "label_jitter: [0, 0.1]",
        "instance_noise: [0, 0.1]",
        "weight_decay: [0, 0.1]",
        "ema: [0, 0.9]",
        "beta1: [0, 0.5]",
        "loss: [minimax, hinge]",
        "penalty: [{name: weight_clip, value: 0.1}, {name: weight_clip, value: 0.2}]",
    ],
)
def test_numbers_and_losses_share_a_pack(axis: str) -> None:
    (pack,) = packs(made(f"grid: {{{axis}}}\nseeds: 2\n"), 8)
    assert pack.width == 4


@pytest.mark.parametrize(
    "axis",
    [
        "dataset: [ring8, grid25]",
        "model: [mlp, {name: mlp, width: 8}]",
        "batch: [8, 16]",
        "steps: [8, 16]",
        "n_critic: [1, 5]",
        "g_steps: [1, 2]",
        "order: [d_first, g_first]",
        "d_batch: [split, joint]",
        "optimizer: [adam, rmsprop]",
        "penalty: [none, weight_clip]",
        "dtype: [float32, float64]",
    ],
)
def test_what_decides_shapes_or_the_graph_splits_packs(axis: str) -> None:
    found = packs(made(f"grid: {{{axis}}}\nseeds: 2\n"), 8)
    assert [pack.width for pack in found] == [2, 2]


def test_members_are_ordered_by_loss_then_seed_then_cell() -> None:
    (pack,) = packs(made("grid: {loss: [minimax, hinge], lr_ratio: [1, 2, 4]}\nseeds: 2\n"), 16)
    keys = [(trial.loss.name, trial.seed, trial.cell) for trial in pack.trials]
    assert keys == sorted(keys)


def test_siblings_share_a_seed() -> None:
    found = packs(made("grid: {lr_ratio: [1, 2, 4, 8]}\nseeds: 3\n"), 4)
    assert [{trial.seed for trial in pack.trials} for pack in found] == [{0}, {1}, {2}]


@given(st.integers(1, 40), st.integers(1, 20), st.integers(1, 4))
def test_every_trial_is_in_one_pack_of_a_legal_width(number: int, width: int, workers: int) -> None:
    base = made("")[0]
    all_trials = [replace(base, seed=seed) for seed in range(number)]
    for limit in (width, "auto"):
        found = packs(all_trials, limit, workers)  # type: ignore[arg-type]
        assert sorted(t.seed for pack in found for t in pack.trials) == list(range(number))
        widths = [pack.width for pack in found]
        assert max(widths) <= (16 if limit == "auto" else width)
        assert max(widths) - min(widths) <= 1


def test_packing_does_not_depend_on_the_order_of_trials() -> None:
    all_trials = list(made("grid: {lr_ratio: [1, 2, 4, 8], dropout: [0, 0.4]}\nseeds: 3\n"))
    first = packs(all_trials)
    random.Random(0).shuffle(all_trials)
    assert packs(all_trials) == first


@pytest.mark.parametrize(("study", "limit"), [("lr_ratio", 4), ("lr_ratio_ring", 16), ("losses", 16)])
@pytest.mark.parametrize("workers", [1, 2, 4])
def test_auto_width_leaves_four_packs_for_each_worker(study: str, limit: int, workers: int) -> None:
    all_trials = trials(load_study(f"studies/{study}.yaml"), lambda dataset: "0" * 64)
    found = packs(all_trials, "auto", workers)
    assert len(found) >= 4 * workers
    assert max(pack.width for pack in found) <= limit


def test_auto_width_is_the_smallest_that_is_nearly_best(monkeypatch: pytest.MonkeyPatch) -> None:
    speeds = {1: 1.0, 2: 1.9, 4: 2.0, 8: 1.5}
    monkeypatch.setitem(SPEED, ("mlp", "cpu"), {1e6: speeds})  # type: ignore[arg-type]
    members = [replace(made("")[0], seed=seed) for seed in range(64)]
    assert auto_width(members, 4, "cpu", 1e9) == 2
    assert auto_width(members[:6], 6, "cpu", 1e9) == 1
    assert auto_width(members, 4, "cpu", 0.0) == 1


def sized(width: int, batch: int, model: str = "mlp") -> list[Trial]:
    base = replace(made(f"grid: {{model: [{{name: mlp, width: {width}}}]}}\n")[0], batch=batch)
    if model != "mlp":
        base = replace(base, model=Component(model))
    return [replace(base, seed=seed) for seed in range(512)]


@pytest.mark.parametrize(
    ("width", "batch", "expected"),
    [(16, 16, 64), (32, 32, 64), (64, 64, 32), (128, 128, 8), (256, 256, 2), (1024, 512, 2)],
)
def test_small_members_are_packed_wider(width: int, batch: int, expected: int) -> None:
    assert auto_width(sized(width, batch), 4, "cpu", 1e9) == expected


def test_the_speeds_of_the_nearest_work_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    light, heavy = {1: 1.0, 64: 9.0}, {1: 1.0, 2: 1.5}
    work = weights(sized(64, 64)[0]) * 64
    monkeypatch.setitem(SPEED, ("mlp", "cpu"), {work / 3: light, work * 2: heavy})  # type: ignore[arg-type]
    assert speeds_of(sized(64, 64)[0], "cpu") == heavy
    assert speeds_of(sized(64, 24)[0], "cpu") == light
    assert speeds_of(sized(64, 64, "something_else")[0], "cpu") == DEFAULT_SPEED
    assert speeds_of(sized(64, 64)[0], "cuda:1") == next(iter(SPEED["mlp", "cuda"].values()))


@pytest.mark.parametrize("tables", list(SPEED.values()), ids=["-".join(each) for each in SPEED])
def test_speeds_are_relative_to_width_1(tables: Mapping[float, Mapping[int, float]]) -> None:
    for work, speeds in tables.items():
        assert work > 0
        assert speeds[1] == 1.0
        assert list(speeds) == sorted(speeds)


def test_memory_bounds_the_width() -> None:
    wide = made("grid: {model: [{name: mlp, width: 2048, depth: 4}]}\nseeds: 64\n")
    (pack, *_) = packs(wide, "auto", 1, memory_mb=3000.0)
    assert 1 <= pack.width < 16
    assert pack_mb(pack) <= 3000.0


def test_memory_counts_the_parameters_of_the_networks() -> None:
    mlp = made("")[0]
    # G: 2-128-128-2 and D: 2-128-128-1
    parameters = (2 * 128 + 128) + (128 * 128 + 128) + (128 * 2 + 2)
    parameters += (2 * 128 + 128) + (128 * 128 + 128) + (128 + 1)
    activations = 4 * 2 * 128 + 2
    assert weights(mlp) == parameters
    assert member_mb(mlp) == pytest.approx(4 * (8 * parameters + 6 * 64 * activations) / 1e6)
    assert member_mb(replace(mlp, dtype="float64")) == pytest.approx(2 * member_mb(mlp))
    unknown = replace(mlp, model=Component("something_else"))
    assert pack_mb(Pack((unknown,))) > BASE_MB


@pytest.mark.parametrize("size", [28, 32])
def test_memory_of_dcgan_counts_its_weights(size: int) -> None:
    text = f"name: x\nbase: {{dataset: {{name: mnist, size: {size}}}, model: dcgan, loss: hinge, steps: 9}}\n"
    (trial,) = trials(read_study(text, "s"), lambda dataset: "0" * 64)
    wider = replace(trial, model=Component("dcgan", tuple({**trial.model.kwargs, "width": 32}.items())))
    assert member_mb(trial) < member_mb(wider) < 4 * member_mb(trial)
