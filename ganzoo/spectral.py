"""Spectral normalisation as a function of weights: torch's own fails under vmap and keeps state in modules.

Miyato et al. (arXiv:1802.05957): W / sigma(W), sigma = u^T W v with u, v from one power iteration a pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

VECTOR = ".u"
"""Suffix of the buffer that holds a weight's left singular vector, [K, out]."""

WARM_UP = 15
"""Power iterations before the first step, from a random vector."""


def matrices(shapes: Mapping[str, tuple[int, ...]]) -> tuple[str, ...]:
    """Names of the parameters that are matrices or kernels: those of two dimensions or more."""
    return tuple(name for name, shape in shapes.items() if len(shape) >= 2)


def normalised(
    params: Mapping[str, Tensor], names: Iterable[str], buffers: Mapping[str, Tensor], moves: bool
) -> dict[str, Tensor]:
    """`params` [K, ...] with each of `names` over its largest singular value.

    A kernel [out, in, k, k] counts as the matrix [out, in * k * k]. moves: one power iteration first, kept in
    `buffers` in place. sigma is differentiated, u and v are not.
    """
    out = dict(params)
    for name in names:
        weight, u = params[name].flatten(2), buffers[name + VECTOR]
        matrix = weight.detach()
        v = _right(matrix, u)
        if moves:
            u.copy_(F.normalize(torch.einsum("koi,ki->ko", matrix, v), dim=1, eps=1e-12))
            v = _right(matrix, u)
        sigma = torch.einsum("ko,koi,ki->k", u.clone(), weight, v)
        out[name] = params[name] / sigma.view(-1, *[1] * (params[name].dim() - 1))
    return out


def start(weight: Tensor, vector: Tensor) -> Tensor:
    """The vector [K, out] after WARM_UP power iterations on `weight` [K, out, ...] from `vector`."""
    matrix, u = weight.detach().flatten(2), vector
    for _ in range(WARM_UP):
        u = F.normalize(torch.einsum("koi,ki->ko", matrix, _right(matrix, u)), dim=1, eps=1e-12)
    return u


def _right(matrix: Tensor, u: Tensor) -> Tensor:
    return F.normalize(torch.einsum("koi,ko->ki", matrix, u), dim=1, eps=1e-12)
