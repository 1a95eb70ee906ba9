"""Rules from a file: every error at once, labels of their own, what judging by them changes."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from pathlib import Path

import pytest

from bench.errors import UserError
from bench.judge.rules import RANGES, RULES, Rules
from bench.study.rules_file import load_rules


@pytest.fixture
def write(tmp_path: Path) -> Path:
    return tmp_path / "rules.yaml"


def test_some_thresholds_are_replaced(write: Path) -> None:
    write.write_text("converged_distance: 0.1\nwindow_least: 7\nlogit_max: 1000\n")
    found = load_rules(write)
    assert found == replace(RULES, converged_distance=0.1, window_least=7, logit_max=1000.0)
    assert isinstance(found.logit_max, float)


def test_the_version_may_be_named(write: Path) -> None:
    write.write_text(f"version: {RULES.version}\n")
    assert load_rules(write) == RULES
    write.write_text("version: 0\n")
    with pytest.raises(UserError, match=rf"for version 0 of the rules, these are of version {RULES.version}"):
        load_rules(write)


def test_every_error_at_once(write: Path) -> None:
    write.write_text(
        "convergd_distance: 0.1\nvanishing_auc: 2\njaccard: yes\nwindow_least: 5.5\nlogit_max: 1e5\n"
        "nonsense: 1\nswing_size: [1]\n"
    )
    with pytest.raises(UserError) as raised:
        load_rules(write)
    lines = str(raised.value).splitlines()
    assert [line.removeprefix(f"{write}: ") for line in lines[:5]] == [
        "convergd_distance: no such threshold, did you mean 'converged_distance'?",
        "vanishing_auc: 2 is not from 0.5 to 1 (probability; least AUC of D)",
        "jaccard: true is no number (Jaccard index; median index of successive covered sets below it)",
        "window_least: 5.5 is no whole number (evaluations; least length of W)",
        "logit_max: 1e5 is no number, write 100000.0 (logit; D's largest output above it)",
    ]
    assert "nonsense: no such threshold; there are: " in lines[5]
    assert all(name in lines[5] for name in RANGES)
    assert len(lines) == 7


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "expected thresholds"),
        ("- 1", "expected thresholds"),
        ("a: [", "no valid YAML"),
        ("jaccard: .nan", "no finite number"),
        ("jaccard: 0.1\njaccard: 0.2", "given twice, on lines 1 and 2"),
        ("!!python/object/apply:os.system [ls]", "no valid YAML"),
    ],
)
def test_what_is_no_file_of_rules(write: Path, text: str, words: str) -> None:
    write.write_text(text)
    with pytest.raises(UserError, match=words):
        load_rules(write)
    with pytest.raises(UserError, match="cannot be read"):
        load_rules(write.with_name("nowhere.yaml"))


def test_every_threshold_has_a_range_that_holds_its_default() -> None:
    assert set(RANGES) == {each.name for each in fields(Rules)} - {"version"}
    for name, legal in RANGES.items():
        assert legal.low <= getattr(RULES, name) <= legal.high
        assert legal.unit
        assert legal.meaning


def test_changed_rules_have_a_label_of_their_own() -> None:
    assert RULES.label == RULES.version
    one, other = replace(RULES, jaccard=0.4), replace(RULES, jaccard=0.3)
    assert re.fullmatch(rf"{RULES.version}\+[0-9a-f]{{8}}", one.label)
    assert one.label == replace(RULES, jaccard=0.4).label != other.label
    assert one.changed() == {"jaccard": 0.4}
