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


def takes_label(module: nn.Module) -> bool:
    """Whether a network is called with a label, as the networks of a conditional GAN are."""
    return any(getattr(layer, "takes_label", False) for layer in module.modules())


def dropout_shapes(module: nn.Module, input_shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """Name -> per-sample shape of what enters each Dropout layer, by a dry run on the meta device."""
    shapes: dict[str, tuple[int, ...]] = {}
    hooks = []
    for name, layer in module.named_modules():
        if isinstance(layer, Dropout):

            def note(_: nn.Module, args: tuple[Tensor, ...], name: str = name) -> None:
                shapes[name] = tuple(args[0].shape[1:])

            hooks.append(layer.register_forward_pre_hook(note))
    try:
        module(torch.empty(2, *input_shape, device="meta"))
    finally:
        for hook in hooks:
            hook.remove()
    return shapes
