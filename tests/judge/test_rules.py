"""The thresholds in words, pages and pictures are the thresholds in the code."""

from __future__ import annotations

import dataclasses
import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from bench.judge.outcomes import OUTCOMES
from bench.judge.rules import RANGES, RULES, Rules
from bench.judge.words import WINDOW, WORDING, rule, said, thresholds

LARGEST = 60_000
"""Bytes of a picture of the documentation."""


@pytest.fixture(scope="module")
def made(repository: Path) -> ModuleType:
    """docs/make_outcomes.py."""
    spec = importlib.util.spec_from_file_location("make_outcomes", repository / "docs" / "make_outcomes.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_outcome_has_its_rule_and_every_threshold_its_words() -> None:
    assert list(WORDING) == list(OUTCOMES)
    worded = {name for outcome in OUTCOMES for name in thresholds(outcome)}
    worded |= {name for name in RANGES if f"{{{name}" in WINDOW}
    assert worded == set(RANGES)


def test_words_say_the_thresholds_of_the_rules_that_are_given() -> None:
    assert "spread below 0.05 of the data's" in rule("total_collapse")
    assert "at least 25 % of the samples" in rule("total_collapse")
    other = Rules(collapse_spread=0.0625, collapse_hq=0.125)
    assert "spread below 0.0625 of the data's" in rule("total_collapse", other)
    assert "at least 12.5 % of the samples" in rule("total_collapse", other)
    assert thresholds("total_collapse", other) == {"collapse_spread": 0.0625, "collapse_hq": 0.125}


@pytest.mark.parametrize("name", list(RANGES))
def test_no_text_states_a_threshold_as_a_plain_number(name: str) -> None:
    """Another value changes every text that names it: none is typed a second time."""
    other = dataclasses.replace(RULES, **{name: type(getattr(RULES, name))(getattr(RULES, name) * 3 + 1)})
    texts = [WINDOW, *(t for w in WORDING.values() for t in (w.rule, *w.formula, *w.notes))]
    named = [text for text in texts if re.search(rf"{{{name}[:}}]", text)]
    assert named
    assert all(said(text) != said(text, other) for text in named)


def test_the_page_is_current(made: ModuleType) -> None:
    assert made.PAGE.read_text() == made.page(), "run `make docs`"


def test_the_page_lists_the_outcomes_in_the_order_of_precedence(made: ModuleType) -> None:
    assert re.findall(r"\| \[`(\w+)`\]\(#\w+\) \|", made.PAGE.read_text()) == list(OUTCOMES)


@pytest.mark.parametrize("outcome", list(OUTCOMES))
def test_each_outcome_has_a_small_picture_of_a_curve_that_is_judged_so(
    made: ModuleType, outcome: str
) -> None:
    """What the picture tells in words is what would be drawn today."""
    text = (made.PICTURES / f"{outcome}.svg").read_text()
    assert len(text.encode()) < LARGEST
    told = re.compile(r'aria-label="([^"]*)"')
    now = told.search(made.picture(outcome))
    then = told.search(text)
    assert now
    assert then
    assert then[1] == now[1], "run `make docs`"
