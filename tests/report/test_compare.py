"""What is compared and what is refused; the table of the terminal, the page, the report's section."""

from __future__ import annotations

import math
import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from compared_results import random_study, study
from synthetic_results import synthetic

from bench.errors import UserError
from bench.report import methods, page
from bench.report.arms import of_axis, of_studies
from bench.report.compare import PAIRS_SHOWN, block
from bench.report.compare import page as compare_page
from bench.report.compare_figures import IN_ONE, profile
from bench.report.compare_text import WIDE, p_text, points_text, shortened, text
from bench.report.compared import answer, as_json, compared, how, tidy
from bench.report.view import View
from bench.store.tables import Results

GRID = {"loss": ["hinge", "minimax"], "lr_ratio": [1.0, 4.0]}


def failing(bad: str = "minimax") -> Any:
    """One loss fails at the higher ratio, or always on odd seeds; the other never does."""
    return lambda row: (
        "stalled" if row["loss"] == bad and (row["lr_ratio"] > 1 or row["seed"] % 2) else "converged"
    )


def values(row: dict[str, Any]) -> float:
    seed = row["seed"]
    return 0.05 * (1 + 0.01 * seed) if row["loss"] == "hinge" else 0.1 * (1 + 0.01 * (seed % 3))


@pytest.fixture
def two(tmp_path: Path) -> Any:
    return study(tmp_path / "two", GRID, outcome=failing(), value=values)


# --- values of an axis


def test_the_values_of_an_axis_are_compared_best_first(two: Any) -> None:
    it = compared(of_axis(two, "loss"))
    assert [each.name for each in it.found.standings] == ["hinge", "minimax"]
    (pair,) = it.found.contrasts
    assert (pair.pairs, pair.seeds, pair.paired) == (12, 6, True)
    assert pair.value.estimate.mean == pytest.approx(math.log(0.5), abs=0.02)
    assert it.asked.floor == (0.03, 0.01)
    assert answer(it).startswith("hinge fails least often, in 0 %, and minimax most often, in 75 %.")
    choice = it.found.standings[1].choice
    assert choice is not None
    assert choice.cell == "lr_ratio 1"
    assert how(it)[:2] == [
        "data: ring8, 2000 samples per evaluation",
        "paired by seed and cell: 12 pairs in 6 seeds",
    ]


def test_numbers_keep_their_order_and_are_named_with_their_axis(two: Any) -> None:
    it = compared(of_axis(two, "lr_ratio"))
    assert [each.name for each in it.found.standings] == ["1", "4"]
    assert answer(it).startswith("lr_ratio 1 fails least often")


def test_where_takes_axes_settings_and_numbers_among_names(tmp_path: Path) -> None:
    grid = {"loss": ["hinge", "minimax", "alpha"], "penalty": ["none", "0.5", "1e-3"], "lr_ratio": [1.0, 4.0]}
    results = study(tmp_path / "s", grid)
    for where, trials in (
        ("loss != alpha and lr_ratio > 1", 18),
        ("penalty == 0.001", 12),
        ("penalty == none and steps == 1000", 12),
        ("penalty != none", 24),
    ):
        asked = of_axis(results, "loss", where=where)
        assert {len(arm) for arm in asked.arms} == {trials}, where
        assert asked.where == where
    with pytest.raises(UserError, match="text can only be == or !="):
        of_axis(results, "lr_ratio", where="loss > hinge")
    with pytest.raises(UserError, match="unknown key 'los', did you mean 'loss'"):
        of_axis(results, "loss", where="los == hinge")
    with pytest.raises(UserError, match="leaves no trial of methods; its axes: loss: hinge, minimax, alpha;"):
        of_axis(results, "loss", where="loss == square")


def test_an_axis_that_is_none_and_a_single_value_are_refused(two: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        of_axis(two, "los")
    assert (
        str(error.value)
        == "--by los: methods has no axis 'los', did you mean 'loss'?; its axes: loss, lr_ratio"
    )
    with pytest.raises(UserError, match="have one value only, hinge: nothing to compare"):
        of_axis(two, "loss", where="loss == hinge")
    with pytest.raises(UserError, match=r"its axes: loss, lr_ratio$"):
        of_axis(two, "seed")
    pending = study(tmp_path / "p", GRID, change={"outcome": None, "status": "pending"})
    with pytest.raises(UserError, match="no trial has finished with an outcome yet"):
        of_axis(pending, "loss")


def test_a_metric_that_has_no_better_is_refused_with_the_legal_ones(two: Any) -> None:
    with pytest.raises(UserError) as error:
        of_axis(two, "loss", "sw2")
    assert "did you mean 'sw1'" in str(error.value)
    assert str(error.value).endswith("legal: sw1, sw1.heldout, modes.hq")
    with pytest.raises(UserError, match="no metric 'spread'"):
        of_axis(two, "loss", "spread")
    assert of_axis(two, "loss", "modes.hq").better == "higher"
    assert of_axis(two, "loss", "modes.hq").scale == "difference"
    assert of_axis(two, "loss", "sw1.heldout").scale == "log-ratio"


def test_diverged_trials_are_infinite_and_unfinished_ones_left_out_and_counted(tmp_path: Path) -> None:
    results = study(
        tmp_path / "s", GRID, outcome=lambda row: "diverged" if row["seed"] == 0 else "converged",
        value=lambda row: math.nan if row["seed"] == 1 else 0.05,
    )  # fmt: skip
    results.trials.loc[results.trials["seed"] == 5, "status"] = "crashed"
    it = compared(of_axis(results, "loss"))
    first = it.found.standings[0]
    assert (first.trials, first.seeds, first.diverged, first.unknown) == (10, 5, 2, 2)
    said = " ".join(how(it))
    assert "medians" in said
    assert "without a value of sw1, and in no number of it: 2 of hinge, 2 of minimax" in said
    assert "in no number: 4 crashed" in said


def test_cells_that_some_lack_rank_nobody(tmp_path: Path) -> None:
    """hinge alone has the easy ratio, where it never fails; where minimax is too, it fails more."""

    def outcome(row: dict[str, Any]) -> str:
        bad = row["loss"] == "hinge" or row["seed"] == 0
        return "stalled" if row["lr_ratio"] == 4 and bad else "converged"

    results = study(tmp_path / "s", GRID, outcome=outcome, value=values)
    trials = results.trials
    lacking = (trials["loss"] == "minimax") & (trials["lr_ratio"] == 1)
    shared = replace(results, trials=trials[~lacking].reset_index(drop=True))
    it = compared(of_axis(shared, "loss"))
    assert [each.name for each in it.found.standings] == ["minimax", "hinge"]
    assert answer(it).startswith("minimax fails least often, in 17 %, and hinge most often, in 100 %.")
    assert "ranked over, and chosen among, the 1 cell that all of them have" in " ".join(how(it))
    none = lacking | ((trials["loss"] == "hinge") & (trials["lr_ratio"] == 4))
    it = compared(of_axis(replace(results, trials=trials[~none].reset_index(drop=True)), "loss"))
    assert answer(it).startswith("Who fails least often is not told: they have no cell in common.")
    assert "no cell in common (1 for hinge, 1 for minimax cells): not ranked" in " ".join(how(it))


def test_included_cells_are_told_apart_by_what_is_no_axis(tmp_path: Path) -> None:
    results = study(tmp_path / "s", GRID)
    results.trials.loc[results.trials["lr_ratio"] == 4.0, ["lr_ratio", "lr_g"]] = [1.0, 5e-4]
    asked = of_axis(results, "loss")
    assert set(asked.arms[0].cells) == {"lr_g 0.001", "lr_g 0.0005"}


# --- several studies


def test_studies_are_paired_where_they_share_seeds_and_cells(tmp_path: Path) -> None:
    grid = {"lr_ratio": [1.0, 4.0]}
    first = study(tmp_path / "a", grid, name="a", loss="hinge", value=values)
    second = study(tmp_path / "b", grid, name="b", loss="minimax", value=values)
    it = compared(of_studies([first, second]))
    (pair,) = it.found.contrasts
    assert (pair.paired, pair.pairs) == (True, 12)
    assert it.asked.differs == ("loss (a hinge, b minimax)",)
    assert it.asked.by == "study"
    lone = study(tmp_path / "c", grid, name="c", seeds=range(10, 16), value=values, loss="hinge")
    it = compared(of_studies([first, lone]))
    assert not it.found.contrasts[0].paired
    assert "not paired (they share no seed): ranks over seeds (Mann-Whitney)" in how(it)
    assert "not the same seeds: 6 in a, 6 in c" in how(it)
    other = study(tmp_path / "d", grid, name="d", study_seed=1, value=values, loss="hinge")
    assert compared(of_studies([first, other])).found.contrasts[0].why_unpaired == (
        "their seeds number different draws"
    )


def test_an_axis_of_one_value_after_where_does_not_keep_studies_apart(tmp_path: Path) -> None:
    first = study(tmp_path / "a", GRID, name="a", value=values)
    second = study(tmp_path / "b", {"lr_ratio": [1.0, 4.0]}, name="b", loss="hinge", value=values)
    it = compared(of_studies([first, second], where="loss == hinge"))
    assert it.found.contrasts[0].pairs == 12
    it = compared(of_studies([first, second]))
    assert it.found.contrasts[0].pairs == 12  # hinge of a, the same cells; b has no other
    assert "unequal search budgets (4 for a, 2 for b cells)" in it.found.budget


def test_studies_of_one_name_go_by_their_folders_and_none_is_given_twice(tmp_path: Path) -> None:
    several = [study(tmp_path / name, GRID) for name in ("a", "b")]
    assert [arm.name for arm in of_studies(several).arms] == [str(tmp_path / "a"), str(tmp_path / "b")]
    with pytest.raises(UserError, match="given twice"):
        of_studies([several[0], several[0]])


def test_everything_that_was_measured_otherwise_is_said_at_once(tmp_path: Path) -> None:
    first = study(tmp_path / "a", GRID, name="a")
    second = study(
        tmp_path / "b", GRID, name="b", dataset="grid25", protocol=1,
        change={"rules_version": "1"},
        measure={
            "samples": 500, "extractor": "lenet", "metrics": [{"name": "sw1"}],
            "provenance": {"sw1": {"directions": 32}},
        },
    )  # fmt: skip
    with pytest.raises(UserError) as error:
        of_studies([first, second])
    assert str(error.value).splitlines() == [
        "not to be compared:",
        "  data: a has ring8 (sha256 909090909090), b has grid25 (sha256 abababababab)",
        "  samples per evaluation: a has 2000, b has 500",
        "  feature extractor: a has none, b has lenet",
        "  metric sw1: a has directions 64, b has directions 32",
        "  metric modes: a has neighbours 5, b has not measured",
        "  protocol: a has 2, b has 1; numbers of another protocol are drawn otherwise: run one of them anew",
        "  rules: a has 2, b has 1; `ganbench judge RESULTS` judges anew by today's rules",
    ]


def test_data_of_one_name_are_told_apart_by_their_settings(tmp_path: Path) -> None:
    first, second = (study(tmp_path / name, GRID, name=name) for name in ("a", "b"))
    second.trials["data_sha256"] = "cd" * 32
    first.trials["dataset.modes"] = second.trials["dataset.modes"] = 8
    with pytest.raises(UserError, match="the same, so the files differ, or the version that made them"):
        of_studies([first, second])
    first.trials["dataset.radius"], second.trials["dataset.radius"] = 1.0, 10.0
    with pytest.raises(UserError) as error:
        of_studies([first, second])
    assert str(error.value).splitlines()[1] == (
        "  data: a has ring8 (radius 1; sha256 909090909090), b has ring8 (radius 10; sha256 cdcdcdcdcdcd)"
    )


def test_a_study_of_several_data_sets_says_which_where_would_do(tmp_path: Path) -> None:
    results = study(tmp_path / "a", {**GRID, "dataset": ["ring8", "grid25"]})
    with pytest.raises(UserError) as error:
        of_axis(results, "loss")
    assert str(error.value).splitlines()[1] == (
        "  data: ring8 (sha256 909090909090) in 24 trials, grid25 (sha256 abababababab) in 24 trials; "
        'take one of them, as with --where "dataset == ring8"'
    )
    assert of_axis(results, "loss", where="dataset == ring8").data == "ring8"
    other = study(tmp_path / "b", {**GRID, "dataset": ["ring8", "grid25"]}, name="other")
    with pytest.raises(UserError, match='take what both have: --where "dataset == ring8"'):
        of_studies([results, other])


# --- the terminal


def test_the_terminal_table_fits_a_hundred_columns(tmp_path: Path) -> None:
    names = [f"a_very_long_name_of_a_loss_that_ends_in_{i}" for i in range(3)]
    it = compared(of_axis(study(tmp_path / "s", {"loss": names, "lr_ratio": [1.0, 4.0]}), "loss"))
    shown = text(it)
    assert max(map(len, shown.splitlines())) <= WIDE
    assert all(f"ends_in_{i}"[-4:] in shown for i in range(3))
    assert shortened("relativistic_average", 12) == "relativi…age"


def test_cells_of_the_tables(two: Any) -> None:
    it = compared(of_axis(two, "loss"))
    assert points_text(it.found.contrasts[0]).startswith("-75 [")
    assert [p_text(each) for each in (None, 0.0001, 0.0123, 0.5, 1.0)] == [
        "–",
        "< 0.001",
        "0.012",
        "0.50",
        "1.00",
    ]
    shown = text(it)
    assert re.search(r"^hinge +0 % \[0, \d+\] +0\.0512 \[.*\] +lr_ratio 1 +0 of 3 +0\.051$", shown, re.M), (
        shown
    )
    assert re.search(r"^hinge +minimax +-75 \[-\d+, -\d+\] +(< )?0\.\d+ +0\.507 .*100 % ", shown, re.M), shown


def test_the_legends_say_that_holm_corrects_p_and_not_the_brackets(two: Any) -> None:
    it = compared(of_axis(two, "loss"))
    shown = " ".join(text(it).split())
    assert (
        "p: Holm's over the 2 tests, and verdicts go by it. [...]: 95 % each by itself, not corrected"
        in shown
    )
    assert "so one may leave out 0 (a ratio: 1) where p is above 0.05." in shown
    html = " ".join(compare_page(it, [two]).split())
    assert "p is corrected by Holm over 2 tests" in html
    assert "Brackets are 95 % intervals, each by itself and not corrected, so one may leave out 0" in html


@pytest.mark.parametrize(
    ("hinge", "why"),
    [
        (lambda row: 0.05 + 0.001 * row["seed"], ""),
        (lambda row: 0.05, "one of the two does not vary"),
        (lambda row: math.nan if row["seed"] == 1 else 0.05 + 0.001 * row["seed"], "a trial diverged"),
    ],
)
def test_a_dash_in_the_column_r_is_explained_where_it_stands(tmp_path: Path, hinge: Any, why: str) -> None:
    given = study(
        tmp_path / "s",
        GRID,
        outcome=lambda row: "diverged" if math.isnan(hinge(row)) and row["loss"] == "hinge" else "converged",
        value=lambda row: hinge(row) if row["loss"] == "hinge" else 0.1 + 0.001 * row["seed"],
    )
    it = compared(of_axis(given, "loss"))
    shown, html = " ".join(text(it).split()), compare_page(it, [given])
    assert (f"r: correlation of the paired seeds (–: {why})." in shown) == bool(why)
    assert (f"pairing has bought nothing; –: {why}." in html) == bool(why)
    assert text(it).split("first ")[-1].splitlines()[1].endswith("–") == bool(why)


def test_below_five_seeds_the_table_is_an_illustration(tmp_path: Path) -> None:
    it = compared(
        of_axis(study(tmp_path / "s", GRID, seeds=range(3), outcome=failing(), value=values), "loss")
    )
    assert "With 3 seeds this is an illustration and no verdict: that takes 5." in answer(it)
    assert "[" not in text(it).split("ratio: ", 1)[1].replace("[...]", "")
    assert all(row["adjusted_p"] is None for row in tidy(it))


def test_an_order_that_the_undecided_leave_open_is_not_told(tmp_path: Path) -> None:
    """hinge: none failed, half undecided; minimax: half failed."""
    results = study(
        tmp_path / "s", GRID,
        outcome=lambda row: "undertrained" if row["loss"] == "hinge" and row["lr_ratio"] > 1
        else "stalled" if row["loss"] == "minimax" and row["seed"] % 2 else "converged",
    )  # fmt: skip
    said = "hinge fails in 0 to 50 % and minimax in 50 %: the undecided leave open which fails less."
    assert answer(compared(of_axis(results, "loss"))).startswith(said)


def test_every_method_that_may_fail_least_or_most_is_named(tmp_path: Path) -> None:
    """a fails in 1/6, b in 0 to 2/6, c in 5/6, d in 4/6 to 1; with a in none, a and b may be equal."""
    fates = {"a": "s", "b": "uu", "c": "sssss", "d": "ssssuu"}

    def of(**other: str) -> str:
        rates = fates | other
        word = {"s": "stalled", "u": "undertrained", "-": "converged"}
        grid = {"loss": list(rates), "lr_ratio": [1.0]}
        folder = tmp_path / "-".join(rates.values())
        given = study(folder, grid, outcome=lambda row: word[rates[row["loss"]].ljust(6, "-")[row["seed"]]])
        return answer(compared(of_axis(given, "loss"))).split(". After")[0]

    ends = "(they fail in 0 to 33 %), and one of c, d most often (they fail in 67 to 100 %)"
    assert of() == f"One of a, b fails least often {ends}"
    assert of(b="s", d="sssss") == "a and b fail least often, in 17 %, and c and d most often, in 83 %"
    assert of(a="", b="u").startswith("One of a, b fails least often (they fail in 0 to 17 %), and")
    assert of(a="", b="s").startswith("a fails least often, in 0 %, and one of c, d most often")
    ends = "(they fail in 0 to 100 %), and one of a, c, d most often (they fail in 0 to 100 %)"
    assert of(a="uuuuuu") == f"One of b, a fails least often {ends}"
    everything = dict.fromkeys("abcd", "uu")
    assert of(**everything).startswith("They fail in 0 to 33 %: the undecided leave open which fails least")
    assert of(**dict.fromkeys("abcd", "ss")).startswith("All fail equally often: 33 %")


def test_programs_get_every_estimate(two: Any) -> None:
    it = compared(of_axis(two, "loss"))
    record = as_json(it)
    assert [each["method"] for each in record["methods"]] == ["hinge", "minimax"]
    assert record["pairs"][0]["effect"] == pytest.approx(math.log(0.5), abs=0.02)
    assert record["tests"] == 2
    rows = tidy(it)
    assert {row["quantity"] for row in rows if row["against"]} == {
        "difference of failure rates, none of the undecided",
        "difference of failure rates, all of the undecided",
        "log-ratio of sw1",
        "probability of improvement",
    }


# --- pages


HOSTILE = '"><img src=x onerror=alert(1)>'


def test_hostile_names_are_harmless_in_page_and_terminal(tmp_path: Path) -> None:
    names = [HOSTILE, "=cmd()", "\x1b[31mred\u202eevil"]
    results = study(tmp_path / "s", {HOSTILE: names, "lr_ratio": [1.0, 4.0]}, name=HOSTILE)
    it = compared(of_axis(results, HOSTILE))
    html = compare_page(it, [results])
    assert "<img" not in html
    assert "\x1b" not in text(it) + html
    assert "\u202e" not in text(it) + html
    for encoded in re.findall(r'data:text/csv[^,]*,([^"]+)', html):
        for line in unquote(encoded).splitlines():
            assert not line.startswith(("=", "+", "@", '"='))


def reported(folder: Path, axis: str, names: list[str]) -> Results:
    """Results with curves of a study whose first axis has these names for its four values."""
    results = synthetic(folder, axis_names=(axis, "dropout", "label_noise"))
    found = dict(zip(sorted(results.trials[axis].unique()), names, strict=True))
    results.trials[axis] = results.trials[axis].map(found)
    results.study["grid"][axis] = names
    return results


def test_the_report_compares_methods_of_any_name(tmp_path: Path) -> None:
    html = page.render(reported(tmp_path / "s", "method", [HOSTILE, "=cmd()", "\x1b[31m\u202e", "plain"]))
    assert '<h2 id="methods">Methods compared</h2>' in html
    assert "<h3>method</h3>" in html
    assert "plain" in html
    assert "<img src=x" not in html
    assert "\u202e" not in html


def test_the_page_stands_alone_and_its_figures_carry_their_data(two: Any) -> None:
    html = compare_page(compared(of_axis(two, "loss")), [two])
    assert "<title>methods: loss compared – ganbench</title>" in html
    assert "Content-Security-Policy" in html
    assert not re.search(r'(?:src|href)="(?!data:|#)', html)
    assert html.count("data:text/csv") == 3
    assert "All estimates as CSV" in html
    assert len(html) < 200_000
    csvs = [unquote(each) for each in re.findall(r'text/csv[^,]*,([^"]+)', html)]
    assert any(each.startswith("method,trials,cells,seeds,failure_none") for each in csvs)
    assert any(each.startswith("loss,sw1,share,low,high") for each in csvs)


def test_of_many_pairs_those_that_differ_most_stand_first_and_the_rest_is_folded(tmp_path: Path) -> None:
    """Seven methods, 21 pairs: the one that always fails differs from all others, which are alike."""
    results = study(
        tmp_path / "s",
        {"loss": [f"loss{i}" for i in range(7)], "lr_ratio": [1.0, 4.0]},
        seeds=range(12),
        outcome=lambda row: "stalled" if row["loss"] == "loss3" else "converged",
        value=lambda row: 0.05 + 0.001 * row["seed"],
    )
    it = compared(of_axis(results, "loss"))
    shown = block(it)
    assert (len(shown["pairs"]), len(shown["more"])) == (PAIRS_SHOWN, 21 - PAIRS_SHOWN)
    assert ["loss3" in (row["first"], row["second"]) for row in shown["pairs"]] == [True] * 6 + [False] * 4
    html = compare_page(it, [results])
    assert html.index("<details><summary>11 more pairs</summary>") < html.index("Table of more pairs of loss")
    assert "Grey: from the worst of all to the best. Dashed: the floor." in html


def test_a_profile_of_many_has_a_frame_for_each(tmp_path: Path) -> None:
    """Its rows are those of one frame: a share for each method and threshold."""
    few, many = (random_study(tmp_path / str(n), n, 2, 6) for n in (IN_ONE, IN_ONE + 2))
    for results, frames in ((few, 1), (many, IN_ONE + 2)):
        it = compared(of_axis(results, "loss"))
        made = profile(it)
        assert made is not None
        assert made.svg.count(">0.0</text>") == -(-frames // 3)  # frames of a row share their heights
        assert {row["loss"] for row in made.rows} == {each.name for each in it.found.standings}
        assert len(made.rows) == len(it.found.standings) * len(it.found.thresholds)


def test_the_report_compares_the_axes_of_losses_on_each_data_set(tmp_path: Path) -> None:
    results = study(tmp_path / "s", {**GRID, "dataset": ["ring8", "grid25"]})
    found = methods.content(View(results))
    assert [(each["by"], each["group"]) for each in found["methods"]] == [
        ("loss", "ring8"),
        ("loss", "grid25"),
    ]


def test_a_study_without_methods_has_no_such_section(tmp_path: Path) -> None:
    results = study(tmp_path / "s", {"lr_ratio": [1.0, 4.0], "dropout": [0.0, 0.4]}, loss="hinge")
    assert methods.content(View(results)) == {"methods": [], "methods_left": []}


def test_an_axis_is_one_of_methods_by_what_it_changes(tmp_path: Path) -> None:
    grid = {"recipes": ["x", "y"], "lr_ratio": [1.0, 4.0]}
    results = study(tmp_path / "s", grid)
    results.trials["loss"] = results.trials["recipes"].map({"x": "hinge", "y": "minimax"})
    assert methods.method_axes(View(results)) == ["recipes"]
    results.trials["loss"] = ["hinge", "minimax"] * (len(results.trials) // 2)
    assert methods.method_axes(View(results)) == []


def test_what_cannot_be_compared_is_said_in_the_report(tmp_path: Path) -> None:
    many = study(tmp_path / "m", {"loss": [f"loss{i:02}" for i in range(21)]}, seeds=range(2))
    (found,) = methods.content(View(many))["methods"]
    assert found["refused"].startswith("21 values make too many pairs")
    mixed = study(tmp_path / "r", GRID)
    mixed.trials.loc[0, "rules_version"] = "1"
    (found,) = methods.content(View(mixed))["methods"]
    assert "rules: 1 in 1 trials, 2 in 23 trials" in found["refused"]


def test_a_thousand_trials_are_compared_in_seconds(tmp_path: Path) -> None:
    results = random_study(tmp_path / "s", methods=10, cells=5, seeds=20)
    assert len(results.trials) == 1000
    begun = time.process_time()
    it = compared(of_axis(results, "loss"))
    html = compare_page(it, [results])
    assert time.process_time() - begun < 5
    assert len(it.found.contrasts) == 45
    assert len(html) < 1_000_000
