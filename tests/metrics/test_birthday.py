"""The birthday test: its closed form by simulation, interval and bound, and copies of few digits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from fixed_numbers import uniform
from scipy.stats import poisson

from bench.data.load import Dataset, load
from bench.metrics.batch import Batch, Context
from bench.metrics.birthday import (
    Birthday,
    Support,
    birthday,
    equal_pairs,
    estimate,
    near_pairs,
    probability,
    squared_threshold,
)
from bench.metrics.cache import Cache
from bench.trial import Component


@pytest.mark.parametrize(("samples", "support"), [(20, 1000), (38, 1000), (100, 5000)])
def test_some_pair_is_equal_as_often_as_the_closed_form_says(samples: int, support: int) -> None:
    """1 - exp(-s (s - 1) / 2N); 38 of 1,000 have one in every second case. 4 standard errors of 4,000."""
    drawn = (uniform(f"birthday {samples}", 4000, samples) * support).astype(np.int64)
    share = np.mean([equal_pairs(row) > 0 for row in drawn])
    expected = probability(samples, support)
    assert share == pytest.approx(expected, abs=4 * math.sqrt(expected * (1 - expected) / 4000))


def test_the_closed_form_in_numbers() -> None:
    assert probability(38, 1000) == pytest.approx(0.5049, abs=1e-4)
    assert probability(23, 365) == pytest.approx(1 - math.exp(-253 / 365), rel=1e-12)
    assert probability(1, 10) == 0.0


def test_pairs_by_hand() -> None:
    assert equal_pairs(np.array([3, 1, 3, 2, 3, 1])) == 3 + 1
    x = np.array([[0.0], [1.0], [10.0], [10.5], [11.0]])
    assert [near_pairs(x, squared) for squared in (0.0, 0.25, 1.0, 1e4)] == [0, 2, 4, 10]
    # Distances to the nearest: 1, 1, 0.5, 0.5, 0.5; the smallest hundredth is 0.25 squared.
    assert squared_threshold(x) == 0.25


@pytest.mark.parametrize("support", [50, 3000, 100_000])
def test_the_interval_holds_the_support(support: int) -> None:
    """At least 95 % of 1,000 intervals from 400 samples: a Poisson count's are exact or too wide."""
    drawn = (uniform(f"interval {support}", 1000, 400) * support).astype(np.int64)
    found = [estimate(equal_pairs(row), 400) for row in drawn]
    held = [each.low <= support and (each.high is None or support <= each.high) for each in found]
    assert np.mean(held) > 0.94
    rates = [0.0 if each.value is None else 1.0 / each.value for each in found]
    assert np.mean(rates) == pytest.approx(1 / support, abs=5 * np.std(rates) / math.sqrt(1000))


def test_the_interval_is_that_of_a_poisson_count() -> None:
    pairs = 2000 * 1999 / 2
    found = estimate(16, 2000)
    assert found.value == pairs / 16
    assert found.high is not None
    assert poisson.sf(15, pairs / found.high) == pytest.approx(0.025)
    assert poisson.cdf(16, pairs / found.low) == pytest.approx(0.025)


def test_without_duplicates_there_is_a_lower_bound_alone() -> None:
    """exp(-P / low) = 2.5 %: 542,000 pictures or more, from 2,000 samples that all differ."""
    found = estimate(0, 2000)
    assert (found.value, found.high) == (None, None)
    assert found.low == pytest.approx(1999 * 1000 / math.log(40), rel=1e-9)
    assert estimate(2000 * 1999 // 2, 2000) == Support(1.0, 1.0, pytest.approx(1.0, abs=0.002))


def test_unequal_pictures_give_less_than_their_number() -> None:
    """1 / sum p^2 of p = (0.5, 0.5 / 1000, ...): 4 / (1 + 1 / 1000), whatever the thousand."""
    draws = uniform("unequal", 2, 4000)
    labels = np.where(draws[0] < 0.5, 1000, (draws[1] * 1000).astype(np.int64))
    assert estimate(equal_pairs(labels), 4000).value == pytest.approx(4 / 1.001, rel=0.1)


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load(Component("digits"))


@pytest.fixture(scope="module")
def measure(digits: Dataset) -> Birthday:
    return birthday(Context(digits, 2000, Cache(None)))


@pytest.mark.parametrize("support", [1, 2, 100])
@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_copies_of_few_digits_are_counted(
    support: int, noise: float, digits: Dataset, measure: Birthday
) -> None:
    rng = np.random.default_rng(support)
    samples = digits.heldout[rng.integers(support, size=1000)]
    samples = (samples + noise * rng.normal(size=samples.shape)).astype(np.float32)
    found = measure.score(Batch(samples))
    assert found["birthday.support"] == pytest.approx(support, rel=0.08)
    assert found["birthday.duplicates"] == pytest.approx(1 / support, rel=0.08)


def test_real_digits_have_hardly_any_duplicates(digits: Dataset, measure: Birthday) -> None:
    """16 pairs among 2,000 held-out digits, all of them ones: a support of 10^5, what the test can see."""
    found = measure.score(Batch(digits.heldout))
    assert isinstance(found["birthday.support"], float)
    assert found["birthday.support"] > 50_000
    assert list(found) == list(measure.columns)
    assert measure.against(Batch(digits.heldout), "train") == {
        "birthday.duplicates": found["birthday.duplicates"]
    }
    few = measure.score(Batch(digits.heldout[:20]))
    assert (few["birthday.support"], few["birthday.high"]) == (None, None)
    assert few["birthday.low"] == pytest.approx(190 / math.log(40))


def test_samples_without_finite_features_have_no_support(measure: Birthday) -> None:
    features = (np.full((9, 64), np.inf, np.float32), np.zeros((9, 11), np.float32))
    batch = Batch(np.zeros((9, 1, 28, 28), np.float32), lambda *_: features)
    assert np.isnan(list(measure.score(batch).values())).all()  # type: ignore[arg-type]
