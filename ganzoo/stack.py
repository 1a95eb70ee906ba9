"""K models of one architecture as one program.

Weights lie flat, [K, P]; every parameter is a view of them. A network is an ordinary module, written once:
where it is a Sequential of known layers its K copies run as batched products and grouped convolutions, else
under vmap, which is also the oracle that the batched form is tested against.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn import functional as F

from ganzoo.layers import Dropout, UpConv, down_conv, keep_scale

Uniforms = Mapping[str, Tensor]
"""Dropout layer -> uniforms [K, B, ...] of its input's shape."""


class Stack:
    """K members of `template`, each with its own weights and buffers.

    Calling it maps [K, B, ...] to [K, B, ...]. `engine` is `auto` (batched where possible) or `vmap`.
    """

    def __init__(
        self,
        template: nn.Module,
        values: Sequence[Mapping[str, Tensor]],
        *,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
        engine: str = "auto",
    ) -> None:
        self.template = template.to("meta")
        self.width = len(values)
        self.shapes = {name: tuple(p.shape) for name, p in template.named_parameters()}
        columns = [torch.stack([v[name].reshape(-1) for v in values]) for name in self.shapes]
        self.weights = torch.cat(columns, 1).to(device=device, dtype=dtype).contiguous()
        self.buffers = {
            name: _fresh_buffer(name, buffer, self.width, dtype, device)
            for name, buffer in template.named_buffers()
            if name.rpartition(".")[2] != "uniforms"
        }
        self.params = self.leaves(self.weights)
        batched = isinstance(template, nn.Sequential) and all(type(m) in _RULES for m in template.children())
        self.engine = "batched" if engine == "auto" and batched else "vmap"

    def leaves(self, weights: Tensor) -> dict[str, Tensor]:
        """Parameters as views of `weights` [K, P], each a leaf that autograd can be asked about."""
        params, start = {}, 0
        for name, shape in self.shapes.items():
            stop = start + int(torch.Size(shape).numel())
            params[name] = weights[:, start:stop].view(self.width, *shape).detach().requires_grad_()
            start = stop
        return params

    def gradient(self, loss: Tensor) -> Tensor:
        """d(sum of `loss`)/d(weights), flat [K, P]. Members do not mix, so each gets exactly its own."""
        grads = torch.autograd.grad(loss.sum(), list(self.params.values()))
        return torch.cat([g.reshape(self.width, -1) for g in grads], 1)

    def set_dropout(self, rates: Tensor) -> None:
        """One rate per member [K], for every Dropout layer."""
        for name, layer in self.template.named_modules():
            if isinstance(layer, Dropout):
                self.buffers[f"{name}.rate" if name else "rate"] = rates.to(self.weights)

    def __call__(
        self,
        x: Tensor,
        *,
        train: bool = True,
        buffers: dict[str, Tensor] | None = None,
        uniforms: Uniforms | None = None,
        params: Mapping[str, Tensor] | None = None,
    ) -> Tensor:
        """Run all members on x [K, B, ...].

        train: BatchNorm uses the batch's statistics and moves the running ones in `buffers` (default: the
        stack's own; hand in a clone to leave them alone). uniforms: None switches dropout off.
        """
        buffers = self.buffers if buffers is None else buffers
        params = self.params if params is None else params
        run = self._batched if self.engine == "batched" else self._vmapped
        return run(x, params, buffers, train, uniforms)

    def cloned_buffers(self) -> dict[str, Tensor]:
        return {name: buffer.clone() for name, buffer in self.buffers.items()}

    def _vmapped(
        self,
        x: Tensor,
        params: Mapping[str, Tensor],
        buffers: dict[str, Tensor],
        train: bool,
        uniforms: Uniforms | None,
    ) -> Tensor:
        self.template.train(train)
        for layer in self.template.modules():
            if isinstance(layer, Dropout):
                layer.training = uniforms is not None
        given = {f"{name}.uniforms": u for name, u in (uniforms or {}).items()}

        def one(
            p: Mapping[str, Tensor], b: Mapping[str, Tensor], u: Mapping[str, Tensor], x: Tensor
        ) -> Tensor:
            out: Tensor = functional_call(self.template, {**p, **b, **u}, (x,))
            return out

        out: Tensor = vmap(one)(dict(params), buffers, given, x)
        return out

    def _batched(
        self,
        x: Tensor,
        params: Mapping[str, Tensor],
        buffers: dict[str, Tensor],
        train: bool,
        uniforms: Uniforms | None,
    ) -> Tensor:
        h = _to_maps(x) if x.dim() == 5 else x
        for name, layer in self.template.named_children():
            view = _View(
                self.width,
                f"{name}.",
                params,
                buffers,
                train,
                None if uniforms is None else uniforms.get(name),
            )
            h = _RULES[type(layer)](layer, h, view)
        return _from_maps(h, self.width) if h.dim() == 4 else h


def load_flat(module: nn.Module, weights: Tensor) -> None:
    """Copy one member's flat weights [P], in the order of a Stack, into a plain module."""
    start = 0
    with torch.no_grad():
        for parameter in module.parameters():
            stop = start + parameter.numel()
            parameter.copy_(weights[start:stop].view(parameter.shape))
            start = stop
    if start != weights.numel():
        raise ValueError(f"the module has {start} weights, {weights.numel()} were given")


def _fresh_buffer(
    name: str, like: Tensor, width: int, dtype: torch.dtype, device: torch.device | str
) -> Tensor:
    """A buffer's initial value, K times. Templates may live on the meta device, so values come from the
    name."""
    start = 1.0 if name.endswith("running_var") else 0.0
    kind = dtype if like.is_floating_point() else like.dtype
    return torch.full((width, *like.shape), start, dtype=kind, device=device)


# The batched form. Features are rows [K, B, F]; images are maps [B, K*C, H, W], which is what grouped
# convolutions and BatchNorm over K*C channels take without a copy between layers.


@dataclass(frozen=True)
class _View:
    """What one layer's rule may look at."""

    width: int
    prefix: str
    params: Mapping[str, Tensor]
    buffers: dict[str, Tensor]
    train: bool
    uniforms: Tensor | None

    def param(self, name: str) -> Tensor | None:
        return self.params.get(self.prefix + name)

    def buffer(self, name: str) -> Tensor:
        return self.buffers[self.prefix + name]


def _to_maps(x: Tensor) -> Tensor:
    """[K, B, C, H, W] -> [B, K*C, H, W]."""
    return x.transpose(0, 1).flatten(1, 2)


def _from_maps(x: Tensor, width: int) -> Tensor:
    """[B, K*C, H, W] -> [K, B, C, H, W]."""
    return x.view(x.shape[0], width, -1, *x.shape[2:]).transpose(0, 1)


def _folded(parameter: Tensor | None) -> Tensor | None:
    """[K, C, ...] -> [K*C, ...]."""
    return None if parameter is None else parameter.flatten(0, 1)


def _linear(_: nn.Module, h: Tensor, view: _View) -> Tensor:
    weight, bias = view.param("weight"), view.param("bias")
    assert weight is not None
    if bias is None:
        return torch.bmm(h, weight.transpose(1, 2))
    return torch.baddbmm(bias.unsqueeze(1), h, weight.transpose(1, 2))


def _conv(layer: nn.Module, h: Tensor, view: _View) -> Tensor:
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


def _batch_norm(layer: nn.Module, h: Tensor, view: _View) -> Tensor:
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


def _dropout(_: nn.Module, h: Tensor, view: _View) -> Tensor:
    u = view.uniforms
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


def _flatten(_: nn.Module, h: Tensor, view: _View) -> Tensor:
    return h if h.dim() == 3 else _from_maps(h, view.width).flatten(2)


def _unflatten(layer: nn.Module, h: Tensor, view: _View) -> Tensor:
    assert isinstance(layer, nn.Unflatten)
    return _to_maps(h.unflatten(2, layer.unflattened_size))  # type: ignore[no-untyped-call]


def _elementwise(layer: nn.Module, h: Tensor, _: _View) -> Tensor:
    out: Tensor = layer(h)
    return out


_RULES: Mapping[type[nn.Module], Callable[[nn.Module, Tensor, _View], Tensor]] = {
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
    nn.Identity: _elementwise,
}
