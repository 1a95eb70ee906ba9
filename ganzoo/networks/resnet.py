"""The residual GAN of spectral normalisation (Miyato et al., arXiv:1802.05957), for 28 and 32 pixels."""

from __future__ import annotations

import math

import numpy as np
from torch import nn

from ganzoo.layers import Dropout, GlobalSum, Residual
from ganzoo.networks.gan import Gan, Init

_START = {28: (7, 2), 32: (4, 3)}
"""Image side -> (side of G's first map, number of doublings)."""


def resnet(
    shape: tuple[int, ...], classes: int = 0, *, width: int = 32, latent: str = "normal", latent_dim: int = 0
) -> Gan:
    """G: dense, up-sampling residual blocks with BatchNorm, tanh; D: four residual blocks, sum over pixels.

    `width` is the number of channels of D's blocks; G's have twice as many; published: 128. The first two
    blocks of D halve the map by average pooling. D has no BatchNorm: its published normalisation is spectral,
    a penalty of this zoo. Dropout (0 as published) stands before D's last layer.
    Weights: Glorot uniform, with a gain of sqrt(2) in the main path of blocks; biases 0.
    Shapes: G [B, latent_dim] -> [B, C, S, S]; D [B, C, S, S] -> [B, 1]; S is 28 or 32, else ValueError.
    """
    channels, side, _ = shape
    if side not in _START:
        raise ValueError(f"resnet makes images of 28 or 32 pixels, not {side}")
    latent_dim = latent_dim or 64
    (start, doublings), wide = _START[side], 2 * width
    gen = nn.Sequential(
        nn.Linear(latent_dim, wide * start * start),
        nn.Unflatten(1, (wide, start, start)),
        *(_up(wide) for _ in range(doublings)),
        nn.BatchNorm2d(wide),
        nn.ReLU(),
        _conv(wide, channels),
        nn.Tanh(),
    )
    disc = nn.Sequential(
        _first(channels, width),
        _down(width),
        _plain(width),
        _plain(width),
        nn.ReLU(),
        GlobalSum(),
        Dropout(),
        nn.Linear(width, 1),
    )
    return Gan(gen, disc, latent_dim, latent, _glorot(gen, disc))


def _conv(before: int, after: int, kernel: int = 3) -> nn.Conv2d:
    return nn.Conv2d(before, after, kernel, padding=kernel // 2)


def _up(width: int) -> Residual:
    """The shortcut's 1x1 convolution runs before the up-sampling: they commute, and it costs a quarter."""
    main = nn.Sequential(
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.Upsample(scale_factor=2),
        _conv(width, width),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        _conv(width, width),
    )
    return Residual(main, nn.Sequential(_conv(width, width, 1), nn.Upsample(scale_factor=2)))


def _first(channels: int, width: int) -> Residual:
    """D's first block: no ReLU on the image itself."""
    main = nn.Sequential(_conv(channels, width), nn.ReLU(), _conv(width, width), nn.AvgPool2d(2))
    return Residual(main, nn.Sequential(nn.AvgPool2d(2), _conv(channels, width, 1)))


def _down(width: int) -> Residual:
    """Pooling and the shortcut's 1x1 convolution commute too."""
    main = nn.Sequential(nn.ReLU(), _conv(width, width), nn.ReLU(), _conv(width, width), nn.AvgPool2d(2))
    return Residual(main, nn.Sequential(nn.AvgPool2d(2), _conv(width, width, 1)))


def _plain(width: int) -> Residual:
    main = nn.Sequential(nn.ReLU(), _conv(width, width), nn.ReLU(), _conv(width, width))
    return Residual(main, nn.Sequential())


def _glorot(*networks: nn.Module) -> Init:
    """U(-b, b) with b = gain * sqrt(6 / (fan_in + fan_out)); BatchNorm starts at (1, 0)."""
    blocks = [each for network in networks for each in network.modules() if isinstance(each, Residual)]
    in_main = {layer for block in blocks for layer in block.main}

    def init(layer: nn.Module, name: str, shape: tuple[int, ...], stream: np.random.Generator) -> np.ndarray:
        if name != "weight" or len(shape) == 1:
            return np.full(shape, 1.0 if name == "weight" else 0.0)
        fans = (shape[0] + shape[1]) * math.prod(shape[2:])
        bound = (math.sqrt(2.0) if layer in in_main else 1.0) * math.sqrt(6.0 / fans)
        return stream.uniform(-bound, bound, shape)

    return init
