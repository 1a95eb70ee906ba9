"""From an outcome to a trial, its curves, its sentence and its rule, with the thresholds that were used."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import numpy as np
import pytest

from bench.judge.outcomes import OUTCOMES
from bench.judge.rules import RULES, Rules
from bench.judge.words import plain, rule
from bench.report import evidence, examples, page
from bench.report.show import show
from bench.report.traces import trace_of
from bench.report.view import View
from bench.store.tables import Results


def test_each_outcome_has_its_typical_trial_with_sentence_and_rule(results: Results) -> None:
    view = View(results)
    found = examples.examples(view)
    assert [each.outcome for each in found] == list(OUTCOMES)
    for each in found:
        row = results.trials.set_index("trial").loc[each.trial]
        assert row["outcome"] == each.outcome
        assert each.reason == row["outcome_reason"]
        assert each.count == (results.trials["outcome"] == each.outcome).sum()
        assert each.rule == plain(rule(each.outcome))
        assert each.film is not None
        curve = results.curves[results.curves["trial"] == each.trial]
        assert {step["step"] for step in each.curves.rows} <= set(curve["step"])
        assert each.curves.svg.count("<svg") == 3
        assert each.curves.csv_name == f"trial-{each.trial}.csv"
        same = results.trials.set_index("trial").loc[list(each.others)]
        assert set(same["outcome"]) <= {each.outcome}


def test_the_typical_trial_is_the_middle_one(results: Results) -> None:
    group = View(results).groups[0]
    trials = group.trials[group.trials["outcome"] == "stalled"]
    ordered = examples.typical(group, trials)
    values = sorted(trials["final.fd"])
    assert ordered["final.fd"].iloc[0] == values[(len(values) - 1) // 2]
    assert set(ordered["trial"]) == set(trials["trial"])
    dead = group.trials[group.trials["outcome"] == "diverged"]
    assert len(examples.typical(group, dead)) == len(dead)


def test_the_page_leads_from_the_outcome_to_the_row_and_back(html: str) -> None:
    for name in OUTCOMES:
        section = html[html.index(f'id="outcome-{name}"') :]
        trial = re.search(r'href="#trial-(\w+)"', section)
        assert trial
        assert f'<tr id="trial-{trial[1]}"' in html
        assert f'href="#outcome-{name}"' in html


def test_thresholds_are_those_that_were_used(results: Results) -> None:
    changed = dataclasses.replace(RULES, converged_distance=0.123, weight_growth=77.0)
    text = page.render(dataclasses.replace(results, study={"name": "x", "grid": {}}, rules=changed))
    assert "relative distance of at most 0.123" in text
    assert "weights exceed 77 times" in text
    assert "Judged by changed rules: weight_growth 77 instead of 100; converged_distance 0.123" in text
    shown = show(dataclasses.replace(results, rules=changed), results.trials["trial"].iloc[0])
    assert f"(rules {changed.label})" in shown
    assert "relative distance of at most 0.123" in shown


def test_outcomes_of_another_version_of_the_rules_are_not_explained_by_todays(
    results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Any] = []

    def watched(*arguments: Any) -> list[Any]:
        made = evidence.evidence_panels(*arguments)
        drawn.extend(each for _, each in made)
        return made

    monkeypatch.setattr(examples, "evidence_panels", watched)
    trials = results.trials.assign(rules_version="0")
    old = dataclasses.replace(results, study={"name": "x", "grid": {}}, trials=trials, rules=Rules("0"))
    sentence = f"`ganbench judge RESULTS` judges anew by rules {RULES.version}."
    text = page.render(old)
    assert "Judged by rules 0, which differ from today" in text
    assert sentence in text
    for absent in (
        "<b>Rule.</b>",
        'class="formula"',
        "holds when",
        "W is the last",
        "changed rules",
        "Dashed: what",
    ):
        assert absent not in text
    assert len(drawn) == 3 * len(OUTCOMES)
    names = {label.get_text().split()[0] for each in drawn for axes in each.axes for label in axes.texts}
    assert "floor" in names
    assert not names & {"limit", "bar"}
    assert not any(axes.patches for each in drawn for axes in each.axes)
    row = trials[trials["outcome"] == "total_collapse"].iloc[0]
    shown = show(old, row["trial"])
    assert f"(rules 0)\n  {row['outcome_reason']}\n\nJudged by rules 0, which differ from" in shown
    assert sentence in shown
    assert "total collapse      holds   onset 350" in shown
    assert "rule (q" not in shown
    assert "when each holds" not in shown
    assert plain(rule("stalled"))[:30] not in shown
    assert View(results).other_rules == ""


def test_show_names_the_thresholds_of_the_rule_that_decided(results: Results) -> None:
    trial = results.trials.loc[results.trials["outcome"] == "vanishing_gradient", "trial"].iloc[0]
    text = show(results, trial)
    assert re.search(r"vanishing_auc +0\.99 probability", text)
    assert "median over W of d_auc ≥ 0.99" in text
    assert "W is the last 20 % of the evaluations, and at least 5 of them." in text


def test_a_panel_without_numbers_says_so(results: Results) -> None:
    """Everything null, and no modes: nothing to draw, no error."""
    view = View(results)
    trial = results.trials["trial"].iloc[0]
    curves = results.curves.copy()
    numbers = [c for c in curves.columns if curves[c].dtype == np.float64]
    curves.loc[curves["trial"] == trial, numbers] = np.nan
    bare = View(dataclasses.replace(results, curves=curves))
    trace = trace_of(bare, dataclasses.replace(view.groups[0], n_modes=None, measure={}), trial)
    for outcome in OUTCOMES:
        made = evidence.evidence(trace, outcome, None)
        texts = [text.get_text() for axes in made.axes for text in axes.texts]
        assert "not measured" in texts
        assert evidence.alternative(trace, outcome).startswith("Curves over steps 0 to")


def test_what_was_judged_again_is_told_by_its_own_rules(results: Results) -> None:
    """Tables and page cannot disagree: both read the rules that the table names."""
    assert results.rules == RULES
    assert set(results.trials["rules_version"]) == {RULES.label}
