"""Families and choices: Holm, the best of many cells."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import UserError
from bench.judge.selection import holm, odd_even
from bench.judge.stats import wilson


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []
    with pytest.raises(ValueError, match="probabilities"):
        holm([0.5, math.nan])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_lies_between_p_and_bonferroni(p: list[float]) -> None:
    for raw, adjusted in zip(p, holm(p), strict=True):
        assert raw <= adjusted <= min(1.0, len(p) * raw) + 1e-12


def test_the_best_of_48_equal_cells_is_judged_fairly_on_other_seeds() -> None:
    rng = np.random.Generator(np.random.Philox(4))
    cells = [f"c{i}" for i in range(48) for _ in range(10)]
    seeds = [s for _ in range(48) for s in range(10)]
    seen, fresh = [], []
    for _ in range(100):
        values = (rng.random(480) < 0.3).astype(float)
        chosen = odd_even(seeds, cells, values.tolist(), share=True)
        seen.append(chosen.seen)
        fresh.append(chosen.estimate.mean)
    assert np.mean(seen) < 0.01  # what 5 seeds show of the best of 48
    assert np.mean(fresh) == pytest.approx(0.3, abs=0.06)
    assert chosen.of == 48
    assert chosen.method == "best of 48 on 5 odd seeds, judged on 5 even ones"


def test_choice_ranks_the_diverged_last_and_higher_may_be_better() -> None:
    seeds, cells = [0, 1, 2, 3] * 2, ["a"] * 4 + ["b"] * 4
    values = [0.1, math.inf, 0.1, 0.1, 1.0, 2.0, 3.0, 4.0]
    assert odd_even(seeds, cells, values).cell == "b"
    assert odd_even(seeds, cells, values).estimate.mean == pytest.approx(2.0)
    ones = odd_even(seeds, cells, [0, 1, 1, 1, 0, 0, 0, 0], better="higher", share=True)
    assert ones.cell == "a"
    assert (ones.estimate.low, ones.estimate.high) == pytest.approx(tuple(wilson(1, 2)))


def test_a_choice_needs_both_halves() -> None:
    with pytest.raises(UserError, match="seeds of both kinds"):
        odd_even([0, 2], ["a", "a"], [1, 2])
    with pytest.raises(UserError, match="a, chosen on odd seeds, has no trial on even ones"):
        odd_even([1, 0, 1], ["a", "b", "b"], [1, 2, 3])


@pytest.mark.parametrize("share", [False, True])
@pytest.mark.parametrize("values", [[1, math.nan], [math.nan, 1]])
def test_a_choice_takes_no_unknown_value(values: list[float], share: bool) -> None:
    with pytest.raises(UserError, match="unknown"):
        odd_even([0, 1], ["a", "a"], values, share=share)
