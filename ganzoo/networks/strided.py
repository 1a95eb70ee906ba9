"""Chains of strided convolutions: what dcgan (two dimensions) and conv1d (one) have in common."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from torch import nn

from ganzoo.layers import Dropout, LabelChannel, MinibatchStd, Pac
from ganzoo.networks.conditional import Chain, output_layer

Pair = tuple[int, int]


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
    pac: int,
    minibatch_std: bool,
    condition: str,
    classes: int,
) -> None:
    """[B, channels, H, W] -> [B // pac, 1 or 1 + classes]: convolutions, then a dense layer."""
    (height, wide), widths, channels = grid.start, grid.widths(width), grid.channels
    if condition == "concat":
        chain.named("label", LabelChannel(classes, height * grid.stride[0] ** grid.doublings))
        channels += 1
    chain.named("pac", Pac(pac) if pac > 1 else None)
    first = nn.Conv2d(channels * pac, width, grid.kernel, grid.stride, grid.padding)
    chain.add(first, nn.LeakyReLU(0.2), Dropout())
    for before, after in itertools.pairwise(widths):
        down = nn.Conv2d(before, after, grid.kernel, grid.stride, grid.padding, bias=norm == "none")
        chain.add(down, _norm(norm, after), nn.LeakyReLU(0.2), Dropout())
    chain.named("minibatch_std", MinibatchStd() if minibatch_std else None)
    features = (widths[-1] + minibatch_std) * height * wide
    chain.add(nn.Flatten(), output_layer(condition, features, classes))


def _norm(norm: str, channels: int) -> nn.Module | None:
    return nn.BatchNorm2d(channels) if norm == "batch" else None
