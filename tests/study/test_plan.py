"""What a plan says, and where its time comes from."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from bench.store import attempts, ledger
from bench.study.packing import packs
from bench.study.plan import (
    Plan,
    Speed,
    Time,
    as_csv,
    as_json,
    duration,
    estimate,
    kind_of,
    past_speeds,
    probe,
    text,
)
from bench.study.spec import load_study, read_study
from bench.study.trials import trials
from bench.trial import Pack


def plan_of(source: str, **options: object) -> Plan:
    study = (
        read_study(source, "s.yaml", **options)  # type: ignore[arg-type]
        if "\n" in source
        else load_study(source, **options)  # type: ignore[arg-type]
    )
    made = trials(study, lambda dataset: "0" * 64)
    return Plan(study, made, packs(made, 4), 2, Time(None, "no past run"))


RING = "name: x\nbase: {dataset: ring8, model: mlp, loss: minimax, steps: 100}\n"


def test_sizes() -> None:
    assert plan_of("lr_ratio").sizes() == "4 × 2 × 2 = 16 cells × 3 seeds = 48 trials in 12 packs"


@pytest.mark.parametrize(
    ("study", "options", "sizes"),
    [
        ("", {}, "1 = 1 cell × 1 seed = 1 trial in 1 pack"),
        (
            "grid: {lr_ratio: [1, 2, 4]}\nexclude: [{lr_ratio: 2}]\n"
            "include: [{lr_ratio: 3}, {batch: 3}]\nseeds: 2\n",
            {},
            "3 − 1 + 2 = 4 cells × 2 seeds = 8 trials in 3 packs",
        ),
        (
            "grid: {lr_ratio: [1, 2, 4]}\nseeds: 2\n",
            {"where": "lr_ratio > 1", "limit": 3},
            "3 = 3 cells, 2 selected × 2 seeds = 4 trials, the first 3 in 1 pack",
        ),
    ],
)
def test_sizes_tell_what_changed(study: str, options: dict[str, object], sizes: str) -> None:
    assert plan_of(RING + study, **options).sizes() == sizes


def test_text() -> None:
    page = text(plan_of("lr_ratio", limit=5, overrides=["grid.lr_ratio=[0.05, 1, 8, 64]"]), "why?")
    assert page.startswith(
        "study    lr_ratio: why?\naxes     lr_ratio     0.05, 1, 8, 64\n         dropout      0, 0.4\n"
    )
    assert "unknown with 2 workers (no past run)" in page
    assert "partial  --limit 5: claims will not be judged" in page
    assert "dcgan on the cpu, 1 thread, about" in page


def test_json_and_csv_hold_every_trial() -> None:
    plan = plan_of("losses")
    record = json.loads(as_json(plan))
    table = list(csv.DictReader(as_csv(plan).splitlines()))
    assert len(record["trials"]) == len(table) == 360
    assert sum(pack["width"] for pack in record["packs"]) == 360
    assert {"minimax", "relativistic_average"} < {row["method"] for row in table}
    assert len({row["method"] for row in table}) == 9
    assert [row["trial"] for row in table] == [row["trial"] for row in record["trials"]]


def test_json_tells_by_which_settings_each_cell_is_trained() -> None:
    plan = plan_of(RING + "grid: {model.width: [8, 16]}\nseeds: 2\n")
    record = json.loads(as_json(plan))
    cells = {row["cell"]: row for row in record["trials"]}
    assert set(record["settings"]) == set(cells)
    for cell, settings in record["settings"].items():
        assert settings["model.width"] == cells[cell]["model.width"]
        assert (settings["optimizer"], settings["beta1"], settings["penalty"]) == ("adam", 0.5, "none")
        assert "seed" not in settings


@pytest.mark.parametrize(
    ("grid", "note"),
    [
        ("loss: [minimax, hinge]", None),
        ("loss: [wasserstein, hinge]", "wasserstein without a penalty in 2 cells: nothing keeps its critic"),
        ("penalty: [weight_clip, spectral_norm]", None),
    ],
)
def test_a_critic_that_nothing_bounds_is_noted(grid: str, note: str | None) -> None:
    base = RING.replace("minimax", "wasserstein") if "penalty" in grid else RING
    plan = plan_of(base + f"grid: {{{grid}, lr_ratio: [1, 4]}}\n")
    notes = json.loads(as_json(plan))["notes"]
    assert [each[: len(note or "")] for each in notes] == ([note] if note else [])
    assert ("note     wasserstein" in text(plan)) == bool(note)


CLAIM = """
claims:
  - id: hinge-helps
    text: hinge helps
    effect: {outcome: failure}
    compare: {loss: [hinge, minimax]}
    expect: less
    margin: 0.15
"""


@pytest.mark.parametrize(
    ("control", "is_noted"),
    [
        ("lr_ratio: 1", True),
        ("loss: [minimax, hinge]", True),
        ("loss: minimax, lr_ratio: 1", False),
        ("loss: hinge", False),
        ("", False),
    ],
)
def test_a_positive_control_of_both_arms_is_noted(control: str, is_noted: bool) -> None:
    grid = f"grid: {{loss: [minimax, hinge], lr_ratio: [1, 4]}}\npositive_control: {{{control}}}\n"
    notes = json.loads(as_json(plan_of(RING + grid + "seeds: 5" + CLAIM)))["notes"]
    said = (
        "the positive control holds both arms of hinge-helps: if loss hinge never trains, the claim is "
        "untestable, not refuted; narrow the control by {loss: minimax}"
    )
    assert [each for each in notes if "control" in each] == ([said] if is_noted else [])


def test_labels_cannot_become_formulas_or_drive_the_terminal() -> None:
    source = RING + 'grid: {method: [{as: "=1+1", loss: hinge}, {as: "a\\e[31m", loss: minimax}]}\n'
    plan = plan_of(source)
    assert {row["method"][:2] for row in csv.DictReader(as_csv(plan).splitlines())} == {"'=", "a�"}
    assert "\x1b" not in text(plan) + as_csv(plan)


def two_packs() -> Sequence[Pack]:
    return packs(plan_of(RING + "seeds: 8\n").trials, 4)


def test_time_from_past_packs_of_the_same_kind_and_width() -> None:
    found = two_packs()
    kind = kind_of(found[0].trials[0])
    speeds = [
        Speed(kind, 4, 1000, 10.0),
        Speed(kind, 4, 3000, 10.0),
        Speed(kind, 1, 1, 1e6),
        Speed("other", 4, 1, 1e6),
    ]
    # 800 member-steps at 200 a second on one worker
    assert estimate(found, speeds, 1) == Time(4.0, "from 2 past packs")
    assert estimate(found, speeds, 2).wall_s == 2.0
    assert estimate(found, speeds, 64).wall_s == 2.0  # no faster than the longest pack


def test_time_from_another_width_and_from_nothing() -> None:
    found = two_packs()
    kind = kind_of(found[0].trials[0])
    assert estimate(found, [Speed(kind, 1, 800, 8.0)], 1) == Time(8.0, "from 1 past pack")
    assert estimate(found, [Speed("other", 4, 1, 1.0)], 1).wall_s is None
    assert estimate([], [], 1).wall_s == 0.0


def test_a_probe_is_asked_once_for_each_kind_and_width() -> None:
    asked: list[Pack] = []

    def measure(pack: Pack) -> float:
        asked.append(pack)
        return 0.01

    found = two_packs()
    assert probe(found, measure, 1).wall_s == pytest.approx(2.0)
    assert len(asked) == 1


def test_past_speeds_are_read_from_finished_attempts(tmp_path: Path) -> None:
    found = two_packs()
    results = tmp_path / "x"
    ledger.write_plan(results, ledger.Plan("x", tuple(found)))
    for pack, ending in zip(found, ("done", "error"), strict=True):
        folder = ledger.pack_folder(results, pack.id)
        number = attempts.start(folder, {"host": "h"})
        attempts.end(folder, number, {"ending": ending, "member_steps": 400, "wall_s": 2.0})
    broken = tmp_path / "y"
    broken.mkdir()
    (broken / "plan.json").write_text("{")
    assert past_speeds(tmp_path) == [Speed(kind_of(found[0].trials[0]), 4, 400, 2.0)]
    assert past_speeds(tmp_path / "nothing") == []


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "unknown"),
        (0.2, "about 1 s"),
        (80, "about 80 s"),
        (600, "about 10 min"),
        (7500, "about 2 h 5 min"),
    ],
)
def test_duration(seconds: float | None, words: str) -> None:
    assert duration(seconds) == words


def test_duration_in_days() -> None:
    assert duration(3 * 24 * 3600 + 3600) == "about 3 d 1 h"


@pytest.mark.parametrize(
    ("seeds", "shown"),
    [("3", "0, 1, 2"), ("400", "0 to 399"), (str(list(range(7, 40))), "7 to 39"), ("[3, 1]", "3, 1")],
)
def test_many_seeds_are_shown_by_their_ends(seeds: str, shown: str) -> None:
    said = text(plan_of(f"{RING}seeds: {seeds}\n"))
    assert next(line.split(maxsplit=1)[1] for line in said.splitlines() if line.startswith("seeds")) == shown
