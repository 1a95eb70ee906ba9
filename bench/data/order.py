"""Fixed random orders that no later numpy can change, and the step from bytes to images."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray


def philox(text: str) -> np.random.Philox:
    """A Philox bit generator keyed by the first 128 bits of sha256(text)."""
    return np.random.Philox(key=int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big"))


def stratified_order(labels: NDArray[np.int64], text: str) -> NDArray[np.int64]:
    """A random order of the rows in which each prefix has the classes in their shares, up to rounding.

    Row of random rank r (0, 1, ...) among the c rows of its class stands at (r + 1/2) / c; ties go by class.
    Raw 64-bit words are ranked instead of calling `permutation`, whose stream numpy may change.
    """
    words = philox(text).random_raw(len(labels))
    place = np.empty(len(labels))
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        place[rows[np.argsort(words[rows], kind="stable")]] = (np.arange(len(rows)) + 0.5) / len(rows)
    return np.lexsort((labels, place)).astype(np.int64)


def images(pixels: NDArray[np.uint8], size: int) -> NDArray[np.float32]:
    """Grey bytes [N, 28, 28] as float32 [N, 1, size, size] in [-1, 1]; black fills up to `size`."""
    border = (size - pixels.shape[-1]) // 2
    padded = np.pad(pixels, ((0, 0), (border, border), (border, border)))
    return (padded.astype(np.float32) / np.float32(127.5) - np.float32(1.0))[:, None]
