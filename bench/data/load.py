"""A data set as arrays: one call for all of them, found through the catalogue."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.data.catalog import entry_of
from bench.data.fingerprint import fingerprint
from bench.trial import Component


@dataclass(frozen=True)
class Arrays:
    """What a loader gives. Rows stand in a fixed, stratified random order: any first n are a fair sample.

    train [N, *shape] and heldout [M, *shape] float32, images in [-1, 1]; labels int64, in 0..modes-1;
    centres [modes, *shape] and sigma for mixtures of Gaussians; part_images [P, 1, H, W] and part_labels [P]
    where each channel is a picture of its own: some of the pictures that train is made of, each once.
    """

    train: NDArray[np.float32]
    heldout: NDArray[np.float32]
    train_labels: NDArray[np.int64] | None = None
    heldout_labels: NDArray[np.int64] | None = None
    centres: NDArray[np.float64] | None = None
    sigma: float | None = None
    part_images: NDArray[np.float32] | None = None
    part_labels: NDArray[np.int64] | None = None


@dataclass(frozen=True, eq=False)
class Dataset:
    """A loaded data set with the facts of its catalogue entry; see `Arrays` for the fields' shapes."""

    component: Component
    sha256: str
    train: NDArray[np.float32]
    heldout: NDArray[np.float32]
    train_labels: NDArray[np.int64] | None
    heldout_labels: NDArray[np.int64] | None
    centres: NDArray[np.float64] | None
    sigma: float | None
    modality: str
    primary: str
    extractor: str | None
    n_modes: int | None
    part_images: NDArray[np.float32] | None = None
    part_labels: NDArray[np.int64] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one sample."""
        return tuple(int(size) for size in self.train.shape[1:])


def load(dataset: Component) -> Dataset:
    """The arrays of `dataset`, read-only; equal components give bitwise equal arrays.

    Raises DataMissing when files are not there, UserError when they are corrupt, CatalogError for a bad key.
    """
    entry = entry_of(dataset)
    arrays: Arrays = entry.load()(**entry.resolve(dataset.kwargs))
    for each in vars(arrays).values():
        if isinstance(each, np.ndarray):
            each.setflags(write=False)
    return Dataset(
        component=dataset,
        sha256=fingerprint(dataset),
        train=arrays.train,
        heldout=arrays.heldout,
        train_labels=arrays.train_labels,
        heldout_labels=arrays.heldout_labels,
        centres=arrays.centres,
        sigma=arrays.sigma,
        modality=entry.facts["modality"],
        primary=entry.facts["primary"],
        extractor=entry.facts["extractor"],
        n_modes=entry.facts["modes"],
        part_images=arrays.part_images,
        part_labels=arrays.part_labels,
    )
