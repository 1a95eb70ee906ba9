"""Fully connected GANs, for points and small images."""

from __future__ import annotations

import math

from torch import nn

from ganzoo.layers import Dropout
from ganzoo.networks.gan import Gan, fan_in_uniform


def mlp(
    shape: tuple[int, ...], *, width: int = 128, depth: int = 2, latent: str = "normal", latent_dim: int = 0
) -> Gan:
    """G: latent -> depth x (Linear, ReLU) -> Linear; D: depth x (Linear, LeakyReLU(0.2), Dropout) -> Linear.

    G's output is linear for points (shape [2]) and tanh for images (shape [C, H, W], values in [-1, 1]).
    """
    is_image = len(shape) == 3
    latent_dim = latent_dim or (64 if is_image else 2)
    size = math.prod(shape)
    gen: list[nn.Module] = []
    disc: list[nn.Module] = [nn.Flatten()] if is_image else []
    fan_g, fan_d = latent_dim, size
    for _ in range(depth):
        gen += [nn.Linear(fan_g, width), nn.ReLU()]
        disc += [nn.Linear(fan_d, width), nn.LeakyReLU(0.2), Dropout()]
        fan_g = fan_d = width
    gen.append(nn.Linear(width, size))
    disc.append(nn.Linear(width, 1))
    if is_image:
        gen += [nn.Unflatten(1, shape), nn.Tanh()]
    return Gan(nn.Sequential(*gen), nn.Sequential(*disc), latent_dim, latent, fan_in_uniform)
