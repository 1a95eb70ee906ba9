"""What every network family gives: a generator, a discriminator and how they start."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from torch import nn

Init = Callable[[nn.Module, str, tuple[int, ...], np.random.Generator], np.ndarray]
"""(layer, "weight" | "bias", shape, stream) -> the initial values of one parameter."""


@dataclass(frozen=True)
class Gan:
    """Two ordinary modules. gen: [B, latent_dim] -> [B, *shape]; disc: [B, *shape] -> [B // pac, 1], a logit.

    classes > 0 only for a conditional model: gen takes (z, y) with y one-hot [B, classes], and so does disc,
    (x, y). With `aux` (an auxiliary classifier) disc takes x alone and gives [B, 1 + classes], the logit of
    the source first.
    """

    gen: nn.Module
    disc: nn.Module
    latent_dim: int
    latent: str
    init: Init
    classes: int = 0
    aux: bool = False
    pac: int = 1


def fan_in_uniform(
    layer: nn.Module, name: str, shape: tuple[int, ...], stream: np.random.Generator
) -> np.ndarray:
    """U(-1/sqrt(fan_in), 1/sqrt(fan_in)) as torch's Linear and Conv2d; BatchNorm starts at (1, 0)."""
    if _is_norm(layer):
        return np.full(shape, 1.0 if name == "weight" else 0.0)
    weight = layer.get_parameter("weight")
    bound = 1.0 / math.sqrt(math.prod(weight.shape[1:]))
    return stream.uniform(-bound, bound, shape)


def dcgan_normal(
    layer: nn.Module, name: str, shape: tuple[int, ...], stream: np.random.Generator
) -> np.ndarray:
    """N(0, 0.02^2) for weights, N(1, 0.02^2) for BatchNorm's scale, 0 for biases (arXiv:1511.06434)."""
    if name != "weight":
        return np.zeros(shape)
    return stream.normal(1.0 if _is_norm(layer) else 0.0, 0.02, shape)


def small_normal(
    layer: nn.Module, name: str, shape: tuple[int, ...], stream: np.random.Generator
) -> np.ndarray:
    """N(0, 0.02^2) for weights, 0 for biases; BatchNorm starts at (1, 0)."""
    if name != "weight" or _is_norm(layer):
        return np.full(shape, 1.0 if name == "weight" else 0.0)
    return stream.normal(0.0, 0.02, shape)


def _is_norm(layer: nn.Module) -> bool:
    return isinstance(layer, nn.modules.batchnorm._BatchNorm)


def initial_values(
    module: nn.Module, init: Init, stream: Callable[[str], np.random.Generator]
) -> dict[str, np.ndarray]:
    """Parameter name -> initial values (float64); `stream(name)` gives each parameter its own random stream.

    Keyed by name, so that a layer added somewhere leaves the start of every other layer as it was.
    """
    values = {}
    for name, parameter in module.named_parameters():
        owner, _, leaf = name.rpartition(".")
        values[name] = init(module.get_submodule(owner), leaf, tuple(parameter.shape), stream(name))
    return values
