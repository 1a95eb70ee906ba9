"""What is added to D's objective, or done to its weights, to keep it smooth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Penalty:
    """`after_step(weights, strength)` changes D's flat weights [K, P] in place once its step is taken.

    Members of a stack share the function and differ in strength, which arrives as [K, 1].
    """

    strength: float
    after_step: Callable[[Tensor, Tensor], None]


def weight_clip(*, value: float = 0.01) -> Penalty:
    """w <- min(max(w, -c), c) for every weight after each D step; c = `value` (WGAN, arXiv:1701.07875)."""
    return Penalty(value, _clip)


def _clip(weights: Tensor, bound: Tensor) -> None:
    weights.clamp_(min=-bound, max=bound)
