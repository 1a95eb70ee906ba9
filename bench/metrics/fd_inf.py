"""Fréchet distance extrapolated to infinitely many samples (Chong and Forsyth 2020, arXiv:1911.07023).

With N samples the distance is too large by a / N + O(1 / N^2), where a depends on the generator: a fair
comparison needs N = infinity. Here both sides are cut into k disjoint blocks of n / k rows, k = 1 .. points;
f(k) is the mean distance of the k pairs of blocks. 1 / N is k / n, so the line of least squares through
(k, f(k)) has, at k = 0, the value at N = infinity.

The paper draws 15 random subsets of 5,000 to 50,000 generated samples and keeps the statistics of the data
(`shrink` "samples"): that leaves the bias that the data's own finite number brings. With "both", the default,
this goes too. The value may come out below 0, and is not cut: the mean over many estimates would be wrong.

`features_distance` works on features, `blocks_references` and `extrapolated` on one side known.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.errors import UserError
from bench.metrics import fid
from bench.metrics.batch import SPLITS, Batch, Context, Extractor, Floats, Value, halves_noise
from bench.metrics.fd import Reference, distance, reference, summary

References = list[list[Reference]]
"""For each k from 1 on, the k blocks' sides."""
SHRINK = ("both", "samples")


def blocks(features: NDArray[np.floating], count: int) -> list[NDArray[np.floating]]:
    """`count` disjoint blocks of n // count rows each, in order."""
    size = len(features) // count
    return [features[i * size : (i + 1) * size] for i in range(count)]


def blocks_references(features: NDArray[np.floating], points: int, shrink: str = "both") -> References:
    """The side of the data: cut as the samples are ("both"), or whole each time ("samples")."""
    if shrink == "samples":
        whole = reference(summary(features))
        return [[whole] * count for count in range(1, points + 1)]
    return [
        [reference(summary(block)) for block in blocks(features, count)] for count in range(1, points + 1)
    ]


def extrapolated(features: NDArray[np.floating], against: References) -> float:
    """The distance at 1 / N = 0 of features [n, d] to known sides; NaN where a side is not finite.

    ValueError where a block has no more rows than dimensions: a singular covariance is off the line.
    """
    smallest = len(features) // len(against)
    if smallest <= features.shape[1]:
        raise ValueError(f"blocks of {smallest} rows, and more than {features.shape[1]} are needed")
    means = [
        np.mean([distance(summary(b), a) for b, a in zip(blocks(features, len(row)), row, strict=True)])
        for row in against
    ]
    return intercept(np.array(means))


def intercept(means: NDArray[np.float64]) -> float:
    """At k = 0, the line of least squares through (k, means[k - 1]), k = 1 .. points."""
    k = np.arange(1, len(means) + 1, dtype=np.float64)
    offset = k - k.mean()
    slope = offset @ means / (offset @ offset)
    return float(means.mean() - slope * k.mean())


def features_distance(
    x: NDArray[np.floating], y: NDArray[np.floating], points: int = 5, shrink: str = "both"
) -> float:
    """The extrapolated distance between features x [n, d] and y [m, d], in an order without meaning."""
    return extrapolated(x, blocks_references(y, points, shrink))


def samples_distance(x: Floats, y: Floats, extractor: Extractor, points: int = 5) -> float:
    """The extrapolated distance of samples x [n, *shape] and y [m, *shape] in an extractor's features."""
    return features_distance(extractor(x)[0], extractor(y)[0], points)


class Extrapolated:
    """`fd_inf` of samples against the first n train rows, and held-out rows; noise from halves of the sample.

    The noise of the value on n samples is that of a pair of halves whose blocks are half as large.
    """

    columns = ("fd_inf", "fd_inf.heldout", "fd_inf.noise")

    def __init__(self, context: Context, extractor: Extractor, points: int, shrink: str) -> None:
        self._extractor = extractor
        features = {split: context.reference(split).features(extractor)[0] for split in SPLITS}
        n, d = min(map(len, features.values())), features["train"].shape[1]
        # Noise takes halves, and floors are made of samples of half the size.
        if n // (2 * points) <= d:
            raise UserError(
                f"The metric fd_inf with {points} points needs {2 * points * (d + 1)} samples in {d} features"
                f" and there are {n}: raise evaluate.samples or lower fd_inf.points."
            )
        self._references = {s: blocks_references(features[s], points, shrink) for s in SPLITS}
        half = features["train"][: len(features["train"]) // 2]
        self._halves = blocks_references(half, points, shrink)
        self.provenance: dict[str, str | int] = {
            "extractor": extractor.name,
            "extractor_sha256": extractor.sha256,
            "reference_n": len(features["train"]),
            "points": points,
            "shrink": shrink,
        }

    def against(self, batch: Batch, split: str) -> dict[str, Value]:
        features, _ = batch.features(self._extractor)
        return {"fd_inf": extrapolated(features, self._references[split])}

    def score(self, batch: Batch) -> dict[str, Value]:
        features, _ = batch.features(self._extractor)
        noise = halves_noise(*(extrapolated(half, self._halves) for half in blocks(features, 2)))
        values = (*(extrapolated(features, self._references[split]) for split in SPLITS), noise)
        return dict(zip(self.columns, values, strict=True))


def check(*, points: int, shrink: str, features: str, weights: str) -> None:
    """See that the weights of the features are there; UserError where they are not. Imports no torch."""
    fid.check_features(features, weights)


def fd_inf(context: Context, *, points: int, shrink: str, features: str, weights: str) -> Extrapolated:
    """`fd_inf` in the features of the data set's own extractor, or in Inception-v3's."""
    return Extrapolated(context, fid.chosen(context, features, weights), points, shrink)
