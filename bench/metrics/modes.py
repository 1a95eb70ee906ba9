"""Which modes of the data a sample covers, and how well: for mixtures of Gaussians and for classes of images.

Each sample gets a mode or none. Mixtures: the nearest centre, if within the radius of 98.889 % of the mass
(3 sigma in 2-D). Images: the class that the classifier predicts, if the features lie inside the manifold of
that class: within the distance from some real image of the class to its k-th nearest neighbour in the class
(Kynkaanniemi et al. 2019, arXiv:1904.06991). Softmax confidence would not do: it is high on noise. Images of
which each channel is a picture of its own: the classes (a, b, c) of the channels make mode 100 a + 10 b + c,
and one channel outside its manifold makes none.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from bench.errors import UserError
from bench.metrics.batch import Batch, Context, Extractor, Features, Floats, Value

Labels = NDArray[np.int64]
WITHIN = 3.0
"""Radius of a mode in sigmas, in two dimensions; `radius` tells it in others."""
MASS_WITHIN = 1.0 - math.exp(-(WITHIN**2) / 2.0)
"""Mass of a 2-D Gaussian within 3 sigma: 0.98889, not the 0.997 of one dimension."""
COVERED = 0.1
"""Share of its expected number of samples that makes a mode covered."""
OFF = -1
BLOCK = 2_000
"""Points whose distances to all centres are held at a time."""


@lru_cache
def radius(dimensions: int) -> float:
    """Radius in sigmas that holds the mass 1 - e^(-9/2) = 0.98889 of a Gaussian in d dimensions.

    The mass outside r is Q(d / 2, r^2 / 2), the incomplete gamma function: Q(1, x) = e^-x,
    Q(1/2, x) = erfc(sqrt x), Q(a + 1, x) = Q(a, x) + x^a e^-x / Gamma(a + 1). Exactly 3 for d = 2.
    """
    if dimensions == 2:
        return WITHIN
    low, high = 0.0, math.sqrt(dimensions) + 10.0
    for _ in range(80):
        middle = (low + high) / 2.0
        inside = 1.0 - _outside(dimensions, middle) < MASS_WITHIN
        low, high = (middle, high) if inside else (low, middle)
    return (low + high) / 2.0


def _outside(dimensions: int, r: float) -> float:
    x = r * r / 2.0
    a = 0.5 if dimensions % 2 else 1.0
    mass = math.erfc(math.sqrt(x)) if dimensions % 2 else math.exp(-x)
    while a < dimensions / 2.0:
        mass += math.exp(a * math.log(x) - x - math.lgamma(a + 1.0)) if x > 0.0 else 0.0
        a += 1.0
    return mass


def nearest_centres(points: NDArray[np.floating], centres: NDArray[np.float64], sigma: float) -> Labels:
    """Mode of each point [n, d]: its nearest centre [m, d] if within `radius(d)` sigmas, else -1."""
    limit = (radius(centres.shape[1]) * sigma) ** 2
    found = []
    for start in range(0, len(points), BLOCK):
        step = np.asarray(points[start : start + BLOCK], dtype=np.float64)[:, None] - centres[None]
        squared = np.einsum("nmd,nmd->nm", step, step)
        nearest = squared.argmin(axis=1)
        inside = squared[np.arange(len(squared)), nearest] <= limit
        found.append(np.where(inside, nearest, OFF).astype(np.int64))
    return np.concatenate(found)


def scores(found: Labels, shares: NDArray[np.float64], on_mode: float) -> dict[str, Value]:
    """The columns `modes.*` of samples with modes `found` [n] (-1: none).

    shares [m]: expected share of each mode, summing to 1; on_mode: share of true data inside its modes.
    covered: modes with at least 10 % of n * share; any: with at least one sample; hq: share of samples in a
    mode; tv: total variation, sum |p - q| / 2, over the modes and one bin of all else, q = (on_mode *
    shares, 1 - on_mode); kl: sum p log(p / share) over the modes, p of the samples in a mode, in nats, None
    where no sample is in one; set: the covered modes as a hexadecimal mask, bit i for mode i.
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
        "modes.kl": reverse_kl(counts, shares),
        "modes.set": f"{mask:0{(m + 3) // 4}x}",
    }


def reverse_kl(counts: NDArray[np.int64], shares: NDArray[np.float64]) -> float | None:
    """sum p log(p / q) in nats, p = counts / their sum, q = shares > 0; None for no counts at all.

    Its mean is about (m - 1) / 2n for n perfect samples of m modes, so equal n alone can be compared.
    """
    seen = counts > 0
    if not seen.any():
        return None
    p = counts[seen] / counts.sum()
    return float((p * np.log(p / shares[seen])).sum())


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


def in_channels(extracted: Features, manifolds: list[Manifold]) -> Labels:
    """Mode [n] of images whose C channels are pictures of their own (C = 1: the class itself), else -1.

    Of m classes, (a, b, c) is mode a m^2 + b m + c; features [n, C d] and logits [n, C l] are joined.
    """
    features, logits = extracted
    n, width = len(features), manifolds[0].features.shape[1]
    channels = features.shape[1] // width
    each = in_manifolds((features.reshape(n * channels, width), logits.reshape(n * channels, -1)), manifolds)
    classes = each.reshape(n, channels)
    modes = classes @ (len(manifolds) ** np.arange(channels - 1, -1, -1))
    return np.where((classes == OFF).any(axis=1), OFF, modes).astype(np.int64)


class Modes:
    """Scores by a rule that gives each sample of a batch its mode."""

    columns = ("modes.covered", "modes.any", "modes.hq", "modes.tv", "modes.kl", "modes.set")

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
    """`modes` of a mixture, or of an image set with an extractor whose classes are its modes.

    Images: manifolds of the first n train rows, by their true classes; the share of true data inside its
    modes, for tv, is measured on the held-out rows. Mixtures: it is 0.98889, exact while the modes' radii do
    not overlap.
    """
    data = context.dataset
    if data.centres is not None and data.sigma is not None:
        centres, sigma = data.centres, data.sigma
        shares = np.full(len(centres), 1.0 / len(centres))
        return Modes(lambda batch: nearest_centres(batch.samples, centres, sigma), shares, MASS_WITHIN, {})
    if data.train_labels is None or data.extractor is None or data.n_modes is None:
        raise UserError(
            f"The metric modes needs labels that a classifier knows, and {data.component.name} has none."
        )
    return _image_modes(context, data.extractor, data.n_modes, neighbours)


def _image_modes(context: Context, name: str, n_modes: int, neighbours: int) -> Modes:
    from bench.metrics.extractors import extractor

    network: Extractor = extractor(name)
    features, labels, shares = _real(context, network, n_modes)
    # A mode is a class, or a class for each channel.
    channels = 1 if context.dataset.part_images is None else context.dataset.shape[0]
    counts = np.bincount(labels, minlength=round(n_modes ** (1.0 / channels)))
    if counts.min() <= neighbours:
        raise UserError(
            f"The metric modes needs more than {neighbours} reference images in each of the classes,"
            f" and {len(features)} images give {counts.min()} in the rarest: raise evaluate.samples."
        )
    manifolds = [manifold(features[labels == label], neighbours) for label in range(len(counts))]

    def rule(batch: Batch) -> Labels:
        return in_channels(batch.features(network), manifolds)

    on_mode = float((rule(context.reference("heldout")) != OFF).mean())
    provenance: dict[str, str | int] = {
        "extractor": network.name,
        "extractor_sha256": network.sha256,
        "reference_n": len(features),
        "neighbours": neighbours,
    }
    return Modes(rule, shares, on_mode, provenance)


def _real(context: Context, network: Extractor, n_modes: int) -> tuple[Floats, Labels, NDArray[np.float64]]:
    """Features and labels of the real pictures that manifolds are made of; the expected shares of the modes.

    Where each channel is a picture of its own these are the single pictures, each once (a repeated one would
    be its own nearest neighbour), and all modes are equally likely, as published tables take them.
    """
    data = context.dataset
    if data.part_images is not None and data.part_labels is not None:
        # One channel: what the channels' features join to is the features of the one picture.
        features, _ = network(data.part_images)
        return features, data.part_labels, np.full(n_modes, 1.0 / n_modes)
    assert data.train_labels is not None
    features, _ = context.reference("train").features(network)
    labels = data.train_labels[: len(features)]
    return features, labels, np.bincount(labels, minlength=n_modes) / len(labels)
