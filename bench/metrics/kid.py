"""Kernel distance: the squared maximum mean discrepancy with a cubic kernel, without bias.

k(x, y) = (<x, y> / d + 1)^3, and over n samples x and m samples y
MMD^2 = mean_(i != j) k(x_i, x_j) + mean_(i != j) k(y_i, y_j) - 2 mean_(i, j) k(x_i, y_j)
(Binkowski et al. 2018, arXiv:1801.01401). It has no bias at any n, so a value may be below 0: it is not cut.

All samples are taken at once; `subsets` > 0 gives the mean over random subsets instead, which costs less at
many samples and is what torch-fidelity reports. One subset of all samples is the same number.

Of samples: `samples_distance`. Of features: `features_distance`. With one side known: `distance` and `known`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.data.order import philox
from bench.metrics import fid
from bench.metrics.batch import SPLITS, Batch, Context, Extractor, Floats, Value, halves_noise

Matrix = NDArray[np.float64]
Pair = tuple[NDArray[np.int64], NDArray[np.int64]]
CELLS = 2**21
"""Kernel values of a block: 16 MB, which a processor's cache can hold. Three such tables are held at most."""


@dataclass(frozen=True)
class Known:
    """A side that is used many times: features [n, d] in float64, and their mean kernel over i != j."""

    features: Matrix
    own: float


def kernel(x: Matrix, y: Matrix) -> Matrix:
    """(<x_i, y_j> / d + 1)^3, [n, m]."""
    values: Matrix = x @ y.T
    values /= x.shape[1]
    values += 1.0
    squares = values * values
    squares *= values
    return squares


def own_mean(x: Matrix) -> float:
    """Mean of k(x_i, x_j) over i != j; each pair is computed once. ValueError below two samples."""
    n = len(x)
    if n < 2:
        raise ValueError(f"pairs need at least 2 samples, got {n}")
    total, step = 0.0, max(1, CELLS // n)
    for i in range(0, n, step):
        values = kernel(x[i : i + step], x[i:])
        rows = len(values)
        square = values[:, :rows]
        total += float(square.sum() - np.trace(square) + 2.0 * values[:, rows:].sum())
    return total / (n * (n - 1))


def cross_mean(x: Matrix, y: Matrix) -> float:
    """Mean of k(x_i, y_j) over all pairs."""
    step = max(1, CELLS // len(y))
    total = sum(float(kernel(x[i : i + step], y).sum()) for i in range(0, len(x), step))
    return total / (len(x) * len(y))


def known(features: NDArray[np.floating]) -> Known:
    """One side, from features [n, d]; ValueError for other shapes."""
    if np.ndim(features) != 2:
        raise ValueError(f"features must be [n, d], got shape {np.shape(features)}")
    x = features.astype(np.float64)
    return Known(x, own_mean(x))


def distance(a: Known, b: Known) -> float:
    """MMD^2 of two known sides; not finite where a side is not."""
    return a.own + b.own - 2.0 * cross_mean(a.features, b.features)


def features_distance(x: NDArray[np.floating], y: NDArray[np.floating]) -> float:
    """MMD^2 between features x [n, d] and y [m, d]."""
    return distance(known(x), known(y))


def samples_distance(x: Floats, y: Floats, extractor: Extractor) -> float:
    """MMD^2 between samples x [n, *shape] and y [m, *shape] in an extractor's features."""
    return features_distance(extractor(x)[0], extractor(y)[0])


def subsets_distance(
    x: NDArray[np.floating], y: NDArray[np.floating], pairs: Iterable[Pair]
) -> tuple[float, float]:
    """Mean and SD (divided by their number) of MMD^2 over pairs of rows of features x [n, d] and y [m, d]."""
    values = [features_distance(x[left], y[right]) for left, right in pairs]
    return float(np.mean(values)), float(np.std(values))


def random_pairs(n: int, m: int, subsets: int, size: int) -> Iterator[Pair]:
    """`subsets` pairs of `size` rows each of n and of m, without repeats; the same in every run."""
    rng = np.random.Generator(philox(f"kid subsets 1 n={n} m={m} size={size}"))
    for _ in range(subsets):
        yield rng.permutation(n)[:size], rng.permutation(m)[:size]


class Kernel:
    """`kid` of samples against the first n train rows and held-out rows; noise from halves of the sample.

    Next to 0 the value's SD falls as 1 / n rather than as its root, and `.noise` is too large by sqrt(2).
    """

    columns = ("kid", "kid.heldout", "kid.noise")

    def __init__(self, context: Context, extractor: Extractor, subsets: int, size: int) -> None:
        self._extractor, self._subsets, self._size = extractor, subsets, size
        self._known = {split: self._reference(context, split) for split in SPLITS}
        self.provenance: dict[str, str | int] = {
            "extractor": extractor.name,
            "extractor_sha256": extractor.sha256,
            "reference_n": len(self._known["train"].features),
            "subsets": subsets,
        }

    def _reference(self, context: Context, split: str) -> Known:
        features = context.reference(split).features(self._extractor)[0].astype(np.float64)
        key = context.key(what="kernel", split=split, n=len(features), extractor=self._extractor.sha256)
        found = context.cache.get(key, lambda: {"own": np.array(own_mean(features))})
        return Known(features, float(found["own"]))

    def _distance(self, side: Known, split: str) -> float:
        real = self._known[split]
        if not self._subsets:
            return distance(side, real)
        n, m = len(side.features), len(real.features)
        pairs = random_pairs(n, m, self._subsets, min(self._size, n, m))
        return subsets_distance(side.features, real.features, pairs)[0]

    def _side(self, features: Floats) -> Known:
        # The mean over all pairs is of no use to subsets.
        return Known(features.astype(np.float64), 0.0) if self._subsets else known(features)

    def against(self, batch: Batch, split: str) -> dict[str, Value]:
        return {"kid": self._distance(self._side(batch.features(self._extractor)[0]), split)}

    def score(self, batch: Batch) -> dict[str, Value]:
        features, _ = batch.features(self._extractor)
        half = len(features) // 2
        parts = [self._side(part) for part in (features, features[:half], features[half : 2 * half])]
        noise = halves_noise(*(self._distance(part, "train") for part in parts[1:]))
        values = (*(self._distance(parts[0], split) for split in SPLITS), noise)
        return dict(zip(self.columns, values, strict=True))


def check(*, subsets: int, subset_size: int, features: str, weights: str) -> None:
    """See that the weights of the features are there; UserError where they are not. Imports no torch."""
    fid.check_features(features, weights)


def kid(context: Context, *, subsets: int, subset_size: int, features: str, weights: str) -> Kernel:
    """`kid` in the features of the data set's own extractor, or in Inception-v3's."""
    return Kernel(context, fid.chosen(context, features, weights), subsets, subset_size)
