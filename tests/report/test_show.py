"""The text of one trial."""

from __future__ import annotations

import re

import pytest

from bench.errors import UserError
from bench.judge.rules import RULES
from bench.report.show import show
from bench.store.tables import Results


def test_a_trial_is_shown_with_outcome_config_flags_and_curve(results: Results) -> None:
    row = results.trials[results.trials["outcome"] == "total_collapse"].iloc[0]
    text = show(results, row["trial"])
    assert f"trial {row['trial']}" in text
    assert f"total collapse since step 350 (rules {RULES.version})" in text
    assert row["outcome_reason"] in text
    assert re.search(r"lr_ratio +8\n", text)
    assert "total collapse      holds   onset 350" in text
    lines = text[text.index("curve\n") :].splitlines()
    assert lines[1].split()[:2] == ["step", "fd"]
    assert lines[-1].split()[0] == "1000"


def test_the_start_of_an_id_is_enough_when_it_is_the_only_one(results: Results) -> None:
    assert "trial 00000000002f" in show(results, "00000000002f")
    with pytest.raises(UserError, match=r"16 trials begin with '00000000001': .*, …"):
        show(results, "00000000001")
    with pytest.raises(UserError, match="no trial begins with 'zz'"):
        show(results, "zz")
    with pytest.raises(UserError, match="no trial begins with ''"):
        show(results, "")


def test_a_trial_that_did_not_finish_is_shown_without_outcome(unfinished: Results) -> None:
    text = show(unfinished, "000000000000")
    assert "crashed" in text
    assert "no outcome\n  Not judged yet." in text
    assert "curve" not in text
