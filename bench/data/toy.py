"""2-D mixtures of Gaussians with known modes: 20,000 points to train on and 10,000 held out."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from bench.data.load import Arrays
from bench.data.order import philox
from bench.trial import canonical_json

GENERATOR = 1
"""Version of the code that draws the points; part of the fingerprint."""
TRAIN, HELDOUT = 20_000, 10_000


def ring8(*, radius: float, sigma: float) -> Arrays:
    """8 modes at radius (cos 2 pi i / 8, sin 2 pi i / 8), all distinct: the angle 2 pi itself is left out."""
    angle = 2.0 * np.pi * np.arange(8) / 8
    centres = radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return _mixture(centres, sigma, _record("ring8", radius=radius, sigma=sigma))


def ring8_sha256(*, radius: float, sigma: float) -> str:
    return hashlib.sha256(_record("ring8", radius=radius, sigma=sigma).encode()).hexdigest()


def grid25(*, spacing: float, sigma: float) -> Arrays:
    """25 modes on the square grid spacing (i - 2, j - 2)."""
    axis = spacing * (np.arange(5) - 2.0)
    centres = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(25, 2)
    return _mixture(centres, sigma, _record("grid25", spacing=spacing, sigma=sigma))


def grid25_sha256(*, spacing: float, sigma: float) -> str:
    return hashlib.sha256(_record("grid25", spacing=spacing, sigma=sigma).encode()).hexdigest()


def _record(name: str, **keys: float) -> str:
    return canonical_json({"name": name, "generator": GENERATOR, "train": TRAIN, "heldout": HELDOUT, **keys})


def _mixture(centres: NDArray[np.float64], sigma: float, record: str) -> Arrays:
    """Independent draws: a mode with equal weights, then N(centre, sigma^2 I)."""
    rng = np.random.Generator(philox(record))
    labels = rng.integers(len(centres), size=TRAIN + HELDOUT)
    points = (centres[labels] + sigma * rng.standard_normal((TRAIN + HELDOUT, 2))).astype(np.float32)
    return Arrays(
        train=points[:TRAIN],
        heldout=points[TRAIN:],
        train_labels=labels[:TRAIN],
        heldout_labels=labels[TRAIN:],
        centres=centres,
        sigma=sigma,
    )
