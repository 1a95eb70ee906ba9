"""Adam, RMSprop and SGD for K models at once, each with rates of its own.

torch's optimizers take one rate for all. Here weights and gradients are flat, [K, P], and every
hyper-parameter is a column [K, 1]. One member's update equals `torch.optim`'s, operation by operation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

State = dict[str, Tensor]


@dataclass(frozen=True)
class Optimizer:
    """`slots` names the state tensors; `step(state, gradient, t)` updates them in place and returns the
    change of the weights for t = 1, 2, ... before it is applied.

    `pure(state, gradient, t)` gives (change, new state) and leaves `state` alone: what differentiates
    through its own steps needs it.
    """

    slots: tuple[str, ...]
    step: Callable[[State, Tensor, int], Tensor]
    pure: Callable[[State, Tensor, int], tuple[Tensor, State]]

    def init(self, weights: Tensor) -> State:
        return {slot: torch.zeros_like(weights) for slot in self.slots}


def adam(lr: Tensor, beta1: Tensor, beta2: Tensor, *, eps: float = 1e-8) -> Optimizer:
    """m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2;
    change = -lr (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps).

    Kingma and Ba (arXiv:1412.6980), in the order of operations of torch.optim.Adam.
    """
    double1, double2, double_lr = beta1.double(), beta2.double(), lr.double()

    def step(state: State, gradient: Tensor, t: int) -> Tensor:
        m, v = state["m"], state["v"]
        m.lerp_(gradient, 1.0 - beta1)
        v.mul_(beta2).addcmul_((1.0 - beta2) * gradient, gradient)
        # Corrections in float64: 1 - 0.999^t loses digits in float32 when t is small.
        size = (double_lr / (1.0 - double1**t)).to(gradient.dtype)
        root = (1.0 - double2**t).sqrt().to(gradient.dtype)
        return (v.sqrt().div_(root).add_(eps)).reciprocal_().mul_(m).mul_(-size)

    def pure(state: State, gradient: Tensor, t: int) -> tuple[Tensor, State]:
        m = torch.lerp(state["m"], gradient, 1.0 - beta1)
        v = beta2 * state["v"] + (1.0 - beta2) * gradient.square()
        size = (double_lr / (1.0 - double1**t)).to(gradient.dtype)
        root = (1.0 - double2**t).sqrt().to(gradient.dtype)
        return -size * m / (_root(v) / root + eps), {"m": m, "v": v}

    return Optimizer(("m", "v"), step, pure)


def rmsprop(lr: Tensor, beta1: Tensor, beta2: Tensor, *, alpha: float = 0.99, eps: float = 1e-8) -> Optimizer:
    """v = a v + (1 - a) g^2; change = -lr g / (sqrt(v) + eps), as torch.optim.RMSprop; no betas."""

    def step(state: State, gradient: Tensor, t: int) -> Tensor:
        v = state["v"]
        v.mul_(alpha).addcmul_(gradient, gradient, value=1.0 - alpha)
        return gradient.div(v.sqrt().add_(eps)).mul_(-lr)

    def pure(state: State, gradient: Tensor, t: int) -> tuple[Tensor, State]:
        v = alpha * state["v"] + (1.0 - alpha) * gradient.square()
        return -lr * gradient / (_root(v) + eps), {"v": v}

    return Optimizer(("v",), step, pure)


def sgd(lr: Tensor, beta1: Tensor, beta2: Tensor, *, momentum: float = 0.0) -> Optimizer:
    """u = momentum u + g; change = -lr u, as torch.optim.SGD. The betas are not used."""

    def step(state: State, gradient: Tensor, t: int) -> Tensor:
        if momentum == 0.0:
            return gradient.mul(-lr)
        u = state["u"].mul_(momentum).add_(gradient)
        return u.mul(-lr)

    def pure(state: State, gradient: Tensor, t: int) -> tuple[Tensor, State]:
        if momentum == 0.0:
            return -lr * gradient, {}
        u = momentum * state["u"] + gradient
        return -lr * u, {"u": u}

    return Optimizer(("u",) if momentum else (), step, pure)


def optimistic(optimizer: Optimizer) -> Optimizer:
    """change_t = 2 c_t - c_(t-1), c being the change that `optimizer` would make; the first is c_1.

    Optimistic mirror descent, and with Adam "optimistic Adam" (Daskalakis et al., arXiv:1711.00141).
    """

    def step(state: State, gradient: Tensor, t: int) -> Tensor:
        now = optimizer.step(state, gradient, t)
        before = now if t == 1 else state["previous"]
        change = 2.0 * now - before
        state["previous"].copy_(now)
        return change

    def pure(state: State, gradient: Tensor, t: int) -> tuple[Tensor, State]:
        now, new = optimizer.pure(state, gradient, t)
        return 2.0 * now - (now if t == 1 else state["previous"]), {**new, "previous": now}

    return Optimizer((*optimizer.slots, "previous"), step, pure)


def _root(v: Tensor) -> Tensor:
    """sqrt with derivative 0 at 0, where a weight has had no gradient yet."""
    positive = v > 0
    return v.where(positive, 1.0).sqrt().where(positive, 0.0)
