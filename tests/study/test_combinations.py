"""Whatever validation accepts can be trained, and what it refuses it refuses with a sentence."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch

from bench.data.catalog import DATA, classes_of, shape_of
from bench.data.load import Dataset
from bench.study.keys import read_settings
from bench.study.layers import settle
from bench.study.problems import Problems
from bench.study.resolve import Evaluation, resolve
from bench.train.build import build_game, build_streams, build_update
from bench.trial import Component, Pack, Trial
from ganzoo.catalog import ZOO
from ganzoo.updates import turns
from tests.train.conftest import make_data

NONE = ("none",)
AXES: dict[str, tuple[Any, ...]] = {
    "loss": ZOO.names("loss"),
    "penalty": NONE + ZOO.names("penalty"),
    "update": ZOO.names("update"),
    "optimizer": ZOO.names("optimizer"),
    "n_critic": (1, 1, 2),
    "g_steps": (1, 1, 2),
    "order": ("d_first", "g_first"),
    "d_batch": ("split", "joint"),
    "g_batch": ("fresh", "same"),
    "batch": (4, 6),
    "dropout": (0.0, 0.3),
    "label_noise": (0.0, 0.1),
    "label_smoothing": (0.0, 0.0, 0.1),
    "label_jitter": (0.0, 0.0, 0.1),
    "instance_noise": (0.0, 0.1),
    "beta1": (0.5, 0.0),
    "aux_weight": (1.0, 1.0, 0.5),
    "ema": (0.0, 0.9),
}
NORMS = {"norm_g": ("batch", "none"), "norm_d": ("batch", "none")}
EXTRAS = {"pac": (1, 1, 2, 4), "minibatch_std": (False, True)}
CONDITION = {"condition": ("none", "none", "concat", "projection", "auxiliary")}
DOWN = {"down": ("stride", "stride", "avg_pool", "max_pool")}
SMALL = {"width": (2,), "latent_dim": (3,)}
MODELS: dict[str, tuple[tuple[str, ...], dict[str, tuple[Any, ...]]]] = {
    "mlp": (
        ("ring8", "waves", "digits", "dirac"),
        {
            **SMALL,
            "depth": (1,),
            "activation": ("relu", "leaky_relu", "maxout"),
            **NORMS,
            **EXTRAS,
            **CONDITION,
        },
    ),
    "dcgan": (("digits", "waves"), {**SMALL, **NORMS, **DOWN, **EXTRAS, **CONDITION}),
    "resnet": (("digits", "ring8"), SMALL),
    "conv1d": (("waves", "digits"), {**SMALL, **NORMS, **DOWN, **EXTRAS}),
    "dirac": (("dirac", "ring8"), {}),
    "saddle": (("saddle", "dirac"), {}),
}
SHARE = {"mlp": 2000, "dcgan": 400, "resnet": 100, "conv1d": 300, "dirac": 700, "saddle": 700}
TRAINED = {"mlp": 90, "dcgan": 12, "resnet": 3, "conv1d": 12, "dirac": 20, "saddle": 20}


def cells(model: str) -> Iterator[dict[str, Any]]:
    """Cells of the whole product at random, the same at every run."""
    chance = random.Random(model)
    datasets, keys = MODELS[model]
    for _ in range(SHARE[model]):
        cell = {name: chance.choice(values) for name, values in AXES.items()}
        cell |= {f"model.{name}": chance.choice(values) for name, values in keys.items()}
        yield {"dataset": chance.choice(datasets), "model": model, "steps": 2, "dtype": "float64"} | cell


@cache
def judged(model: str) -> tuple[list[Trial], list[tuple[dict[str, Any], tuple[str, ...]]]]:
    """(the trials of the cells that validation accepts, the others with its sentences)."""
    accepted, refused = [], []
    for cell in cells(model):
        problems = Problems("s.yaml")
        settings = settle([read_settings(cell, "base", problems)])
        assert not problems.lines, "every value is legal by itself"
        fields, complaints = resolve(settings, Evaluation())
        if complaints:
            refused.append((cell, tuple(f"{each.key}: {each.sentence}" for each in complaints)))
        else:
            accepted.append(Trial(study_seed=0, seed=0, data_sha256="0" * 64, **fields))
    return accepted, refused


@cache
def data(dataset: Component) -> Dataset:
    facts = DATA.get("dataset", dataset.name).facts
    spread = 0.0 if dataset.name == "dirac" else 1.0
    return make_data(
        shape_of(dataset), n=12, classes=classes_of(dataset), modality=facts["modality"], spread=spread
    )


def test_every_model_is_in_the_product() -> None:
    assert set(MODELS) == set(SHARE) == set(TRAINED) == set(ZOO.names("model"))


@pytest.mark.parametrize("model", MODELS)
def test_what_is_accepted_trains(model: str) -> None:
    """Two steps of a sample of the accepted cells, with every loss, penalty and update among them: no
    exception, as many updates as the cell says, and nothing dies so soon."""
    accepted, _ = judged(model)
    assert len(accepted) >= TRAINED[model]
    for trial in accepted[: TRAINED[model]]:
        pack = Pack((trial,))
        arrays = data(trial.dataset)
        game = build_game(pack, arrays)
        streams = build_streams(pack, arrays, game)
        players = turns(trial.n_critic, trial.g_steps, trial.order)
        update, drawn = build_update(trial), Counter[str]()

        def draw(player: str, streams: Any = streams, drawn: Counter[str] = drawn) -> Any:
            drawn[player] += 1
            return streams.draws(player, drawn[player] - 1)

        for _ in range(2):
            update.step(game, draw, players)
        assert drawn == Counter({p: 2 * players.count(p) for p in players})
        assert (game.disc.updates, game.gen.updates) == (2 * trial.n_critic, 2 * trial.g_steps)
        for player in (game.gen, game.disc):
            assert torch.isfinite(player.stack.weights).all(), trial
        assert bool(game.alive.all()), trial


def test_the_sample_holds_every_part() -> None:
    trained = [t for model in MODELS for t in judged(model)[0][: TRAINED[model]]]
    for kind in ("loss", "penalty", "update", "optimizer"):
        used = {getattr(t, kind).name for t in trained if getattr(t, kind) is not None}
        assert used == set(ZOO.names(kind)), kind
    for condition in ("none", "concat", "projection", "auxiliary"):
        assert any(t.model.kwargs.get("condition") == condition for t in trained)
    for model, down in product(("dcgan", "conv1d"), DOWN["down"]):
        assert any(t.model.name == model and t.model.kwargs["down"] == down for t in trained), (model, down)


@pytest.mark.parametrize("model", MODELS)
def test_what_is_refused_is_told_why(model: str) -> None:
    """In sentences, each told once, without a traceback or a type in them."""
    _, refused = judged(model)
    assert refused
    for cell, sentences in refused:
        for sentence in sentences:
            assert re.search(r"\w+ \w+ \w+", sentence), (cell, sentence)
            assert not re.search(r"Error|Traceback|<class|None\b", sentence), (cell, sentence)
        assert len(set(sentences)) == len(sentences), (cell, sentences)


def cell(**changes: Any) -> tuple[str, ...]:
    """What is wrong with a small cell."""
    base = {"dataset": "ring8", "model": "mlp", "loss": "non_saturating", "steps": 2, "batch": 4}
    problems = Problems("s.yaml")
    settings = settle(
        [read_settings(base | {k.replace("__", "."): v for k, v in changes.items()}, "", problems)]
    )
    assert not problems.lines
    return tuple(each.sentence for each in resolve(settings, Evaluation())[1])


SLOPES = [e.name for e in ZOO.entries("penalty") if e.facts.get("per_sample")]
ONE_EACH = [e.name for e in ZOO.entries("update") if e.facts.get("one_each")]
REFUSED: list[tuple[dict[str, Any], str]] = [
    *(
        ({"model__norm_d": "batch", "penalty": name}, f"{name} needs D's slope at single samples")
        for name in SLOPES
    ),
    ({"dataset": "digits", "model": "dcgan", "penalty": "r1"}, "set model.norm_d: none"),
    *(({"update": name, "n_critic": 2}, f"the update {name} is one of each player") for name in ONE_EACH),
    *(({"update": name, "g_steps": 3}, f"the update {name} is one of each player") for name in ONE_EACH),
    ({"update": "unrolled", "penalty": "consensus"}, "unrolled looks ahead along D's alone"),
    ({"model__pac": 3}, "4 is no multiple of model.pac 3: take 3 or 6"),
    ({"model__pac": 4, "model__norm_d": "batch"}, "4 samples make one pack of 4, and the BatchNorm in D"),
    ({"aux_weight": 0.5}, "means nothing without model.condition: auxiliary"),
    ({"aux_weight": 0.5, "model__condition": "concat"}, "means nothing without model.condition: auxiliary"),
    ({"model__condition": "projection", "model__pac": 2}, "exclude each other: D judges one label"),
    ({"dataset": "cifar10", "model": "dirac"}, "dirac makes points"),
    ({"dataset": "ring8", "model": "dirac"}, "dirac"),
    ({"dataset": "dirac", "model": "dirac", "dropout": 0.5}, "the D of dirac has no dropout"),
    ({"dataset": "digits", "model": "conv1d"}, "conv1d makes signals, and digits has images"),
    ({"dataset": "waves", "model": "dcgan"}, "dcgan makes images, and waves has signals"),
    ({"dataset": "folder:x", "model": "dcgan", "model__condition": "concat"}, "has no labels"),
    *(
        ({"loss": e.name, "label_smoothing": 0.1}, f"the loss {e.name}, which has no targets")
        for e in ZOO.entries("loss")
        if not e.facts["has_targets"]
    ),
    ({"optimizer": "sgd", "beta1": 0.9}, "the optimizer sgd, which has no betas"),
    ({"loss": {"name": "least_squares", "real": 0.0, "fake": 1.0}}, "0 is not above fake (1)"),
    ({"loss": {"name": "least_squares", "real": 0.0}}, "0 is not above fake (0)"),
    (
        {"loss": "relativistic_average", "model__norm_d": "batch", "d_batch": "joint"},
        "joint means nothing with relativistic_average",
    ),
]


@pytest.mark.parametrize(("changes", "sentence"), REFUSED, ids=lambda v: v if isinstance(v, str) else "")
def test_parts_that_cannot_be_combined(changes: dict[str, Any], sentence: str) -> None:
    (told,) = cell(**changes)
    assert sentence in told


NEUTRAL: list[dict[str, Any]] = [
    {"model__norm_d": "batch", "penalty": "none"},
    *({"update": name, "n_critic": 1, "g_steps": 1} for name in ONE_EACH),
    {"update": "unrolled", "penalty": "r1", "n_critic": 3},
    {"model__norm_d": "batch", "penalty": "spectral_norm"},
    {"model__pac": 2, "model__norm_d": "batch"},
    {"model__pac": 4, "model__norm_g": "batch"},
    {"model__pac": 1, "model__condition": "auxiliary", "aux_weight": 0.5},
    {"aux_weight": 0.0},
    {"loss": "hinge", "label_smoothing": 0.0},
    {"loss": "bce_probability", "label_jitter": 0.2, "label_jitter_sign": "outward"},
    {"loss": "relativistic_average", "d_batch": "joint"},
    {"loss": {"name": "least_squares", "real": 1.0, "fake": -1.0}},
    {"optimizer": "sgd", "beta1": 0.0},
    {"dataset": "dirac", "model": "dirac", "dropout": 0.0},
]


@pytest.mark.parametrize("changes", NEUTRAL, ids=str)
def test_neighbours_of_the_refused_are_legal(changes: dict[str, Any]) -> None:
    assert cell(**changes) == ()


def test_data_of_the_product_are_of_their_kind() -> None:
    for name in ("ring8", "waves", "digits", "dirac"):
        arrays = data(Component(name))
        assert arrays.train.dtype == np.float32
        assert arrays.modality == DATA.get("dataset", name).facts["modality"]
