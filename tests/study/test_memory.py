"""The closed forms of memory against the networks themselves."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from bench.data.catalog import classes_of, shape_of
from bench.study import memory
from bench.trial import Component, Trial
from ganzoo.catalog import ZOO
from ganzoo.layers import Dropout, Pac, takes_label
from ganzoo.networks.mlp import PIECES
from tests.train.conftest import component, make_trial

VIEWS = (nn.Sequential, nn.Flatten, nn.Unflatten, Dropout, Pac)
BATCH = 12

POINTS, SIGNALS, DIGITS = Component("ring8"), Component("waves"), Component("mnist", (("size", 28),))
LARGE = Component("mnist", (("size", 32),))
FOLDER = Component("folder", (("path", "x"), ("size", 28), ("channels", 3)))

CASES: list[tuple[str, Component, dict[str, Any]]] = [
    ("mlp", POINTS, {}),
    ("mlp", POINTS, {"width": 40, "depth": 4, "width_d": 20, "depth_d": 3, "norm_g": "batch"}),
    ("mlp", POINTS, {"activation": "maxout", "pac": 4}),
    ("mlp", POINTS, {"norm_d": "batch", "minibatch_std": True, "pac": 2}),
    ("mlp", SIGNALS, {"activation": "relu"}),
    ("mlp", DIGITS, {"pac": 3}),
    *(("mlp", data, {"condition": how}) for data in (POINTS, DIGITS) for how in ("concat", "projection")),
    ("mlp", DIGITS, {"condition": "auxiliary", "width": 16}),
    ("mlp", DIGITS, {"condition": "concat", "pac": 2}),
    ("dcgan", DIGITS, {}),
    ("dcgan", LARGE, {"norm_g": "none", "norm_d": "none"}),
    ("dcgan", FOLDER, {"pac": 4, "minibatch_std": True}),
    *(("dcgan", DIGITS, {"condition": how}) for how in ("concat", "projection", "auxiliary")),
    ("dcgan", DIGITS, {"condition": "concat", "pac": 2, "width": 4}),
    ("dcgan", DIGITS, {"down": "avg_pool", "norm_d": "none", "pac": 2}),
    ("dcgan", FOLDER, {"down": "max_pool", "condition": "none", "minibatch_std": True}),
    ("resnet", DIGITS, {}),
    ("resnet", LARGE, {"width": 8}),
    ("resnet", FOLDER, {"width": 8}),
    ("conv1d", SIGNALS, {}),
    ("conv1d", SIGNALS, {"pac": 2, "norm_d": "none", "minibatch_std": True, "width": 4}),
    *(("conv1d", SIGNALS, {"down": how}) for how in ("avg_pool", "max_pool")),
    ("dirac", Component("dirac"), {}),
    ("saddle", Component("saddle"), {}),
]


def made(name: str, dataset: Component, keys: dict[str, Any]) -> Trial:
    if "latent_dim" in ZOO.get("model", name).keys:
        keys = {"latent_dim": 2 if dataset is POINTS else 64, **keys}
    return make_trial(dataset=dataset, model=component("model", name, **keys))


def counted(trial: Trial) -> tuple[int, float]:
    """Parameters, and numbers that come out of layers for each sample of a batch, of the real networks."""
    shape, classes = shape_of(trial.dataset), classes_of(trial.dataset)
    with torch.device("meta"):
        gan = ZOO.get("model", trial.model.name).load()(shape, classes, **trial.model.kwargs)
        label, outputs = torch.empty(BATCH, classes), 0

    def note(_: nn.Module, __: object, out: torch.Tensor) -> None:
        nonlocal outputs
        outputs += out.numel()

    for net in (gan.gen, gan.disc):
        for layer in net.modules():
            if not isinstance(layer, VIEWS):
                layer.register_forward_hook(note)
    for net, size in ((gan.gen, (gan.latent_dim,)), (gan.disc, shape)):
        net(torch.empty(BATCH, *size, device="meta"), *([label] if takes_label(net) else []))
    parameters = sum(p.numel() for net in (gan.gen, gan.disc) for p in net.parameters())
    return parameters, outputs / BATCH


@pytest.mark.parametrize(("name", "dataset", "keys"), CASES)
def test_closed_forms_count_what_the_networks_have(
    name: str, dataset: Component, keys: dict[str, Any]
) -> None:
    trial = made(name, dataset, keys)
    parameters, activations = counted(trial)
    guess = memory._COUNTS[name](trial)
    assert guess[0] == parameters
    assert guess[1] == pytest.approx(activations, rel=0.1)


def test_every_model_of_the_zoo_is_counted() -> None:
    assert set(memory._COUNTS) == set(ZOO.names("model")) == {name for name, _, _ in CASES}


def test_a_maxout_unit_has_as_many_pieces_here_as_there() -> None:
    assert memory.PIECES == PIECES
