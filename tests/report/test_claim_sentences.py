"""Effects and verdicts in words: directions, counts, margins, and the answer led by claims."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bench.judge.claim import Claim, Judged, Quantity
from bench.judge.claim_reasons import reason, torn
from bench.judge.stats import Estimate
from bench.report import claim_sentences, verdicts

FAILS = Claim(
    "a", "X helps", Quantity("outcome", ("failure",)), compare={"x": (1, 0)}, expect="less", margin=0.15
)


def estimate(mean: float, low: float | None, high: float | None, n: int = 60) -> Estimate:
    return Estimate(mean, low, high, n, (mean,) * n, "t")


def judged(verdict: str = "supported", claim: Claim = FAILS, **changes: Any) -> Judged:
    known: dict[str, Any] = {
        "unit": "share of trials", "pairs": 60, "treatment": 0.2, "control": 0.75,
        "estimate": estimate(0.55, 0.4, 0.7), "reason": "r",
    }  # fmt: skip
    return Judged(
        claim.id, claim.text, verdict, confidence=0.975, margin=claim.margin, claim=claim, **(known | changes)
    )


@pytest.mark.parametrize(
    ("ends", "unit", "told"),
    [
        ((-0.55, -0.7, -0.4), "share of trials", "55 points fewer (40 to 70 fewer)"),
        ((0.075, -0.028, 0.178), "share of trials", "7.5 points more (from 2.8 fewer to 17.8 more)"),
        ((0.0, -0.1, 0.1), "share of trials", "no difference (from 10 fewer to 10 more)"),
        ((3.65, 2.72, 4.58), "modes", "on average higher by 3.65 (2.72 to 4.58 higher)"),
        (
            (-0.693147, -1.0986, 0.0),
            "log-ratio",
            "on average lower by a factor of 2 (a factor of 1 to 3 lower)",
        ),
        (
            (0.003, -0.04, 0.05),
            "log-ratio",
            "no difference (from a factor of 1.04 lower to 1.05 higher)",
        ),
        ((0.5, None, None), "share of trials", "50 points more"),
        ((float("inf"), 1.0, float("inf")), "nats", "on average higher by infinity (1 to infinity higher)"),
    ],
)
def test_an_interval_says_which_way_it_goes(ends: tuple[float, ...], unit: str, told: str) -> None:
    assert claim_sentences.change(estimate(*ends), unit) == told


def test_a_share_of_one_pair_of_cells_is_counted() -> None:
    assert claim_sentences.sentence(judged()) == (
        "Fails in 12 of 60 at x 1, in 45 of 60 at x 0: 55 points fewer (97.5 % interval 40 to 70 fewer), "
        "over 60 seeds (60 pairs)."
    )
    assert claim_sentences.brief(judged()) == "fails in 12 of 60 against 45 of 60 (40 to 70 points fewer)"
    part = claim_sentences.sentence(judged(unpaired=3, pairs=57))
    assert part.startswith("Fails in 20 % at x 1, in 75 % at x 0: ")
    assert part.endswith("(57 pairs, 3 without a partner or a value).")


def test_both_readings_of_the_undecided_go_the_same_way_in_words() -> None:
    each = judged(estimate=estimate(-0.075, -0.178, 0.028), all_failed=estimate(0.0, -0.116, 0.116))
    assert "7.5 points more (97.5 % interval from 2.8 fewer to 17.8 more)" in claim_sentences.sentence(each)
    assert claim_sentences.all_failed(each) == (
        "If all undecided trials failed: no difference (from 11.6 fewer to 11.6 more)."
    )
    told = claim_sentences.brief(each)
    assert told.endswith("; if all undecided trials failed: no difference (from 11.6 fewer to 11.6 more)")


def test_an_effect_that_may_be_below_the_margin_says_so() -> None:
    near, far = estimate(0.2, 0.05, 0.35), estimate(0.5, 0.3, 0.7)
    small, large = (judged(estimate=each) for each in (near, far))
    assert claim_sentences.brief(small).endswith("(5 to 35 points fewer), perhaps smaller than the margin")
    assert "perhaps" not in claim_sentences.brief(large)
    share = "share of trials"
    assert reason(FAILS, "supported", [far], share, None) == (
        "an effect as expected, larger than the margin of 15 points"
    )
    assert reason(FAILS, "supported", [far, near], share, None).endswith(
        "perhaps smaller than the margin of 15 points"
    )
    against = [estimate(-0.2, -0.35, -0.05)]
    assert reason(FAILS, "refuted", against, share, None) == (
        "an effect opposite to what was expected, perhaps smaller than the margin of 15 points"
    )
    assert reason(FAILS, "supported", [near], "log-ratio", None).endswith("the margin of a factor of 1.16")


def test_what_cannot_be_tested_or_waits_says_why_and_shows_no_effect() -> None:
    assert claim_sentences.brief(judged("untestable", short="the premise fails")) == "the premise fails"
    waits = judged("inconclusive", reason=torn(FAILS, ("inconclusive", "no_effect"), ()))
    assert claim_sentences.brief(waits) == "undecided trials settle it, so train longer"


def test_a_value_and_its_bounds_have_one_unit() -> None:
    claim = replace(FAILS, compare={}, expect=None, margin=None, within=(0.1, 1.0), among=("converged",))
    each = judged("refuted", claim, estimate=estimate(0.008, 0.002, 0.035), treatment=None, control=None)
    assert claim_sentences.brief(each) == "0.8 % (0.2 to 3.5 %), claimed: 10 to 100 %"


def test_the_answer_counts_verdicts_and_leads_with_what_is_settled() -> None:
    waits = judged("inconclusive", reason=torn(FAILS, ("inconclusive", "no_effect"), ()))
    fails = judged("untestable", reason="the premise fails: found 0.8", short="the premise fails")
    none = judged("no_effect", estimate=estimate(0.01, -0.1, 0.12))
    assert verdicts.answer([waits, judged(), judged("refuted"), none, fails, fails]) == (
        "Of 6 claims 1 is supported, 1 refuted, 1 shows no effect, 1 is inconclusive (for want of longer "
        "training) and 2 are untestable (the premise fails)."
    )
    assert (
        verdicts.answer([fails]) == "The claim “X helps” is untestable, since the premise fails: found 0.8."
    )
    assert verdicts.answer([fails, waits]).endswith(" None is settled.")


def test_an_answer_does_not_hide_what_qualifies_it() -> None:
    each = judged(estimate=estimate(0.2, 0.05, 0.35), depends="setting")
    told = verdicts.one(each)
    assert told.endswith("perhaps smaller than the margin of 15 points, but it depends on setting.")


def test_what_failed_besides_stands_in_a_line_about_a_sign() -> None:
    one, two = estimate(-0.6, -0.8, -0.4), estimate(0.0, -0.1, 0.1)
    told = claim_sentences.brief(judged(failure=(one, two)))
    assert told.endswith("(40 to 70 points fewer); failures: 0 to 60 points more")
    assert claim_sentences.brief(judged(failure=(two, two))).endswith("; failures: no difference")
    turned = claim_sentences.brief(judged(failure=(one, estimate(0.2, 0.1, 0.3))))
    assert turned.endswith("; failures: 20 points fewer to 60 points more")


def test_a_median_is_not_called_an_average() -> None:
    middle = replace(estimate(3.65, 2.72, 4.58), method="order statistics of 9 seeds")
    assert claim_sentences.change(middle, "modes") == "in the median higher by 3.65 (2.72 to 4.58 higher)"
