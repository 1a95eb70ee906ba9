"""How many different pictures a generator can make, from duplicates among few of them.

The birthday test of Arora and Zhang 2017 (arXiv:1706.08224).

Of s samples of N equally likely pictures, a pair is equal with probability 1 / N, and some pair with
1 - exp(-s (s - 1) / 2N): the birthday paradox, so s samples tell of supports up to about s^2 / 2. With c
equal pairs among P = s (s - 1) / 2 the estimate is N = P / c, with the interval of a Poisson count c.
Pictures of unequal probabilities p give 1 / sum p^2, which is less than their number; the interval is then
too narrow.

Two pictures are taken for the same when their features are no further apart than 1 % of the real pictures are
from their nearest real neighbour. Real data hardly ever pass for duplicates then (their share of pairs is the
floor), while copies that differ by noise do; a threshold in pixels would count shifts as differences.
The paper has a person look at the nearest pairs instead.

`estimate` works on a count, `equal_pairs` on labels, `near_pairs` on features.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv

from bench.errors import UserError
from bench.metrics.batch import Batch, Context, Extractor, Value
from bench.metrics.neighbours import blocks, flat, squared_radii

QUANTILE = 0.01
"""Share of the real pictures that have another one as near as a duplicate."""
OUTSIDE = 0.05
"""Probability that the interval misses the support."""


@dataclass(frozen=True)
class Support:
    """Estimate of the support, and its 95 % interval; None where no pair was equal: there is no upper end."""

    value: float | None
    low: float
    high: float | None


def probability(samples: int, support: float) -> float:
    """P(some pair of s samples is equal) = 1 - exp(-s (s - 1) / 2N) of N equally likely pictures, N >> s."""
    return float(-np.expm1(-samples * (samples - 1) / (2.0 * support)))


def estimate(duplicates: int, samples: int) -> Support:
    """The support from the equal pairs among s samples: P / c, and P over the ends of c's Poisson interval.

    The exact ends (Garwood 1936) are quantiles of gamma distributions with c and c + 1 degrees.
    """
    pairs = samples * (samples - 1) / 2.0
    low = max(1.0, pairs / float(gammaincinv(duplicates + 1, 1.0 - OUTSIDE / 2.0)))
    if duplicates == 0:
        return Support(None, low, None)
    return Support(pairs / duplicates, low, pairs / float(gammaincinv(duplicates, OUTSIDE / 2.0)))


def equal_pairs(labels: NDArray[np.int64]) -> int:
    """Number of pairs of equal labels [n]."""
    _, counts = np.unique(labels, return_counts=True)
    return int((counts * (counts - 1) // 2).sum())


def near_pairs(features: NDArray[np.floating], squared: float) -> int:
    """Number of pairs of features [n, d] at a squared distance of at most `squared`; memory: 80 MB."""
    points = flat(features)
    places, found = np.arange(len(points)), 0
    for rows, distances in blocks(points, points):
        found += int(((distances <= squared) & (places > places[rows, None])).sum())
    return found


def squared_threshold(real: NDArray[np.floating]) -> float:
    """The squared distance that 1 % of real features [n, d] have at most to their nearest other one."""
    return float(np.quantile(squared_radii(flat(real), 1), QUANTILE))


class Birthday:
    """`birthday.*` of samples in an extractor's features; `.duplicates` is the share of equal pairs."""

    columns = ("birthday.support", "birthday.low", "birthday.high", "birthday.duplicates")

    def __init__(self, context: Context, extractor: Extractor) -> None:
        self._extractor = extractor
        real, _ = context.reference("train").features(extractor)
        self.provenance: dict[str, str | int] = {
            "extractor": extractor.name,
            "extractor_sha256": extractor.sha256,
            "reference_n": len(real),
        }
        key = context.key(what="duplicates", n=len(real), extractor=extractor.sha256)
        found = context.cache.get(key, lambda: {"squared": np.array(squared_threshold(real))})
        self._squared = float(found["squared"])

    def against(self, batch: Batch, split: str) -> dict[str, Value]:
        """The share alone: an estimate is null for samples without duplicates, and floors are means."""
        return {"birthday.duplicates": self.score(batch)["birthday.duplicates"]}

    def score(self, batch: Batch) -> dict[str, Value]:
        features, _ = batch.features(self._extractor)
        if not np.isfinite(features).all():
            return dict.fromkeys(self.columns, float("nan"))
        n, count = len(features), near_pairs(features, self._squared)
        found = estimate(count, n)
        values = (found.value, found.low, found.high, count / (n * (n - 1) / 2.0))
        return dict(zip(self.columns, values, strict=True))


def birthday(context: Context) -> Birthday:
    """`birthday` of images that the data set's own classifier tells apart."""
    if context.dataset.extractor is None:
        name = context.dataset.component.name
        raise UserError(f"The metric birthday needs an extractor, and {name} has none.")
    from bench.metrics.extractors import extractor

    return Birthday(context, extractor(context.dataset.extractor))
