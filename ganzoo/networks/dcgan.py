"""The deep convolutional GAN of Radford, Metz and Chintala (arXiv:1511.06434), for 28 and 32 pixels."""

from __future__ import annotations

import itertools

from torch import nn

from ganzoo.layers import Dropout
from ganzoo.networks.gan import Gan, dcgan_normal

_START = {28: (7, 2), 32: (4, 3)}
"""Image side -> (side of G's first map, number of doublings)."""


def dcgan(shape: tuple[int, ...], *, width: int = 16, latent: str = "normal", latent_dim: int = 0) -> Gan:
    """Strided 4x4 convolutions, no pooling, BatchNorm but in G's output and D's input.

    ReLU in G, tanh at its end, LeakyReLU(0.2) in D. `width` is the number of channels at the highest
    resolution, doubled at each halving. Shapes: G [B, latent_dim] -> [B, C, S, S]; D [B, C, S, S] -> [B, 1];
    S is 28 or 32.
    """
    channels, side, _ = shape
    if side not in _START:
        raise ValueError(f"dcgan makes images of 28 or 32 pixels, not {side}")
    latent_dim = latent_dim or 64
    start, doublings = _START[side]
    widths = [width * 2**i for i in range(doublings)]  # highest resolution first

    gen: list[nn.Module] = [
        nn.Linear(latent_dim, widths[-1] * start * start, bias=False),
        nn.Unflatten(1, (widths[-1], start, start)),
        nn.BatchNorm2d(widths[-1]),
        nn.ReLU(),
    ]
    for wide, narrow in zip(widths[:0:-1], widths[-2::-1], strict=True):
        gen += [nn.ConvTranspose2d(wide, narrow, 4, 2, 1, bias=False), nn.BatchNorm2d(narrow), nn.ReLU()]
    gen += [nn.ConvTranspose2d(width, channels, 4, 2, 1), nn.Tanh()]

    disc: list[nn.Module] = [nn.Conv2d(channels, width, 4, 2, 1), nn.LeakyReLU(0.2), Dropout()]
    for narrow, wide in itertools.pairwise(widths):
        disc += [
            nn.Conv2d(narrow, wide, 4, 2, 1, bias=False),
            nn.BatchNorm2d(wide),
            nn.LeakyReLU(0.2),
            Dropout(),
        ]
    disc += [nn.Flatten(), nn.Linear(widths[-1] * start * start, 1)]
    return Gan(nn.Sequential(*gen), nn.Sequential(*disc), latent_dim, latent, dcgan_normal)
