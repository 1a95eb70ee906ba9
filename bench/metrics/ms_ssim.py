"""How alike a generator's pictures are: mean MS-SSIM of random pairs (Odena et al. 2017, arXiv:1610.09585).

MS-SSIM of two pictures (Wang, Simoncelli, Bovik 2003, doi:10.1109/ACSSC.2003.1292216), in [0, 1]:
  l_M^w_M * prod_(j=1..M) cs_j^w_j       at scales 1 (as it is), 2 (half the side), ..., M
  l  = mean over windows of (2 a b + c1) / (a^2 + b^2 + c1)                a, b: the windows' means
  cs = mean over windows of (2 s_ab + c2) / (s_a^2 + s_b^2 + c2)           s: their (co)variances
(at scale M the product of both is averaged.) Windows are 11x11 Gaussians of sigma 1.5 that lie whole inside
the picture; c1 = 0.01^2, c2 = 0.03^2 for values in [0, 1]; halving is the mean of 2x2 pixels.
Wang's M = 5 needs 176 pixels. Here M is as large as the window fits: 2 at 28 and 32 pixels, 3 at 64, and
w = the first M of Wang's weights over their sum. A negative cs counts as 0; colours are averaged.

The paper takes pairs within a class; a generator without labels has none, so pairs are of any two pictures.
Low is diverse, and noise is lower than any picture: judge it against real pairs, its floor, alone.
`similarity` compares given pairs, `diversity` a set of pictures.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from bench.data.order import philox
from bench.metrics.batch import Batch, Context, Value

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
WINDOW, SIGMA = 11, 1.5
C1, C2 = 0.01**2, 0.03**2
BYTES = 64_000_000
"""Memory for the pairs of pictures that are compared at a time."""
TABLES = 10
"""Pictures in float64 that a pair takes: itself, its windows, and what is made of them."""
Matrix = NDArray[np.float64]


def scales(side: int) -> int:
    """At how many scales the window fits into pictures of `side` pixels, at most 5; ValueError for none."""
    if side < WINDOW:
        raise ValueError(f"MS-SSIM needs pictures of at least {WINDOW} pixels, got {side}")
    return min(len(WEIGHTS), (side // WINDOW).bit_length())


@functools.lru_cache
def _smooth(side: int) -> Matrix:
    """The window as a matrix [side - 10, side] for one axis: place i is the weighted mean of i .. i + 10."""
    gauss = np.exp(-((np.arange(WINDOW) - WINDOW // 2) ** 2) / (2.0 * SIGMA**2))
    rows = np.zeros((side - WINDOW + 1, side))
    for i, row in enumerate(rows):
        row[i : i + WINDOW] = gauss / gauss.sum()
    return rows


def _windows(x: Matrix) -> Matrix:
    """Means [..., h, w] of all windows of pictures [..., H, W]."""
    return np.asarray(_smooth(x.shape[-2]) @ x @ _smooth(x.shape[-1]).T)


def _halved(x: Matrix) -> Matrix:
    x = x[..., : x.shape[-2] // 2 * 2, : x.shape[-1] // 2 * 2]
    return (x[..., ::2, ::2] + x[..., 1::2, ::2] + x[..., ::2, 1::2] + x[..., 1::2, 1::2]) / 4.0


def _parts(x: Matrix, y: Matrix) -> tuple[Matrix, Matrix]:
    """l and cs of every window of pictures x, y [..., H, W] in [0, 1]."""
    a, b = _windows(x), _windows(y)
    # By rounding a variance can be below 0, or a covariance above what the variances allow.
    var_x, var_y = np.maximum(_windows(x * x) - a * a, 0.0), np.maximum(_windows(y * y) - b * b, 0.0)
    most = np.sqrt(var_x) * np.sqrt(var_y)
    both = np.clip(_windows(x * y) - a * b, -most, most)
    luminance = (2.0 * a * b + C1) / (a * a + b * b + C1)
    return luminance, (2.0 * both + C2) / (var_x + var_y + C2)


def similarity(x: NDArray[np.floating], y: NDArray[np.floating]) -> Matrix:
    """MS-SSIM [n] of pictures x with y, each [n, C, H, W] in [-1, 1]; 1 for equal ones, NaN for non-finite.

    ValueError for pictures smaller than the window.
    """
    x, y = (np.asarray(each, dtype=np.float64) / 2.0 + 0.5 for each in (x, y))
    count = scales(min(x.shape[-2:]))
    weights = np.array(WEIGHTS[:count]) / sum(WEIGHTS[:count])
    finite = (np.isfinite(x) & np.isfinite(y)).reshape(len(x), -1).all(axis=1)
    x, y = x[finite], y[finite]
    product = np.ones(x.shape[:2])
    for j, weight in enumerate(weights):
        luminance, contrast = _parts(x, y)
        last = j == count - 1
        mean = (luminance * contrast if last else contrast).mean(axis=(-2, -1))
        product *= np.maximum(mean, 0.0) ** weight
        if not last:
            x, y = _halved(x), _halved(y)
    out = np.full(finite.shape, np.nan)
    out[finite] = product.mean(axis=1)
    return out


def pairs(n: int) -> NDArray[np.int64]:
    """n // 2 disjoint pairs [n // 2, 2] of rows 0..n-1, random and the same in every run.

    Neighbouring rows would not do: the rows of data sets, and the classes asked for, take turns.
    """
    order = np.argsort(philox(f"ms_ssim pairs 1 n={n}").random_raw(n), kind="stable")
    return order[: n // 2 * 2].reshape(-1, 2)


def diversity(images: NDArray[np.floating]) -> float:
    """Mean MS-SSIM of the fixed random pairs of images [n, C, H, W] in [-1, 1]; 1 if all are equal."""
    chosen = pairs(len(images))
    block = max(1, BYTES // (TABLES * 8 * images[0].size))
    parts = [
        similarity(images[some[:, 0]], images[some[:, 1]])
        for some in (chosen[i : i + block] for i in range(0, len(chosen), block))
    ]
    return float(np.concatenate(parts).mean())


class Diversity:
    """`ms_ssim` of samples; the floor is what real pairs have."""

    columns = ("ms_ssim",)

    def __init__(self, context: Context) -> None:
        self.provenance: dict[str, str | int] = {
            "scales": scales(min(context.dataset.shape[-2:])),
            "pairs": context.samples // 2,
        }

    def against(self, batch: Batch, split: str) -> dict[str, Value]:
        return self.score(batch)

    def score(self, batch: Batch) -> dict[str, Value]:
        return {"ms_ssim": diversity(batch.samples)}


def ms_ssim(context: Context) -> Diversity:
    """`ms_ssim` of a set of images."""
    return Diversity(context)
