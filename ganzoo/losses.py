"""The objectives: for each, one pure function per player, one value per sample.

Every function takes D's outputs as they are (logits or scores, [..., batch]) and returns a tensor of that
shape; the mean over the batch is the caller's. With softplus(t) = log(1 + e^t): softplus(-t) =
-log sigmoid(t).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

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
    """d_loss(real, fake, targets) and g_loss(real, fake), one value per sample.

    `threshold` is the output at which D is undecided, None where the objective has none. `compares`: D's
    answer to a sample counts only beside its answer to others, so that G's loss reads `real` too; of other
    losses g_loss may be given None for it.
    """

    d_loss: Callable[[Tensor, Tensor, Targets], Tensor]
    g_loss: Callable[[Tensor | None, Tensor], Tensor]
    threshold: float | None
    compares: bool = False


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


def least_squares(*, real: float = 1.0, fake: float = 0.0, gen: float = 1.0) -> Loss:
    """D: ((D(x) - b)^2 + (D(G(z)) - a)^2) / 2; G: (D(G(z)) - c)^2 / 2 with b = `real`, a = `fake`,
    c = `gen` (arXiv:1611.04076; b - c = 1, b - a = 2 is its Pearson chi^2 choice).

    A smoothed target t in [0, 1] stands for a + (b - a) t.
    """
    low, span = fake, real - fake
    return Loss(
        lambda on_real, on_fake, t: (
            0.5 * ((on_real - (low + span * t.real)).square() + (on_fake - (low + span * t.fake)).square())
        ),
        lambda _, on_fake: 0.5 * (on_fake - gen).square(),
        threshold=0.5 * (real + fake),
    )


def hinge() -> Loss:
    """D: relu(1 - D(x)) + relu(1 + D(G(z))); G: -D(G(z)) (arXiv:1705.02894)."""
    return Loss(
        lambda real, fake, _: torch.relu(1.0 - real) + torch.relu(1.0 + fake),
        lambda _, fake: -fake,
        threshold=0.0,
    )


def relativistic_paired() -> Loss:
    """D: softplus(-(D(x_i) - D(G(z_i)))); G: softplus(-(D(G(z_i)) - D(x_i))), by position in the batch.

    RpGAN (arXiv:1807.00734): only differences count, so no single output means real or fake.
    """

    def g_loss(real: Tensor | None, fake: Tensor) -> Tensor:
        return F.softplus(_given(real) - fake)

    return Loss(lambda real, fake, _: F.softplus(fake - real), g_loss, threshold=None, compares=True)


def relativistic_average() -> Loss:
    """D: softplus(-(D(x) - E D(G(z)))) + softplus(D(G(z)) - E D(x)); G: the two exchanged.

    RaGAN (arXiv:1807.00734); E is the mean over the other half of the batch.
    """

    def against(up: Tensor, down: Tensor) -> Tensor:
        above = up - down.mean(-1, keepdim=True)
        below = down - up.mean(-1, keepdim=True)
        return F.softplus(-above) + F.softplus(below)

    return Loss(
        lambda real, fake, _: against(real, fake),
        lambda real, fake: against(fake, _given(real)),
        threshold=None,
        compares=True,
    )


def alpha(*, alpha_d: float = 1.0, alpha_g: float = 1.0, saturating: bool = True) -> Loss:
    """The (alpha_D, alpha_G)-GAN of Welfert et al. (arXiv:2302.14320).

    l_a(p) = a / (a - 1) (1 - p^((a - 1) / a)) is the loss of giving probability p to the truth; l_1 = -log p,
    l_inf = 1 - p. D: l(sigmoid(D(x))) + l(1 - sigmoid(D(G(z)))) with alpha_d. G, with alpha_g, saturating:
    -l(1 - sigmoid(D(G(z)))), else l(sigmoid(D(G(z)))). Smoothed targets weigh the two answers of D.
    """

    def d_loss(real: Tensor, fake: Tensor, targets: Targets) -> Tensor:
        def judged(logit: Tensor, target: Tensor | float) -> Tensor:
            if isinstance(target, float) and target in (0.0, 1.0):
                return _alpha_loss(logit if target else -logit, alpha_d)
            # An answer of weight 0 is taken at 0: below alpha 1 a sure D's loss of the other one overflows.
            t = torch.as_tensor(target, dtype=logit.dtype, device=logit.device)
            yes, no = logit.where(t != 0.0, 0.0), (-logit).where(t != 1.0, 0.0)
            return t * _alpha_loss(yes, alpha_d) + (1.0 - t) * _alpha_loss(no, alpha_d)

        return judged(real, targets.real) + judged(fake, targets.fake)

    def g_loss(_: Tensor | None, fake: Tensor) -> Tensor:
        return -_alpha_loss(-fake, alpha_g) if saturating else _alpha_loss(fake, alpha_g)

    return Loss(d_loss, g_loss, threshold=0.0)


def _alpha_loss(logit: Tensor, a: float) -> Tensor:
    """l_a(sigmoid(logit)) = (1 - e^(s log sigmoid(logit))) / s with s = (a - 1) / a; its limit at s = 0."""
    s = 1.0 if math.isinf(a) else (a - 1.0) / a
    log_p = F.logsigmoid(logit)
    return -log_p if s == 0.0 else -torch.expm1(s * log_p) / s


def bce_probability(*, saturating: bool = False) -> Loss:
    """The log loss through probabilities: a sigmoid, then torch's BCELoss, as many tutorials write it.

    The same formula as `non_saturating` (`minimax` where saturating), but BCELoss bounds log p at -100 and
    its gradient divides by max(p (1 - p), 1e-12): from logits of about -27 on, where `non_saturating` still
    pulls with -1, G's gradient falls to 0 with p; and in float32 a p that rounds to 1 has a gradient of 0.
    """

    def d_loss(real: Tensor, fake: Tensor, targets: Targets) -> Tensor:
        return _probability_loss(real, targets.real) + _probability_loss(fake, targets.fake)

    def g_loss(_: Tensor | None, fake: Tensor) -> Tensor:
        return -_probability_loss(fake, 0.0) if saturating else _probability_loss(fake, 1.0)

    return Loss(d_loss, g_loss, threshold=0.0)


def _probability_loss(logit: Tensor, target: Tensor | float) -> Tensor:
    wanted = torch.as_tensor(target, dtype=logit.dtype, device=logit.device).expand_as(logit)
    loss: Tensor = _ProbabilityLoss.apply(logit, wanted)
    return loss


class _ProbabilityLoss(torch.autograd.Function):
    """torch's BCELoss of a sigmoid: its values and first derivatives, at any target.

    torch's own raises at a NaN, or a target outside [0, 1], for all members at once; and its second
    derivative is not that of its first one where p (1 - p) nears 1e-12.
    """

    @staticmethod
    def forward(logit: Tensor, target: Tensor) -> Tensor:
        p = torch.sigmoid(logit)
        return -(target * p.log().clamp(min=-100.0) + (1.0 - target) * (-p).log1p().clamp(min=-100.0))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        logit, target = ctx.saved_tensors
        p = torch.sigmoid(logit)
        return grads[0] * (p - target) * ((1.0 - p) * p / 1e-12).clamp(max=1.0), None


def value() -> Loss:
    """D: -D(G(z)); G: D(G(z)): the zero-sum game whose value, paid by G to D, is D's answer itself.

    min_G max_D E D(G(z)), as of a game given by a formula (arXiv:1706.08500, the toy of its figure on two
    rates). Real samples play no part.
    """
    return Loss(lambda _real, fake, _: -fake, lambda _, fake: fake, threshold=None)


def _given(real: Tensor | None) -> Tensor:
    if real is None:
        raise ValueError("a relativistic loss compares: G's loss needs D's outputs on real samples too")
    return real
