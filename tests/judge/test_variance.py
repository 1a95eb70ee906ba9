"""Analysis of variance of a full grid."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from bench.errors import UserError
from bench.judge.variance import Explained, variance_explained

ROWS = list(itertools.product(["x", "y"], [1, 2, 3], range(5)))


def explained(values: list[float], rows: list[tuple[str, int, int]] | None = None) -> Explained:
    loss, rate, seeds = zip(*(rows or ROWS), strict=True)
    return variance_explained({"loss": loss, "rate": rate}, seeds, values)


def test_effects_that_add_are_split_exactly() -> None:
    found = explained([2.0 * (loss == "x") + rate + 0.5 * seed for loss, rate, seed in ROWS])
    variances = {"loss": 1.0, "rate": 2 / 3, "seed": 0.5}
    total = sum(variances.values())
    assert {name: found.eta2[name] * total for name in variances} == pytest.approx(variances)
    assert found.eta2["interactions"] == pytest.approx(0, abs=1e-12)
    assert found.eta2["residual"] == pytest.approx(0, abs=1e-12)
    assert found.omega2["loss"] == pytest.approx(found.eta2["loss"])
    assert (found.seeds, found.note) == (5, "")


def test_an_effect_that_only_two_axes_have_together_is_an_interaction() -> None:
    found = explained([float((loss == "x") == (rate == 2)) for loss, rate, _ in ROWS])
    # Sums of squares of a 2 x 3 table by hand: rate has none beside loss.
    assert found.eta2["interactions"] == pytest.approx(1 - found.eta2["loss"] - found.eta2["rate"])
    assert found.eta2["interactions"] > 0.8
    assert found.eta2["seed"] == pytest.approx(0, abs=1e-12)


def test_noise_explains_nothing_once_chance_is_taken_off() -> None:
    rng = np.random.Generator(np.random.Philox(6))
    rows = list(itertools.product(["x", "y"], [1, 2, 3], range(40)))
    found = [explained(rng.normal(size=len(rows)).tolist(), rows) for _ in range(30)]
    assert np.mean([each.eta2["residual"] for each in found]) > 0.8
    assert np.mean([each.omega2["rate"] for each in found]) < 0.01
    assert sum(found[0].eta2.values()) == pytest.approx(1)


@pytest.mark.parametrize("unit", [1e-180, 1e-7, 1e7, 1e200])
def test_shares_do_not_depend_on_the_unit(unit: float) -> None:
    values = [2.0 * (loss == "x") + rate + 0.5 * seed for loss, rate, seed in ROWS]
    assert explained([unit * each for each in values]).eta2 == pytest.approx(explained(values).eta2)
    same = explained([unit * (0.1 + 0.2 if rate == 1 else 0.3) for _, rate, _ in ROWS])
    assert same.note == "all trials have one value: there is no variance"


def test_what_is_not_balanced_is_said() -> None:
    values = [float(rate + seed) for _, rate, seed in ROWS]
    died = explained([*values[:-1], math.inf])
    assert died.seeds == 4
    assert died.note == "unbalanced: 1 of 5 seeds lack a trial or a finite value and are left out"
    half = [row for row in ROWS if row[:2] != ("y", 3)]
    lacking = explained([1.0] * len(half), half)
    assert (lacking.eta2, lacking.note) == ({}, "unbalanced: 5 of 6 cells of the grid are there")
    assert explained([1.0] * len(ROWS)).note == "all trials have one value: there is no variance"
    one = [row for row in ROWS if row[2] == 0]
    assert explained([1.0] * len(one), one).note == "1 seeds and 6 cells: nothing to compare"
    with pytest.raises(UserError, match="two trials in one cell"):
        explained([1.0, 2.0], [("x", 1, 0), ("x", 1, 0)])
