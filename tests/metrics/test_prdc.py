"""Precision, recall, density, coverage: closed forms, unit cases, the authors' package, the paper's case."""

from __future__ import annotations

import numpy as np
import pytest
from fixed_numbers import uniform

from bench.data.load import Dataset, load
from bench.errors import UserError
from bench.metrics.batch import Batch, Context
from bench.metrics.cache import Cache
from bench.metrics.prdc import Prdc, expected_coverage, features_prdc, prdc
from bench.trial import Component


@pytest.mark.parametrize(
    ("n", "m", "d", "k", "size", "expected"),
    [
        (300, 300, 2, 5, 0.7, Prdc(0.9966666666666667, 0.6433333333333333, 1.0633333333, 0.6866666666666666)),
        (500, 400, 8, 5, 0.7, Prdc(1.0, 0.506, 1.7695, 0.91)),
        (100, 250, 3, 3, 0.9, Prdc(0.908, 0.72, 0.8906666667, 0.86)),
    ],
)
def test_the_authors_own_package_says_the_same(
    n: int, m: int, d: int, k: int, size: float, expected: Prdc
) -> None:
    """`compute_prdc` of the package prdc 0.2 (github.com/clovaai/generative-evaluation-prdc)."""
    real, fake = uniform(f"real {d}", n, d), 0.2 + size * uniform(f"fake {d}", m, d)
    found = features_prdc(real, fake, k)
    assert vars(found) == pytest.approx(vars(expected), abs=1e-9)


def test_by_hand() -> None:
    """k = 1. Real 0, 1, 3: balls (-1, 1), (0, 2), (1, 5). Fake 0.5, 4, 9: balls of radii 3.5, 3.5 and 5."""
    found = features_prdc(np.array([[0.0], [1.0], [3.0]]), np.array([[0.5], [4.0], [9.0]]), 1)
    # 0.5 is in two balls, 4 in one; each real ball holds one; 0 and 1 are near 0.5, 3 is near all.
    assert vars(found) == pytest.approx(vars(Prdc(2 / 3, 1.0, 1.0, 1.0)))


@pytest.mark.parametrize("dimensions", [1, 2, 30])
def test_the_sample_itself(dimensions: int) -> None:
    """Each point lies in the balls of k of them: of itself and of those whose k - 1 nearest it is among."""
    x = uniform(f"itself {dimensions}", 200, dimensions)
    assert vars(features_prdc(x, x)) == pytest.approx(vars(Prdc(1.0, 1.0, 1.0, 1.0)), abs=0.02)
    assert features_prdc(x, x).density == 1.0


@pytest.mark.parametrize(("n", "m", "k"), [(10_000, 10_000, 5), (100, 100, 5), (60, 200, 3)])
def test_expected_coverage(n: int, m: int, k: int) -> None:
    """0.968773 at 10,000 and k = 5 (arXiv:2002.09797). For n = m and large n it is 1 - 2^-k."""
    if n == 10_000:
        assert expected_coverage(n, m, k) == pytest.approx(0.968773, abs=5e-7)
        assert expected_coverage(10**9, 10**9, k) == pytest.approx(1 - 2.0**-k)
        return
    found = [features_prdc(uniform(f"a{i}", n, 2), uniform(f"b{i}", m, 2), k) for i in range(200)]
    for name, expected in (("coverage", expected_coverage(n, m, k)), ("density", 1.0)):
        values = [getattr(each, name) for each in found]
        assert np.mean(values) == pytest.approx(expected, abs=4 * np.std(values) / np.sqrt(200))


def test_unit_cases() -> None:
    """The cases of arXiv:1806.00035, for precision and recall by supports instead of by masses.

    Nothing in common: 0 and 0. Half of the fakes right: precision 1/2; what is real is all found, so recall
    is 1 (by masses it is 1/2). Half of what is real found by half of the fakes: 1/2 and 1/2. Half of what is
    real found, nothing else made: precision 1, recall 1/2.
    """
    a, b, c = (place + uniform(name, 400, 2) for name, place in (("a", 0), ("b", 10), ("c", 20)))
    again = uniform("again", 400, 2)
    apart = features_prdc(a, b)
    assert vars(apart) == vars(Prdc(0.0, 0.0, 0.0, 0.0))
    cases = [
        (a, np.concatenate([again, b]), 0.5, 1.0),
        (np.concatenate([a, b]), np.concatenate([again, c]), 0.5, 0.5),
        (np.concatenate([a, b]), again, 1.0, 0.5),
    ]
    for real, fake, precision, recall in cases:
        found = features_prdc(real, fake)
        assert (found.precision, found.recall) == (
            pytest.approx(precision, abs=0.02),
            pytest.approx(recall, abs=0.02),
        )


def test_one_point_again_and_again_has_no_recall() -> None:
    x = uniform("real", 400, 2)
    found = features_prdc(x, np.repeat(x[:1], 400, axis=0))
    assert (found.precision, found.recall) == (1.0, 0.0)
    assert 0.0 < found.coverage < 0.05


def test_turns_shifts_scales_and_orders_change_nothing() -> None:
    real, fake = uniform("real", 200, 4), 0.1 + 0.9 * uniform("fake", 150, 4)
    usual = vars(features_prdc(real, fake))
    turn, _ = np.linalg.qr(uniform("turn", 4, 4))
    assert vars(features_prdc(7.0 * real @ turn - 3.0, 7.0 * fake @ turn - 3.0)) == pytest.approx(usual)
    assert vars(features_prdc(real[::-1], fake[::-1])) == pytest.approx(usual)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_has_no_values(bad: float) -> None:
    x, y = uniform("real", 50, 3), uniform("fake", 50, 3)
    y[7, 1] = bad
    for pair in ((x, y), (y, x)):
        assert np.isnan(list(vars(features_prdc(*pair)).values())).all()


def test_far_outliers_change_little() -> None:
    """One real outlier is the case that density was made for; huge fakes count as themselves alone."""
    x, y = uniform("real", 400, 2), uniform("fake", 400, 2).astype(np.float32)
    usual = features_prdc(x, y)
    y[0] = 1e30
    found = features_prdc(x, y)
    assert found.precision == pytest.approx(usual.precision, abs=1 / 400)
    assert found.coverage == pytest.approx(usual.coverage, abs=0.02)


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load(Component("digits"))


def test_of_digits(digits: Dataset) -> None:
    """Held-out digits are near the closed forms; three classes of ten keep precision and lose coverage."""
    measure = prdc(Context(digits, 1000, Cache(None)), neighbours=5)
    assert digits.heldout_labels is not None
    real = measure.score(Batch(digits.heldout[:1000]))
    assert real["prdc.density"] == pytest.approx(1.0, abs=0.1)
    assert real["prdc.coverage"] == pytest.approx(expected_coverage(1000, 1000, 5), abs=0.03)
    some = measure.score(Batch(digits.heldout[np.isin(digits.heldout_labels, [0, 1, 7])]))
    assert some["prdc.precision"] == pytest.approx(real["prdc.precision"], abs=0.1)  # type: ignore[arg-type]
    assert some["prdc.coverage"] == pytest.approx(0.3, abs=0.05)
    noise = np.random.default_rng(0).uniform(-1, 1, (1000, 1, 28, 28)).astype(np.float32)
    assert set(measure.score(Batch(noise)).values()) == {0.0}
    assert measure.provenance["extractor"] == "lenet_digits"


def test_of_points_in_raw_coordinates() -> None:
    data = load(Component("ring8"))
    context = Context(data, 500, Cache(None))
    measure = prdc(context, neighbours=5)
    assert set(context._batches) == {("train", 500)}  # nothing is compared with held-out rows
    assert measure.provenance == {"features": "raw", "reference_n": 500, "neighbours": 5}
    assert data.heldout_labels is not None
    half = measure.score(Batch(data.heldout[data.heldout_labels % 2 == 0][:500]))
    assert half["prdc.coverage"] == pytest.approx(0.5, abs=0.05)
    assert half["prdc.precision"] == pytest.approx(1.0, abs=0.05)


def test_a_point_mass_has_no_balls() -> None:
    measure = prdc(Context(load(Component("dirac")), 500, Cache(None)), neighbours=5)
    assert set(measure.score(Batch(np.zeros((500, 1), np.float32))).values()) == {None}


def test_too_few_samples_are_told_of(digits: Dataset) -> None:
    with pytest.raises(UserError, match="needs at least 12 samples, and there are 11"):
        prdc(Context(digits, 11, Cache(None)), neighbours=5)


@pytest.mark.slow
def test_ten_thousand_gaussians_in_a_thousand_dimensions() -> None:
    """arXiv:2002.09797, its repository's example: 0.477, 0.471, 1.056, 0.974 from one run without a seed.

    Runs differ (a few hubs hold many neighbours): seeds 0..8 have SDs of 0.012, 0.008, 0.054 and 0.005.
    """
    rng = np.random.default_rng(0)
    real, fake = rng.standard_normal((2, 10_000, 1000), dtype=np.float32)
    found = features_prdc(real, fake)
    assert found.precision == pytest.approx(0.477, abs=3 * 0.012)
    assert found.recall == pytest.approx(0.471, abs=3 * 0.008)
    assert found.density == pytest.approx(1.056, abs=3 * 0.054)
    assert found.coverage == pytest.approx(0.974, abs=3 * 0.005)
