"""How much memory a pack takes: a model in closed form, so that packs can be planned without torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod

from bench.data.catalog import shape_of
from bench.trial import Pack, Trial

BASE_MB = 500.0
"""A worker before it trains: Python, torch, a data set, a feature extractor."""

COPIES = 8
"""Weights, gradients, two moments, moving average, and a checkpoint on its way to the disk."""

BATCHES = 6
"""Batches of activations alive at once: real and fake through D, G's own, each with its gradient."""

UNKNOWN = (5_000_000, 200_000)
"""(parameters, activations a sample) of a model that this page does not know."""


def member_mb(trial: Trial) -> float:
    """MB of one more member: (8 x parameters + 6 x batch x activations a sample) x bytes a number."""
    count = _COUNTS.get(trial.model.name)
    parameters, activations = count(trial) if count else UNKNOWN
    size = 8 if trial.dtype == "float64" else 4
    return size * (COPIES * parameters + BATCHES * trial.batch * activations) / 1e6


def pack_mb(pack: Pack) -> float:
    """MB of a worker that trains a pack."""
    return BASE_MB + pack.width * member_mb(pack.trials[0])


def _mlp(trial: Trial) -> tuple[int, int]:
    keys, size = trial.model.kwargs, prod(shape_of(trial.dataset))
    width, depth, latent = int(keys["width"]), int(keys["depth"]), int(keys["latent_dim"])
    hidden = 2 * (depth - 1) * width * (width + 1)
    edges = (latent + 1) * width + (width + 1) * size + (size + 1) * width + width + 1
    return hidden + edges, 4 * depth * width + size


def _dcgan(trial: Trial) -> tuple[int, int]:
    channels, side, _ = shape_of(trial.dataset)
    width, latent = int(trial.model.kwargs["width"]), int(trial.model.kwargs["latent_dim"])
    doublings = 2 if side == 28 else 3
    start = side // 2**doublings
    widest = width * 2 ** (doublings - 1)
    inner = sum(16 * width * 2**i * width * 2 ** (i + 1) for i in range(doublings - 1))
    parameters = 2 * inner + 32 * channels * width + (latent + 1) * widest * start * start
    maps = sum(width * 2**i * (side // 2 ** (i + 1)) ** 2 for i in range(doublings))
    return parameters, 6 * maps + channels * side * side


_COUNTS: Mapping[str, Callable[[Trial], tuple[int, int]]] = {"mlp": _mlp, "dcgan": _dcgan}
