"""The loop on real data: its schedule, its rows, and a short golden curve."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bench.data.load import Dataset, load
from bench.metrics.evaluate import build
from bench.train.build import build_game, check_pack
from bench.train.loop import PREVIEW_FRAMES, preview_steps, train
from bench.train.monitors import INTERVAL, POINT, STATISTICS
from bench.trial import Component, Evaluate, Pack, evaluation_steps
from tests.train.conftest import MeanEvaluator, component, make_trial


def test_evaluations_are_dense_early_then_regular_and_at_the_end() -> None:
    assert evaluation_steps(500, 100) == (0, 25, 50, 100, 200, 300, 400, 500)
    assert evaluation_steps(250, 100)[-2:] == (200, 250)
    assert evaluation_steps(1, 50) == (0, 1)


def test_film_strips_take_evenly_spread_evaluations() -> None:
    schedule = evaluation_steps(1000, 20)
    frames = sorted(preview_steps(schedule))
    assert len(frames) == PREVIEW_FRAMES
    assert frames[0] == 0
    assert frames[-1] == 1000
    assert preview_steps((0, 1)) == {0, 1}


def test_every_row_has_every_column_and_the_first_is_before_any_update(data: Dataset) -> None:
    pack = Pack((make_trial(seed=0, n_critic=2), make_trial(seed=1, n_critic=2)))
    ticks = list(train(pack, data, MeanEvaluator()))  # type: ignore[arg-type]
    assert [t.step for t in ticks] == [0, 6, 12, 25, 50]
    later = {"trial", "step", "d_updates", "g_updates", "alive", "first_bad_step", "mean", "mean_status"}
    later |= {f"{name}.{s}" for name in INTERVAL for s in STATISTICS} | set(POINT)
    assert all(set(row) == later for tick in ticks[1:] for row in tick.rows)
    assert (ticks[0].rows[0]["d_updates"], ticks[-1].rows[0]["d_updates"]) == (0, 100)
    assert ticks[0].preview is not None
    assert ticks[0].preview.shape == (2, 256, 2)


def test_seeds_are_what_differs_and_only_they(data: Dataset) -> None:
    pack = Pack((make_trial(seed=4), make_trial(seed=4), make_trial(seed=5)))
    *_, last = train(pack, data, MeanEvaluator())  # type: ignore[arg-type]
    assert last.preview is not None
    np.testing.assert_array_equal(last.preview[0], last.preview[1])
    assert not np.array_equal(last.preview[0], last.preview[2])


def test_cells_of_a_seed_are_paired(data: Dataset) -> None:
    """Another learning rate changes the training, not the start, nor the latents that samples are shown
    for."""
    game = build_game(Pack((make_trial(lr_d=1e-3), make_trial(lr_d=1e-2), make_trial(seed=1))), data)
    weights = game.gen.stack.weights
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch": 16}, "agree in batch"),
        ({"penalty": "weight_clip"}, "kind of penalty"),
    ],
)
def test_members_that_cannot_share_a_program_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_pack(Pack((make_trial(), make_trial(**change))))


def test_members_must_be_ordered_by_loss() -> None:
    with pytest.raises(ValueError, match="ordered by loss"):
        check_pack(Pack(tuple(make_trial(loss=name) for name in ("hinge", "minimax", "hinge"))))


GOLDEN = {
    "sw1": [0.819481, 0.7947837],
    "modes.hq": [0.182, 0.006],
    "g_saturation": [0.5264666, 0.4877897],
    "d_auc.mean": [0.6853223, 0.6276147],
}


def test_golden_curve() -> None:
    """Eight Gaussians, 200 steps in float64: these numbers change only with the protocol."""
    trial = make_trial(
        model=component("model", "mlp", width=32),
        batch=64,
        steps=200,
        dropout=0.1,
        label_noise=0.05,
        evaluate=Evaluate(100, 500, (Component("sw1"), Component("modes"))),
    )
    ring = load(trial.dataset)
    evaluator = build(ring, trial.evaluate.metrics, trial.evaluate.samples, None)
    ticks = list(train(Pack((trial,)), ring, evaluator))
    for name, values in GOLDEN.items():
        got = [tick.rows[0].get(name) for tick in ticks if tick.step in (50, 200)]
        assert got == pytest.approx(values, rel=1e-4), name
