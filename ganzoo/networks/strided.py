"""Chains of strided convolutions: what dcgan (two dimensions) and conv1d (one) have in common."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import nn

from ganzoo.layers import Dropout, LabelChannel, MinibatchStd, Pac
from ganzoo.networks.conditional import Chain, output_layer

Pair = tuple[int, int]

_POOLS: Mapping[str, Callable[[Pair], nn.Module]] = {"avg_pool": nn.AvgPool2d, "max_pool": nn.MaxPool2d}
"""Value of `down` -> what stands behind D's convolutions."""


@dataclass(frozen=True)
class Grid:
    """Where the convolutions run: channels of a sample, G's first map, and how one layer halves a map."""

    channels: int
    start: Pair
    doublings: int
    kernel: Pair
    stride: Pair
    padding: Pair

    def widths(self, width: int) -> list[int]:
        """Channels of the maps, highest resolution first."""
        return [width * 2**i for i in range(self.doublings)]


def strided_gen(chain: Chain, grid: Grid, fan: int, width: int, norm: str) -> None:
    """[B, fan] -> [B, channels, H, W]: a dense layer, then transposed convolutions; no last activation."""
    (height, wide), widths, bias = grid.start, grid.widths(width), norm == "none"
    chain.add(
        nn.Linear(fan, widths[-1] * height * wide, bias=bias),
        nn.Unflatten(1, (widths[-1], height, wide)),
        _norm(norm, widths[-1]),
        nn.ReLU(),
    )
    for before, after in itertools.pairwise(widths[::-1]):
        up = nn.ConvTranspose2d(before, after, grid.kernel, grid.stride, grid.padding, bias=bias)
        chain.add(up, _norm(norm, after), nn.ReLU())
    chain.add(nn.ConvTranspose2d(width, grid.channels, grid.kernel, grid.stride, grid.padding))


def strided_disc(
    chain: Chain,
    grid: Grid,
    width: int,
    norm: str,
    *,
    down: str,
    pac: int,
    minibatch_std: bool,
    condition: str,
    classes: int,
) -> None:
    """[B, channels, H, W] -> [B // pac, 1 or 1 + classes]: convolutions, then a dense layer.

    `down` says how a convolution halves its map: `stride`, or `avg_pool` and `max_pool`, for which the same
    convolution runs at stride 1 and a pool of 2 (of 2x2) stands right behind it. See `_halving`.
    """
    (height, wide), widths, channels = grid.start, grid.widths(width), grid.channels
    if condition == "concat":
        chain.named("label", LabelChannel(classes, height * grid.stride[0] ** grid.doublings))
        channels += 1
    chain.named("pac", Pac(pac) if pac > 1 else None)
    _halving(chain, grid, down, 0, channels * pac, width, bias=True)
    chain.add(nn.LeakyReLU(0.2), Dropout())
    for number, (before, after) in enumerate(itertools.pairwise(widths), start=1):
        _halving(chain, grid, down, number, before, after, bias=norm == "none")
        chain.add(_norm(norm, after), nn.LeakyReLU(0.2), Dropout())
    chain.named("minibatch_std", MinibatchStd() if minibatch_std else None)
    features = (widths[-1] + minibatch_std) * height * wide
    chain.add(nn.Flatten(), output_layer(condition, features, classes))


def _halving(
    chain: Chain, grid: Grid, down: str, number: int, before: int, after: int, *, bias: bool
) -> None:
    """One convolution of D that halves its map, by its stride or by a pool behind it.

    The pooled convolution has the strided one's weights, by name, shape and start. At stride 1 and with two
    zeros on each side, its output 2i + 1 is the strided convolution's output i. So of each pair of outputs
    (or 2x2, of images) `stride` keeps the last, `avg_pool` the mean and `max_pool` the largest, and all that
    stands behind is the same. Four weights cannot lie evenly about a place: there is one output too many, at
    the end, and the pool leaves it over, for the maps that come in are of even size.
    """
    if down == "stride":
        chain.add(nn.Conv2d(before, after, grid.kernel, grid.stride, grid.padding, bias=bias))
        return
    padding = (grid.kernel[0] // 2, grid.kernel[1] // 2)
    chain.add(nn.Conv2d(before, after, grid.kernel, 1, padding, bias=bias))
    chain.named(f"pool{number}", _POOLS[down](grid.stride))


def _norm(norm: str, channels: int) -> nn.Module | None:
    return nn.BatchNorm2d(channels) if norm == "batch" else None
