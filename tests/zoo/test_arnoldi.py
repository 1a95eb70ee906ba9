"""Arnoldi's eigenvalues against numpy's of the same matrices."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from ganzoo.arnoldi import Ritz, ritz


def fresh(n: int) -> Callable[[int], Tensor]:
    return lambda i: torch.from_numpy(np.random.default_rng([7, i]).standard_normal(n))


def of(matrices: Tensor, vectors: int) -> list[Ritz | None]:
    """By products alone."""

    def product(x: Tensor) -> Tensor:
        return torch.einsum("kij,kj->ki", matrices, x)

    return ritz(product, fresh(matrices.shape[1]), len(matrices), vectors)


def sorted_values(values: np.ndarray) -> np.ndarray:
    return np.array(sorted(values.tolist(), key=lambda z: (round(z.real, 9), round(z.imag, 9))))


SMALL: dict[str, list[list[float]]] = {
    "rotation": [[0.0, 1.0], [-1.0, 0.0]],
    "a multiple of one": [[2.0, 0.0], [0.0, 2.0]],
    "nothing": [[0.0, 0.0], [0.0, 0.0]],
    "singular": [[1.0, 2.0], [2.0, 4.0]],
    "one step": [[0.0, 1.0], [0.0, 0.0]],
    "two blocks": [[0.0, 3.0, 0, 0], [-3.0, 0.0, 0, 0], [0, 0, 0.0, 3.0], [0, 0, -3.0, 0.0]],
    "four equal": [[5.0, 0, 0, 0], [0, 5.0, 0, 0], [0, 0, 5.0, 0], [0, 0, 0, -1.0]],
}


@pytest.mark.parametrize("name", SMALL)
def test_a_full_space_gives_all_eigenvalues_repeated_ones_too(name: str) -> None:
    matrix = torch.tensor([SMALL[name]], dtype=torch.float64)
    (found,) = of(matrix, 40)
    assert found is not None
    wanted = np.linalg.eigvals(matrix[0].numpy())
    tolerance = 1e-7 if name == "one step" else 1e-10  # a defective value takes the root of an error
    np.testing.assert_allclose(sorted_values(found.values), sorted_values(wanted), atol=tolerance)
    np.testing.assert_array_equal(found.residuals, 0.0)


def test_the_extremes_of_a_large_matrix_come_first_and_residuals_tell_how_near() -> None:
    """A disc of inner eigenvalues with three outliers: largest, rightmost, topmost."""
    generator = np.random.default_rng(0)
    n = 300
    matrix = generator.standard_normal((n, n)) / np.sqrt(n)
    matrix[:4] = matrix[:, :4] = 0.0
    matrix[0, 0], matrix[1, 1] = -6.0, 2.5
    matrix[2:4, 2:4] = [[-0.5, 4.0], [-4.0, -0.5]]
    basis, _ = np.linalg.qr(generator.standard_normal((n, n)))
    (found,) = of(torch.from_numpy(basis @ matrix @ basis.T)[None], 40)
    assert found is not None
    wanted = {np.abs: -6.0 + 0j, np.real: 2.5 + 0j, np.imag: -0.5 + 4j}
    for score, value in wanted.items():
        nearest, residual = found.extreme(score)  # type: ignore[arg-type]
        assert abs(nearest - value) < 1e-6
        assert residual < 1e-5
    true = np.linalg.eigvals(matrix)
    inner = np.argmax(found.residuals)
    assert found.residuals[inner] > 0.1  # inner values of so small a space are no eigenvalues, and it says so
    distance = np.abs(true[None] - found.values[:, None]).min(1)
    assert (distance[found.residuals < 1e-6] < 1e-5).all()


def test_a_residual_is_that_of_its_vector() -> None:
    """Of a symmetric matrix an eigenvalue lies within it."""
    generator = np.random.default_rng(1)
    matrix = generator.standard_normal((60, 60))
    matrix = matrix + matrix.T
    (found,) = of(torch.from_numpy(matrix)[None], 12)
    assert found is not None
    true = np.linalg.eigvalsh(matrix)
    assert (np.abs(true[None] - found.values.real[:, None]).min(1) <= found.residuals + 1e-9).all()
    assert (found.residuals > 1e-6).any()


def test_members_do_not_mix() -> None:
    """Nor does one that is no number harm its neighbours."""
    generator = np.random.default_rng(2)
    matrices = torch.from_numpy(generator.standard_normal((3, 20, 20)))
    alone = of(matrices[2:], 10)[0]
    matrices[1, 0, 0] = torch.nan
    found = of(matrices, 10)
    assert found[1] is None
    assert alone is not None
    assert found[2] is not None
    np.testing.assert_allclose(found[2].values, alone.values, rtol=1e-9)


def test_of_a_pair_the_one_above_the_axis() -> None:
    found = Ritz(np.array([1.0 - 2.0j, 1.0 + 2.0j, 0.5]), np.array([0.1, 0.2, 0.3]))
    assert found.extreme(np.abs) == (1.0 + 2.0j, 0.2)
    assert found.extreme(lambda values: -np.abs(values)) == (0.5, 0.3)
