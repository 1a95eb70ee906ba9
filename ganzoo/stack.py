"""K models of one architecture as one program.

Weights lie flat, [K, P]; every parameter is a view of them. A network is an ordinary module, written once:
where it is a Sequential of known layers its K copies run as batched products and grouped convolutions, else
under vmap, which is also the oracle that the batched form is tested against.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from ganzoo import spectral
from ganzoo.batched import View, has_rules, run
from ganzoo.layers import Dropout, takes_label

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
        self.takes_label = takes_label(template)
        self.spectral: tuple[str, ...] = ()
        self.engine = "batched" if engine == "auto" and has_rules(template) else "vmap"

    def views(self, weights: Tensor) -> dict[str, Tensor]:
        """Parameters [K, ...] as views of `weights` [K, P]."""
        params, start = {}, 0
        for name, shape in self.shapes.items():
            stop = start + int(torch.Size(shape).numel())
            params[name] = weights[:, start:stop].view(self.width, *shape)
            start = stop
        return params

    def leaves(self, weights: Tensor) -> dict[str, Tensor]:
        """Parameters as views of `weights` [K, P], each a leaf that autograd can be asked about."""
        return {name: view.detach().requires_grad_() for name, view in self.views(weights).items()}

    def normalise_spectrally(self, vector: Callable[[str, int], Tensor]) -> None:
        """From now on use every matrix W as W / sigma(W); `vector(name, n)` [K, n] starts its iteration."""
        self.spectral = spectral.matrices(self.shapes)
        for name in self.spectral:
            first = vector(name, self.shapes[name][0]).to(self.weights)
            self.buffers[name + spectral.VECTOR] = spectral.start(self.params[name], first)

    def gradient(self, loss: Tensor) -> Tensor:
        """d(sum of `loss`)/d(weights), flat [K, P]. Members do not mix, so each gets exactly its own."""
        grads = torch.autograd.grad(loss.sum(), list(self.params.values()), materialize_grads=True)
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
        label: Tensor | None = None,
    ) -> Tensor:
        """Run all members on x [K, B, ...].

        train: BatchNorm uses the batch's statistics and moves the running ones in `buffers` (default: the
        stack's own; hand in a clone to leave them alone). uniforms: None switches dropout off. label: one-hot
        [K, B, classes], given if and only if the network takes a label (ValueError).
        """
        buffers = self.buffers if buffers is None else buffers
        params = self.params if params is None else params
        if self.takes_label != (label is not None):
            raise ValueError(f"this network takes {'a' if self.takes_label else 'no'} label")
        if self.spectral:
            params = spectral.normalised(params, self.spectral, buffers, train)
            buffers = {name: b for name, b in buffers.items() if not name.endswith(spectral.VECTOR)}
        if self.engine == "batched":
            return run(self.template, x, View(self.width, "", params, buffers, train, uniforms, label))
        return self._vmapped(x, params, buffers, train, uniforms, label)

    def cloned_buffers(self) -> dict[str, Tensor]:
        return {name: buffer.clone() for name, buffer in self.buffers.items()}

    def _vmapped(
        self,
        x: Tensor,
        params: Mapping[str, Tensor],
        buffers: dict[str, Tensor],
        train: bool,
        uniforms: Uniforms | None,
        label: Tensor | None,
    ) -> Tensor:
        self.template.train(train)
        for layer in self.template.modules():
            if isinstance(layer, Dropout):
                layer.training = uniforms is not None
        given = {f"{name}.uniforms": u for name, u in (uniforms or {}).items()}

        def one(
            p: Mapping[str, Tensor], b: Mapping[str, Tensor], u: Mapping[str, Tensor], *args: Tensor
        ) -> Tensor:
            out: Tensor = functional_call(self.template, {**p, **b, **u}, args)
            return out

        args = (x,) if label is None else (x, label)
        out: Tensor = vmap(one)(dict(params), buffers, given, *args)
        return out


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
