"""The thresholds in the documentation are the thresholds in the code."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from bench.judge.outcomes import OUTCOMES
from bench.judge.rules import RULES

# How each threshold is worded in docs/outcomes.md.
WORDED = {
    "version": "rules of version {}",
    "window_share": "the last {:.0%} of the evaluations",
    "window_least": "and at least {} of them",
    "weight_growth": "weights exceed {:g} times their initial norm",
    "logit_max": "logits exceed 1e4",
    "sample_rms": "samples exceed {:g} times the data's RMS",
    "collapse_spread": "a spread below {:g} of the data's",
    "collapse_hq": "at least {:.0%} of the samples in any mode",
    "vanishing_auc": "`d_auc` at least {:g}",
    "vanishing_signal": "`d_slope` below {:.0%} of its early value (medians)",
    "vanishing_distance": "relative distance above {:g} and not improving",
    "early_share": "maximum over the first {:.0%} of the evaluations",
    "early_least": "of the evaluations, at least {}.",
    "jaccard": "over W is below {:g}",
    "swing_windows": "the last {:g} W evaluations",
    "overlap": "common to both is below {:g} in the median",
    "swing_level": "larger than {:g} of the median distance to the floor",
    "swing_least": "(this bound is at least {:g}",
    "swing_size": "and at most {:g} of q0 - f)",
    "swing_noise": "larger than {:g} sigma",
    "swing_reversals": "at least {} reversals",
    "partial_hq": "over W at least {:.0%} good samples",
    "partial_precision": "precision at least {:g} of its floor",
    "partial_coverage": "coverage below {:g} of its floor",
    "degraded_noise": "by more than {:g} sigma",
    "degraded_size": "and {:.0%} of q0 - f",
    "degraded_good": "that window was good: relative distance at most {:g}",
    "converged_distance": "relative distance at most {:g}, or",
    "converged_floor_sds": "q at most f + {:g} s",
    "converged_reach": "up to {:g} times as far from the floor as the bar",
    "converged_noise": "their own noise, {:g} sigma",
    "improving_p": "p below {:g}",
    "improving_share": "a fall (Theil-Sen) of more than {:.0%}",
    "improving_noise": "more than {:g} sigma",
}


@pytest.fixture(scope="module")
def page() -> str:
    text = (Path(__file__).resolve().parents[2] / "docs" / "outcomes.md").read_text()
    return re.sub(r"\s+", " ", text)


@pytest.mark.parametrize("name", [each.name for each in fields(RULES)])
def test_each_threshold_stands_in_the_documentation(name: str, page: str) -> None:
    text = WORDED[name].format(getattr(RULES, name)).replace("%", " %")
    assert text in page


def test_the_documentation_lists_the_outcomes_in_the_order_of_precedence(page: str) -> None:
    table = re.findall(r"\| `(\w+)` \|", page)
    assert table == list(OUTCOMES)


def test_the_logit_bar_is_the_one_worded() -> None:
    assert RULES.logit_max == 1e4
