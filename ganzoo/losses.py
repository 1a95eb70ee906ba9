"""The objectives: for each, one pure function per player, one value per sample.

Every function takes D's outputs as they are (logits or scores, any shape) and returns a tensor of that shape;
the mean over the batch is the caller's. With s(t) = log(1 + e^t):  s(-t) = -log sigmoid(t).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Targets:
    """What D is to answer for real and fake samples: 1 and 0 unless smoothed or jittered."""

    real: Tensor | float = 1.0
    fake: Tensor | float = 0.0


HARD = Targets()


@dataclass(frozen=True)
class Loss:
    """d_loss(real, fake, targets) and g_loss(real, fake), elementwise.

    `threshold` is the output at which D is undecided, None where the objective has none.
    """

    d_loss: Callable[[Tensor, Tensor, Targets], Tensor]
    g_loss: Callable[[Tensor | None, Tensor], Tensor]
    threshold: float | None


def _cross_entropy(logit: Tensor, target: Tensor | float) -> Tensor:
    """-(t log sigmoid(l) + (1 - t) log(1 - sigmoid(l))) = softplus(l) - t l, for any real t."""
    if isinstance(target, float):
        if target == 1.0:
            return F.softplus(-logit)
        if target == 0.0:
            return F.softplus(logit)
    return target * F.softplus(-logit) + (1.0 - target) * F.softplus(logit)


def _log_loss(real: Tensor, fake: Tensor, targets: Targets) -> Tensor:
    return _cross_entropy(real, targets.real) + _cross_entropy(fake, targets.fake)


def minimax() -> Loss:
    """min_G max_D E log D(x) + E log(1 - D(G(z))): G's gradient is sigmoid(D(G(z))), which vanishes
    when D is sure. The saturating form of Goodfellow et al. (arXiv:1406.2661)."""
    return Loss(_log_loss, lambda _, fake: -F.softplus(fake), threshold=0.0)


def non_saturating() -> Loss:
    """D as in `minimax`; G: -log D(G(z)) = softplus(-D(G(z))), its gradient 1 in size when D is sure
    (arXiv:1406.2661)."""
    return Loss(_log_loss, lambda _, fake: F.softplus(-fake), threshold=0.0)


def wasserstein() -> Loss:
    """D: D(G(z)) - D(x); G: -D(G(z)). D is a critic without targets or threshold and must be kept
    Lipschitz by a penalty (arXiv:1701.07875)."""
    return Loss(lambda real, fake, _: fake - real, lambda _, fake: -fake, threshold=None)


def least_squares() -> Loss:
    """D: ((D(x) - 1)^2 + D(G(z))^2) / 2; G: (D(G(z)) - 1)^2 / 2 (arXiv:1611.04076)."""
    return Loss(
        lambda real, fake, t: 0.5 * ((real - t.real).square() + (fake - t.fake).square()),
        lambda _, fake: 0.5 * (fake - 1.0).square(),
        threshold=0.5,
    )


def hinge() -> Loss:
    """D: relu(1 - D(x)) + relu(1 + D(G(z))); G: -D(G(z)) (arXiv:1705.02894)."""
    return Loss(
        lambda real, fake, _: torch.relu(1.0 - real) + torch.relu(1.0 + fake),
        lambda _, fake: -fake,
        threshold=0.0,
    )
