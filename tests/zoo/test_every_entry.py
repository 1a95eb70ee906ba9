"""Every entry of the catalogue: it says what it is, builds, trains, packs, serialises and is listed.

That it binds to its signature stands in test_catalog; promise (a) for losses x penalties x updates in
tests/train/test_promises.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from torch import Tensor

from bench.cli import cli
from bench.data.load import Dataset
from bench.trial import Component, Trial, canonical_json
from ganzoo.catalog import ZOO
from ganzoo.entry import Entry, Key
from tests.train.conftest import build, component, make_data, make_trial, play

ENTRIES = [entry for kind in ZOO.kinds() for entry in ZOO.entries(kind)]
LISTED = {kind: f"{kind}s" for kind in ("model", "loss", "penalty", "update", "optimizer")} | {
    "loss": "losses",
    "penalty": "penalties",
}
WITHOUT_A_PAPER = {"rmsprop", "sgd"}
"""Textbook methods that no paper of their own introduced."""

each_entry = pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: f"{e.kind}-{e.name}")

# What it says


@each_entry
def test_it_says_what_it_is(entry: Entry) -> None:
    assert entry.formula
    for sentence in (entry.known_for, entry.fails_when):
        assert re.fullmatch(r"\S.*\.", sentence), sentence
    assert (entry.paper == "") == (entry.name in WITHOUT_A_PAPER)
    assert not entry.paper or re.fullmatch(r"arXiv:\d{4}\.\d{4,5}|doi:\S+", entry.paper)


def test_sentences_are_not_shared() -> None:
    told = Counter(s for entry in ENTRIES for s in (entry.known_for, entry.fails_when, entry.formula))
    assert set(told.values()) == {1}


@cache
def listing(kind: str) -> dict[str, dict[str, Any]]:
    result = CliRunner().invoke(cli, ["ls", LISTED[kind], "--format", "json"])
    assert result.exit_code == 0, result.output
    return {row["name"]: row for row in json.loads(result.stdout)}


@each_entry
def test_ganbench_ls_shows_it(entry: Entry) -> None:
    row = listing(entry.kind)[entry.name]
    assert row["formula"] == entry.formula
    assert (row["paper"] or "") == entry.paper
    assert all(key in row["keys"] for key in entry.keys)


# What it serialises to


def another(key: Key) -> Any:
    """A legal value other than the default."""
    if key.type is bool:
        return not key.default
    if key.choices:
        return next(choice for choice in reversed(key.choices) if choice != key.default)
    value = key.default + (1 if key.type is int else 0.25)
    return key.type(value if value <= key.high else max(key.low, key.default - 0.25))


def ends(key: Key) -> list[Any]:
    """The smallest and the largest legal value, or all choices."""
    if key.type is bool or key.choices:
        return list(key.choices or (False, True))
    return [key.type(bound) for bound in (key.low, key.high)]


def trial_with(entry: Entry, keys: Mapping[str, Any]) -> Trial:
    return make_trial(**{entry.kind: component(entry.kind, entry.name, **keys)})


@each_entry
def test_it_serialises_and_comes_back_equal(entry: Entry) -> None:
    """With every key off its default, and with each at either end of its range."""
    settings = [{}, {name: another(key) for name, key in entry.keys.items()}]
    settings += [{name: end} for name, key in entry.keys.items() for end in ends(key)]
    ids = set()
    for keys in settings:
        trial = trial_with(entry, keys)
        text = canonical_json(trial.record())
        back = Trial.from_record(json.loads(text))
        assert Trial.from_record(trial.record()) == trial
        assert (back.id, back.cell) == (trial.id, trial.cell)
        assert back.record() == trial.record()
        assert canonical_json(back.record()) == text
        whole = getattr(back, entry.kind)
        assert whole.kwargs == entry.resolve(keys)
        assert all(type(whole.kwargs[name]) is key.type for name, key in entry.keys.items())
        ids.add(trial.id)
    distinct = {canonical_json(entry.resolve(keys)) for keys in settings}
    assert len(ids) == len(distinct), "what differs in a key has an id of its own"


@each_entry
def test_no_key_goes_to_infinity(entry: Entry) -> None:
    """A record is JSON, which knows no infinite number."""
    for key in entry.keys.values():
        assert key.type in (bool, str) or (math.isfinite(key.low) and math.isfinite(key.high))


# What it trains


DATA: dict[str, tuple[Component, Dataset]] = {
    "points": (Component("ring8"), make_data((2,), n=60, classes=8)),
    "digits": (Component("digits"), make_data((1, 28, 28), n=30, classes=10)),
    "signals": (Component("waves"), make_data((64,), n=30, classes=16, modality="signal")),
    "dirac": (Component("dirac"), make_data((1,), n=20, spread=0.0)),
    "saddle": (Component("saddle"), make_data((2,), n=20)),
}
TINY: dict[str, tuple[str, dict[str, Any]]] = {
    "mlp": ("points", {"width": 4, "depth": 1}),
    "dcgan": ("digits", {"width": 2, "latent_dim": 4}),
    "resnet": ("digits", {"width": 2, "latent_dim": 4}),
    "conv1d": ("signals", {"width": 2, "latent_dim": 4}),
    "dirac": ("dirac", {}),
    "saddle": ("saddle", {}),
}


def test_every_model_has_data_here() -> None:
    assert set(TINY) == set(ZOO.names("model"))


def trained(data: str, *trials: Trial) -> tuple[Tensor, Tensor]:
    """(G, D) weights [K, P] after the trials' steps."""
    of, arrays = DATA[data]
    pack = tuple(replace(trial, dataset=of) for trial in trials)
    game, _ = build(pack, arrays)
    for after in play(pack, arrays, trials[0].steps):
        game = after
    return game.gen.stack.weights, game.disc.stack.weights


def tiny(entry: Entry, **keys: Any) -> tuple[str, Trial]:
    """A trial of two steps with this entry, everything else as small as it goes."""
    data, base = TINY[entry.name] if entry.kind == "model" else TINY["mlp"]
    model = component("model", entry.name, **base | keys) if entry.kind == "model" else make_model("mlp")
    changes = {} if entry.kind == "model" else {entry.kind: component(entry.kind, entry.name, **keys)}
    return data, make_trial(model=model, batch=4, steps=2, **changes)


def make_model(name: str, **keys: Any) -> Component:
    return component("model", name, **TINY[name][1] | keys)


@each_entry
def test_it_takes_steps_and_every_key_matters(entry: Entry) -> None:
    """Two steps at tiny width: finite, away from the start; and any one key changes the weights or their
    number."""
    data, trial = tiny(entry)
    plain = trained(data, trial)
    start = trained(data, replace(trial, steps=0))
    assert all(torch.isfinite(now).all() for now in plain)
    assert not all(torch.equal(now, before) for now, before in zip(plain, start, strict=True))
    small = {"width": 3, "depth": 2, "width_d": 5, "depth_d": 2}
    for name, key in entry.keys.items():
        value = small.get(name, another(key))
        _, changed = tiny(entry, **{name: value})
        weights = trained(data, changed)
        assert all(torch.isfinite(w).all() for w in weights), name
        same = [a.shape == b.shape and torch.equal(a, b) for a, b in zip(weights, plain, strict=True)]
        assert not all(same), f"{name}: {value} changes nothing"


VARIANTS: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    # (model, data, its keys, settings of the trials)
    ("mlp", "points", {}, {"d_batch": "joint"}),
    ("mlp", "points", {"norm_g": "batch", "norm_d": "batch"}, {}),
    ("mlp", "points", {"norm_g": "batch", "norm_d": "batch"}, {"d_batch": "joint", "n_critic": 2}),
    ("mlp", "points", {"pac": 2, "activation": "maxout"}, {"penalty": "wgan_gp"}),
    ("mlp", "points", {"minibatch_std": True}, {"update": "extragradient"}),
    ("mlp", "points", {"minibatch_std": True, "pac": 2}, {"loss": "relativistic_paired", "d_batch": "joint"}),
    ("mlp", "points", {"activation": "relu", "init": "normal", "latent": "uniform"}, {}),
    ("mlp", "points", {"condition": "concat"}, {"loss": "relativistic_average"}),
    ("mlp", "points", {"condition": "concat", "pac": 2}, {"update": component("update", "unrolled", k=1)}),
    ("mlp", "points", {"condition": "projection", "norm_d": "batch"}, {"g_batch": "same"}),
    ("mlp", "points", {"condition": "projection"}, {"penalty": "spectral_norm"}),
    ("mlp", "points", {"condition": "auxiliary"}, {"penalty": "consensus"}),
    ("mlp", "points", {"condition": "auxiliary"}, {"update": component("update", "unrolled", k=1)}),
    ("mlp", "digits", {"latent_dim": 4}, {"steps": 20}),
    ("mlp", "signals", {"latent_dim": 4}, {}),
    ("conv1d", "signals", {}, {"steps": 20}),
    (
        "conv1d",
        "signals",
        {"norm_d": "none", "pac": 2, "minibatch_std": True},
        {"steps": 20, "penalty": "r1"},
    ),
    ("conv1d", "signals", {"down": "avg_pool", "norm_d": "none"}, {"steps": 20, "penalty": "wgan_gp"}),
    ("conv1d", "signals", {"down": "max_pool"}, {"steps": 20}),
    ("dirac", "dirac", {}, {"loss": "minimax"}),
    ("dirac", "dirac", {}, {"loss": "wasserstein", "update": "optimistic", "optimizer": "sgd"}),
    ("saddle", "saddle", {}, {"loss": "value", "update": "simultaneous", "optimizer": "sgd"}),
    ("resnet", "digits", {}, {"steps": 3, "penalty": "spectral_norm", "loss": "hinge"}),
    ("dcgan", "digits", {"condition": "concat"}, {"steps": 6}),
    ("dcgan", "digits", {"condition": "projection", "norm_d": "none"}, {"steps": 6, "penalty": "r1_r2"}),
    ("dcgan", "digits", {"condition": "auxiliary"}, {"steps": 6}),
    ("dcgan", "digits", {"pac": 2, "minibatch_std": True}, {"steps": 6, "update": "simultaneous"}),
    ("dcgan", "digits", {"norm_g": "none", "norm_d": "none"}, {"steps": 6, "penalty": "spectral_norm"}),
    ("dcgan", "digits", {"down": "max_pool", "norm_d": "none"}, {"steps": 6, "penalty": "r1"}),
    ("dcgan", "digits", {"down": "avg_pool", "condition": "concat", "pac": 2}, {"steps": 6}),
    *(
        ("mlp", "points", {}, {"optimizer": component("optimizer", name, **keys), "update": update})
        for name, keys in (("sgd", {}), ("sgd", {"momentum": 0.9}), ("rmsprop", {"alpha": 0.9, "eps": 1e-4}))
        for update in ("alternating", "optimistic")
    ),
    ("mlp", "points", {}, {"update": component("update", "unrolled", k=2), "optimizer": "rmsprop"}),
    ("mlp", "points", {}, {"loss": component("loss", "alpha", alpha_d=0.7, alpha_g=3.0, saturating=False)}),
    ("mlp", "points", {}, {"penalty": component("penalty", "dragan", every=3, scale=0.2)}),
]


def test_every_model_and_optimizer_packs_somewhere_here() -> None:
    assert {name for name, *_ in VARIANTS} == set(ZOO.names("model"))
    used = {
        s["optimizer"] if isinstance(s["optimizer"], str) else s["optimizer"].name
        for *_, s in VARIANTS
        if "optimizer" in s
    }
    assert used | {"adam"} == set(ZOO.names("optimizer"))


@pytest.mark.parametrize("number", range(len(VARIANTS)), ids=lambda i: f"{i}-{VARIANTS[i][0]}")
def test_packed_equals_solo(number: int) -> None:
    """(a) In float64 over 50 steps, fewer where they take long, to 1e-9, the members' numbers all
    differing."""
    model, data, keys, settings = VARIANTS[number]
    noisy: dict[str, Any] = {"dropout": 0.4} if ZOO.get("model", model).facts["dropout"] else {}
    noisy |= {"label_noise": 0.2, "weight_decay": 0.01, "lr_decay": 0.5}
    fixed = {"model": make_model(model, **keys), "batch": 4, "steps": 50} | settings
    trials = (
        make_trial(seed=0, lr_d=2e-3, **fixed),
        make_trial(seed=1, lr_d=3e-3, beta1=0.0, aux_weight=0.3, **noisy | fixed),
        make_trial(seed=0, lr_g=4e-3, instance_noise=0.1, instance_noise_until=30, ema=0.9, **fixed),
    )
    packed = trained(data, *trials)
    k = 1 + number % 2
    for ours, alone in zip(packed, trained(data, trials[k]), strict=True):
        assert torch.isfinite(alone).all()
        torch.testing.assert_close(ours[k], alone[0], rtol=1e-9, atol=1e-9)
