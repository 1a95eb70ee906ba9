"""Claims of known truth get their verdicts as often as promised: a small part of `make claims`."""

from __future__ import annotations

import pytest

from bench.judge.claim import INCONCLUSIVE, NO_EFFECT, REFUTED, SUPPORTED, UNTESTABLE
from benchmarks import claims
from benchmarks.claims import LEAST_FOUND, LEAST_SETTLED, MARGIN, MOST_FALSE, bernoulli, gaussian


def test_twice_the_margin_is_found() -> None:
    found = claims.verdicts(gaussian(2 * MARGIN, MARGIN), 20, 100)
    assert found[SUPPORTED] >= LEAST_FOUND * 100


@pytest.mark.parametrize("kind", [gaussian(0.0, MARGIN), bernoulli(0.5, 0.5, 2)])
def test_a_true_null_is_rarely_called_an_effect(kind: claims.Kind) -> None:
    assert claims.false_alarms(kind, 20, 100) <= MOST_FALSE


def test_a_control_without_room_is_untestable() -> None:
    kind = bernoulli(0.03, 0.03)
    kind = claims.Kind("no room", kind.draw, claims.claim("flag", "degraded", "less"))
    assert claims.verdicts(kind, 60, 20)[UNTESTABLE] == 20


def test_the_seeds_named_settle_it() -> None:
    found = claims.settled(gaussian(0.5 * MARGIN, 2 * MARGIN), 20, 40)
    assert found.studies > 20
    assert found.share >= LEAST_SETTLED


def test_more_seeds_find_more_and_show_that_nothing_is_there() -> None:
    def share(effect: float, n: int, verdict: str) -> float:
        return claims.verdicts(bernoulli(0.5, 0.5 - effect, 2), n, 15, "test")[verdict] / 15

    assert share(0.3, 60, SUPPORTED) > share(0.3, 8, SUPPORTED)
    assert share(0.0, 150, NO_EFFECT) > 0.5


def test_equal_streams_make_equal_studies_and_nothing_is_refuted_by_design() -> None:
    first, again = (claims.verdicts(gaussian(0.1, MARGIN), 20, 20, "same") for _ in range(2))
    assert first == again
    assert first[REFUTED] == 0
    assert first.total() == 20
    assert set(first) <= {SUPPORTED, NO_EFFECT, INCONCLUSIVE}


def test_the_page_holds_what_the_target_writes() -> None:
    page = claims.PAGE.read_text()
    assert page.count("<!-- simulated -->") == page.count("<!-- /simulated -->") == 1
    made = page.split("<!-- simulated -->\n")[1].split("\n<!-- /simulated -->")[0]
    assert made.count("|---") >= 3
