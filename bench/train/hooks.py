"""Gradient norms and update sizes of two players, from hooks around every optimizer step.

The gradient that counts is the one that an optimizer is about to apply: G's backward leaves gradients in D
too, one update may take several backwards, and clipping or a loss scale come in between. Hooks on parameters
would see all of that; a hook before `step()` sees the gradient itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils import get_total_norm
from torch.optim.optimizer import (
    Optimizer,
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)

from bench.train.monitors import finite

_KEPT = 1024
"""Norms that stay on their device before they are fetched: a fetch waits for the device."""

_RATIOS = 10
"""Updates of an interval whose size is measured: each needs a copy of the weights."""

_SKIPPED = -1.0
"""Stands for the norm of a step that a loss scale skipped on the device, unknown to the host."""

Value = float | int | None


class Record:
    """One number of at least 0 for each of many steps; fetched from the device now and then."""

    def __init__(self) -> None:
        self._there: list[Tensor] = []
        self._here: list[NDArray[np.float64]] = []

    def add(self, value: Tensor) -> None:
        self._there.append(value)
        if len(self._there) >= _KEPT:
            self._fetch()

    def take(self, keep: bool) -> NDArray[np.float64]:
        """All numbers since the last call but those _SKIPPED; with `keep` the next call gives them again."""
        if self._there:
            self._fetch()
        out = np.concatenate(self._here) if self._here else np.empty(0)
        self._here = self._here if keep else []
        applied: NDArray[np.float64] = out[out != _SKIPPED]
        return applied

    def _fetch(self) -> None:
        self._here.append(torch.stack(self._there).double().cpu().numpy())
        self._there = []


def statistics(values: NDArray[np.float64]) -> dict[str, Value]:
    """mean, min, max, last and flips (sign changes of the increments); null where nothing finite is known."""
    if not values.size:
        return dict.fromkeys(("mean", "min", "max", "last", "flips"))
    with np.errstate(invalid="ignore"):
        trend = np.sign(np.diff(values))
    trend = trend[trend != 0]
    known = {
        "mean": float(values.mean()),
        "min": float(values.min()),
        "max": float(values.max()),
        "last": float(values[-1]),
    }
    out: dict[str, Value] = {name: finite(value) for name, value in known.items()}
    out["flips"] = None if out["mean"] is None else int((trend[1:] * trend[:-1] < 0).sum())
    return out


class Gradients:
    """Watches every torch optimizer that holds parameters of either network, until `close`.

    players: name ("d" and "g") -> network; every: steps between two evaluations. `updates`: how many steps
    each player has made, as of the last `take`; those that a GradScaler skipped are none.
    """

    def __init__(self, players: Mapping[str, nn.Module], every: int) -> None:
        self._of = {id(p): name for name, net in players.items() for p in net.parameters()}
        places = {p.device for net in players.values() for p in net.parameters()}
        self._size = get_total_norm if len(places) > 1 else _norm
        self._stride = max(1, every // _RATIOS)
        self.updates = dict.fromkeys(players, 0)
        self._taken = dict.fromkeys(players, 0)
        self._calls = dict.fromkeys(players, 0)
        self._norms = {name: Record() for name in players}
        self._ratios = {name: Record() for name in players}
        self._before: dict[str, list[Tensor]] = {}
        self._known: WeakKeyDictionary[Optimizer, tuple[int, dict[str, list[Tensor]]]] = WeakKeyDictionary()
        self._handles = [
            register_optimizer_step_pre_hook(self._pre),
            register_optimizer_step_post_hook(self._post),
        ]

    def close(self) -> None:
        """Take the hooks away."""
        for handle in self._handles:
            handle.remove()
        self._handles = []

    def take(self, keep: bool = False) -> dict[str, dict[str, Value]]:
        """`d_grad`, `g_grad`, `d_update`, `g_update` since the last call, each with its statistics, and
        `<player>_bad` {"update": the first of these updates, from 1, whose gradient was not finite, "of": how
        many there were}. With `keep` the next call covers them again."""
        out: dict[str, dict[str, Value]] = {}
        for name in self._norms:
            norms = self._norms[name].take(keep)
            bad = np.flatnonzero(~np.isfinite(norms))
            self.updates[name] = self._taken[name] + len(norms)
            self._taken[name] = self._taken[name] if keep else self.updates[name]
            out[f"{name}_grad"] = statistics(norms)
            out[f"{name}_update"] = statistics(self._ratios[name].take(keep))
            out[f"{name}_bad"] = {"update": int(bad[0]) + 1 if bad.size else None, "of": len(norms)}
        return out

    @torch.no_grad()
    def _pre(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        by_closure = _has_closure(args, kwargs)
        for name, params in self._mine(optimizer).items():
            if not by_closure and not self._note(optimizer, name, params):
                continue
            if self._calls[name] % self._stride == 0:
                self._before[name] = [p.detach().clone() for p in params]
            self._calls[name] += 1

    def _note(self, optimizer: Optimizer, name: str, params: list[Tensor]) -> bool:
        """Keep the norm of the gradients that are applied; False where there are none."""
        grads = [_dense(p.grad) for p in params if p.grad is not None]
        scale = getattr(optimizer, "grad_scale", None)
        if grads and scale is not None:  # before the squares of a norm, which could overflow
            grads = [grad / _at(scale, grad) for grad in grads]
        if grads:
            self._norms[name].add(_unless_skipped(self._size(grads), optimizer))
        return bool(grads)

    @torch.no_grad()
    def _post(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        if _has_closure(args, kwargs):  # which has made the gradients only within the step
            for name, params in self._mine(optimizer).items():
                self._note(optimizer, name, params)
        if self._before:
            self._compare(optimizer)

    @torch.no_grad()
    def _compare(self, optimizer: Optimizer) -> None:
        for name, params in self._mine(optimizer).items():
            before = self._before.pop(name, None)
            if before is None or len(before) != len(params):
                continue
            change = [p.detach() - old for p, old in zip(params, before, strict=True)]
            self._ratios[name].add(_unless_skipped(self._size(change) / self._size(before), optimizer))

    def _mine(self, optimizer: Optimizer) -> dict[str, list[Tensor]]:
        """The parameters of each player that an optimizer holds; looked up once for each optimizer."""
        groups: Sequence[dict[str, Any]] = optimizer.param_groups
        count = sum(len(group["params"]) for group in groups)
        known = self._known.get(optimizer)
        if known is None or known[0] != count:
            known = (count, _by_player((p for group in groups for p in group["params"]), self._of))
            self._known[optimizer] = known
        return known[1]


def _has_closure(args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Whether `step` was given a closure; `args` begin with the optimizer itself."""
    return (args[1] if len(args) > 1 else kwargs.get("closure")) is not None


def _unless_skipped(value: Tensor, optimizer: Optimizer) -> Tensor:
    """_SKIPPED where a GradScaler leaves it to the optimizer to skip (a fused one), without a wait."""
    found_inf = getattr(optimizer, "found_inf", None)
    return value if found_inf is None else torch.where(_at(found_inf, value) > 0, _SKIPPED, value)


def _at(value: Tensor, other: Tensor) -> Tensor:
    return value.to(other.device, non_blocking=True).reshape(())


def _by_player(params: Iterable[Tensor], of: Mapping[int, str]) -> dict[str, list[Tensor]]:
    found: dict[str, list[Tensor]] = {}
    for p in params:
        if id(p) in of:
            found.setdefault(of[id(p)], []).append(p)
    return found


def _norm(tensors: list[Tensor]) -> Tensor:
    """The norm of all together, on one device: half the time of `get_total_norm` for a small network."""
    norms = torch.stack([torch.linalg.vector_norm(each) for each in tensors])
    total: Tensor = torch.linalg.vector_norm(norms)
    return total


def _dense(grad: Tensor) -> Tensor:
    return grad._values() if grad.is_sparse else grad
