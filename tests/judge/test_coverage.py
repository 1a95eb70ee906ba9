"""The intervals keep their word: a small part of `make coverage`, and what that target writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import coverage
from benchmarks.coverage import BAR, Covered, Row


@pytest.mark.parametrize("n", [3, 5, 10, 30])
def test_wilson_averages_95_percent_and_its_least_is_known(n: int) -> None:
    covered, at = coverage.one_cell(n)
    assert BAR[0] < covered.mean < BAR[1]
    assert 0.82 < covered.least < 0.85
    assert min(at, 1 - at) < 0.1


@pytest.mark.parametrize(("n", "cells", "seed_sd"), [(5, 2, 1), (5, 12, 2), (10, 4, 0), (30, 4, 1)])
def test_rates_over_cells_that_share_seeds(n: int, cells: int, seed_sd: float) -> None:
    rng = coverage.stream("test", n, cells)
    assert BAR[0] < coverage.pooled(rng, n, cells, seed_sd, None, 4_000) < BAR[1] + 0.004
    assert BAR[0] < coverage.paired(rng, n, cells, seed_sd, None, None, 4_000) < BAR[1] + 0.004


@pytest.mark.parametrize("n", [5, 10, 30])
def test_effects_within_one_cell_and_means(n: int) -> None:
    rng = coverage.stream("test", n)
    assert BAR[0] < coverage.paired(rng, n, 1, 1.0, None, None, 4_000) < BAR[1]
    assert BAR[0] < coverage.gaussian(rng, n, 4, 2.0, True, 4_000) < BAR[1]
    assert BAR[0] < coverage.improvement(rng, n, 4, 1.0, 4_000) < BAR[1]


def test_equal_streams_make_equal_studies() -> None:
    first, again, other = (coverage.pooled(coverage.stream(k), 5, 3, 1.0, None, 500) for k in (1, 1, 2))
    assert first == again
    assert first != other


def test_a_row_that_misses_its_promise_is_found() -> None:
    assert coverage.misses(Row("x", "y", {5: Covered(0.975)}))
    assert not coverage.misses(Row("x", "y", {5: Covered(0.975)}, promised=False))
    assert not coverage.misses(Row("x", "y", {5: Covered(0.931, 0.5)}))


def test_the_page_has_the_tables(repository: Path) -> None:
    page = (repository / "docs" / "statistics.md").read_text()
    made = page.split("<!-- coverage -->\n")[1].split("<!-- /coverage -->")[0]
    assert made.count("\n|") > 40
    assert "| 10 | 95.4 | 83.5, at 0.018 |" in made  # exact, so the page and the code must agree
