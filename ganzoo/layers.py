"""Layers that the networks need and torch lacks under vmap."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Dropout(nn.Module):
    """Dropout whose rate is a buffer and whose uniforms may be handed in.

    y = x * [u >= rate] / (1 - rate), u ~ U[0, 1) of x's shape. torch's own dropout draws from the global
    stream, so that a model's noise would depend on who trains beside it; here whoever runs the model may set
    the buffer `uniforms` (as `torch.func.functional_call` does). Left empty, they are drawn as usual.
    """

    rate: Tensor
    uniforms: Tensor

    def __init__(self, rate: float = 0.0) -> None:
        super().__init__()
        if not 0.0 <= rate < 1.0:
            raise ValueError(f"a dropout rate lies in [0, 1), got {rate!r}")
        self.register_buffer("rate", torch.tensor(rate))
        self.register_buffer("uniforms", torch.empty(0), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        uniforms = self.uniforms if self.uniforms.numel() else torch.rand_like(x)
        return x * keep_scale(uniforms, self.rate, x.dtype)

    def extra_repr(self) -> str:
        return f"rate={self.rate.item():g}" if not self.rate.is_meta else ""


def keep_scale(uniforms: Tensor, rate: Tensor, dtype: torch.dtype) -> Tensor:
    """[u >= rate] / (1 - rate): the factor of each unit. At rate 0 it is exactly 1."""
    return (uniforms >= rate).to(dtype) / (1.0 - rate).to(dtype)


class Maxout(nn.Module):
    """The largest of each unit's `pieces` values: y_i = max_j x_(pieces*i + j) (arXiv:1302.4389).

    It stands behind a Linear of units * pieces outputs. Shapes: [B, units * pieces] -> [B, units].
    """

    def __init__(self, pieces: int) -> None:
        super().__init__()
        self.pieces = pieces

    def forward(self, x: Tensor) -> Tensor:
        # max and not amax: at a tie one piece gets all of the gradient, and its backward is cheaper.
        return x.reshape(*x.shape[:-1], -1, self.pieces).max(-1).values

    def extra_repr(self) -> str:
        return f"pieces={self.pieces}"


class Pac(nn.Module):
    """Packing: D sees `m` samples at once, joined along their first axis (PacGAN, arXiv:1712.04086).

    Sample i of the output holds samples m*i to m*i + m - 1; what remains of the batch is dropped.
    Shapes: [B, C, ...] -> [B // m, m * C, ...].
    """

    def __init__(self, m: int) -> None:
        super().__init__()
        self.m = m

    def forward(self, x: Tensor) -> Tensor:
        packs = x.shape[0] // self.m
        return x[: packs * self.m].reshape(packs, self.m * x.shape[1], *x.shape[2:])

    def extra_repr(self) -> str:
        return f"m={self.m}"


SD_EPS = 1e-8
"""Added to a variance under a square root, whose gradient is not finite at 0 (Karras et al. use the same)."""


class MinibatchStd(nn.Module):
    """One more feature, the same for the whole batch: how much its samples differ (arXiv:1710.10196).

    sqrt(Var_batch(x_i) + 1e-8), averaged over all features and pixels i. The whole batch is one group.
    Shapes: [B, F] -> [B, F + 1]; [B, C, H, W] -> [B, C + 1, H, W].
    """

    def forward(self, x: Tensor) -> Tensor:
        spread = (x.var(0, correction=0) + SD_EPS).sqrt().mean()
        return torch.cat([x, spread.expand(x.shape[0], 1, *x.shape[2:])], 1)


class JoinLabel(nn.Module):
    """The one-hot label joined to the features. Shapes: [B, F], [B, classes] -> [B, F + classes]."""

    takes_label = True

    def forward(self, x: Tensor, label: Tensor) -> Tensor:
        return torch.cat([x, label], 1)


class LabelChannel(nn.Linear):
    """The label through a dense layer to one more channel. [B, C, S, S], [B, classes] -> [B, C + 1, S, S]."""

    takes_label = True

    def __init__(self, classes: int, side: int) -> None:
        super().__init__(classes, side * side)

    def forward(self, x: Tensor, label: Tensor) -> Tensor:  # type: ignore[override]
        return torch.cat([x, super().forward(label).view(-1, 1, *x.shape[2:])], 1)


class Projection(nn.Linear):
    """The last layer of a projection discriminator: w.phi + b + embed(y).phi (arXiv:1802.05637).

    Shapes: phi [B, F], y one-hot [B, classes] -> [B, 1].
    """

    takes_label = True

    def __init__(self, features: int, classes: int) -> None:
        super().__init__(features, 1)
        self.embed = nn.Linear(classes, features, bias=False)

    def forward(self, x: Tensor, label: Tensor) -> Tensor:  # type: ignore[override]
        out: Tensor = super().forward(x) + (self.embed(label) * x).sum(1, keepdim=True)
        return out


class Residual(nn.Module):
    """y = main(x) + shortcut(x)."""

    def __init__(self, main: nn.Sequential, shortcut: nn.Sequential) -> None:
        super().__init__()
        self.main = main
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.main(x) + self.shortcut(x)
        return out


class GlobalSum(nn.Module):
    """The sum over all pixels. Shapes: [B, C, H, W] -> [B, C]."""

    def forward(self, x: Tensor) -> Tensor:
        return x.sum((2, 3))


class Point(nn.Module):
    """A generator that is one point, whatever its latent. Shapes: [B, L] -> [B, size]."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.theta = nn.Parameter(torch.zeros(size))

    def forward(self, z: Tensor) -> Tensor:
        # A copy: samples that alias the weights would move with them at the next update.
        return self.theta.expand(z.shape[0], -1).clone()


def takes_label(module: nn.Module) -> bool:
    """Whether a network is called with a label, as the networks of a conditional GAN are."""
    return any(getattr(layer, "takes_label", False) for layer in module.modules())


def dropout_shapes(
    module: nn.Module, input_shape: tuple[int, ...], classes: int = 0
) -> dict[str, tuple[int, ...]]:
    """Name -> per-sample shape of what enters each Dropout layer, by a dry run on the meta device.

    A sample is one row of what the layer sees: with packing, m samples of the batch. `classes` is needed
    where the network takes a label.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    hooks = []
    for name, layer in module.named_modules():
        if isinstance(layer, Dropout):

            def note(_: nn.Module, args: tuple[Tensor, ...], name: str = name) -> None:
                shapes[name] = tuple(args[0].shape[1:])

            hooks.append(layer.register_forward_pre_hook(note))
    batch = 24  # any number of samples that 1 to 4 divide
    label = [torch.empty(batch, classes, device="meta")] if takes_label(module) else []
    try:
        module(torch.empty(batch, *input_shape, device="meta"), *label)
    finally:
        for hook in hooks:
            hook.remove()
    return shapes
