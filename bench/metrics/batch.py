"""What metrics share: a batch with its features, the reference rows of a data set, a metric's interface."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bench.data.load import Dataset
from bench.metrics.cache import Cache

Floats = NDArray[np.float32]
Features = tuple[Floats, Floats]
"""Features [n, d] and logits [n, classes] ([n, 0] where there are none)."""
Value = float | str | None
SPLITS = ("train", "heldout")


class Extractor(Protocol):
    """A frozen network; `sha256` is that of its weights file."""

    name: str
    sha256: str

    def __call__(self, images: Floats) -> Features: ...


def _plain(extractor: Extractor, samples: Floats) -> Features:
    return extractor(samples)


@dataclass(frozen=True)
class Batch:
    """Samples [n, *shape]; each extractor runs over them once, however many metrics ask."""

    samples: Floats
    compute: Callable[[Extractor, Floats], Features] = _plain
    _known: dict[str, Features] = field(default_factory=dict)

    def features(self, extractor: Extractor) -> Features:
        """Features and logits of all samples."""
        if extractor.sha256 not in self._known:
            self._known[extractor.sha256] = self.compute(extractor, self.samples)
        return self._known[extractor.sha256]

    def take(self, rows: NDArray[np.int64] | slice) -> Batch:
        """Some of the rows; their features are taken from those of all rows, computed at most once."""

        def compute(extractor: Extractor, _: Floats) -> Features:
            features, logits = self.features(extractor)
            return features[rows], logits[rows]

        return Batch(self.samples[rows], compute)


@dataclass(frozen=True)
class Context:
    """The data set, the number of samples a member is measured by, and the cache of what the data decide.

    References have as many rows as the samples (n equal on both sides: Fréchet distances are biased by
    O(1/n)), or all rows where the split has fewer: the first n of its fixed, stratified random order.
    """

    dataset: Dataset
    samples: int
    cache: Cache
    _batches: dict[tuple[str, int], Batch] = field(default_factory=dict)

    def reference(self, split: str) -> Batch:
        """The first `samples` rows of the split "train" or "heldout"."""
        return self.rows(split, self.samples)

    def rows(self, split: str, n: int) -> Batch:
        """The first n rows of a split (all, where it has fewer); their features are kept on disk."""
        rows = (self.dataset.train if split == "train" else self.dataset.heldout)[:n]

        def compute(extractor: Extractor, samples: Floats) -> Features:
            key = self.key(what="features", split=split, n=len(rows), extractor=extractor.sha256)
            found = self.cache.get(
                key, lambda: dict(zip(("features", "logits"), extractor(samples), strict=True))
            )
            return found["features"].astype(np.float32), found["logits"].astype(np.float32)

        return self._batches.setdefault((split, len(rows)), Batch(rows, compute))

    def key(self, **parts: str | int) -> dict[str, object]:
        """A cache key: the parts, and what identifies the data."""
        return {**parts, "data": self.dataset.sha256, "dataset": self.dataset.component.to_json()}


class Measure(Protocol):
    """One metric, ready to score. Values may come out non-finite; the caller nulls them."""

    columns: tuple[str, ...]
    provenance: dict[str, str | int]

    def against(self, batch: Batch, split: str) -> dict[str, Value]:
        """Scores against the reference rows of a split, without noise; what floors are made of."""
        ...

    def score(self, batch: Batch) -> dict[str, Value]:
        """All columns."""
        ...


def halves_noise(first: float, second: float) -> float:
    """SD of a value's evaluation noise, |a - b| / 2, from its values a, b on disjoint halves of the sample.

    If the variance of a value on n samples is v / n, then a - b has variance 2 v / (n / 2) = 4 v / n, so
    E[(a - b)^2] / 4 is the variance at the full n. One estimate has one degree of freedom: average its
    square.
    """
    return abs(first - second) / 2.0
