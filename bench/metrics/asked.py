"""Whether a conditional generator gives what it is asked for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.errors import UserError
from bench.metrics.batch import Batch, Context, Extractor, Value


def asked_classes(n: int, classes: int) -> NDArray[np.int64]:
    """The classes that the n samples of an evaluation are asked for: 0, 1, ..., classes - 1, 0, 1, ..."""
    return np.arange(n, dtype=np.int64) % classes


class Asked:
    """The share of samples whose class, by a classifier, is the one asked for."""

    columns = ("asked",)

    def __init__(self, extractor: Extractor, classes: int) -> None:
        self._extractor, self._classes = extractor, classes
        self.provenance: dict[str, str | int] = {
            "extractor": extractor.name,
            "extractor_sha256": extractor.sha256,
        }

    def against(self, batch: Batch, split: str) -> dict[str, Value]:
        """Nothing: real rows are asked for nothing, so there is no floor."""
        return {}

    def score(self, batch: Batch) -> dict[str, Value]:
        _, logits = batch.features(self._extractor)
        wanted = asked_classes(len(logits), self._classes)
        return {"asked": float((logits.argmax(axis=1) == wanted).mean())}


def asked(context: Context) -> Asked:
    """`asked` for a data set whose classes its own classifier knows."""
    from bench.metrics.extractors import extractor

    data = context.dataset
    if data.extractor is None or data.n_modes is None or data.part_images is not None:
        raise UserError(f"The metric asked needs classes, and the data set {data.component.name} has none.")
    return Asked(extractor(data.extractor), data.n_modes)
