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
    in_channels,
    in_manifolds,
    manifold,
    modes,
    nearest_centres,
    radius,
    reverse_kl,
    scores,
)
from bench.trial import Component

CENTRES = np.array([[0.0, 0.0], [10.0, 0.0]])
HALF = np.array([0.5, 0.5])


def test_mass_within_three_sigma() -> None:
    assert pytest.approx(0.98889, abs=5e-6) == MASS_WITHIN


def test_radius_is_three_in_the_plane_and_exact_elsewhere() -> None:
    """Against scipy's chi distribution; the mass is that of 3 sigma in 2-D."""
    from scipy.stats import chi

    assert radius(2) == 3.0
    for dimensions in (1, 3, 4, 5, 64, 65, 784):
        assert radius(dimensions) == pytest.approx(chi.ppf(MASS_WITHIN, dimensions), rel=1e-10)


def test_a_wave_in_noise_is_in_its_mode_with_the_stated_mass() -> None:
    data = load(Component("waves"))
    assert data.heldout_labels is not None
    measure = modes(Context(data, 2000, Cache(None)), neighbours=5)
    real = measure.score(Batch(data.heldout))
    assert (real["modes.covered"], real["modes.set"]) == (16.0, "ffff")
    # Four standard errors at n = 10,000.
    assert real["modes.hq"] == pytest.approx(MASS_WITHIN, abs=4 * math.sqrt(0.98889 * 0.01111 / 10_000))
    found = nearest_centres(data.heldout, data.centres, 0.1)  # type: ignore[arg-type]
    assert np.array_equal(found[found >= 0], data.heldout_labels[found >= 0])
    noise = np.random.default_rng(0).normal(0.0, math.sqrt(0.5), (2000, 64)).astype(np.float32)
    assert measure.score(Batch(noise))["modes.any"] == 0.0


def test_nearest_centre_within_three_sigma() -> None:
    points = np.array([[2.999, 0.0], [3.001, 0.0], [10.0, -2.9], [5.0, 0.0], [1e30, 0.0]], np.float32)
    assert nearest_centres(points, CENTRES, 1.0).tolist() == [0, -1, 1, -1, -1]


def test_the_true_mixture_has_its_share_of_high_quality() -> None:
    """0.98889 of 100,000 draws (four standard errors), spread over a perfect histogram: tv is all noise."""
    rng = np.random.default_rng(4)
    angle = 2 * np.pi * rng.integers(8, size=100_000) / 8
    points = np.stack([np.cos(angle), np.sin(angle)], axis=1) + 0.05 * rng.normal(size=(100_000, 2))
    corners = 2 * np.pi * np.arange(8) / 8
    found = nearest_centres(points, np.stack([np.cos(corners), np.sin(corners)], axis=1), 0.05)
    out = scores(found, np.full(8, 1 / 8), MASS_WITHIN)
    assert out["modes.hq"] == pytest.approx(0.98889, abs=4 * math.sqrt(0.98889 * 0.01111 / 100_000))
    # 9 bins: sum sqrt(q (1 - q) / n) * sqrt(2 / pi) / 2 is 0.0034.
    assert out["modes.tv"] == pytest.approx(0.0034, abs=0.002)


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


def test_kl_of_uneven_and_of_missing_modes() -> None:
    """Off-mode samples are left out; half of m equal modes gives log 2; nothing recognised gives null."""
    out = scores(np.array([0] * 30 + [1] * 10 + [-1] * 60), HALF, 1.0)
    expected = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    assert out["modes.kl"] == pytest.approx(expected, rel=1e-12)
    assert scores(np.repeat([1, 2], 20), np.full(4, 0.25), 1.0)["modes.kl"] == pytest.approx(math.log(2.0))
    assert scores(np.repeat([0, 1], [40, 60]), np.array([0.4, 0.6]), 1.0)["modes.kl"] == pytest.approx(0.0)
    assert scores(np.full(40, -1), HALF, 1.0)["modes.kl"] is None


def test_kl_of_perfect_samples_has_its_bias() -> None:
    """(m - 1) / 2n: 0.00175 for 8 modes and 2,000 samples."""
    found = np.random.default_rng(0).integers(0, 8, (300, 2000))
    values = [scores(each, np.full(8, 1 / 8), 1.0)["modes.kl"] for each in found]
    assert np.mean(values) == pytest.approx(7 / 4000, rel=0.15)  # type: ignore[arg-type]


MNIST = np.array([5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]) / 60_000
"""Share of each digit among the 60,000 to train on."""


@pytest.mark.parametrize(
    ("shares", "expected", "sd"),
    [(MNIST, 0.0237, 0.0011), (np.full(10, 0.1), 0.0195, 0.0008)],
    ids=["mnist", "balanced"],
)
def test_reverse_kl_of_perfect_stacked_digits(shares: np.ndarray, expected: float, sd: float) -> None:
    """26,000 triples against 1,000 equal modes: 0.0237 +- 0.0011 with full MNIST's class frequencies, and
    0.0195 +- 0.0008 with balanced ones. Closed form: 3 KL(class | uniform) + 999 / 2n."""
    rng = np.random.default_rng(0)
    values = np.array(
        [
            reverse_kl(
                np.bincount(rng.choice(10, (26_000, 3), p=shares) @ [100, 10, 1], minlength=1000),
                np.full(1000, 1e-3),
            )
            for _ in range(60)
        ]
    )
    closed = 3 * float((shares * np.log(10 * shares)).sum()) + 999 / 52_000
    assert values.mean() == pytest.approx(closed, abs=2e-4 + 4 * sd / math.sqrt(60))
    assert values.mean() == pytest.approx(expected, abs=sd)
    assert values.std(ddof=1) == pytest.approx(sd, rel=0.35)


def test_2600_perfect_triples_show_923_modes() -> None:
    """1,000 (1 - 0.999^2600) = 926 where classes are balanced, 923 with full MNIST's frequencies."""
    triples = (MNIST[:, None, None] * MNIST[:, None] * MNIST).ravel()
    assert (1 - (1 - triples) ** 2600).sum() == pytest.approx(923, abs=1)
    found = np.random.default_rng(1).choice(1000, 2600, p=triples)
    out = scores(found, np.full(1000, 1e-3), 1.0)
    assert out["modes.any"] == pytest.approx(923, abs=25)


def test_a_thousand_modes_make_250_digits() -> None:
    out = scores(np.array([0, 999]), np.full(1000, 1e-3), 1.0)
    assert out["modes.set"] == "8" + "0" * 248 + "1"


def test_channels_make_one_mode_and_one_lost_channel_makes_none() -> None:
    """Two classes at 0 and 9 in one feature: (b, a, b) is mode 1 * 4 + 0 * 2 + 1."""
    spread = np.arange(4, dtype=np.float32)[:, None] / 10
    manifolds = [manifold(spread, 1), manifold(9.0 + spread, 1)]
    features = np.array([[9.1, 0.1, 9.1], [0.1, 0.1, 0.1], [9.1, 5.0, 9.1]], np.float32)
    near = (features > 4.5).astype(np.float32)
    logits = np.stack([1 - near, near], axis=2).reshape(3, 6)
    assert in_channels((features, logits), manifolds).tolist() == [5, 0, -1]


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
    assert (out["modes.any"], out["modes.covered"], out["modes.set"]) == (8.0, 0.0, "00")
    assert out["modes.hq"] == pytest.approx(area, abs=0.005)
    assert out["modes.tv"] == pytest.approx(MASS_WITHIN - area, abs=0.005)


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


@pytest.fixture(scope="module")
def triples() -> Dataset:
    return load(Component("stacked_digits"))


@pytest.fixture(scope="module")
def stacked(triples: Dataset) -> Modes:
    return modes(Context(triples, 2000, Cache(None)), neighbours=5)


def test_real_triples_are_in_the_mode_of_their_label(triples: Dataset, stacked: Modes) -> None:
    out = stacked.score(Batch(triples.heldout[:2000]))
    assert isinstance(out["modes.hq"], float)
    assert out["modes.hq"] > 0.8
    assert stacked.provenance["extractor"] == "lenet_digits_by_channel"
    assert stacked.provenance["reference_n"] == 3000
    assert triples.heldout_labels is not None
    for label in (7, 70, 345, 700):
        rows = triples.heldout[triples.heldout_labels == label]
        found = stacked.score(Batch(rows))
        assert isinstance(found["modes.any"], float)
        # Of about 26 triples the classifier may misread one or two.
        assert found["modes.any"] <= 3.0
        assert int(str(found["modes.set"]), 16) >> label & 1


def test_triples_with_one_channel_of_noise_are_in_no_mode(triples: Dataset, stacked: Modes) -> None:
    samples = triples.heldout[:300].copy()
    samples[:, 1] = np.random.default_rng(0).uniform(-1, 1, (300, 28, 28))
    out = stacked.score(Batch(samples))
    assert (out["modes.any"], out["modes.hq"], out["modes.kl"]) == (0.0, 0.0, None)


def test_same_digit_in_each_channel_covers_ten_modes(digits: Dataset, stacked: Modes) -> None:
    """A generator of grey pictures: log 100 nats from 1,000 equal modes, when its digits are balanced."""
    out = stacked.score(Batch(np.repeat(digits.heldout, 3, axis=1)))
    assert out["modes.covered"] == 10.0
    assert out["modes.kl"] == pytest.approx(math.log(100.0), abs=0.02)


@pytest.mark.slow
def test_reverse_kl_of_real_triples_by_classifier_is_as_the_docs_say(triples: Dataset) -> None:
    """docs/results.md: 0.0232 at 26,000 samples, where true labels give 0.0194; 84.7 % are recognised."""
    out = modes(Context(triples, 26_000, Cache(None)), neighbours=5).score(Batch(triples.heldout))
    assert out["modes.kl"] == pytest.approx(0.0232, abs=5e-4)
    assert out["modes.hq"] == pytest.approx(0.847, abs=2e-3)
    assert out["modes.covered"] == 1000.0
