"""How many seeds would settle a question."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bench.errors import UserError
from bench.judge import intervals, planning


def test_the_expected_half_width_is_the_average_one() -> None:
    rng = np.random.Generator(np.random.Philox(8))
    low, high = intervals.student_t(0.3 * rng.normal(size=(40_000, 7)))
    assert planning.expected_half_width(0.3, 7) == pytest.approx(np.mean(high - low) / 2, rel=0.01)
    assert planning.expected_half_width(0.3, 4) == math.inf


def test_power_is_how_often_the_interval_excludes_zero() -> None:
    rng = np.random.Generator(np.random.Philox(9))
    low, _ = intervals.student_t(0.5 + rng.normal(size=(40_000, 12)))
    assert planning.power(1.0, 0.5, 12) == pytest.approx(np.mean(low > 0), abs=0.01)
    assert planning.power(1.0, 5.0, 4) == 0.0


def test_the_fewest_seeds_are_just_enough() -> None:
    n = planning.seeds_for_half_width(0.3, 0.15)
    assert planning.expected_half_width(0.3, n) <= 0.15 < planning.expected_half_width(0.3, n - 1)
    n = planning.seeds_for_power(1.0, 0.5)
    assert n == 34  # a table value: paired t, d = 0.5, 80 %
    n = planning.seeds_for_rate(0.5, 0.1)
    assert planning.expected_rate_half_width(0.5, n) <= 0.1 < planning.expected_rate_half_width(0.5, n - 1)
    assert planning.seeds_for_half_width(1e-9, 1.0) == 5


def test_shares_that_are_alike_within_a_seed_are_known_no_better_by_more_cells() -> None:
    assert planning.sd_of_share(0.3, 1) == pytest.approx(math.sqrt(0.21))
    assert planning.sd_of_share(0.3, 12) == pytest.approx(math.sqrt(0.21 / 12))
    assert planning.sd_of_share(0.3, 12, alike=1.0) == pytest.approx(math.sqrt(0.21))


def test_wilsons_half_width_at_five_seeds() -> None:
    assert planning.expected_rate_half_width(0.5, 5) == pytest.approx(0.31, abs=0.01)
    assert planning.expected_rate_half_width(0.5, 0) == math.inf


def test_what_cannot_be_reached_is_an_error() -> None:
    with pytest.raises(UserError, match="More than 100,000 seeds"):
        planning.seeds_for_half_width(1.0, 1e-4)
    at_most = planning.expected_half_width(1.0, 100_000)
    assert planning.seeds_for_half_width(1.0, at_most) == 100_000
    with pytest.raises(UserError, match="More than 100,000 seeds"):
        planning.seeds_for_half_width(1.0, at_most * 0.9999)
    with pytest.raises(UserError, match="positive numbers"):
        planning.seeds_for_power(1.0, 0.0)
