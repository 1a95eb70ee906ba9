"""The smallest GAN there is, whose dynamics are known in closed form (Mescheder et al., arXiv:1801.04406)."""

from __future__ import annotations

import numpy as np
from torch import nn

from ganzoo.layers import Point
from ganzoo.networks.gan import Gan


def dirac(shape: tuple[int, ...], classes: int = 0, *, theta: float = 1.0, psi: float = 1.0) -> Gan:
    """G is the point theta, whatever its latent, and D(x) = psi * x. The keys are where both start.

    Shapes: G [B, 1] -> [B, 1]; D [B, 1] -> [B, 1]. Raises ValueError for data of another shape.
    """
    if shape != (1,):
        raise ValueError(f"dirac makes one number, of shape (1,), not of shape {shape}")

    def init(layer: nn.Module, name: str, shape: tuple[int, ...], stream: np.random.Generator) -> np.ndarray:
        return np.full(shape, theta if isinstance(layer, Point) else psi)

    return Gan(nn.Sequential(Point(1)), nn.Sequential(nn.Linear(1, 1, bias=False)), 1, "normal", init)
