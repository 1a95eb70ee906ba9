"""What is added to D's objective, or done to its weights, to keep it smooth.

A number of a penalty may be a float, or a column [K, 1] where the members of a stack differ in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

Weight = Tensor | float


@dataclass(frozen=True)
class Look:
    """What a penalty sees of one D update.

    real_x, fake_x [K, B, *shape]: D's inputs, which require gradients; real, fake [K, N]: its outputs on
    them; disc: D again, with the masks and labels of the real samples, [K, B, *shape] -> [K, N]; params: D's
    weights [K, ...]; mix [K, N] uniforms and noise [K, B, *shape] normals, where the penalty `draws` them.
    """

    real_x: Tensor
    fake_x: Tensor
    real: Tensor
    fake: Tensor
    disc: Callable[[Tensor], Tensor]
    params: Mapping[str, Tensor]
    mix: Tensor | None = None
    noise: Tensor | None = None


@dataclass(frozen=True)
class Penalty:
    """What a penalty does; what it does not do is None, False or 0.

    term(look) -> [K] is added to D's loss, every `every`-th update and that many times as much. field_weight:
    weight of ||v||^2 / 2 in both players' losses, v being the game's vector field. after_step(weights) gives
    D's flat weights [K, P] once its step is taken. spectral: each weight matrix of D is divided by its
    largest singular value. draws: "mix", "noise", or nothing.
    """

    term: Callable[[Look], Tensor] | None = None
    every: int = 1
    field_weight: Weight = 0.0
    after_step: Callable[[Tensor], Tensor] | None = None
    spectral: bool = False
    draws: str = ""

    @property
    def shifts_both(self) -> bool:
        """Whether it is a term of both players' losses."""
        return not isinstance(self.field_weight, float) or self.field_weight != 0.0


def weight_clip(*, value: Weight = 0.01) -> Penalty:
    """w <- min(max(w, -c), c) for every weight after each D step; c = `value` (WGAN, arXiv:1701.07875)."""
    bound = value if isinstance(value, Tensor) else torch.tensor(value, dtype=torch.float64)
    return Penalty(after_step=lambda weights: torch.clamp(weights, -bound.to(weights), bound.to(weights)))


def wgan_gp(*, weight: Weight = 10.0, every: int = 1) -> Penalty:
    """weight E (||grad D(x)|| - 1)^2 at x = u x_real + (1 - u) x_fake, u ~ U(0, 1) (arXiv:1704.00028)."""

    def term(look: Look) -> Tensor:
        x = _between(look)
        return (weight * (_norm(squared_slope(look.disc(x), x)) - 1.0).square()).mean(1)

    return Penalty(term, every, draws="mix")


def zero_centred_gp(*, weight: Weight = 10.0, every: int = 1) -> Penalty:
    """weight E ||grad D(x)||^2 at x = u x_real + (1 - u) x_fake (Thanh-Tung et al., arXiv:1902.03984)."""

    def term(look: Look) -> Tensor:
        x = _between(look)
        return (weight * squared_slope(look.disc(x), x)).mean(1)

    return Penalty(term, every, draws="mix")


def r1(*, weight: Weight = 1.0, every: int = 1) -> Penalty:
    """weight / 2 E ||grad D(x_real)||^2 (Mescheder et al., arXiv:1801.04406)."""
    return Penalty(lambda look: (0.5 * weight * squared_slope(look.real, look.real_x)).mean(1), every)


def r2(*, weight: Weight = 1.0, every: int = 1) -> Penalty:
    """weight / 2 E ||grad D(x_fake)||^2 (arXiv:1801.04406)."""
    return Penalty(lambda look: (0.5 * weight * squared_slope(look.fake, look.fake_x)).mean(1), every)


def r1_r2(*, weight: Weight = 1.0, every: int = 1) -> Penalty:
    """weight / 2 (E ||grad D(x_real)||^2 + E ||grad D(x_fake)||^2), as in R3GAN (arXiv:2501.05441)."""

    def term(look: Look) -> Tensor:
        both = squared_slope(look.real, look.real_x) + squared_slope(look.fake, look.fake_x)
        return (0.5 * weight * both).mean(1)

    return Penalty(term, every)


def dragan(*, weight: Weight = 10.0, scale: Weight = 0.5, every: int = 1) -> Penalty:
    """weight E (||grad D(x_real + d)|| - 1)^2, d ~ N(0, (scale SD)^2) with the batch's SD over all
    coordinates (Kodali et al., arXiv:1705.07215)."""

    def term(look: Look) -> Tensor:
        assert look.noise is not None
        real = look.real_x.detach()
        sd = real.flatten(1).std(1, correction=0, keepdim=True) * scale
        x = (real + sd.view(-1, *[1] * (real.dim() - 1)) * look.noise).requires_grad_()
        return (weight * (_norm(squared_slope(look.disc(x), x)) - 1.0).square()).mean(1)

    return Penalty(term, every, draws="noise")


def consensus(*, weight: Weight = 1.0) -> Penalty:
    """weight / 2 ||v||^2 in both players' losses, v = (grad_G L_G, grad_D L_D) on the update's batch
    (Mescheder et al., arXiv:1705.10461), with its true gradient.

    v is that of the players' losses without noise and dropout.
    """
    return Penalty(field_weight=weight)


def l2_weights(*, weight: Weight = 1e-4) -> Penalty:
    """weight / 2 ||w||^2 over all parameters of D, in its loss. Under Adam this is not `weight_decay`, which
    acts beside the gradient (arXiv:1711.05101)."""

    def term(look: Look) -> Tensor:
        squares = torch.stack([p.flatten(1).square().sum(1) for p in look.params.values()]).sum(0)
        return (0.5 * weight * squares.unsqueeze(1)).squeeze(1)

    return Penalty(term)


def spectral_norm() -> Penalty:
    """Each weight matrix W of D is used as W / sigma(W), sigma found by one power iteration a pass
    (Miyato et al., arXiv:1802.05957); kernels count as matrices [out, in * k * k]."""
    return Penalty(spectral=True)


def squared_slope(out: Tensor, x: Tensor) -> Tensor:
    """||d out_i / d x_i||^2 of each output, [K, N]; out [K, N], x [K, B, *shape] with N outputs of B / N
    samples each. Differentiable; 0 with gradient 0 where the slope is 0. A feature that D makes of the whole
    batch (MinibatchStd) is differentiated too, summed over the outputs that read it."""
    (grad,) = torch.autograd.grad(out.sum(), x, create_graph=True)
    rows = grad[:, : out.shape[1] * (x.shape[1] // out.shape[1])]
    return rows.reshape(*out.shape, -1).square().sum(-1)


def _between(look: Look) -> Tensor:
    """A point between the real and the fake input of each of D's outputs: a pack is mixed as one."""
    assert look.mix is not None
    real = look.real_x.detach()
    u = look.mix.to(real).repeat_interleave(real.shape[1] // look.mix.shape[1], 1)
    u = u.view(*u.shape, *[1] * (real.dim() - 2))
    # Fakes stay on the graph: an unrolled G feels through them how the penalty moves D.
    return (u * real + (1.0 - u) * look.fake_x).requires_grad_()


def _norm(squared: Tensor) -> Tensor:
    """sqrt, with gradient 0 at 0: the norm's subgradient of least size, where sqrt's would be infinite."""
    positive = squared > 0
    return squared.where(positive, 1.0).sqrt().where(positive, 0.0)
