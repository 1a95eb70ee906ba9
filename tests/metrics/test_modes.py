"""Modes: closed forms in 2-D, manifolds by hand, and noise that no class accepts."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bench.data.load import Dataset, load
from bench.metrics.batch import Batch, Context
from bench.metrics.cache import Cache
from bench.metrics.modes import (
    MASS_WITHIN,
    Modes,
    in_manifolds,
    manifold,
    modes,
    nearest_centres,
    scores,
)
from bench.trial import Component

CENTRES = np.array([[0.0, 0.0], [10.0, 0.0]])
HALF = np.array([0.5, 0.5])


def test_mass_within_three_sigma() -> None:
    assert pytest.approx(0.98889, abs=5e-6) == MASS_WITHIN


def test_nearest_centre_within_three_sigma() -> None:
    points = np.array([[2.999, 0.0], [3.001, 0.0], [10.0, -2.9], [5.0, 0.0], [1e30, 0.0]], np.float32)
    assert nearest_centres(points, CENTRES, 1.0).tolist() == [0, -1, 1, -1, -1]


def test_perfect_sample_scores_its_closed_form() -> None:
    """All in modes, equal shares: tv is the off-mode mass that is missing."""
    out = scores(np.repeat([0, 1], 50), HALF, MASS_WITHIN)
    assert out["modes.covered"] == out["modes.any"] == 2.0
    assert out["modes.hq"] == 1.0
    assert out["modes.tv"] == pytest.approx(1.0 - MASS_WITHIN)
    assert out["modes.set"] == "3"


def test_one_mode_of_m() -> None:
    found = np.full(100, 3)
    out = scores(found, np.full(8, 1 / 8), 1.0)
    assert out["modes.covered"] == out["modes.any"] == 1.0
    assert out["modes.tv"] == pytest.approx(7 / 8)
    assert out["modes.set"] == "08"


def test_all_off_modes() -> None:
    out = scores(np.full(100, -1), HALF, MASS_WITHIN)
    assert out["modes.covered"] == out["modes.any"] == out["modes.hq"] == 0.0
    assert out["modes.tv"] == pytest.approx(MASS_WITHIN)
    assert out["modes.set"] == "0"


@pytest.mark.parametrize(("count", "covered"), [(4, 1.0), (5, 2.0)])
def test_covered_needs_a_tenth_of_the_expected_share(count: int, covered: float) -> None:
    """n = 100, two modes: 50 are expected, so 5 are enough, and 4 are `any` only."""
    found = np.array([0] * (100 - count) + [1] * count)
    out = scores(found, HALF, 1.0)
    assert out["modes.any"] == 2.0
    assert out["modes.covered"] == covered


def test_mask_has_a_bit_for_each_mode() -> None:
    found = np.repeat([0, 24], 50)
    assert scores(found, np.full(25, 1 / 25), 1.0)["modes.set"] == f"{1 + (1 << 24):07x}"


def test_manifold_by_hand() -> None:
    """Points 0, 1, 3 on a line, k = 1: radii 1, 1, 2 cover [-1, 5] and nothing else."""
    each = manifold(np.array([[0.0], [1.0], [3.0]], np.float32), neighbours=1)
    inside = each.contains(np.array([[-1.01], [-0.99], [2.5], [4.99], [5.01]], np.float32))
    assert inside.tolist() == [False, True, True, True, False]


def test_only_the_predicted_class_counts() -> None:
    near, far = np.zeros((4, 2), np.float32), np.full((4, 2), 9.0, np.float32)
    wiggle = np.arange(8, dtype=np.float32).reshape(4, 2) / 10
    manifolds = [manifold(near + wiggle, 1), manifold(far + wiggle, 1)]
    features = np.array([[0.0, 0.1], [0.0, 0.1], [9.0, 9.1], [0.0, 0.1]], np.float32)
    # The last one is predicted as "none", for which there is no manifold.
    logits = np.array([[1, 0, 0], [0, 1, 0], [0, 1, 0], [0, 0, 1]], np.float32)
    assert in_manifolds((features, logits), manifolds).tolist() == [0, -1, 1, -1]


def test_huge_or_broken_features_are_in_no_manifold() -> None:
    each = manifold(np.arange(12, dtype=np.float32).reshape(6, 2), 2)
    with np.errstate(over="ignore", invalid="ignore"):
        assert not each.contains(np.array([[1e30, 0.0], [np.inf, 0.0], [np.nan, 0.0]], np.float32)).any()


def test_ring_floor_and_pure_noise() -> None:
    """Noise has a sample in every mode, and covers few; hq is its area share."""
    data = load(Component("ring8"))
    measure = modes(Context(data, 2000, Cache(None)), neighbours=5)
    real = measure.score(Batch(data.heldout))
    assert (real["modes.covered"], real["modes.set"]) == (8.0, "ff")
    assert real["modes.hq"] == pytest.approx(0.98889, abs=0.005)
    noise = np.random.default_rng(0).uniform(-2, 2, (25_000, 2)).astype(np.float32)
    out = measure.score(Batch(noise))
    area = 8 * math.pi * 0.15**2 / 16
    assert out["modes.any"] == 8.0
    assert out["modes.hq"] == pytest.approx(area, abs=0.005)


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load(Component("digits"))


@pytest.fixture(scope="module")
def measure(digits: Dataset) -> Modes:
    return modes(Context(digits, 2000, Cache(None)), neighbours=5)


def test_held_out_digits_are_in_their_manifolds(digits: Dataset, measure: Modes) -> None:
    out = measure.score(Batch(digits.heldout))
    assert (out["modes.covered"], out["modes.set"]) == (10.0, "3ff")
    assert isinstance(out["modes.hq"], float)
    assert out["modes.hq"] > 0.9
    assert isinstance(out["modes.tv"], float)
    assert out["modes.tv"] < 0.03


@pytest.mark.parametrize("kind", ["uniform", "normal", "binary", "grey", "black", "white", "blobs"])
def test_noise_covers_no_digit(kind: str, measure: Modes) -> None:
    rng = np.random.default_rng(3)
    shape = (500, 1, 28, 28)
    pictures = {
        "uniform": rng.uniform(-1, 1, shape),
        "normal": np.tanh(rng.normal(size=shape) * 0.5),
        "binary": rng.choice([-1.0, 1.0], shape),
        "grey": np.zeros(shape),
        "black": -np.ones(shape),
        "white": np.ones(shape),
        "blobs": np.tanh(2 * np.kron(rng.normal(size=(500, 1, 4, 4)), np.ones((7, 7)))),
    }
    out = measure.score(Batch(pictures[kind].astype(np.float32)))
    assert out["modes.covered"] == 0.0
    assert isinstance(out["modes.hq"], float)
    assert out["modes.hq"] < 0.01


def test_three_digits_alone_cover_three(digits: Dataset, measure: Modes) -> None:
    assert digits.heldout_labels is not None
    chosen = digits.heldout[np.isin(digits.heldout_labels, [0, 1, 7])]
    out = measure.score(Batch(chosen))
    assert out["modes.covered"] == 3.0
    assert out["modes.set"] == f"{1 + 2 + 128:03x}"
    assert out["modes.tv"] == pytest.approx(0.7, abs=0.05)
