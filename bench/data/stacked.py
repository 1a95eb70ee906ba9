"""Pictures of three channels, each a random digit or garment of its own: 1,000 modes (Metz et al. 2017).

A mode is the ordered triple of classes (a, b, c), and its label 100 a + 10 b + c (arXiv:1611.02163).
26,000 triples to train on and 26,000 held out: as many as the published tables judge a generator by, so that
a floor can be measured at that size. They take 490 MB of memory (at 32 pixels 640 MB).
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from bench.data.digits import digits, digits_sha256
from bench.data.idx import fashion_mnist, fashion_mnist_sha256, mnist, mnist_sha256
from bench.data.load import Arrays
from bench.data.order import philox

TRAIN = HELDOUT = 26_000
CHANNELS = 3
PARTS = 3_000
"""Single pictures of the training split that are handed on, 300 of each class: enough for its manifold."""
DRAW = "triples 1"
"""Names the random draw of the triples; another draw is a new name."""

_BASES = {"digits": (digits, digits_sha256), "mnist": (mnist, mnist_sha256)}


def stacked_digits(*, base: str, size: int) -> Arrays:
    """Triples of the embedded digits or of full MNIST, float32 [N, 3, size, size] in [-1, 1].

    Those to train on are made of pictures of the base's training split, those held out of its held-out one.
    """
    load, _ = _BASES[base]
    return _stacked(f"stacked_digits {base}", load(size=size))


def stacked_digits_sha256(*, base: str, size: int) -> str:
    """Hash of the base's data and of the draw; `size` only adds a border."""
    return _sha256(f"stacked_digits {base}", _BASES[base][1](size=size))


def stacked_clothes(*, size: int) -> Arrays:
    """Triples of Fashion-MNIST, float32 [N, 3, size, size] in [-1, 1]."""
    return _stacked("stacked_clothes", fashion_mnist(size=size))


def stacked_clothes_sha256(*, size: int) -> str:
    return _sha256("stacked_clothes", fashion_mnist_sha256(size=size))


def triples(count: int, n: int, text: str) -> NDArray[np.int64]:
    """n independent triples [n, 3] of rows 0..count-1, drawn with replacement from the stream named `text`.

    Raw 64-bit words modulo count: no later numpy can change them, and the bias is below count / 2^64.
    """
    words = philox(text).random_raw(n * CHANNELS) % np.uint64(count)
    return words.astype(np.int64).reshape(n, CHANNELS)


def _stacked(name: str, base: Arrays) -> Arrays:
    assert base.train_labels is not None
    assert base.heldout_labels is not None
    train, train_labels = _split(base.train, base.train_labels, TRAIN, f"{name} train {DRAW}")
    heldout, heldout_labels = _split(base.heldout, base.heldout_labels, HELDOUT, f"{name} heldout {DRAW}")
    return Arrays(
        train,
        heldout,
        train_labels,
        heldout_labels,
        # Copies: slices would keep the whole base in memory.
        part_images=base.train[:PARTS].copy(),
        part_labels=base.train_labels[:PARTS].copy(),
    )


def _split(
    pictures: NDArray[np.float32], labels: NDArray[np.int64], n: int, text: str
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Independent draws need no further order: any first n of them are a fair sample."""
    rows = triples(len(pictures), n, text)
    out = np.empty((n, CHANNELS, *pictures.shape[2:]), np.float32)
    for channel in range(CHANNELS):
        out[:, channel] = pictures[rows[:, channel], 0]
    return out, labels[rows] @ np.array([100, 10, 1])


def _sha256(name: str, base: str) -> str:
    return hashlib.sha256(f"{name} {base} {DRAW} {TRAIN} {HELDOUT}".encode()).hexdigest()
