"""The small parts of the rules against closed forms and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bench.judge.trace import both, either, falls, jaccard, less, reversals

UNKNOWN = np.nan


def test_kleene_logic() -> None:
    left = np.array([1, 1, 1, 0, 0, UNKNOWN])
    right = np.array([1, 0, UNKNOWN, 0, UNKNOWN, UNKNOWN])
    np.testing.assert_array_equal(both(left, right), [1, 0, UNKNOWN, 0, 0, UNKNOWN])
    np.testing.assert_array_equal(either(left, right), [1, 1, 1, 0, UNKNOWN, UNKNOWN])


def test_a_comparison_with_a_null_is_null() -> None:
    np.testing.assert_array_equal(less(np.array([1.0, 3.0, np.nan]), 2.0), [1, 0, np.nan])
    np.testing.assert_array_equal(less(np.array([1.0]), np.nan), [np.nan])


def test_jaccard_of_a_thousand_modes() -> None:
    """900 modes, then 800 of them and 100 others: 800 of 1,000 in common."""
    first, second = (1 << 900) - 1, ((1 << 1000) - 1) ^ ((1 << 100) - 1)
    assert jaccard([f"{first:0250x}", f"{second:0250x}"])[1] == pytest.approx(0.8)


def test_jaccard_of_masks() -> None:
    index = jaccard(["0x0", "0x0", "0x3", "0x6", None, "0x6", "0x6"])
    np.testing.assert_allclose(index, [np.nan, 1, 0, 1 / 3, np.nan, np.nan, 1])


@pytest.mark.parametrize("ties", [False, True])
def test_mann_kendall_agrees_with_scipy(ties: bool) -> None:
    rng = np.random.default_rng(1)
    steps = np.arange(30)
    values = rng.standard_normal(30) - 0.05 * steps
    if ties:
        values = np.round(values)
    p, _ = falls(steps, values)
    expected = stats.kendalltau(steps, values, alternative="less", method="asymptotic").pvalue
    # scipy's asymptotic form has no correction for continuity, which moves the score by 1.
    assert p == pytest.approx(expected, rel=0.1)
    assert p > expected


def test_theil_sen_fall_of_a_line_is_exact() -> None:
    steps = np.array([0, 10, 30, 70, 100, 150])
    p, fall = falls(steps, 5 - 0.02 * steps)
    assert fall == pytest.approx(3.0)
    assert p < 0.01
    assert falls(steps, np.full(6, 4.0)) == (1.0, 0.0)
    assert np.isnan(falls(steps[:4], np.arange(4.0))[0])


def test_reversals_of_a_zigzag() -> None:
    assert reversals(np.array([0, 1, 0, 1, 0.0]), 0.5) == [1, 2, 3]
    assert reversals(np.array([0, 1, 0.8, 1.2, 0, 0.9]), 0.5) == [3, 4]
    assert reversals(np.array([0, 0.1, 0, 0.1]), 0.5) == []
    assert reversals(np.array([0, np.nan, 1, np.nan, 0]), 0.5) == [2]
