"""Layers that the networks need and torch lacks under vmap."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


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


class UpConv(torch.autograd.Function):
    """The transposed 4x4 convolution of stride 2 and padding 1, as a 2x2 convolution: about twice as fast on
    a CPU.

    Output pixel 2i + a sees two input rows, i - 1 + a and i + a, through kernel rows 3 - a and 1 - a. So the
    four kinds of output pixels are four channels of an ordinary 2x2 convolution over the input padded by one,
    woven together. The gradient is the one of F.conv_transpose2d(x, weight, None, 2, 1, groups=groups), which
    is fast already and can be differentiated again.
    Shapes: x [B, groups*C, H, W], weight [groups*C, D, 4, 4] -> [B, groups*D, 2H, 2W].
    """

    @staticmethod
    def forward(x: Tensor, weight: Tensor, groups: int) -> Tensor:
        batch, _, height, width = x.shape
        out = weight.shape[1]
        # [g, C, D, ty, ay, tx, ax] after the flips: kernel row 3 - a - 2t stands at (t, a)
        taps = weight.view(groups, -1, out, 2, 2, 2, 2).flip(3, 4, 5, 6)
        kernel = taps.permute(0, 4, 6, 2, 1, 3, 5).reshape(groups * 4 * out, -1, 2, 2)
        phases = functional.conv2d(x, kernel, None, 1, 1, groups=groups)
        phases = phases.view(batch, groups, 2, 2, out, height + 1, width + 1)
        woven = x.new_empty(batch, groups, out, height, 2, width, 2)
        for a in (0, 1):
            for b in (0, 1):
                woven[:, :, :, :, a, :, b] = phases[:, :, a, b, :, a : a + height, b : b + width]
        return woven.view(batch, groups * out, 2 * height, 2 * width)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, int], output: Tensor) -> None:
        x, weight, ctx.groups = inputs
        ctx.save_for_backward(x, weight)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        x, weight = ctx.saved_tensors
        needs = [ctx.needs_input_grad[0], ctx.needs_input_grad[1], False]
        two, one = [2, 2], [1, 1]
        dx, dw, _ = torch.ops.aten.convolution_backward(
            grads[0], x, weight, None, two, one, one, True, [0, 0], ctx.groups, needs
        )
        return dx, dw, None


def down_conv(x: Tensor, weight: Tensor, bias: Tensor | None, groups: int) -> Tensor:
    """The 4x4 convolution of stride 2 and padding 1, as a 2x2 convolution over 2x2 blocks of pixels.

    The same sums in another layout. With one to four channels a group, as a discriminator's first layer has
    them, its backward is three times as fast on a CPU.
    Shapes: x [B, groups*C, H, W], weight [groups*D, C, 4, 4] -> [B, groups*D, H/2, W/2], H and W even.
    """
    batch, channels, height, width = x.shape
    blocks = functional.pad(x, (1, 1, 1, 1)).view(batch, channels, height // 2 + 1, 2, width // 2 + 1, 2)
    blocks = blocks.permute(0, 1, 3, 5, 2, 4).reshape(batch, channels * 4, height // 2 + 1, width // 2 + 1)
    out, inner = weight.shape[:2]
    kernel = weight.view(out, inner, 2, 2, 2, 2).permute(0, 1, 3, 5, 2, 4).reshape(out, inner * 4, 2, 2)
    return functional.conv2d(blocks, kernel, bias, groups=groups)


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
