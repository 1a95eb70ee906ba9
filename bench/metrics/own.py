"""What a user hands over as real samples, made ready: the data set, and the evaluator that measures by it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.data import own
from bench.data.catalog import DATA
from bench.data.load import Dataset, load
from bench.data.own import OwnDataError, Truth
from bench.errors import UserError
from bench.metrics.catalog import METRICS
from bench.metrics.evaluate import FEWEST_SAMPLES, Evaluator, build
from bench.trial import Component
from ganzoo.catalog import CatalogError

SAMPLES = 2000
"""Samples that an evaluation takes, where there are as many real rows to compare them with."""

CLASSES = 10
"""Classes of a shipped classifier, whose own answers label real pictures that come without labels."""


def truth(labels: Any, centres: Any, sigma: float | None) -> Truth:
    if (centres is None) != (sigma is None):
        raise OwnDataError("centres and sigma describe a mixture together: give both or neither")
    if sigma is not None and not sigma > 0:
        raise OwnDataError(f"sigma must be above 0, and is {sigma!r}")
    return Truth(
        None if centres is None else _array(centres, "centres").astype(np.float64),
        sigma,
        None if labels is None else _array(labels, "labels").astype(np.int64),
    )


def dataset(
    real: Any, heldout: Any, like: str | Mapping[str, Any] | None, samples: int | None, given: Truth
) -> tuple[Dataset, int, bool]:
    """The data, the number of samples of an evaluation, and whether D never sees the held-out part.

    real, heldout: tensors or arrays [N, *shape]; real also a function of n, or None where `like`, a shipped
    data set by name or {"name": ..., key: ...}, is to be taken as it is. OwnDataError.
    """
    if samples is not None and samples < FEWEST_SAMPLES:
        raise OwnDataError(f"samples is {samples}, and at least {FEWEST_SAMPLES} are needed")
    known = None if like is None else _component(like)
    if real is not None:
        data = _own(real, heldout, known.name if known else None, samples or SAMPLES, given)
    elif known is not None:
        data = load(known)
    else:
        raise OwnDataError("real samples are needed: real=, or the name of a shipped data set as data=")
    n = min(samples or SAMPLES, len(data.train), len(data.heldout))
    if n < FEWEST_SAMPLES:
        raise OwnDataError(f"{n} real samples on each side are too few: at least {FEWEST_SAMPLES} are needed")
    return data, n, real is None or heldout is not None


def _component(like: str | Mapping[str, Any]) -> Component:
    """A data set of the catalogue with all its keys."""
    keys = {"name": like} if isinstance(like, str) else dict(like)
    try:
        entry = DATA.get("dataset", str(keys.pop("name", None)))
        return Component(entry.name, tuple(entry.resolve(keys).items()))
    except CatalogError as error:
        raise OwnDataError(f"data: {error}") from error


def _own(real: Any, heldout: Any, like: str | None, samples: int, given: Truth) -> Dataset:
    if callable(real):
        real = real(4 * samples)
    if not hasattr(real, "shape") or not hasattr(real, "__len__") or not len(real):
        raise OwnDataError(
            f"real must be a tensor, an array or a function of n, and is a {type(real).__name__}: of a "
            "Dataset take some rows, as in torch.stack([dataset[i][0] for i in range(4000)])"
        )
    is_split = heldout is not None
    row_bytes = 4 * math.prod(real.shape[1:])
    train, rest = own.split(len(real), row_bytes, samples, is_split)
    if given.labels is not None:
        if len(given.labels) != len(real):
            raise OwnDataError(f"labels has {len(given.labels)} entries for {len(real)} real samples")
        _check_labels(given.labels, like)
        given = replace(given, labels=given.labels[train])
    if is_split:
        if not hasattr(heldout, "shape"):
            heldout = _array(heldout, "heldout")
        if not heldout.shape:
            raise OwnDataError("heldout must hold samples along its first dimension, and is one number")
        # Not the first rows as they come: data sorted by class would give a floor of a few classes.
        unseen = _rows(heldout, own.split(len(heldout), row_bytes, samples, True)[0], "heldout")
    else:
        unseen = _rows(real, rest, "real")
    return _labelled(own.own(_rows(real, train, "real"), unseen, like, given), like, samples)


def _labelled(data: Dataset, like: str | None, samples: int) -> Dataset:
    """With labels by the data set's own classifier, where its classes are the modes and none were given.

    Not where a class is too rare among the reference rows for a manifold of its own: modes are then unknown.
    """
    if data.extractor is None or not _has_classes(like):
        return data
    if data.train_labels is not None:
        fewest = int(
            np.bincount(data.train_labels[: min(samples, len(data.heldout))], minlength=CLASSES).min()
        )
        if fewest <= _neighbours():
            raise OwnDataError(
                f"labels: each class needs more than {_neighbours()} of the reference samples, and the "
                f"rarest has {fewest}: give more real samples and a larger samples=, or data= without "
                "classes, as 'folder'"
            )
        return data
    from bench.metrics.extractors import extractor

    _, logits = extractor(data.extractor)(data.train)
    labels = logits[:, :CLASSES].argmax(axis=1).astype(np.int64)
    reference = labels[: min(samples, len(data.heldout))]
    if np.bincount(reference, minlength=CLASSES).min() <= _neighbours():
        return data
    return replace(data, train_labels=labels, n_modes=CLASSES)


def _has_classes(like: str | None) -> bool:
    return like is not None and DATA.get("dataset", like).facts.get("modes") == CLASSES


def _neighbours() -> int:
    """Neighbours that span the manifold of a class, so that it takes one row more."""
    return int(METRICS.get("metric", "modes").keys["neighbours"].default)


def _check_labels(labels: NDArray[np.int64], like: str | None) -> None:
    if _has_classes(like) and not ((labels >= 0) & (labels < CLASSES)).all():
        raise OwnDataError(f"labels must be 0 to {CLASSES - 1}, and are {labels.min()} to {labels.max()}")


def evaluator(
    data: Dataset, samples: int, more: Sequence[str] = ()
) -> tuple[Evaluator, tuple[Component, ...]]:
    """The primary distance, modes or, for pictures whose modes are not known, precision and coverage; and
    `more` metrics by name. OwnDataError for one that samples alone do not tell, or an unknown name."""
    names = [data.primary] if data.primary else []
    if data.n_modes is not None:
        names.append("modes")
    elif data.extractor is not None:
        names.append("prdc")
    components = []
    for name in dict.fromkeys([*names, *more]):
        try:
            entry = METRICS.get("metric", name)
        except CatalogError as error:
            raise OwnDataError(f"metrics: {error}") from error
        if entry.facts.get("of") == "game" or entry.facts.get("conditional"):
            raise OwnDataError(f"metrics: {name} needs more than samples, so a study alone can measure it")
        if name == "prdc" and data.modality == "image" and data.extractor is None:
            raise OwnDataError("metrics: prdc of pictures needs an extractor of features: name one by data=")
        components.append(Component(entry.name, tuple(entry.resolve({}).items())))
    try:
        return build(data, tuple(components), samples, None), tuple(components)
    except UserError as error:
        # A study's key is an argument here.
        raise OwnDataError(f"metrics: {str(error).replace('evaluate.samples', 'samples=')}") from error


def _rows(rows: Any, chosen: Any, name: str) -> NDArray[np.float32]:
    """Some rows of a tensor or array, as float32."""
    if isinstance(rows, Tensor):
        chosen = torch.from_numpy(chosen).to(rows.device)
    found = _array(rows[chosen], name)
    if found.dtype.kind not in "fiu":
        raise OwnDataError(f"{name} must hold numbers, and holds {found.dtype}")
    return np.ascontiguousarray(found, dtype=np.float32)


def _array(value: Any, name: str) -> NDArray[Any]:
    if isinstance(value, Tensor):
        value = value.detach().cpu()
        return np.asarray(value.float().numpy() if value.is_floating_point() else value.numpy())
    try:
        return np.asarray(value)
    except (ValueError, TypeError) as error:
        raise OwnDataError(f"{name} cannot be read as an array: {error}") from error
