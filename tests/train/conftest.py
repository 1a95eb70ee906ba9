"""Tiny trials, data and packs for tests of training."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from bench.data.load import Dataset
from bench.train.build import build_game, build_streams, build_update
from bench.train.streams import PackStreams
from bench.trial import Component, Evaluate, Pack, Trial
from ganzoo.catalog import ZOO
from ganzoo.game import Game
from ganzoo.objective import Draws
from ganzoo.updates import turns

torch.set_num_threads(1)


class MeanEvaluator:
    """Stands in for the metrics where only their plumbing matters: the mean of the samples."""

    metrics = ("mean",)
    columns = ("mean", "mean_status")

    def __call__(self, samples: NDArray[np.float32]) -> dict[str, float | str | None]:
        return {"mean": float(samples.mean(dtype=np.float64)), "mean_status": "ok"}


def component(kind: str, name: str, **keys: object) -> Component:
    return Component(name, tuple(ZOO.get(kind, name).resolve(keys).items()))


def make_trial(seed: int = 0, **changes: object) -> Trial:
    """A tiny trial on points; `loss`, `penalty`, `update`, `optimizer` and `model` may be given by name."""
    record: dict[str, object] = {
        "study_seed": 0,
        "seed": seed,
        "dataset": Component("ring8", (("radius", 1.0), ("sigma", 0.05))),
        "data_sha256": "0" * 64,
        "model": component("model", "mlp", width=8),
        "loss": "non_saturating",
        "penalty": None,
        "update": "alternating",
        "optimizer": "adam",
        "lr_g": 1e-3,
        "lr_d": 1e-3,
        "lr_decay": 0.0,
        "dropout": 0.0,
        "label_noise": 0.0,
        "label_smoothing": 0.0,
        "label_jitter": 0.0,
        "label_jitter_sign": "inward",
        "instance_noise": 0.0,
        "instance_noise_until": 0,
        "n_critic": 1,
        "g_steps": 1,
        "order": "d_first",
        "d_batch": "split",
        "g_batch": "fresh",
        "beta1": 0.5,
        "beta2": 0.999,
        "weight_decay": 0.0,
        "aux_weight": 1.0,
        "ema": 0.0,
        "batch": 8,
        "steps": 50,
        "dtype": "float64",
        "evaluate": Evaluate(25, 50, (Component("sw1"),)),
    }
    record |= changes
    for kind in ("loss", "penalty", "update", "optimizer", "model"):
        value = record[kind]
        if isinstance(value, str):
            record[kind] = component(kind, value)
    return Trial(**record)  # type: ignore[arg-type]


def make_data(
    shape: tuple[int, ...] = (2,), n: int = 200, *, classes: int = 0, modality: str = "", spread: float = 1.0
) -> Dataset:
    """Random data of any shape, in [-spread, spread], with labels where there are classes."""
    generator = np.random.default_rng(7)
    train, heldout = ((spread * generator.uniform(-1, 1, (n, *shape))).astype(np.float32) for _ in range(2))
    labels = [generator.integers(0, classes, n) if classes else None for _ in range(2)]
    return Dataset(
        component=Component("ring8"),
        sha256="0" * 64,
        train=train,
        heldout=heldout,
        train_labels=labels[0],
        heldout_labels=labels[1],
        centres=None,
        sigma=None,
        modality=modality or ("points" if len(shape) == 1 else "image"),
        primary="sw1",
        extractor=None,
        n_modes=None,
    )


def build(trials: tuple[Trial, ...], data: Dataset) -> tuple[Game, PackStreams]:
    game = build_game(Pack(trials), data)
    return game, build_streams(Pack(trials), data, game)


def play(trials: tuple[Trial, ...], data: Dataset, steps: int) -> Iterator[Game]:
    """The game after each step, as the training loop plays it."""
    game, streams = build(trials, data)
    first = trials[0]
    update, players = build_update(first), turns(first.n_critic, first.g_steps, first.order)
    counts = {"gen": 0, "disc": 0}

    def draw(player: str) -> Draws:
        counts[player] += 1
        return streams.draws(player, counts[player] - 1)

    for _ in range(steps):
        update.step(game, draw, players)
        yield game


@pytest.fixture
def evaluator() -> MeanEvaluator:
    return MeanEvaluator()


@pytest.fixture
def trial() -> Callable[..., Trial]:
    return make_trial


@pytest.fixture
def data() -> Dataset:
    return make_data()
