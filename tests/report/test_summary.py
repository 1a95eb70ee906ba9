"""The answer in two sentences, and the paired contrasts behind it."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
from made_results import Fate, made

from bench.judge.effects import failure_effects
from bench.report import contrasts, summary
from bench.report.view import View
from bench.store.tables import Results


def half(value: str, seed: int) -> str:
    """a always fails, b never."""
    return "stalled" if value == "a" else "converged"


def test_a_knob_that_saves_is_named_with_its_interval(tmp_path: Path) -> None:
    answer = summary.answer(made(tmp_path, {"a": 2.0, "b": 1.0}, 20, half))
    assert answer.startswith("Of 40 finished trials 20 failed (50 %; 95 % interval ")
    assert "all as “stalled” (20, half of them by step 100 of 500); 20 converged." in answer
    assert "Runs would have been saved by knob b instead of a: 0 of 20 failed against 20 of 20, " in answer
    assert "100 points fewer at equal seeds and equal other axes, 95 % interval " in answer


def test_few_seeds_make_no_verdict(tmp_path: Path) -> None:
    answer = summary.answer(made(tmp_path, {"a": 2.0, "b": 1.0}, 3, half))
    assert "an illustration and no verdict, for there are 3 seeds." in answer
    assert "would have" not in answer


def test_a_difference_by_chance_is_not_called_one(tmp_path: Path) -> None:
    view = made(
        tmp_path, {"a": 2.0, "b": 1.0}, 10, lambda v, s: "stalled" if (v == "a") + s > 9 else "converged"
    )
    answer = summary.answer(view)
    assert "No single change is shown to prevent failures. The largest difference is knob b instead" in answer
    assert re.search(
        r"95 % interval from \d+ more to \d+ fewer(, allowing for all \d+ differences)?, 10 seeds", answer
    )
    assert "-" not in answer


def test_a_tie_has_no_winner(tmp_path: Path) -> None:
    answer = summary.answer(made(tmp_path, {"a": 2.0, "b": 1.0, "c": 1.0}, 20, half))
    assert answer.endswith(
        "allowing for all 3 differences, 20 seeds; 1 other change did as much, so none is the best."
    )


def test_two_kinds_that_are_as_frequent_are_a_tie(tmp_path: Path) -> None:
    view = made(tmp_path, {"a": 2.0, "b": 1.0}, 10, lambda v, s: "stalled" if v == "a" else "diverged")
    answer = summary.answer(view)
    assert "as often as " in answer
    assert "most often" not in answer


def test_what_was_known_to_train_is_no_finding(tmp_path: Path) -> None:
    view = made(tmp_path, {"a": 2.0, "b": 1.0}, 20, half)
    view.results.study["positive_control"] = {"knob": "b"}
    answer = summary.answer(view)
    assert "saved by" not in answer
    assert "Only values that the study knows to train had fewer failures" in answer


def test_bundles_name_all_that_changes_with_them(tmp_path: Path) -> None:
    view = made(tmp_path, {"a": 2.0, "b": 1.0}, 20, half)
    view.results.study["base"] = {"model": {"width_d": 64}}
    points = [{"as": "a", "lr_ratio": 4, "dropout": 0.4, "model.width_d": 64}, {"as": "b", "lr_ratio": 1}]
    view.results.study["grid"] = {"knob": points}
    told = "knob = b instead of a (a bundle: lr_ratio and dropout change together): 0 of 20 failed"
    assert told in summary.answer(view)
    del points[0]["dropout"]
    assert "knob = b instead of a (another lr_ratio): 0 of 20 failed" in summary.answer(view)


def test_many_undecided_trials_ask_for_longer_training(tmp_path: Path) -> None:
    def fate(share: int) -> Fate:
        return lambda value, seed: "undertrained" if seed < share else "converged"

    assert summary.longer(made(tmp_path, {"a": 2.0, "b": 1.0}, 10, fate(2))) == ""
    assert summary.longer(made(tmp_path, {"a": 2.0, "b": 1.0}, 10, fate(3))) == (
        "Train longer: 6 of 20 trials (30 %) were still improving at their last step, so how they would "
        "end is not known."
    )


@pytest.mark.parametrize(
    ("outcome", "answer"),
    [
        ("converged", "none failed (0 %; 95 % interval 0 to 28 %): 20 converged. There was nothing to save."),
        ("stalled", "all as “stalled” (20, half of them by step 100 of 500). No value of an axis had fewer"),
        (
            "undertrained",
            "none failed (0 %, with the undecided 100 %; 95 % interval 0 to 100 %): 20 are undecided",
        ),
    ],
)
def test_all_alike(tmp_path: Path, outcome: str, answer: str) -> None:
    assert answer in summary.answer(made(tmp_path, {"a": 2.0, "b": 1.0}, 10, lambda v, s: outcome))


def test_one_cell_and_no_trial(tmp_path: Path) -> None:
    one = made(tmp_path, {"a": 1.0}, 1, half)
    assert "no knob can be named" in summary.answer(one)
    assert "Of one finished trial 1 failed (100 %" in summary.answer(one)
    trials = one.results.trials.assign(status="pending")
    empty = View(Results(**{**vars(one.results), "trials": trials}))
    assert summary.answer(empty) == "No trial has finished with an outcome yet."


def test_contrasts_are_the_paired_effects_of_the_judge(results: Results) -> None:
    view = View(results)
    table = contrasts.crossed(view, "lr_ratio")
    assert table is not None
    found = contrasts.contrast(table, "lr_ratio", 3, 1)
    assert found is not None
    two = view.judged[view.judged["lr_ratio"].isin([64.0, 1.0])]
    cells = (two["dropout"].astype(str) + two["label_noise"].astype(str)).tolist()
    least, most = failure_effects(
        two["seed"].tolist(), cells, (two["lr_ratio"] == 64.0).tolist(), two["failed"].tolist()
    )
    assert (found.least, found.most) == (least.estimate, most.estimate)
    assert (found.pairs, found.unpaired) == (12, 0)


def test_a_missing_partner_is_counted(results: Results) -> None:
    view = View(Results(**{**vars(results), "trials": results.trials.iloc[1:]}))
    table = contrasts.crossed(view, "lr_ratio")
    assert table is not None
    found = contrasts.contrast(table, "lr_ratio", 0, 1)
    assert found is not None
    assert (found.pairs, found.unpaired) == (11, 1)


def test_cells_that_differ_in_what_is_no_axis_are_not_paired(results: Results) -> None:
    twice = pd.concat([results.trials, results.trials.assign(cell="other", trial="x")])
    view = View(Results(**{**vars(results), "trials": twice}))
    assert contrasts.crossed(view, "lr_ratio") is None
    assert contrasts.largest(view) is None


def test_data_are_no_knob(tmp_path: Path) -> None:
    view = made(tmp_path, {"a": 2.0, "b": 1.0}, 10, half)
    trials = view.results.trials
    trials = trials.assign(dataset=trials["knob"].map({"a": "ring8", "b": "grid25"}))
    view = View(Results(**{**vars(view.results), "trials": trials}))
    assert contrasts.largest(view) is None


def test_a_contrast_turned_round_is_the_same(tmp_path: Path) -> None:
    table = contrasts.crossed(made(tmp_path, {"a": 2.0, "b": 1.0}, 20, half), "knob")
    assert table is not None
    harm, cure = contrasts.contrast(table, "knob", 0, 1), contrasts.contrast(table, "knob", 1, 0)
    assert harm is not None
    assert cure is not None
    turned = harm.saving()
    assert (turned.treatment, turned.low, turned.high) == ("b", cure.low, cure.high)
    assert turned.shown
    assert cure.certain == -1.0
