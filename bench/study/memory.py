"""How much memory a pack takes: a model in closed form, so that packs can be planned without torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from math import prod

from bench.data.catalog import classes_of, shape_of
from bench.trial import Pack, Trial

BASE_MB = 500.0
"""A worker before it trains: Python, torch, a data set, a feature extractor."""

COPIES = 8
"""Weights, gradients, two moments, moving average, and a checkpoint on its way to the disk."""

BATCHES = 6
"""Batches of activations alive at once: real and fake through D, G's own, each with its gradient."""

UNKNOWN = (5_000_000, 200_000)
"""(parameters, activations a sample) of a model that this page does not know."""

PIECES = 5
"""Pieces of a maxout unit; that of ganzoo.networks.mlp, which this page must not import."""


def member_mb(trial: Trial) -> float:
    """MB of one more member: (8 x parameters + 6 x batch x activations a sample) x bytes a number."""
    parameters, activations = _counts(trial)
    ahead = int(trial.update.kwargs.get("k", 0))  # D's further steps stay alive until G's gradient is taken
    parameters, activations = parameters * (1 + ahead // 2), activations * (1 + ahead)
    size = 8 if trial.dtype == "float64" else 4
    return size * (COPIES * parameters + BATCHES * trial.batch * activations) / 1e6


def weights(trial: Trial) -> float:
    """How many numbers one member trains, in G and D together."""
    return _counts(trial)[0]


def _counts(trial: Trial) -> tuple[float, float]:
    """(parameters, activations a sample)"""
    count = _COUNTS.get(trial.model.name)
    return count(trial) if count else UNKNOWN


def pack_mb(pack: Pack) -> float:
    """MB of a worker that trains a pack."""
    return BASE_MB + pack.width * member_mb(pack.trials[0])


# Activations are the outputs of all layers of G and D that make a new tensor. Those of D behind its packing
# are of packs, of which a batch has fewer.


def _mlp(trial: Trial) -> tuple[float, float]:
    keys, shape, classes = trial.model.kwargs, shape_of(trial.dataset), _labels(trial)
    size, latent, pac = prod(shape), int(keys["latent_dim"]), int(keys["pac"])
    width, depth = int(keys["width"]), int(keys["depth"])
    width_d, depth_d = int(keys["width_d"]) or width, int(keys["depth_d"]) or depth
    units = width_d * PIECES if keys["activation"] == "maxout" else width_d
    norm_g, norm_d = keys["norm_g"] == "batch", keys["norm_d"] == "batch"
    joined = size + classes if keys["condition"] == "concat" else 0
    features = width_d + int(keys["minibatch_std"])

    parameters = (latent + classes + (depth - 1) * width + depth * (1 + norm_g)) * width
    parameters += (width + 1) * size
    parameters += (pac * (joined or size) + (depth_d - 1) * width_d + depth_d * (1 + norm_d)) * units
    parameters += _output(trial, features)
    made = depth * width * (2 + norm_g) + size * (2 if len(shape) == 3 else 1)
    judged = depth_d * (units * (1 + norm_d) + width_d) + _copies(trial) * features
    return parameters, made + joined + judged / pac


def _dcgan(trial: Trial) -> tuple[float, float]:
    channels, side, _ = shape_of(trial.dataset)
    doublings = {28: 2, 32: 3, 64: 4}.get(side, 3)
    return _strided(trial, channels, [side // 2**i for i in range(doublings + 1)], dims=2, tanh=True)


def _conv1d(trial: Trial) -> tuple[float, float]:
    (length,) = shape_of(trial.dataset)
    return _strided(trial, 1, [length // 2**i for i in range(4)], dims=1, tanh=False)


def _strided(trial: Trial, channels: int, sides: list[int], dims: int, tanh: bool) -> tuple[float, float]:
    """sides: of a sample and of each map after it; dims: those in which kernels, of length 4, extend."""
    keys, classes = trial.model.kwargs, _labels(trial)
    latent, pac, std = int(keys["latent_dim"]), int(keys["pac"]), int(keys["minibatch_std"])
    norm_g, norm_d = keys["norm_g"] == "batch", keys["norm_d"] == "batch"
    taps, areas = 4**dims, [side**dims for side in sides]
    widths = [int(keys["width"]) * 2**i for i in range(len(areas) - 1)]
    joined = channels + 1 if keys.get("condition") == "concat" else 0
    last = areas[-1] * (widths[-1] + std)

    inner = taps * sum(narrow * wide for narrow, wide in pairwise(widths))
    parameters = 2 * inner + taps * widths[0] * (channels + (joined or channels) * pac)
    parameters += (latent + classes + (not norm_g)) * widths[-1] * areas[-1]
    parameters += 2 * sum(widths) if norm_g else sum(widths[:-1])
    parameters += (1 + norm_d) * sum(widths[1:]) + channels + widths[0]
    parameters += ((classes + 1) * areas[0] if joined else 0) + _output(trial, last)
    maps = [width * area for width, area in zip(widths, areas[1:], strict=True)]
    made = (2 + norm_g) * sum(maps) + (1 + tanh) * channels * areas[0]
    judged = (2 + norm_d) * sum(maps) - norm_d * maps[0] + _copies(trial) * last
    if keys.get("down", "stride") != "stride":  # maps of full size, and one more, in front of each pool
        judged += sum(width * (side + 1) ** dims for width, side in zip(widths, sides[:-1], strict=True))
    return parameters, made + joined * areas[0] + judged / pac


def _resnet(trial: Trial) -> tuple[float, float]:
    channels, side, _ = shape_of(trial.dataset)
    width, latent = int(trial.model.kwargs["width"]), int(trial.model.kwargs["latent_dim"])
    doublings, wide, area = (2 if side == 28 else 3), 2 * width, side * side
    start = area // 4**doublings

    def conv(before: int, after: int, kernel: int = 9) -> int:
        return (kernel * before + 1) * after

    up = 2 * conv(wide, wide) + conv(wide, wide, 1) + 4 * wide
    parameters = (latent + 1) * wide * start + doublings * up + 2 * wide + conv(wide, channels)
    parameters += conv(channels, width) + conv(channels, width, 1) + 7 * conv(width, width)
    parameters += conv(width, width, 1) + width + 1
    # A block up makes 3 maps of its input's size and 7 of four times that; the others are counted likewise.
    before = sum(start * 4**i for i in range(doublings))
    made = wide * (start + 31 * before + 2 * area) + 2 * channels * area
    judged = width * (3 * area + 3 * area / 4) + channels * area / 4
    judged += width * (4 * area / 4 + 4 * area / 16) + width * (2 * 5 + 1) * area / 16
    return parameters, made + judged


def _dirac(trial: Trial) -> tuple[float, float]:
    return 2, 2


def _saddle(trial: Trial) -> tuple[float, float]:
    return 2, 3


def _labels(trial: Trial) -> int:
    """Classes that the networks hear of."""
    return 0 if trial.model.kwargs.get("condition", "none") == "none" else classes_of(trial.dataset)


def _output(trial: Trial, features: int) -> int:
    """Parameters of D's last layer."""
    condition, classes = trial.model.kwargs.get("condition"), _labels(trial)
    outputs = 1 + classes if condition == "auxiliary" else 1
    return (features + 1) * outputs + (classes * features if condition == "projection" else 0)


def _copies(trial: Trial) -> int:
    """How often the features of D's last layer are made again: a feature more, the label's row."""
    keys = trial.model.kwargs
    return int(keys["minibatch_std"]) + int(keys.get("condition") == "projection")


_COUNTS: Mapping[str, Callable[[Trial], tuple[float, float]]] = {
    "mlp": _mlp,
    "dcgan": _dcgan,
    "resnet": _resnet,
    "conv1d": _conv1d,
    "dirac": _dirac,
    "saddle": _saddle,
}
