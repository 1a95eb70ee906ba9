"""Which modes of the data a sample covers, and how well: for 2-D mixtures and for classes of images.

Each sample gets a mode or none. 2-D: the nearest centre, if within 3 sigma. Images: the class that the
classifier predicts, if the features lie inside the manifold of that class: within the distance from some
real image of the class to its k-th nearest neighbour in the class (Kynkaanniemi et al. 2019,
arXiv:1904.06991). Softmax confidence would not do: it is high on noise.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.errors import UserError
from bench.metrics.batch import Batch, Context, Extractor, Features, Floats, Value

Labels = NDArray[np.int64]
WITHIN = 3.0
"""Radius of a mode in sigmas."""
MASS_WITHIN = 1.0 - math.exp(-(WITHIN**2) / 2.0)
"""Mass of a 2-D Gaussian within 3 sigma: 0.98889, not the 0.997 of one dimension."""
COVERED = 0.1
"""Share of its expected number of samples that makes a mode covered."""
OFF = -1


def nearest_centres(points: NDArray[np.floating], centres: NDArray[np.float64], sigma: float) -> Labels:
    """Mode of each point [n, 2]: its nearest centre if within 3 sigma, else -1."""
    step = np.asarray(points, dtype=np.float64)[:, None] - centres[None]
    squared = np.einsum("nmd,nmd->nm", step, step)
    nearest = squared.argmin(axis=1)
    inside = squared[np.arange(len(squared)), nearest] <= (WITHIN * sigma) ** 2
    return np.where(inside, nearest, OFF).astype(np.int64)


def scores(found: Labels, shares: NDArray[np.float64], on_mode: float) -> dict[str, Value]:
    """The columns `modes.*` of samples with modes `found` [n] (-1: none).

    shares [m]: expected share of each mode, summing to 1; on_mode: share of true data inside its modes.
    covered: modes with at least 10 % of n * share; any: with at least one sample; hq: share of samples in a
    mode; tv: total variation, sum |p - q| / 2, over the modes and one bin of all else, q = (on_mode *
    shares, 1 - on_mode); set: the covered modes as a hexadecimal mask, bit i for mode i.
    """
    n, m = len(found), len(shares)
    counts = np.bincount(found[found != OFF], minlength=m)
    covered = counts >= np.maximum(COVERED * n * shares, 1e-12)
    observed = np.append(counts, n - counts.sum()) / n
    truth = np.append(on_mode * shares, 1.0 - on_mode)
    mask = sum(1 << i for i in np.flatnonzero(covered).tolist())
    return {
        "modes.covered": float(covered.sum()),
        "modes.any": float((counts > 0).sum()),
        "modes.hq": float(counts.sum() / n),
        "modes.tv": float(np.abs(observed - truth).sum() / 2.0),
        "modes.set": f"{mask:0{(m + 3) // 4}x}",
    }


@dataclass(frozen=True)
class Manifold:
    """Real features [r, d] of one class about `centre` [d], and squared distances [r] to k-th neighbours."""

    centre: Floats
    features: Floats
    squared_radii: Floats

    def contains(self, features: Floats) -> NDArray[np.bool_]:
        """Whether each of features [n, d] is within the radius of at least one real image."""
        near = _squared(features - self.centre, self.features) <= self.squared_radii
        return np.asarray(near.any(axis=1), dtype=np.bool_)


def manifold(features: Floats, neighbours: int) -> Manifold:
    """The manifold of one class from its real features [r, d], r > neighbours."""
    # Centring keeps the float32 cancellation in |a|^2 + |b|^2 - 2ab small.
    centre = features.mean(axis=0)
    shifted = features - centre
    squared = _squared(shifted, shifted)
    # Place 0 is the image itself.
    return Manifold(centre, shifted, np.partition(squared, neighbours, axis=1)[:, neighbours])


def _squared(a: Floats, b: Floats) -> Floats:
    """Squared distances [n, r] by one matrix product."""
    total = np.einsum("nd,nd->n", a, a)[:, None] + np.einsum("rd,rd->r", b, b)[None] - 2.0 * (a @ b.T)
    return np.asarray(total, dtype=np.float32)


def in_manifolds(extracted: Features, manifolds: list[Manifold]) -> Labels:
    """Class [n] of each image that lies in the manifold of its predicted class, else -1."""
    features, logits = extracted
    predicted = logits.argmax(axis=1).astype(np.int64)
    found = np.full(len(features), OFF, dtype=np.int64)
    for label, each in enumerate(manifolds):
        rows = np.flatnonzero(predicted == label)
        if len(rows):
            found[rows[each.contains(features[rows])]] = label
    return found


class Modes:
    """Scores by a rule that gives each sample of a batch its mode."""

    columns = ("modes.covered", "modes.any", "modes.hq", "modes.tv", "modes.set")

    def __init__(
        self,
        rule: Callable[[Batch], Labels],
        shares: NDArray[np.float64],
        on_mode: float,
        provenance: dict[str, str | int],
    ) -> None:
        self._rule, self._shares, self._on_mode, self.provenance = rule, shares, on_mode, provenance

    def against(self, batch: Batch, split: str) -> dict[str, Value]:
        return self.score(batch)

    def score(self, batch: Batch) -> dict[str, Value]:
        # A sample may be finite and yet overflow when squared: it is then far from every mode.
        with np.errstate(over="ignore", invalid="ignore"):
            return scores(self._rule(batch), self._shares, self._on_mode)


def modes(context: Context, *, neighbours: int) -> Modes:
    """`modes` of a 2-D mixture, or of an image set with labels and an extractor.

    Images: manifolds of the first n train rows, by their true classes; the share of true data inside its
    modes, for tv, is measured on the held-out rows. 2-D: it is 0.98889, exact while centres are 6 sigma
    apart.
    """
    data = context.dataset
    if data.centres is not None and data.sigma is not None:
        centres, sigma = data.centres, data.sigma
        shares = np.full(len(centres), 1.0 / len(centres))
        return Modes(lambda batch: nearest_centres(batch.samples, centres, sigma), shares, MASS_WITHIN, {})
    if data.train_labels is None or data.extractor is None or data.n_modes is None:
        raise UserError(f"The metric modes needs labels, and the data set {data.component.name} has none.")
    from bench.metrics.extractors import lenet

    extractor: Extractor = lenet(data.extractor)
    features, _ = context.reference("train").features(extractor)
    labels = data.train_labels[: len(features)]
    counts = np.bincount(labels, minlength=data.n_modes)
    if counts.min() <= neighbours:
        raise UserError(
            f"The metric modes needs more than {neighbours} reference images in each of the classes,"
            f" and {len(features)} images give {counts.min()} in the rarest: raise evaluate.samples."
        )
    manifolds = [manifold(features[labels == label], neighbours) for label in range(data.n_modes)]

    def rule(batch: Batch) -> Labels:
        return in_manifolds(batch.features(extractor), manifolds)

    on_mode = float((rule(context.reference("heldout")) != OFF).mean())
    provenance: dict[str, str | int] = {
        "extractor": extractor.name,
        "extractor_sha256": extractor.sha256,
        "reference_n": len(features),
        "neighbours": neighbours,
    }
    return Modes(rule, counts / counts.sum(), on_mode, provenance)
