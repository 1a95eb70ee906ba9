"""K copies of a network as batched products and grouped convolutions, one rule for each kind of layer.

Features are rows [K, B, F]; images are maps [B, K*C, H, W], which is what grouped convolutions and BatchNorm
over K*C channels take without a copy between layers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganzoo.convolution import UpConv, down_conv
from ganzoo.layers import (
    SD_EPS,
    Dropout,
    GlobalSum,
    JoinLabel,
    LabelChannel,
    Maxout,
    MinibatchStd,
    Pac,
    Point,
    Projection,
    Residual,
    keep_scale,
)
from ganzoo.networks.conditional import Labelled


@dataclass(frozen=True)
class View:
    """What the rule of the layer at `prefix` may look at. uniforms: Dropout layer -> [K, B, ...], or None to
    switch dropout off; label: one-hot [K, B, classes], for the layers that take one."""

    width: int
    prefix: str
    params: Mapping[str, Tensor]
    buffers: dict[str, Tensor]
    train: bool
    uniforms: Mapping[str, Tensor] | None
    label: Tensor | None = None

    def child(self, name: str) -> View:
        return replace(self, prefix=f"{self.prefix}{name}.")

    def param(self, name: str) -> Tensor | None:
        return self.params.get(self.prefix + name)

    def buffer(self, name: str) -> Tensor:
        return self.buffers[self.prefix + name]

    def own_uniforms(self) -> Tensor | None:
        return None if self.uniforms is None else self.uniforms.get(self.prefix.removesuffix("."))

    def given_label(self) -> Tensor:
        assert self.label is not None
        return self.label


def has_rules(module: nn.Module) -> bool:
    """Whether `run` can run a module: a chain of layers with rules, as deep as it nests, and none of them in
    a form that its rule does not compute. Any other module is for vmap."""
    is_chain = type(module).forward in (nn.Sequential.forward, Labelled.forward)
    return is_chain and all(map(_known, module.children()))


def _known(layer: nn.Module) -> bool:
    if type(layer) not in RULES or not all(map(_known, layer.children())):
        return False
    if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
        return layer.padding_mode == "zeros" and not isinstance(layer.padding, str)
    if isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):
        return layer.track_running_stats and layer.momentum is not None
    if isinstance(layer, nn.Flatten):
        return (layer.start_dim, layer.end_dim) == (1, -1)
    if isinstance(layer, nn.Unflatten):
        return layer.dim == 1 and len(layer.unflattened_size) in (1, 3)
    return True


def run(module: nn.Module, x: Tensor, view: View) -> Tensor:
    """All members on x [K, B, ...] -> [K, B, ...]."""
    h = _chain(module, to_maps(x) if x.dim() == 5 else x, view)
    return from_maps(h, view.width) if h.dim() == 4 else h


def to_maps(x: Tensor) -> Tensor:
    """[K, B, C, H, W] -> [B, K*C, H, W]."""
    return x.transpose(0, 1).flatten(1, 2)


def from_maps(x: Tensor, width: int) -> Tensor:
    """[B, K*C, H, W] -> [K, B, C, H, W]."""
    return x.view(x.shape[0], width, -1, *x.shape[2:]).transpose(0, 1)


def _folded(parameter: Tensor | None) -> Tensor | None:
    """[K, C, ...] -> [K*C, ...]."""
    return None if parameter is None else parameter.flatten(0, 1)


def _linear(_: nn.Module, h: Tensor, view: View) -> Tensor:
    weight, bias = view.param("weight"), view.param("bias")
    assert weight is not None
    if bias is None:
        return torch.bmm(h, weight.transpose(1, 2))
    return torch.baddbmm(bias.unsqueeze(1), h, weight.transpose(1, 2))


def _conv(layer: nn.Module, h: Tensor, view: View) -> Tensor:
    assert isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d))
    assert not isinstance(layer.padding, str)
    weight, bias = _folded(view.param("weight")), _folded(view.param("bias"))
    assert weight is not None
    groups = view.width * layer.groups
    is_dcgan = h.device.type == "cpu" and _is_4x4_by_2(layer)
    if isinstance(layer, nn.ConvTranspose2d):
        if is_dcgan:
            out: Tensor = UpConv.apply(h, weight, groups)
            return out if bias is None else out + bias.view(1, -1, 1, 1)
        extra = layer.output_padding
        return F.conv_transpose2d(h, weight, bias, layer.stride, layer.padding, extra, groups, layer.dilation)
    if is_dcgan and layer.in_channels <= 4 and not (h.shape[2] % 2 or h.shape[3] % 2):
        return down_conv(h, weight, bias, groups)
    return F.conv2d(h, weight, bias, layer.stride, layer.padding, layer.dilation, groups)


def _is_4x4_by_2(layer: nn.Conv2d | nn.ConvTranspose2d) -> bool:
    """Whether a layer is of the kind that `UpConv` and `down_conv` compute faster."""
    shape = (layer.kernel_size, layer.stride, layer.padding, layer.dilation, layer.output_padding)
    return shape == ((4, 4), (2, 2), (1, 1), (1, 1), (0, 0)) and layer.groups == 1


def _batch_norm(layer: nn.Module, h: Tensor, view: View) -> Tensor:
    assert isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d))
    rows = h.dim() == 3
    x = h.transpose(0, 1).flatten(1, 2) if rows else h
    mean, var = view.buffer("running_mean"), view.buffer("running_var")
    assert layer.momentum is not None
    if view.train:
        view.buffer("num_batches_tracked").add_(1)
    out = F.batch_norm(
        x,
        mean.view(-1),
        var.view(-1),
        _folded(view.param("weight")),
        _folded(view.param("bias")),
        view.train,
        layer.momentum,
        layer.eps,
    )
    return out.view(out.shape[0], view.width, -1).transpose(0, 1) if rows else out


def _dropout(_: nn.Module, h: Tensor, view: View) -> Tensor:
    u = view.own_uniforms()
    if u is None:
        return h
    rate = view.buffer("rate").view(-1, *[1] * (u.dim() - 1))
    if h.dim() == 3:
        return h * keep_scale(u, rate, h.dtype)
    # Written straight into the layout of maps: a transposed factor would cost a copy here and one in
    # backward.
    u, rate = u.transpose(0, 1), rate.transpose(0, 1)
    scale = torch.ge(u, rate, out=h.new_empty(u.shape))
    return h * scale.div_(1.0 - rate).view(h.shape)


def _flatten(_: nn.Module, h: Tensor, view: View) -> Tensor:
    return h if h.dim() == 3 else from_maps(h, view.width).flatten(2)


def _unflatten(layer: nn.Module, h: Tensor, view: View) -> Tensor:
    assert isinstance(layer, nn.Unflatten)
    h = h.unflatten(2, layer.unflattened_size)  # type: ignore[no-untyped-call]
    return to_maps(h) if h.dim() == 5 else h  # points and signals are no maps


def _chain(module: nn.Module, h: Tensor, view: View) -> Tensor:
    for name, layer in module.named_children():
        h = RULES[type(layer)](layer, h, view.child(name))
    return h


def _elementwise(layer: nn.Module, h: Tensor, _: View) -> Tensor:
    out: Tensor = layer(h)
    return out


def _pac(layer: nn.Module, h: Tensor, view: View) -> Tensor:
    assert isinstance(layer, Pac)
    m = layer.m
    if h.dim() == 3:
        packs = h.shape[1] // m
        return h[:, : packs * m].reshape(view.width, packs, m * h.shape[2])
    packs = h.shape[0] // m
    samples = h[: packs * m].view(packs, m, view.width, -1, *h.shape[2:])
    return samples.transpose(1, 2).flatten(1, 3)


def _minibatch_std(_: nn.Module, h: Tensor, view: View) -> Tensor:
    if h.dim() == 3:
        spread = (h.var(1, correction=0) + SD_EPS).sqrt().mean(1)
        return torch.cat([h, spread.view(-1, 1, 1).expand(-1, h.shape[1], 1)], 2)
    maps = h.unflatten(1, (view.width, -1))  # type: ignore[no-untyped-call]
    spread = (maps.var(0, correction=0) + SD_EPS).sqrt().mean((1, 2, 3))
    channel = spread.view(1, -1, 1, 1, 1).expand(h.shape[0], -1, 1, *h.shape[2:])
    return torch.cat([maps, channel], 2).flatten(1, 2)


def _join_label(_: nn.Module, h: Tensor, view: View) -> Tensor:
    return torch.cat([h, view.given_label()], 2)


def _label_channel(layer: nn.Module, h: Tensor, view: View) -> Tensor:
    channel = _linear(layer, view.given_label(), view)
    maps = h.unflatten(1, (view.width, -1))  # type: ignore[no-untyped-call]
    channel = channel.transpose(0, 1).unflatten(2, (1, *h.shape[2:]))  # type: ignore[no-untyped-call]
    return torch.cat([maps, channel], 2).flatten(1, 2)


def _projection(layer: nn.Module, h: Tensor, view: View) -> Tensor:
    assert isinstance(layer, Projection)
    embedded = _linear(layer.embed, view.given_label(), view.child("embed"))
    return _linear(layer, h, view) + (embedded * h).sum(2, keepdim=True)


def _residual(layer: nn.Module, h: Tensor, view: View) -> Tensor:
    assert isinstance(layer, Residual)
    main = _chain(layer.main, h, view.child("main"))
    return main + _chain(layer.shortcut, h, view.child("shortcut"))


def _global_sum(_: nn.Module, h: Tensor, view: View) -> Tensor:
    return h.sum((2, 3)).view(h.shape[0], view.width, -1).transpose(0, 1)


def _point(_: nn.Module, h: Tensor, view: View) -> Tensor:
    theta = view.param("theta")
    assert theta is not None
    return theta.unsqueeze(1).expand(-1, h.shape[1], -1).clone()


RULES: Mapping[type[nn.Module], Callable[[nn.Module, Tensor, View], Tensor]] = {
    nn.Linear: _linear,
    nn.Conv2d: _conv,
    nn.ConvTranspose2d: _conv,
    nn.BatchNorm1d: _batch_norm,
    nn.BatchNorm2d: _batch_norm,
    Dropout: _dropout,
    nn.Flatten: _flatten,
    nn.Unflatten: _unflatten,
    nn.ReLU: _elementwise,
    nn.LeakyReLU: _elementwise,
    nn.Tanh: _elementwise,
    nn.AvgPool2d: _elementwise,
    nn.MaxPool2d: _elementwise,
    nn.Upsample: _elementwise,
    Maxout: _elementwise,
    Pac: _pac,
    MinibatchStd: _minibatch_std,
    JoinLabel: _join_label,
    LabelChannel: _label_channel,
    Projection: _projection,
    Residual: _residual,
    GlobalSum: _global_sum,
    Point: _point,
    nn.Identity: _elementwise,
    nn.Sequential: _chain,
}
