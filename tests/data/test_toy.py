"""Mixtures: distinct modes, the stated scale, the closed-form mass within 3 sigma. The point mass."""

from __future__ import annotations

import numpy as np
import pytest

from bench.data.fingerprint import fingerprint
from bench.data.load import load
from bench.trial import Component


@pytest.mark.parametrize(("name", "modes"), [("ring8", 8), ("grid25", 25), ("spiral", 20)])
def test_modes_are_distinct_and_far_apart(name: str, modes: int) -> None:
    data = load(Component(name))
    assert data.centres is not None
    assert data.n_modes == modes == len(np.unique(data.centres.round(9), axis=0))
    gaps = np.linalg.norm(data.centres[:, None] - data.centres[None], axis=2)
    assert gaps[gaps > 0].min() > 6 * 0.05


def test_ring_is_where_it_should_be() -> None:
    data = load(Component("ring8", (("radius", 2.0),)))
    assert data.centres is not None
    assert np.allclose(np.linalg.norm(data.centres, axis=1), 2.0)
    assert np.allclose(data.centres[1], 2.0 * np.sqrt(0.5))
    assert np.allclose(data.centres.sum(axis=0), 0.0)


def test_grid_is_where_it_should_be() -> None:
    data = load(Component("grid25", (("spacing", 0.5),)))
    assert data.centres is not None
    assert np.allclose(np.unique(data.centres), [-1.0, -0.5, 0.0, 0.5, 1.0])


def test_spiral_is_where_it_should_be() -> None:
    """Distance from the origin grows with the angle; the arcs between neighbours are equal."""
    data = load(Component("spiral", (("turns", 2.0), ("radius", 3.0))))
    assert data.centres is not None
    distance = np.linalg.norm(data.centres, axis=1)
    assert distance[-1] == pytest.approx(3.0, rel=1e-12)
    angle = distance / 3.0 * 4.0 * np.pi
    assert np.allclose(data.centres, distance[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1))
    fine = np.linspace(0.0, 4.0 * np.pi, 200_001)
    curve = 3.0 * (fine / (4.0 * np.pi))[:, None] * np.stack([np.cos(fine), np.sin(fine)], axis=1)
    arc = np.append(0.0, np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1)))
    steps = np.diff(np.append(0.0, np.interp(angle, fine, arc)))
    assert np.allclose(steps, arc[-1] / 20, rtol=1e-6)


def test_waves_are_known_sines_in_noise() -> None:
    data = load(Component("waves", (("sigma", 0.2),)))
    assert data.centres is not None
    assert data.train_labels is not None
    assert data.train.shape == (20_000, 64)
    gaps = np.linalg.norm(data.centres[:, None] - data.centres[None], axis=2)
    assert np.allclose(np.unique(gaps.round(6)), [0.0, 8.0, np.sqrt(128.0)])
    # sin(2 pi f t / 64 + p) has the coefficient -32 i e^(i p) at f.
    for mode in (0, 5, 15):
        spectrum = np.fft.rfft(data.train[data.train_labels == mode].mean(axis=0))
        frequency = int(np.abs(spectrum).argmax())
        assert frequency == (2, 3, 5, 7)[mode // 4]
        assert spectrum[frequency] / -32j == pytest.approx(np.exp(0.5j * np.pi * (mode % 4)), abs=0.02)
    residual = data.train - data.centres[data.train_labels]
    assert residual.std() == pytest.approx(0.2, rel=0.01)


def test_dirac_is_zero_and_has_no_labels() -> None:
    data = load(Component("dirac"))
    assert (data.train.shape, data.heldout.shape) == ((20_000, 1), (10_000, 1))
    assert not data.train.any()
    assert not data.heldout.any()
    assert data.train_labels is data.centres is data.n_modes is None


def test_saddle_is_noise_beside_zero() -> None:
    data = load(Component("saddle"))
    assert (data.train.shape, data.heldout.shape) == ((20_000, 2), (10_000, 2))
    assert not data.train[:, 0].any()
    assert data.train[:, 1].std() == pytest.approx(1.0, abs=0.02)
    assert data.train_labels is data.centres is None


@pytest.mark.parametrize(("name", "start"), [("ring8", "90bf10035781b9e0"), ("grid25", "abcadb3c45925bbb")])
def test_fingerprints_stay(name: str, start: str) -> None:
    """They are part of every trial's id."""
    assert fingerprint(Component(name)).startswith(start)


@pytest.mark.parametrize("name", ["ring8", "grid25", "spiral"])
def test_points_have_the_stated_law(name: str) -> None:
    data = load(Component(name))
    assert data.train.shape == (20_000, 2)
    assert data.heldout.shape == (10_000, 2)
    assert data.centres is not None
    assert data.train_labels is not None
    residual = data.train - data.centres[data.train_labels]
    assert abs(residual.std() / 0.05 - 1.0) < 0.02
    within = (np.linalg.norm(residual, axis=1) <= 0.15).mean()
    # Four standard errors of a share of 0.98889 at n = 20,000.
    assert abs(within - 0.98889) < 4 * np.sqrt(0.98889 * 0.01111 / 20_000)
    shares = np.bincount(data.train_labels) / 20_000
    assert np.abs(shares * len(data.centres) - 1.0).max() < 0.2
    assert not set(map(bytes, data.train)) & set(map(bytes, data.heldout))
