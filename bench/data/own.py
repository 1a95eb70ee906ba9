"""A user's own arrays as a data set: a reference, a held-out part, and the facts of a set like it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bench.data.catalog import DATA, MODALITIES
from bench.data.load import Dataset
from bench.data.order import philox
from bench.errors import UserError
from bench.trial import Component

Rows = NDArray[np.float32]

NO_DISTANCE = ""
"""`primary` of images that no shipped classifier knows."""

SIDES = (28, 32)
"""Sides of a picture that a shipped classifier measures: of 32 pixels it sees all but a border of 2."""

_PLANE = 3
"""Values of a sample up to which vectors are points; longer ones are signals."""

BLOCKS = 5
"""Blocks of rows that are kept of either part: a floor is the mean over so many."""

BYTES = 256_000_000
"""Rows beyond one block are kept up to this size."""


class OwnDataError(UserError, ValueError):
    """Real samples that cannot serve, in one sentence."""


@dataclass(frozen=True)
class Truth:
    """What a user knows of the modes: centres [m, *shape] and sigma of a mixture, or a label of each row."""

    centres: NDArray[np.float64] | None = None
    sigma: float | None = None
    labels: NDArray[np.int64] | None = None


def split(n: int, row_bytes: int, samples: int, is_split: bool) -> tuple[NDArray[np.int64], ...]:
    """Which of n rows are the reference and which are held out, in a fixed random order; a bounded number.

    The second half, or none where `is_split`: held-out rows were given apart.
    """
    order = np.argsort(philox(f"monitor order 1 n={n}").random_raw(n), kind="stable").astype(np.int64)
    room = max(samples, min(BLOCKS * samples, BYTES // max(1, row_bytes)))
    half = n if is_split else n - n // 2
    return order[:half][:room], order[half:][:room]


def own(train: Rows, heldout: Rows, like: str | None, truth: Truth) -> Dataset:
    """A data set of real rows [N, *shape] and held-out ones [M, *shape], both in random order.

    `like`: a shipped data set whose classifier knows such pictures. OwnDataError for too few rows, values
    that are not finite, pictures outside [-1, 1], or modes that do not fit.
    """
    for rows, name in ((train, "real"), (heldout, "heldout")):
        _check(rows, name)
    if heldout.shape[1:] != train.shape[1:]:
        raise OwnDataError(f"heldout has samples of shape {heldout.shape[1:]}, and real of {train.shape[1:]}")
    data = Dataset(
        component=Component(like or "own"),
        sha256=hashlib.sha256(train.tobytes() + heldout.tobytes()).hexdigest(),
        train=train,
        heldout=heldout,
        train_labels=truth.labels,
        heldout_labels=None,
        centres=None,
        sigma=None,
        modality=_modality(train),
        primary=NO_DISTANCE,
        extractor=None,
        n_modes=None,
    )
    return _with_modes(_as_known(data, like), truth)


def _as_known(data: Dataset, like: str | None) -> Dataset:
    """With the distance of its modality, where one can be measured."""
    if like is None:
        if data.modality == "image":
            return data
        return replace(data, primary=MODALITIES[data.modality].primary)
    facts = DATA.get("dataset", like).facts
    if facts["modality"] != data.modality:
        raise OwnDataError(
            f"real has samples of shape {data.shape}, and {like} are {MODALITIES[facts['modality']].plural}"
        )
    if data.modality == "image":
        _check_sides(data, like)
        _check_pictures(data, like)
    return replace(data, primary=facts["primary"], extractor=facts["extractor"], n_modes=facts["modes"])


def _with_modes(data: Dataset, truth: Truth) -> Dataset:
    """With the modes that the user knows; without labels a classifier's classes are no modes."""
    if truth.centres is not None and truth.sigma is not None:
        if truth.centres.shape[1:] != data.shape:
            raise OwnDataError(
                f"centres must be [modes, {', '.join(map(str, data.shape))}], and are {truth.centres.shape}"
            )
        return replace(data, centres=truth.centres, sigma=truth.sigma, n_modes=len(truth.centres))
    return replace(data, n_modes=data.n_modes if data.train_labels is not None else None)


def _modality(rows: Rows) -> str:
    if rows.ndim >= 4:
        return "image"
    return "points" if rows[0].size <= _PLANE else "signal"


def _check(rows: Rows, name: str) -> None:
    if rows.ndim < 2 or len(rows) < 2:
        raise OwnDataError(
            f"{name} must hold samples along its first dimension, [N, *shape], and has shape {rows.shape}"
        )
    if not np.isfinite(rows).all():
        raise OwnDataError(f"{name} holds values that are not finite")


def _check_sides(data: Dataset, like: str) -> None:
    """A classifier sees the central 28 pixels, so that a larger picture's outer part would go unmeasured."""
    height, width = data.shape[-2:]
    if height != width or height not in SIDES:
        raise OwnDataError(
            f"pictures like {like} are measured at 28 x 28 or 32 x 32 pixels, and real is {height} x "
            f"{width}: leave out data=, and the run is watched without a distance"
        )


def _check_pictures(data: Dataset, like: str) -> None:
    for rows, name in ((data.train, "real"), (data.heldout, "heldout")):
        low, high = float(rows.min()), float(rows.max())
        if low < -1.01 or high > 1.01 or low >= 0.0:
            raise OwnDataError(
                f"pictures like {like} are expected in [-1, 1], and {name} holds {low:.3g} to {high:.3g}: "
                "scale real, heldout and what samples gives alike, for example x * 2 - 1"
            )
