"""The table of verdicts: current, complete, its links there; what it says of any verdict; its numbers."""

from __future__ import annotations

import importlib.util
import re
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest
import yaml
from stored_results import store
from synthetic_results import synthetic

from bench.errors import UserError
from bench.judge.claim import Claim, Judged, Quantity, Seen
from bench.judge.stats import Estimate

LINK = re.compile(r"\]\(([^)]+)\)")


@pytest.fixture(scope="module")
def verdicts(repository: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_verdicts", repository / "docs" / "make_verdicts.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_verdicts"] = module  # its dataclasses look themselves up
    spec.loader.exec_module(module)
    return module


def block(verdicts: ModuleType) -> str:
    """The table as it stands in README.md."""
    text: str = verdicts.README.read_text()
    return text.split(verdicts.START)[1].split(verdicts.END)[0].strip()


def test_both_pages_are_current(verdicts: ModuleType) -> None:
    found = verdicts.rulings()
    assert verdicts.README.read_text() == verdicts.readme(found), "run `make docs`"
    assert verdicts.PAGE.read_text() == verdicts.page(found), "run `make docs`"


def test_every_belief_has_its_row_and_its_section(verdicts: ModuleType) -> None:
    known = verdicts.beliefs()
    assert [each.number for each in known] == list(range(1, 16))
    rows, page = block(verdicts), verdicts.PAGE.read_text()
    for each in known:
        assert f"| [{each.number}](docs/folklore.md#belief-{each.number}) | {each.words} |" in rows
        assert f"\n## Belief {each.number}\n\n**{each.words}.**\n" in page
    assert page.count("\n## ") == 15


def test_every_link_is_there(verdicts: ModuleType, repository: Path) -> None:
    for folder, text in ((repository, block(verdicts)), (repository / "docs", verdicts.PAGE.read_text())):
        links = [link.partition("#")[0] for link in LINK.findall(text)]
        assert [link for link in links if not (folder / link).exists()] == []


def test_beliefs_name_claims_that_are_there(verdicts: ModuleType) -> None:
    found = verdicts.rulings()
    assert set(found) == {each.number for each in verdicts.beliefs()}  # each has a study
    for belief in verdicts.beliefs():
        assert set(belief.shown) <= {each.claim for each in found.get(belief.number, ())}


def test_results_are_of_the_studies_as_they_stand(verdicts: ModuleType) -> None:
    written = verdicts.studies()
    for folder in verdicts.RESULTS.glob("*/"):
        assert yaml.safe_load((folder / "study.yaml").read_text()).get("claims") == written[folder.name]


ESTIMATE = Estimate(0.62, 0.53, 0.71, 60, (), "t over 60 seeds")
CLAIM = Claim("no-starving", "A | B", Quantity("flag", ("vanishing_gradient",)), expect="less", margin=0.15)
JUDGED = Judged(
    "no-starving", "A | B", "supported", "the whole interval is above 0", ESTIMATE, 0.99, "share of trials",
    0.15, 60, CLAIM, treatment=0.05, control=0.67, failure=(ESTIMATE, ESTIMATE),
    premises=(Seen("d_auc over W > 0.99 in the control", 0.998, True, 60),),
)  # fmt: skip


def test_a_row_for_each_claim_that_is_shown(verdicts: ModuleType) -> None:
    belief = verdicts.Belief(2, "Dropout | relieves that", {"b": "wide D", "a": "minimax"})
    found = {
        2: [
            verdicts.Ruling("strong_d", "a", "A | B", JUDGED),
            verdicts.Ruling("strong_d", "b", "A | B", replace(JUDGED, verdict="no_effect")),
            verdicts.Ruling("dropout", "c", "A | B", None),
            verdicts.Ruling("strong_d", "d", "A | B", JUDGED),
            verdicts.Ruling("strong_d", "e", "A | B", JUDGED),
        ]
    }
    lines = verdicts.table([belief, verdicts.Belief(3, "Not tried", {})], found).splitlines()
    study, results = "studies/folklore/strong_d.yaml", "results/folklore/strong_d"
    links = f"[strong_d]({study}), [results]({results}); [dropout](studies/folklore/dropout.yaml)"
    two, three = (f"[{n}](docs/folklore.md#belief-{n})" for n in (2, 3))
    head, numbers = rf"| {two} | Dropout \| relieves that", "62 points [53, 71] | 60"
    assert lines[2:] == [
        f"{head} | wide D | **no effect** | {numbers} | {links} |",
        f"|  |  | minimax | **supported** | {numbers} |  |",
        "|  |  | 3 more | 2 supported, 1 not run yet |  |  |  |",
        f"| {three} | Not tried |  | not run yet |  |  |  |",
    ]


def test_a_sentence_says_what_the_verdict_rests_on(verdicts: ModuleType) -> None:
    told = verdicts._sentence(verdicts.Ruling("strong_d", "no-starving", "A | B", JUDGED))
    assert told.startswith(
        "- **supported**: A | B (`no-starving`). Vanishing gradient in 5 % with the treatment, "
    )
    assert "62 points fewer (99 % interval 53 to 71 fewer), over 60 seeds" in told
    assert told.endswith(
        "Failures of any kind: 62 points fewer (53 to 71 fewer). "
        "Premise: d_auc over W > 0.99 in the control: 0.998 over 60 seeds. The whole interval is above 0."
    )


NONE = Estimate(float("nan"), None, None, 0, (), "0 seeds")
CHANGES = [
    ({"all_failed": Estimate(-0.2, -0.3, -0.004, 60, (), "")}, "−20 to 62 points [−30, 71]"),
    ({"unit": "log-ratio", "estimate": Estimate(0.0, -0.7, 3.0, 60, (), "")}, "× 1.0 [0.50, 20]"),
    ({"estimate": Estimate(0.62, None, None, 60, (), "")}, "62 points"),
    ({"estimate": Estimate(-0.0001, -0.1, 0.1, 60, (), "")}, "0 points [−10, 10]"),
    ({"estimate": Estimate(0.1, 0.002, 0.2, 60, (), "")}, "10 points [0.2, 20]"),
    ({"unit": "modes"}, "0.62 modes [0.53, 0.71]"),
    (
        {"unit": "probability", "claim": replace(CLAIM, within=(0.45, 0.6))},
        "0.62 [0.53, 0.71], claimed 0.45 to 0.60",
    ),
    ({"claim": replace(CLAIM, within=(0.45, 1.0))}, "62 % [53, 71], claimed 45 to 100 %"),
    ({"estimate": NONE}, "–"),
]


@pytest.mark.parametrize(("change", "text"), CHANGES)
def test_an_effect_in_short(verdicts: ModuleType, change: dict[str, Any], text: str) -> None:
    assert verdicts.effect(replace(JUDGED, **change)) == text


def test_from_committed_tables_to_the_row(
    verdicts: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = {
        "id": "fast-d-fails", "belief": 1, "text": "A fast D fails more often", "expect": "more",
        "effect": {"outcome": "failure"}, "compare": {"lr_ratio": [64.0, 1.0]}, "margin": 0.15,
    }  # fmt: skip
    made = synthetic(tmp_path / "results" / "strong_d", seeds=6)
    made.study["claims"] = [claim, {**claim, "id": "not-of-a-belief", "belief": None}]
    store(made)
    (tmp_path / "studies").mkdir()
    document = yaml.safe_dump({"name": "strong_d", "claims": [claim]})
    (tmp_path / "studies" / "strong_d.yaml").write_text(f"# Is it so?\n{document}")
    belief = {"belief": "A fast D starves G", "study": "strong_d", "where": {"lr_ratio": 64}}
    belief |= {"means": "{failed} runs fail.\n", "facts": {"failed": {"count": "failed"}}}
    (tmp_path / "beliefs.yaml").write_text(yaml.safe_dump({1: belief}))
    monkeypatch.setattr(verdicts, "BELIEFS", tmp_path / "beliefs.yaml")
    monkeypatch.setattr(verdicts, "STUDIES", tmp_path / "studies")
    monkeypatch.setattr(verdicts, "RESULTS", tmp_path / "results")
    found = verdicts.rulings()
    assert {number: [each.claim for each in of] for number, of in found.items()} == {1: ["fast-d-fails"]}
    (row,) = verdicts.table([verdicts.Belief(1, "A fast D starves G")], found).splitlines()[2:]
    assert " | fast-d-fails | **supported** | 67 points [" in row
    assert " | 6 | [strong_d](studies/folklore/strong_d.yaml), [results](results/folklore/strong_d) |" in row
    page = verdicts.page(found)
    assert "[results](../results/folklore/strong_d): Is it so?\n" in page
    assert "\n- **supported**: A fast D fails more often (`fast-d-fails`). Fails in 24 of 24 " in page
    assert page.endswith("\n\n24 runs fail.\n")
    (tmp_path / "beliefs.yaml").write_text(yaml.safe_dump({1: {**belief, "means": "All fail."}}))
    with pytest.raises(UserError, match=r"^beliefs.yaml, belief 1: fact failed: `means` does not use it$"):
        verdicts.page(found)


# --- the numbers in the texts

STEPS = [0, 100, 200, 300, 400, 500]
AUC = [[0.5, 0.9, 0.7, 0.8, 0.9, 1.0], [0.5, 0.6, 0.5, 0.6, 0.7, 0.5], [0.5, 0.7, None, None, None, None]]
SLOPE = [[2.0, 4.0, 1.0, 0.02, 0.02, 0.02], [1.0] * 6, [1.0] * 6]
TRIALS = pd.DataFrame(
    {
        "trial": ["a", "b", "c"],
        "d": ["strong", "strong", "equal"],
        "outcome": ["stalled", "undertrained", "diverged"],
        "final.sw1": [3.0, 1.0, None],
    }
)
CURVES = pd.DataFrame(
    {
        "trial": [trial for trial in "abc" for _ in STEPS],
        "step": STEPS * 3,
        "d_auc.mean": [each for of in AUC for each in of],
        "g_saturation": 0.5,
        "d_slope": [each for of in SLOPE for each in of],
    }
)
FACTS = [
    ({"count": "failed"}, "2"),
    ({"count": 'outcome == "undertrained"', "where": {"d": "strong"}}, "1"),
    ({"count": "`final.sw1` > 2 and not failed", "where": {"d": ["strong", "equal"]}}, "0"),
    ({"median": "100 * `final.sw1`", "where": {"d": "strong"}}, "200"),
    ({"max": "`final.sw1`", "where": {"d": "strong", "outcome": "undertrained"}}, "1"),
    ({"min": "`d_auc.mean`", "at": 100}, "0.6"),
    ({"mean": "`d_auc.mean`", "at": 100, "where": {"d": "strong"}}, "0.75"),
    ({"count": "0.6 <= `d_auc.mean` <= 0.8", "at": 200}, "1"),
    ({"max": "`d_auc.mean`", "at": "end", "where": {"d": "strong"}}, "0.9"),  # not the first evaluation
    ({"min": "g_signal", "at": 300}, "0.005"),
    ({"median": "g_signal", "at": "end"}, "1"),
]
WRONG = [
    ({"count": "outcom == 1"}, "outcom == 1: name 'outcom' is not defined"),
    ({"count": "failed <"}, "failed <: invalid syntax"),
    ({"count": "`final.sw1`"}, "`final.sw1`: count takes a condition"),
    ({"median": "failed"}, "failed: median takes numbers"),
    ({"median": "3"}, "3: names no column"),
    ({"mean": "`final.sw1`"}, "`final.sw1`: 1 of 3 runs have no number"),
    ({"count": "failed", "where": {"dd": "strong"}}, "where: no column dd"),
    ({"count": "failed", "where": {"d": ["strong", "weak"]}}, "where: no such run has d = weak"),
    ({"count": "g_signal < 1", "at": 150}, "at: nothing was evaluated at step 150"),
    ({"count": "g_signal < 1"}, "g_signal < 1: name 'g_signal' is not defined"),
    ({"count": "failed", "median": "g_signal"}, "takes a study, one of count, mean, median, min, max"),
    ({"count": "failed", "were": {"d": "strong"}}, "takes a study, one of count, mean, median, min, max"),
]


def told(verdicts: ModuleType, entry: dict[str, Any]) -> str:
    """The text of a belief whose study is `strong_d`, or `other`: its last trial alone."""
    known = {"strong_d": TRIALS, "other": TRIALS[2:]}
    facts = verdicts.belief_facts
    text: str = facts.filled({"study": "strong_d", **entry}, lambda name: facts.tables(known[name], CURVES))
    return text


@pytest.mark.parametrize(("fact", "number"), FACTS)
def test_a_number_of_the_tables(verdicts: ModuleType, fact: dict[str, Any], number: str) -> None:
    assert told(verdicts, {"means": "It is {x:g}.", "facts": {"x": fact}}) == f"It is {number}."


@pytest.mark.parametrize(("fact", "why"), WRONG)
def test_a_fact_that_is_wrong_is_named(verdicts: ModuleType, fact: dict[str, Any], why: str) -> None:
    with pytest.raises(UserError, match=f"^fact x: {re.escape(why)}"):
        told(verdicts, {"means": "{x}", "facts": {"x": fact}})


def test_facts_share_what_their_belief_says(verdicts: ModuleType) -> None:
    facts = {
        "shared": {"count": "failed"},
        "changed": {"where": {"d": "equal"}, "count": "failed"},
        "anew": {"study": "other", "count": "not failed"},
    }
    means = "{shared} or {changed:.1f}, {anew}; {shared}, 100 %"
    entry = {"where": {"d": "strong"}, "means": means, "facts": facts}
    assert told(verdicts, entry) == "1 or 1.0, 0; 1, 100 %"


def test_each_name_has_a_fact_and_each_fact_a_use(verdicts: ModuleType) -> None:
    facts = {"x": {"count": "failed"}}
    assert told(verdicts, {"means": ""}) == ""
    with pytest.raises(UserError, match=r"^\{y\} in `means` has no fact$"):
        told(verdicts, {"means": "{x} {y}", "facts": facts})
    with pytest.raises(UserError, match=r"^fact x: `means` does not use it$"):
        told(verdicts, {"means": "None.", "facts": facts})
    with pytest.raises(UserError, match=r"^fact x: Unknown format code 'q'"):
        told(verdicts, {"means": "{x:q}", "facts": facts})
