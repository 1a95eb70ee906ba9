"""Extreme eigenvalues of K large matrices at once, known by their products alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

BREAKDOWN = 1e-12
"""What is left of a product outside the space found so far, over the product, that counts as nothing."""


@dataclass(frozen=True)
class Ritz:
    """Approximate eigenvalues of one matrix, largest first, and for each |A x - value x| of its unit x.

    A residual r says that the value is an eigenvalue of some A + E with |E| = r: of a normal A one lies
    within r, of another the eigenvalue's condition number stands before r. It does not say that no eigenvalue
    was missed: what the start has no part in is not seen, and of equal eigenvalues one. Extreme ones come
    first, inner ones last. Where the space is the whole space, all are there.
    """

    values: NDArray[np.complex128]
    residuals: NDArray[np.float64]

    def extreme(
        self, score: Callable[[NDArray[np.complex128]], NDArray[np.float64]]
    ) -> tuple[complex, float]:
        """The value of the highest score, with its residual; of a conjugate pair the one above the axis."""
        upper = np.flatnonzero(self.values.imag >= 0.0)
        best = upper[int(np.argmax(score(self.values[upper])))]
        return complex(self.values[best]), float(self.residuals[best])


def ritz(
    product: Callable[[Tensor], Tensor], fresh: Callable[[int], Tensor], width: int, vectors: int
) -> list[Ritz | None]:
    """Arnoldi's method (doi:10.1090/qam/42792) with full orthogonalisation, for K = `width` matrices A_k.

    product: [K, n] -> [K, n], A_k on row k, in float64. fresh(i) [n] are random vectors: number 0 begins each
    space, number j takes over where one closes after j vectors, so that a full one always gives all
    eigenvalues. At most n vectors are used. None for a member whose products are not finite.
    """
    found = _hessenberg(product, fresh, width, vectors).cpu().numpy()
    return [_ritz(matrix) if np.isfinite(matrix).all() else None for matrix in found]


def _hessenberg(
    product: Callable[[Tensor], Tensor], fresh: Callable[[int], Tensor], width: int, vectors: int
) -> Tensor:
    """H [K, m + 1, m] of A Q^T = Q^T H[:m] + H[m, m - 1] q e_m^T, the rows of Q [K, m, n] orthonormal."""
    first = fresh(0)
    n, m = len(first), min(vectors, len(first))
    basis = first.new_zeros(width, m, n)
    out = first.new_zeros(width, m + 1, m)
    basis[:, 0] = first / torch.linalg.vector_norm(first)
    for j in range(m):
        images = product(basis[:, j])
        other = None
        for k in range(width):  # a product with a slice of a batch would copy the slice
            known = basis[k, : j + 1]
            rest, out[k, : j + 1, j] = _against(known, images[k])
            left = torch.linalg.vector_norm(rest)
            if j + 1 == n:
                continue  # the whole space: what is left is rounding
            if left <= BREAKDOWN * torch.linalg.vector_norm(images[k]):
                other = fresh(j + 1) if other is None else other
                rest = _against(known, other)[0]
            else:
                out[k, j + 1, j] = left
            if j + 1 < m:
                basis[k, j + 1] = rest / torch.linalg.vector_norm(rest)
    return out


def _against(basis: Tensor, vector: Tensor) -> tuple[Tensor, Tensor]:
    """What is left of `vector` [n] outside the rows of `basis` [j, n], and its part along each. Twice: once
    leaves errors of the size of what was taken away."""
    first = basis.mv(vector)
    vector = vector - basis.T.mv(first)
    second = basis.mv(vector)
    return vector - basis.T.mv(second), first + second


def _ritz(hessenberg: NDArray[np.float64]) -> Ritz:
    m = hessenberg.shape[1]
    values, vectors = np.linalg.eig(hessenberg[:m])
    residuals = hessenberg[m, m - 1] * np.abs(vectors[-1]) / np.linalg.norm(vectors, axis=0)
    order = np.argsort(-np.abs(values), kind="stable")
    return Ritz(values[order].astype(np.complex128), residuals[order])
