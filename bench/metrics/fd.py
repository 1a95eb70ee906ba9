"""Fréchet distance between Gaussians fitted to features, in float64 and numpy alone.

d^2 = |m1 - m2|^2 + tr S1 + tr S2 - 2 tr (S1 S2)^(1/2)        (Heusel et al. 2017, arXiv:1706.08500)
With S1 = A^T A and S2 = F^T F, tr (S1 S2)^(1/2) is the sum of the singular values of A F^T. Their squares
are the eigenvalues of F S1 F^T and of A F^T F A^T: the smaller of these symmetric matrices is diagonalised.
F is the Cholesky factor of S2; up to d vectors, A and F are the centred vectors. A zero that is rounded to
1e-16 has a root of 1e-8: where that could show in the result (deficient rank), singular values are taken
instead. Covariances divide by n - 1, as torch-fidelity's do.

Of samples: `samples_distance`. Of features: `features_distance`, or `summary` and `reference` of the sides.
Of statistics: `distance` of `statistics` (a known mean and covariance), or of `moments`, `stream_moments`.
`fd` is the metric.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.errors import UserError
from bench.metrics.batch import SPLITS, Batch, Context, Extractor, Floats, Value, halves_noise

Matrix = NDArray[np.float64]
BLOCK = 4096
"""Rows of features that are made float64 at a time."""
TILE = 512
"""Columns of a triangular factor that are multiplied at a time: half of a full product's work."""
EPS = float(np.finfo(np.float64).eps)
TRUST = 1e-6
"""Largest relative error, by a bound that overstates it, that the roots of eigenvalues may have."""


@dataclass(frozen=True)
class Moments:
    """Count, mean [d] and scatter [d, d] (sum of outer products about the mean) of n feature vectors."""

    n: int
    mean: Matrix
    scatter: Matrix

    @property
    def covariance(self) -> Matrix:
        """[d, d], divided by n - 1; ValueError below two vectors."""
        return self.scatter / _freedom(self.n)

    @property
    def trace(self) -> float:
        """Trace of the covariance."""
        return float(np.trace(self.scatter)) / _freedom(self.n)


@dataclass(frozen=True)
class Rows:
    """Mean [d] and centred vectors [n, d] of few features (n <= d): less than a covariance, and exact."""

    mean: Matrix
    centred: Matrix

    @property
    def n(self) -> int:
        return len(self.centred)

    @property
    def factor(self) -> Matrix:
        """A [n - 1, d] with A^T A the covariance; ValueError below two vectors.

        Centred vectors sum to 0. A reflection that maps (1, ..., 1) to the first axis makes the first row 0.
        """
        made: Matrix = self.centred[1:] + self.centred[0] / (np.sqrt(self.n) - 1.0)
        made /= np.sqrt(_freedom(self.n))
        return made

    @property
    def trace(self) -> float:
        """Trace of the covariance."""
        return float(np.vdot(self.centred, self.centred)) / _freedom(self.n)


Summary = Moments | Rows


@dataclass(frozen=True)
class Reference:
    """What the distance needs of one side: count, mean [d], trace of the covariance, and a factor F [r, d].

    F^T F is the covariance; `triangular` says that F is upper triangular, with r = d.
    """

    n: int
    mean: Matrix
    trace: float
    factor: Matrix
    triangular: bool


def _freedom(n: int) -> int:
    if n < 2:
        raise ValueError(f"a covariance needs at least 2 samples, got {n}")
    return n - 1


def statistics(n: int, mean: NDArray[np.floating], covariance: NDArray[np.floating]) -> Moments:
    """Moments of a mean [d] and a covariance [d, d], as files of statistics hold them.

    The distance does not depend on n.
    """
    if np.ndim(mean) != 1 or np.shape(covariance) != (len(mean), len(mean)):
        raise ValueError(f"a mean [d] and a covariance [d, d], got {np.shape(mean)}, {np.shape(covariance)}")
    return Moments(n, mean.astype(np.float64), covariance.astype(np.float64) * _freedom(n))


def block_moments(features: NDArray[np.floating]) -> Moments:
    """Moments of features [n, d] held in memory, in float64."""
    rows = block_rows(features)
    return Moments(rows.n, rows.mean, rows.centred.T @ rows.centred)


def block_rows(features: NDArray[np.floating]) -> Rows:
    """Mean and centred vectors of features [n, d], in float64."""
    _check(features)
    x = np.array(features, dtype=np.float64)
    mean = x.mean(axis=0)
    x -= mean
    return Rows(mean, x)


def merge(a: Moments, b: Moments) -> Moments:
    """Moments of both sets together (Chan, Golub, LeVeque 1979)."""
    n = a.n + b.n
    step = b.mean - a.mean
    scatter = a.scatter + b.scatter + np.outer(step, step) * (a.n * b.n / n)
    return Moments(n, a.mean + step * (b.n / n), scatter)


def stream_moments(blocks: Iterable[NDArray[np.floating]]) -> Moments:
    """Moments of a stream of feature blocks [n_i, d], one block in memory at a time."""
    total: Moments | None = None
    for block in blocks:
        part = block_moments(block)
        total = part if total is None else merge(total, part)
    if total is None:
        raise ValueError("the stream holds no features")
    return total


def moments(features: NDArray[np.floating]) -> Moments:
    """Moments of features [n, d]; float64 copies are made of one block at a time."""
    _check(features)
    return stream_moments(features[i : i + BLOCK] for i in range(0, len(features), BLOCK))


def summary(features: NDArray[np.floating]) -> Summary:
    """What the distance needs of features [n, d]: the vectors up to n = d, moments beyond."""
    _check(features)
    return block_rows(features) if len(features) <= features.shape[1] else moments(features)


def _check(features: NDArray[np.floating]) -> None:
    if np.ndim(features) != 2 or len(features) == 0:
        raise ValueError(f"features must be [n, d] with n > 0, got shape {np.shape(features)}")


def reference(side: Summary) -> Reference:
    """The factor and the trace of a side that is used many times."""
    if isinstance(side, Rows):
        return Reference(side.n, side.mean, side.trace, side.factor, triangular=False)
    factor, triangular = _factor(side.covariance)
    return Reference(side.n, side.mean, side.trace, factor, triangular)


def distance(sample: Summary, against: Reference) -> float:
    """The squared Fréchet distance; NaN if a side is not finite, LinAlgError if no eigenvalues are found.

    Rounding can give a distance of equal sets just below 0; that is 0.
    """
    step = sample.mean - against.mean
    apart = float(step @ step) + sample.trace + against.trace
    product = _product(sample, against)
    if not (np.isfinite(product).all() and np.isfinite(apart)):
        return float("nan")
    overlap, error = _roots(np.linalg.eigvalsh(product))
    if 2.0 * error > TRUST * (apart - 2.0 * overlap):
        root = sample.factor if isinstance(sample, Rows) else _eigen_factor(sample.covariance)
        overlap = float(np.linalg.svd(root @ against.factor.T, compute_uv=False).sum())
    return max(0.0, apart - 2.0 * overlap)


def features_distance(x: NDArray[np.floating], y: NDArray[np.floating]) -> float:
    """The squared Fréchet distance between features x [n, d] and y [m, d]."""
    return distance(summary(x), reference(summary(y)))


def samples_distance(x: Floats, y: Floats, extractor: Extractor) -> float:
    """The squared Fréchet distance of samples x [n, *shape] and y [m, *shape] in an extractor's features."""
    return features_distance(extractor(x)[0], extractor(y)[0])


def _product(sample: Summary, against: Reference) -> Matrix:
    """A symmetric matrix, of which the lower triangle is filled, with the squares of the singular values."""
    upper = against.factor
    if isinstance(sample, Rows):
        cross = _times_lower(sample.factor, upper.T) if against.triangular else sample.factor @ upper.T
        return cross @ cross.T if cross.shape[0] <= cross.shape[1] else cross.T @ cross
    if against.triangular:
        return _congruence(sample.covariance, upper.T)
    return upper @ sample.covariance @ upper.T


def _times_lower(x: Matrix, lower: Matrix) -> Matrix:
    """x L for a lower triangular L [d, d]."""
    out = np.empty_like(x)
    for j in range(0, len(lower), TILE):
        np.matmul(x[:, j:], lower[j:, j : j + TILE], out=out[:, j : j + TILE])
    return out


def _congruence(symmetric: Matrix, lower: Matrix) -> Matrix:
    """The lower triangle (and more) of L^T S L for a lower triangular L [d, d]: d^3 instead of 4 d^3."""
    # Of `right`, only what stands on and below the diagonal is made, and read.
    right, out = np.empty_like(symmetric), np.zeros_like(symmetric)
    for j in range(0, len(lower), TILE):
        np.matmul(symmetric[j:, j:], lower[j:, j : j + TILE], out=right[j:, j : j + TILE])
    for i in range(0, len(lower), TILE):
        np.matmul(lower[i:, i : i + TILE].T, right[i:, : i + TILE], out=out[i : i + TILE, : i + TILE])
    return out


def _roots(values: NDArray[np.floating]) -> tuple[float, float]:
    """Sum of the roots of the eigenvalues of a positive semidefinite matrix, and a bound of its error.

    An eigenvalue is known to e = 8 eps times the largest; its root r to e / r, to sqrt(e) where r is less.
    """
    roots = np.sqrt(np.maximum(values, 0.0))
    wrong = 8.0 * EPS * roots.max(initial=0.0) ** 2
    return float(roots.sum()), float((wrong / np.maximum(roots, np.sqrt(wrong) or 1.0)).sum())


def _factor(covariance: Matrix) -> tuple[Matrix, bool]:
    """F [r, d] with F^T F the covariance [d, d], and whether it is triangular (Cholesky's)."""
    if np.isfinite(covariance).all():
        try:
            upper: Matrix = np.asarray(np.linalg.cholesky(covariance).T, np.float64)
        except np.linalg.LinAlgError:
            return _eigen_factor(covariance), False
        pivots = np.diagonal(upper) ** 2
        if pivots.min() <= len(pivots) * EPS * pivots.max():
            return _eigen_factor(covariance), False
        return upper, True
    return np.full_like(covariance, np.nan), False


def _eigen_factor(covariance: Matrix) -> Matrix:
    """F [r, d], r the numerical rank: eigenvalues below d eps times the largest are rounded zeros."""
    values, vectors = np.linalg.eigh(covariance)
    kept = values > len(values) * EPS * max(float(values[-1]), 0.0)
    return np.ascontiguousarray((vectors[:, kept] * np.sqrt(values[kept])).T)


class Frechet:
    """The distance of samples to the train and held-out reference rows, in an extractor's features.

    Protocol: the first n train rows against n samples; `.heldout` the same with held-out rows; `.noise` from
    the two halves of the sample, each against the train reference (see `halves_noise`).
    """

    def __init__(self, context: Context, name: str, extractor: Extractor) -> None:
        self.columns = (name, f"{name}.heldout", f"{name}.noise")
        self._name, self._extractor = name, extractor
        self._references = {split: _cached_reference(context, split, extractor) for split in SPLITS}
        self.provenance: dict[str, str | int] = {
            "extractor": extractor.name,
            "extractor_sha256": extractor.sha256,
            "reference_n": self._references["train"].n,
        }

    def against(self, batch: Batch, split: str) -> dict[str, Value]:
        features, _ = batch.features(self._extractor)
        return {self._name: distance(summary(features), self._references[split])}

    def score(self, batch: Batch) -> dict[str, Value]:
        features, _ = batch.features(self._extractor)
        train, whole, half = self._references["train"], summary(features), len(features) // 2
        parts = [distance(summary(part), train) for part in (features[:half], features[half : 2 * half])]
        values = (distance(whole, train), distance(whole, self._references["heldout"]), halves_noise(*parts))
        return dict(zip(self.columns, values, strict=True))


def _cached_reference(context: Context, split: str, extractor: Extractor) -> Reference:
    batch = context.reference(split)

    def compute() -> dict[str, NDArray[np.generic]]:
        made = reference(summary(batch.features(extractor)[0]))
        return {name: np.asarray(value) for name, value in vars(made).items()}

    key = context.key(what="frechet 2", split=split, n=len(batch.samples), extractor=extractor.sha256)
    found = context.cache.get(key, compute)
    mean, factor = found["mean"].astype(np.float64), found["factor"].astype(np.float64)
    return Reference(int(found["n"]), mean, float(found["trace"]), factor, bool(found["triangular"]))


def fd(context: Context) -> Frechet:
    """`fd` in the features of the data set's own extractor."""
    # Only image metrics need torch: 2-D studies and this file's functions run without it.
    from bench.metrics.extractors import extractor

    if context.dataset.extractor is None:
        raise UserError(f"The data set {context.dataset.component.name} has no extractor of features.")
    return Frechet(context, "fd", extractor(context.dataset.extractor))
