"""Distributions with a known truth: a point mass, 2-D mixtures of Gaussians, and waves in noise.

20,000 samples to train on and 10,000 held out of each.
"""

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
SPIRAL_MODES = 20
LENGTH = 64
"""Values of a wave."""
FREQUENCIES = (2, 3, 5, 7)
"""Whole periods in LENGTH values, so that waves of different frequencies are orthogonal."""
PHASES = (0.0, 0.5 * np.pi, np.pi, 1.5 * np.pi)


def dirac() -> Arrays:
    """All mass at 0 in one dimension: the data of the Dirac-GAN (Mescheder et al. 2018, arXiv:1801.04406)."""
    return Arrays(np.zeros((TRAIN, 1), np.float32), np.zeros((HELDOUT, 1), np.float32))


def dirac_sha256() -> str:
    return _sha256("dirac")


def saddle() -> Arrays:
    """(0, N(0, 1)): what G makes at the equilibrium of the model `saddle`, its number beside the latent."""
    rng = np.random.Generator(philox(_record("saddle")))
    points = np.zeros((TRAIN + HELDOUT, 2), np.float32)
    points[:, 1] = rng.standard_normal(TRAIN + HELDOUT)
    return Arrays(points[:TRAIN], points[TRAIN:])


def saddle_sha256() -> str:
    return _sha256("saddle")


def ring8(*, radius: float, sigma: float) -> Arrays:
    """8 modes at radius (cos 2 pi i / 8, sin 2 pi i / 8), all distinct: the angle 2 pi itself is left out."""
    angle = 2.0 * np.pi * np.arange(8) / 8
    centres = radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return _mixture(centres, sigma, _record("ring8", radius=radius, sigma=sigma))


def ring8_sha256(*, radius: float, sigma: float) -> str:
    return _sha256("ring8", radius=radius, sigma=sigma)


def grid25(*, spacing: float, sigma: float) -> Arrays:
    """25 modes on the square grid spacing (i - 2, j - 2)."""
    axis = spacing * (np.arange(5) - 2.0)
    centres = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(25, 2)
    return _mixture(centres, sigma, _record("grid25", spacing=spacing, sigma=sigma))


def grid25_sha256(*, spacing: float, sigma: float) -> str:
    return _sha256("grid25", spacing=spacing, sigma=sigma)


def spiral(*, turns: float, radius: float, sigma: float) -> Arrays:
    """20 modes along the Archimedean spiral r = a t, which ends at `radius` after `turns` turns.

    Mode i = 0..19 stands where (i + 1) / 20 of the arc is behind; the arc up to the angle t has the length
    a / 2 (t sqrt(1 + t^2) + asinh t).
    """
    last = 2.0 * np.pi * turns
    wanted = _arc(np.array(last)) * np.arange(1, SPIRAL_MODES + 1) / SPIRAL_MODES
    low, high = np.zeros(SPIRAL_MODES), np.full(SPIRAL_MODES, last)
    for _ in range(60):  # bisection: each step halves an interval that holds the angle
        middle = (low + high) / 2.0
        short = _arc(middle) < wanted
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    angle = (low + high) / 2.0
    centres = (radius * angle / last)[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return _mixture(centres, sigma, _record("spiral", turns=turns, radius=radius, sigma=sigma))


def spiral_sha256(*, turns: float, radius: float, sigma: float) -> str:
    return _sha256("spiral", turns=turns, radius=radius, sigma=sigma)


def _arc(angle: NDArray[np.float64]) -> NDArray[np.float64]:
    """Length of the spiral r = 2 t from 0 to each angle."""
    return np.asarray(angle * np.sqrt(1.0 + angle**2) + np.arcsinh(angle), dtype=np.float64)


def waves(*, sigma: float) -> Arrays:
    """16 modes sin(2 pi f t / 64 + phase), t = 0..63, in white noise: 4 frequencies, 4 phases each.

    Mode 4 i + j has FREQUENCIES[i] and PHASES[j]. Two centres are at least 8 apart.
    """
    time = np.arange(LENGTH) / LENGTH
    centres = np.stack([np.sin(2.0 * np.pi * f * time + phase) for f in FREQUENCIES for phase in PHASES])
    return _mixture(centres, sigma, _record("waves", sigma=sigma))


def waves_sha256(*, sigma: float) -> str:
    return _sha256("waves", sigma=sigma)


def _sha256(name: str, **keys: float) -> str:
    return hashlib.sha256(_record(name, **keys).encode()).hexdigest()


def _record(name: str, **keys: float) -> str:
    return canonical_json({"name": name, "generator": GENERATOR, "train": TRAIN, "heldout": HELDOUT, **keys})


def _mixture(centres: NDArray[np.float64], sigma: float, record: str) -> Arrays:
    """Independent draws: a mode with equal weights, then N(centre, sigma^2 I)."""
    rng = np.random.Generator(philox(record))
    labels = rng.integers(len(centres), size=TRAIN + HELDOUT)
    points = (centres[labels] + sigma * rng.standard_normal((TRAIN + HELDOUT, centres.shape[1]))).astype(
        np.float32
    )
    return Arrays(
        train=points[:TRAIN],
        heldout=points[TRAIN:],
        train_labels=labels[:TRAIN],
        heldout_labels=labels[TRAIN:],
        centres=centres,
        sigma=sigma,
    )
