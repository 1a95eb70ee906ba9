"""len(plan) = (product - excluded + included) x seeds, and nothing is left out silently."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.study.problems import StudyError
from bench.study.spec import Study, load_study, read_study
from bench.study.trials import trials
from bench.trial import Component, Trial

HEAD = """
name: x
base: {dataset: ring8, model: mlp, loss: minimax, steps: 100}
"""


def sha(dataset: Component) -> str:
    return (dataset.name * 64)[:64]


def read(text: str) -> Study:
    return read_study(HEAD + textwrap.dedent(text), "s.yaml")


def problems(text: str) -> Sequence[str]:
    with pytest.raises(StudyError) as caught:
        read(text)
    return caught.value.problems


def axes(study: Study) -> list[dict[str, object]]:
    return [dict(cell.axes) for cell in study.cells]


@given(st.integers(1, 4), st.integers(1, 3), st.integers(0, 2), st.integers(0, 2), st.integers(1, 3))
def test_the_number_of_trials(rates: int, drops: int, excluded: int, included: int, seeds: int) -> None:
    excluded = min(excluded, rates - 1)
    study = read(
        f"""
        grid:
          lr_ratio: {[2.0**i for i in range(rates)]}
          dropout: {[i / 10 for i in range(drops)]}
        exclude: {[{"lr_ratio": 2.0**i} for i in range(excluded)]}
        include: {[{"batch": 8 + i} for i in range(included)]}
        seeds: {seeds}
        """
    )
    made = trials(study, sha)
    assert len(made) == (rates * drops - excluded * drops + included) * seeds
    assert len({trial.id for trial in made}) == len(made)
    assert len({trial.cell for trial in made}) == len(study.cells)


def test_trials_are_resolved_and_their_ids_rest_on_what_they_train_alone() -> None:
    study = read("grid: {dropout: [0, 0.4]}\nseeds: 2\n")
    made = trials(study, sha)
    assert [(t.dropout, t.seed) for t in made] == [(0.0, 0), (0.0, 1), (0.4, 0), (0.4, 1)]
    assert made[0].data_sha256 == sha(made[0].dataset)
    assert Trial.from_record(made[3].record(), made[3].axes) == made[3]
    renamed = read("grid: {dropout: [0.4]}\nresources: {cpu: 2}\ncheckpoint: {keep: none}\nseeds: 2\n")
    assert [t.id for t in trials(renamed, sha)] == [t.id for t in made[2:]]


def test_the_fingerprint_is_asked_once_per_data_set() -> None:
    asked = []

    def count(dataset: Component) -> str:
        asked.append(dataset)
        return "0" * 64

    trials(read("grid: {dataset: [ring8, grid25], dropout: [0, 0.4]}\nseeds: 3\n"), count)
    assert [dataset.name for dataset in asked] == ["ring8", "grid25"]


def test_bundles_of_linked_keys() -> None:
    study = read(
        """
        grid:
          method:
            - {as: wgan, loss: wasserstein, penalty: {name: weight_clip, value: 0.1}, n_critic: 5}
            - {as: ns, loss: non_saturating}
          lr_ratio: [1, 2]
        """
    )
    assert axes(study)[0] == {"method": "wgan", "lr_ratio": 1.0}
    first, last = study.cells[0].fields, study.cells[-1].fields
    assert (first["loss"].name, first["penalty"].kwargs, first["n_critic"]) == (
        "wasserstein",
        {"value": 0.1},
        5,
    )
    assert (last["loss"].name, last["penalty"], last["n_critic"]) == ("non_saturating", None, 1)


@pytest.mark.parametrize("spelling", ["[1, 4]", "{values: [1, 4]}", "{grid_search: [1, 4]}"])
def test_other_tools_spellings(spelling: str) -> None:
    assert axes(read(f"grid: {{lr_ratio: {spelling}}}\n")) == [{"lr_ratio": 1.0}, {"lr_ratio": 4.0}]


def test_components_as_an_axis() -> None:
    study = read(
        "grid: {model: [mlp, {name: mlp, width: 8}], penalty: [none, {name: weight_clip, value: 0.1}]}\n"
    )
    assert axes(study) == [
        {"model": "mlp", "penalty": "none"},
        {"model": "mlp", "penalty": "weight_clip"},
        {"model": "mlp(width=8)", "penalty": "none"},
        {"model": "mlp(width=8)", "penalty": "weight_clip"},
    ]


def test_a_whole_component_replaces_a_whole_one_and_keeps_dotted_keys() -> None:
    text = "base: {{dataset: ring8, loss: hinge, steps: 9, {}}}\n"
    head = "name: x\ngrid: {model: [mlp, {name: mlp, width: 8}]}\n"
    nested = read_study(head + text.format("model: {name: mlp, depth: 5}"), "s")
    assert [cell.fields["model"].kwargs["depth"] for cell in nested.cells] == [2, 2]
    dotted = read_study(head + text.format("model.depth: 5, model.width: 9"), "s")
    assert [cell.fields["model"].kwargs["depth"] for cell in dotted.cells] == [5, 5]
    assert [cell.fields["model"].kwargs["width"] for cell in dotted.cells] == [9, 8]


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        (
            "lr_ratio: []",
            "s.yaml: grid.lr_ratio: has no values; a grid needs at least one, or leave the axis out",
        ),
        ("lr_ratio: 3", "s.yaml: grid.lr_ratio: expected a list of values, got 3; one value: [3]"),
        ("lr_ratio: [1, 1.0]", "s.yaml: grid.lr_ratio: lists 1 twice"),
        ("lr_ratio: [1, x]", "s.yaml: grid.lr_ratio[1]: expected a number, got 'x'"),
        ("lr_ratoi: [1]", "s.yaml: grid.lr_ratoi: unknown key 'lr_ratoi', did you mean 'lr_ratio'?"),
        ("loss: [hinge, hing]", "s.yaml: grid.loss[1]: unknown loss 'hing', did you mean 'hinge'?"),
        (
            "method: [{loss: hinge}]",
            "s.yaml: grid.method: a bundle of linked keys needs a label: {as: NAME, ...}",
        ),
        (
            "method: [{as: a, loss: hinge}, {loss: minimax}]",
            "s.yaml: grid.method[1]: a bundle of linked keys needs",
        ),
        ("method: [{as: a, loss: hinge}, {as: a}]", "s.yaml: grid.method[1].as: the label 'a' is used twice"),
        (
            "method: [{as: no}]",
            "s.yaml: grid.method[0].as: expected a label of at most 64 characters, got false (YAML",
        ),
        (
            "outcome: [{as: a}]",
            "s.yaml: grid.outcome: an axis of bundles needs a name of its own; 'outcome' is taken",
        ),
        (
            "method: [{as: a, loss: hinge}]\n  loss: [hinge]",
            "s.yaml: grid.loss: sets loss, and so does the axis method",
        ),
        ("lr_ratio: [1, 2]\n  lr_d: [0.1]", "lr_d is given too"),
        (
            "model: [mlp, {name: mlp, width: 128}]",
            "trains the same as {model: mlp}: a cell may stand only once",
        ),
        ("dropout: [0.1]\n  model.depht: [1]", "grid.model.depht: unknown key 'model.depht', did you mean"),
    ],
)
def test_a_bad_grid(grid: str, message: str) -> None:
    assert any(message in line for line in problems(f"grid:\n  {grid}\n"))


def test_too_many_trials() -> None:
    grid = "".join(f"  {key}: {[i / 1000 for i in range(400)]}\n" for key in ("dropout", "label_noise"))
    assert "grid: 160000 cells with 1 seeds each are more than 100000 trials" in problems("grid:\n" + grid)[0]


# --- exclude and include


GRID = """
grid:
  lr_ratio: [1, 4]
  loss: [minimax, hinge]
  dropout: [0, 0.4]
"""


@pytest.mark.parametrize(
    ("row", "left"),
    [
        ("{lr_ratio: 4}", 4),
        ("{lr_ratio: 4, loss: hinge}", 6),
        ("{lr_ratio: [1, 4], dropout: 0.4}", 4),
        ("{loss: {name: hinge}, dropout: none}", 6),
        ("{model: mlp, dropout: 0.4}", 4),
        ("{batch: 64, loss: hinge}", 4),
    ],
)
def test_exclude_removes_what_matches_all_keys(row: str, left: int) -> None:
    study = read(GRID + f"exclude: [{row}]\n")
    assert (len(study.cells), study.excluded) == (left, 8 - left)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("{lr_ratio: 3}", "s.yaml: exclude[0]: {lr_ratio: 3} removes no cell; lr_ratio takes 1, 4"),
        (
            "{loss: hinge, batch: 32}",
            "s.yaml: exclude[0]: {loss: hinge, batch: 32} removes no cell; loss takes",
        ),
        ("{los: hinge}", "s.yaml: exclude[0].los: no axis and no key of a cell, did you mean 'loss'?"),
        ("{}", "s.yaml: exclude[0]: names no key"),
    ],
)
def test_an_exclude_row_that_matches_nothing_is_an_error(row: str, message: str) -> None:
    assert problems(GRID + f"exclude: [{row}]\n")[0].startswith(message)


def test_what_means_nothing_prints_the_exclude_line_that_mends_it() -> None:
    text = "grid: {loss: [wasserstein, hinge, minimax], label_smoothing: [0, 0.1], dropout: [0, 0.4]}\n"
    found = problems(text)
    assert found == [
        f"s.yaml: grid.label_smoothing[1]: 0.1 means nothing with the loss {loss}, which has no targets; "
        f"to leave these cells out, add under exclude: - {{label_smoothing: 0.1, loss: {loss}}}"
        for loss in ("wasserstein", "hinge")
    ]
    rows = "".join(f"  {line.split('exclude: ')[1]}\n" for line in found)
    assert len(read(f"{text}exclude:\n{rows}").cells) == 8


def test_without_an_axis_there_is_nothing_to_exclude() -> None:
    text = HEAD.replace("loss: minimax", "loss: wasserstein, label_smoothing: 0.1")
    with pytest.raises(StudyError) as caught:
        read_study(text, "s.yaml")
    assert caught.value.problems == [
        "s.yaml: base.label_smoothing: 0.1 means nothing with the loss wasserstein, which has no targets"
    ]


def test_the_line_to_paste_names_bundles_and_components() -> None:
    text = """
        grid:
          method: [{as: a, loss: hinge}, {as: b, loss: minimax}]
          optimizer: [adam, {name: sgd, momentum: 0.9}, {name: sgd, momentum: 0.5}]
          beta1: [0, 0.5]
          label_jitter: [0, 0.1]
    """
    found = "\n".join(problems(text))
    for row in (
        "- {label_jitter: 0.1, method: a}",
        "- {beta1: 0.5, optimizer: {name: sgd, momentum: 0.9}}",
        "- {beta1: 0.5, optimizer: {name: sgd, momentum: 0.5}}",
    ):
        assert row in found
    rows = "".join(f"  {line.split('exclude: ')[1]}\n" for line in found.splitlines())
    assert len(read(f"{textwrap.dedent(text)}exclude:\n{rows}").cells) == 24 - 6 - 8 + 2


def test_include_adds_whole_cells_over_base() -> None:
    study = read(
        """
        grid:
          method: [{as: a, loss: hinge}, {as: b, loss: wasserstein}]
          lr_ratio: [1, 4]
        exclude: [{method: a, lr_ratio: 4}]
        include:
          - {method: a, lr_d: 0.0016, dropout: 0.5}
          - {loss: least_squares, lr_ratio: 3}
        """
    )
    assert (study.product, study.excluded, study.included) == (4, 1, 2)
    assert axes(study)[3:] == [{"method": "a", "lr_ratio": 8.0}, {"method": "n/a", "lr_ratio": 3.0}]
    assert [cell.fields["loss"].name for cell in study.cells[3:]] == ["hinge", "least_squares"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("{lr_ratio: 4, dropout: 0.4}", "s.yaml: include[0]: include[0] trains the same as"),
        ("{los: hinge}", "s.yaml: include[0].los: unknown key 'los', did you mean 'loss'?"),
        ("{loss: hinge, label_smoothing: 0.1}", "s.yaml: include[0].label_smoothing: 0.1 means nothing with"),
        ("{model: dcgan}", "s.yaml: include[0].model: dcgan makes images, and ring8 has points"),
    ],
)
def test_a_bad_included_cell(row: str, message: str) -> None:
    assert problems(GRID + f"include: [{row}]\n")[0].startswith(message)


def test_image_sizes_of_dcgan() -> None:
    head = "name: x\nbase: {dataset: 'folder:a', model: dcgan, loss: hinge, steps: 9, dataset.size: %d}\n"
    assert read_study(head % 32, "s").cells
    with pytest.raises(StudyError, match="legal"):
        read_study(head % 64, "s")


# --- the shipped studies


@pytest.mark.parametrize(
    ("name", "cells", "number"),
    [
        *[("smoke", 3, 6), ("lr_ratio", 16, 48), ("lr_ratio_ring", 48, 240), ("losses", 36, 360)],
        *[("regularisers", 56, 560), ("digits_dcgan", 1, 2), ("digits_cgan", 3, 6)],
        *[
            ("replications/dirac", 134, 670),
            ("replications/ttur_saddle", 4, 1600),
            ("replications/duality_gap_ring", 3, 18),
        ],
        *[("replications/pacgan_ring", 3, 15), ("replications/alpha_ring", 2, 24)],
    ],
)
def test_shipped_studies(name: str, cells: int, number: int) -> None:
    study = load_study(f"studies/{name}.yaml")
    made = trials(study, sha)
    assert (len(study.cells), len(made)) == (cells, number)
    again = read_study(study.to_yaml(), "resolved")
    assert [t.id for t in trials(again, sha)] == [t.id for t in made]
