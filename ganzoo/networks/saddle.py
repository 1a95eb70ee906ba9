"""A game of two numbers around a saddle, with noise on both gradients (Heusel et al., arXiv:1706.08500)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from ganzoo.networks.gan import Gan


class Place(nn.Module):
    """G: its number x beside the latent, as a sample. Shapes: [B, 1] -> [B, 2]."""

    def __init__(self) -> None:
        super().__init__()
        self.x = nn.Parameter(torch.zeros(1))

    def forward(self, z: Tensor) -> Tensor:
        return torch.cat([self.x.expand(z.shape[0], 1), z], 1)


class Payoff(nn.Module):
    """D: what a sample (x, e) pays to D's number y, (1 + x^2)(100 - y^2) + noise (x + y) e.

    Shapes: [B, 2] -> [B, 1].
    """

    def __init__(self, noise: float) -> None:
        super().__init__()
        self.noise = noise
        self.y = nn.Parameter(torch.zeros(1))

    def forward(self, sample: Tensor) -> Tensor:
        x, e = sample[:, :1], sample[:, 1:]
        return (1.0 + x * x) * (100.0 - self.y * self.y) + self.noise * (x + self.y) * e


def saddle(
    shape: tuple[int, ...], classes: int = 0, *, x: float = 0.5, y: float = -0.4, noise: float = 1.0
) -> Gan:
    """G is the number x, D the number y; with the loss `value` they play f(x, y) = (1 + x^2)(100 - y^2).

    The latents e ~ N(0, 1) average out of the payoff, but not out of its slopes: over a batch of B, df/dx and
    df/dy each have normal noise of SD noise / sqrt(B), drawn anew for each update. Its saddle is (0, 0).
    x, y: where both start. Shapes: G [B, 1] -> [B, 2]; D [B, 2] -> [B, 1]. Raises ValueError for data of
    another shape.
    """
    if shape != (2,):
        raise ValueError(f"saddle makes two numbers, of shape (2,), not of shape {shape}")

    def init(layer: nn.Module, name: str, shape: tuple[int, ...], stream: np.random.Generator) -> np.ndarray:
        return np.full(shape, x if isinstance(layer, Place) else y)

    return Gan(nn.Sequential(Place()), nn.Sequential(Payoff(noise)), 1, "normal", init)
