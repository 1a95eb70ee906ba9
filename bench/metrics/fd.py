"""Fréchet distance between Gaussians fitted to features, in float64 and numpy alone.

d^2 = |m1 - m2|^2 + tr S1 + tr S2 - 2 tr (S1 S2)^(1/2)        (Heusel et al. 2017, arXiv:1706.08500)
with tr (S1 S2)^(1/2) = sum of the roots of the eigenvalues of R S2 R, R = S1^(1/2): symmetric, so a singular
covariance (a collapsed generator) needs no special case. Covariances divide by n - 1, as torch-fidelity's do.

`features_distance`, `distance` and `moments` work on features, statistics and streams; `fd` is the metric.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.metrics.batch import SPLITS, Batch, Context, Extractor, Value, halves_noise

Matrix = NDArray[np.float64]
BLOCK = 4096


@dataclass(frozen=True)
class Moments:
    """Count, mean [d] and scatter [d, d] (sum of outer products about the mean) of n feature vectors."""

    n: int
    mean: Matrix
    scatter: Matrix

    @property
    def covariance(self) -> Matrix:
        """[d, d], divided by n - 1; ValueError below two vectors."""
        if self.n < 2:
            raise ValueError(f"a covariance needs at least 2 samples, got {self.n}")
        return self.scatter / (self.n - 1)


@dataclass(frozen=True)
class Reference:
    """What the distance needs of one side: count, mean [d], the covariance's trace and root [d, d]."""

    n: int
    mean: Matrix
    trace: float
    root: Matrix


def block_moments(features: NDArray[np.floating]) -> Moments:
    """Moments of features [n, d] held in memory, in float64."""
    x = np.asarray(features, dtype=np.float64)
    if x.ndim != 2 or len(x) == 0:
        raise ValueError(f"features must be [n, d] with n > 0, got shape {x.shape}")
    mean = x.mean(axis=0)
    x = x - mean
    return Moments(len(x), mean, x.T @ x)


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
    if np.ndim(features) != 2 or len(features) == 0:
        raise ValueError(f"features must be [n, d] with n > 0, got shape {np.shape(features)}")
    return stream_moments(features[i : i + BLOCK] for i in range(0, len(features), BLOCK))


def reference(statistics: Moments) -> Reference:
    """The root and the trace of a side that is used many times."""
    covariance = statistics.covariance
    values, vectors = np.linalg.eigh(covariance)
    root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    return Reference(statistics.n, statistics.mean, float(np.trace(covariance)), root)


def distance(sample: Moments, against: Reference) -> float:
    """The squared Fréchet distance; NaN if a side is not finite, LinAlgError if no eigenvalues are found.

    Rounding can give eigenvalues, or a distance of equal sets, just below 0; those are 0.
    """
    step = sample.mean - against.mean
    covariance = sample.covariance
    product = against.root @ covariance @ against.root
    if not (np.isfinite(product).all() and np.isfinite(step).all()):
        return float("nan")
    overlap = np.sqrt(np.maximum(np.linalg.eigvalsh((product + product.T) / 2.0), 0.0)).sum()
    return max(0.0, float(step @ step + np.trace(covariance) + against.trace - 2.0 * overlap))


def features_distance(x: NDArray[np.floating], y: NDArray[np.floating]) -> float:
    """The squared Fréchet distance between features x [n, d] and y [m, d]."""
    return distance(moments(x), reference(moments(y)))


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
        return {self._name: distance(moments(features), self._references[split])}

    def score(self, batch: Batch) -> dict[str, Value]:
        features, _ = batch.features(self._extractor)
        train, whole, half = self._references["train"], moments(features), len(features) // 2
        parts = [distance(moments(part), train) for part in (features[:half], features[half : 2 * half])]
        values = (distance(whole, train), distance(whole, self._references["heldout"]), halves_noise(*parts))
        return dict(zip(self.columns, values, strict=True))


def _cached_reference(context: Context, split: str, extractor: Extractor) -> Reference:
    batch = context.reference(split)

    def compute() -> dict[str, NDArray[np.generic]]:
        made = reference(moments(batch.features(extractor)[0]))
        return {"n": np.array(made.n), "mean": made.mean, "trace": np.array(made.trace), "root": made.root}

    key = context.key(what="frechet", split=split, n=len(batch.samples), extractor=extractor.sha256)
    found = context.cache.get(key, compute)
    mean, root = found["mean"].astype(np.float64), found["root"].astype(np.float64)
    return Reference(int(found["n"]), mean, float(found["trace"]), root)


def fd(context: Context) -> Frechet:
    """`fd` in the features of the data set's own extractor."""
    # Only image metrics need torch: 2-D studies and this file's functions run without it.
    from bench.metrics.extractors import extractor

    assert context.dataset.extractor is not None
    return Frechet(context, "fd", extractor(context.dataset.extractor))
