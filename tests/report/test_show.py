"""The text of one trial."""

from __future__ import annotations

import dataclasses
import re

import pytest

from bench.errors import UserError
from bench.judge.rules import RULES
from bench.report.show import show
from bench.store import run_file
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


def test_what_is_unknown_says_why_and_finals_are_told_from_last_values(results: Results) -> None:
    row = results.trials[results.trials["outcome"] == "oscillating"].iloc[0]
    curve = results.curves[results.curves["trial"] == row["trial"]]
    text = show(results, row["trial"])
    head = re.search(r"metrics \(over W: median over the last (\d+) evaluations", text)
    assert head
    assert int(head[1]) == RULES.window(len(curve))
    line = next(
        line.split() for line in text.splitlines() if line.split()[:1] == ["fd"] and len(line.split()) == 5
    )
    assert float(line[1]) == pytest.approx(row["final.fd"], rel=1e-3)
    assert float(line[2]) == pytest.approx(curve["fd"].iloc[-1], rel=1e-3)
    short = dataclasses.replace(results, curves=results.curves.groupby("trial").head(3))
    unknown = results.trials.assign(**{"flag.stalled": None})
    text = show(dataclasses.replace(short, trials=unknown), row["trial"])
    assert re.search(r"stalled +unknown\n +unknown: .*evaluations", text)


def test_a_run_that_stands_alone_has_no_cell_and_no_seed(results: Results) -> None:
    alone = dataclasses.replace(results, meta={**results.meta, run_file.RUN: {}})
    first = show(alone, "00000000002f").splitlines()[0]
    assert first == "run 00000000002f"
