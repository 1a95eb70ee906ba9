"""Precision, recall, density and coverage: fidelity and diversity apart, by balls about samples.

Balls B(x) reach from a sample x to its k-th nearest neighbour of its own kind (k = 5), open:
  precision = share of fakes that are in the ball of some real sample     (Kynkaanniemi et al. 2019,
  recall    = share of real samples that are in the ball of some fake      arXiv:1904.06991)
  density   = mean over fakes of the number of real balls they are in, over k  (Naeem et al. 2020,
  coverage  = share of real balls that hold a fake                              arXiv:2002.09797)
For fakes of the data's own distribution E[density] = 1, and `expected_coverage` gives E[coverage].
`features_prdc` works on features; `squared_radii` of neighbours.py are the statistics that it keeps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.errors import UserError
from bench.metrics.batch import Batch, Context, Floats, Value
from bench.metrics.neighbours import Matrix, blocks, flat, squared_radii


@dataclass(frozen=True)
class Prdc:
    """The four values: shares, but for the density, which has no upper end."""

    precision: float
    recall: float
    density: float
    coverage: float


_NOTHING = Prdc(*[float("nan")] * 4)


@dataclass(frozen=True)
class Real:
    """Real points [n, d] and the squared radii [n] of their balls."""

    points: Matrix
    squared_radii: Matrix


def features_prdc(real: NDArray[np.floating], fake: NDArray[np.floating], neighbours: int = 5) -> Prdc:
    """The values of features fake [m, d] against real [n, d]; NaN where a side is not finite.

    ValueError unless both have more rows than neighbours. Memory: 80 MB beside some copies of the
    features in float64.
    """
    points = flat(real)
    if not np.isfinite(points).all():
        return _NOTHING
    return against(Real(points, squared_radii(points, neighbours)), fake, neighbours)


def against(real: Real, fake: NDArray[np.floating], neighbours: int) -> Prdc:
    """The values of features fake [m, d] against real points whose radii are known."""
    points = flat(fake)
    if not np.isfinite(points).all():
        return _NOTHING
    own = squared_radii(points, neighbours)
    precise, balls = 0, 0
    recalled, covered = np.zeros(len(real.points), bool), np.zeros(len(real.points), bool)
    for rows, squared in blocks(points, real.points):
        inside = squared < real.squared_radii
        precise += int(inside.any(axis=1).sum())
        balls += int(inside.sum())
        covered |= inside.any(axis=0)
        recalled |= (squared < own[rows, None]).any(axis=0)
    m = len(points)
    return Prdc(precise / m, float(recalled.mean()), balls / (neighbours * m), float(covered.mean()))


def expected_coverage(real: int, fake: int, neighbours: int) -> float:
    """E[coverage] of fakes of the data's own distribution, 1 - prod_(j=1..k) (n - j) / (m + n - j).

    A ball is empty if the k nearest of the other n - 1 + m samples are all real ones. n real, m fake.
    """
    j = np.arange(1, neighbours + 1)
    return float(1.0 - np.prod((real - j) / (fake + real - j)))


class Balls:
    """`prdc.*` of samples against the first n train rows, in an extractor's features or raw coordinates.

    Null where more than k real rows lie on each point of the data (`dirac`): their balls have no inside.
    """

    columns = ("prdc.precision", "prdc.recall", "prdc.density", "prdc.coverage")

    def __init__(
        self,
        context: Context,
        neighbours: int,
        features: Callable[[Batch], Floats],
        provenance: dict[str, str | int],
    ) -> None:
        self._features, self._neighbours = features, neighbours
        # No column compares with held-out rows.
        self._real = {"train": self._reference(context, "train", provenance)}
        n = len(self._real["train"].points)
        self.provenance = {**provenance, "reference_n": n, "neighbours": neighbours}

    def _reference(self, context: Context, split: str, provenance: dict[str, str | int]) -> Real:
        points = flat(self._features(context.reference(split)))
        key = context.key(what="radii", split=split, n=len(points), k=self._neighbours, **provenance)
        found = context.cache.get(key, lambda: {"squared": squared_radii(points, self._neighbours)})
        return Real(points, found["squared"].astype(np.float64))

    def against(self, batch: Batch, split: str) -> dict[str, Value]:
        real = self._real[split]
        if not real.squared_radii.any():
            return dict.fromkeys(self.columns)
        found = against(real, self._features(batch), self._neighbours)
        values = (found.precision, found.recall, found.density, found.coverage)
        return dict(zip(self.columns, values, strict=True))

    def score(self, batch: Batch) -> dict[str, Value]:
        return self.against(batch, "train")


def prdc(context: Context, *, neighbours: int) -> Balls:
    """`prdc` of images in the features of the data set's own classifier, of others in raw coordinates."""
    rows = min(context.samples, len(context.dataset.heldout))
    # Floors are also made of samples of half the size.
    if rows // 2 <= neighbours:
        raise UserError(
            f"The metric prdc with {neighbours} neighbours needs at least {2 * neighbours + 2} samples, and"
            f" there are {rows}: raise evaluate.samples or lower prdc.neighbours."
        )
    if context.dataset.extractor is None:
        return Balls(context, neighbours, lambda batch: batch.samples, {"features": "raw"})
    from bench.metrics.extractors import extractor

    network = extractor(context.dataset.extractor)
    provenance: dict[str, str | int] = {"extractor": network.name, "extractor_sha256": network.sha256}
    return Balls(context, neighbours, lambda batch: batch.features(network)[0], provenance)
