"""Recipes: the lowest layer of a cell, read through the checks of `base`."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from bench.catalogs import listing
from bench.data.catalog import DATA
from bench.data.load import load
from bench.study.keys import FIELDS
from bench.study.layers import settings_of
from bench.study.problems import StudyError
from bench.study.recipes import RECIPES
from bench.study.shape import json_schema
from bench.study.spec import Study, read_study
from bench.study.trials import trials
from bench.train.loop import train
from bench.trial import Pack
from ganzoo.catalog import ZOO

BASE = "name: x\nbase: {dataset: digits, steps: 100, model: {recipe: wgan}}\n"


def read(text: str, *overrides: str, **options: object) -> Study:
    return read_study(textwrap.dedent(text), "s.yaml", overrides, **options)  # type: ignore[arg-type]


def problems(text: str, *overrides: str) -> Sequence[str]:
    with pytest.raises(StudyError) as caught:
        read(text, *overrides)
    return caught.value.problems


def fields(text: str, *overrides: str) -> dict[str, object]:
    (cell,) = read(text, *overrides).cells
    return dict(cell.fields)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_makes_a_study_with_nothing_but_its_data(name: str) -> None:
    recipe = RECIPES[name]
    given = settings_of(name)
    assert "steps" in given
    assert "loss" in given
    data = {} if "dataset" in given else {"dataset": "digits"}
    (cell,) = read(yaml.safe_dump({"name": "x", "base": {**data, "model": {"recipe": name}}})).cells
    for key, setting in given.items():
        if key in FIELDS and key != "lr_ratio":
            assert cell.fields[key] == setting.value, key
    for key, value in dict(given["model"].value.keys).items():
        assert cell.fields["model"].kwargs[key] == value
    assert cell.fields["lr_d"] == cell.fields["lr_g"] * recipe.settings.get("lr_ratio", 1)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_says_where_it_is_published_and_what_differs(name: str) -> None:
    recipe = RECIPES[name]
    assert recipe.name == name
    assert recipe.paper.startswith(("arXiv:", "doi:", "ISBN "))
    assert recipe.note.endswith(".")
    assert recipe.model in ZOO.names("model")
    assert recipe.settings.get("dataset") is None or settings_of(name)["dataset"].value.name in DATA.names(
        "dataset"
    )


def test_recipes_are_listed_with_their_papers() -> None:
    rows = {row["name"]: row for row in listing("recipes")}
    assert list(rows) == list(RECIPES)
    assert rows["wgan"]["paper"] == "arXiv:1701.07875"
    assert "{name: weight_clip, value: 0.01}" in rows["wgan"]["settings"]


@pytest.mark.parametrize(
    ("override", "key", "value"),
    [
        ("n_critic=1", "n_critic", 1),
        ("n_critic=none", "n_critic", 1),
        ("loss=hinge", "loss", {"name": "hinge"}),
        ("penalty=none", "penalty", None),
        ("penalty.value=0.1", "penalty", {"name": "weight_clip", "value": 0.1}),
        ("lr_d=0.5", "lr_d", 0.5),
        ("optimizer.alpha=0.9", "optimizer", {"name": "rmsprop", "alpha": 0.9, "eps": 1e-8}),
        ("optimizer=adam", "beta1", 0.5),
    ],
)
def test_any_key_given_elsewhere_wins(override: str, key: str, value: object) -> None:
    plain, changed = fields(BASE), fields(BASE, override)
    found = changed[key]
    assert (found.to_json() if hasattr(found, "to_json") else found) == value
    others = {"beta1", "beta2", "lr_d", key} if key == "beta1" else {key}
    differ = {name for name in plain if plain[name] != changed[name]} - {"optimizer"}
    assert differ <= others | {"beta2"}


def test_rates_of_a_recipe_make_way_for_other_ways_to_give_them() -> None:
    study = BASE.replace("wgan", "dcgan_mnist")
    assert (fields(study)["lr_g"], fields(study)["lr_d"]) == (1e-4, 2e-4)
    assert (fields(study, "lr_d=1e-3")["lr_g"], fields(study, "lr_d=1e-3")["lr_d"]) == (1e-4, 1e-3)
    assert fields(study, "lr_g=1e-3")["lr_d"] == 2e-3
    mean = fields(study, "lr_mean=1.0", "lr_ratio=4")
    assert (mean["lr_g"], mean["lr_d"]) == (0.5, 2.0)


def test_keys_of_the_model_stand_beside_the_recipe() -> None:
    model = fields(BASE, "model.width=8")["model"].to_json()  # type: ignore[attr-defined]
    assert (model["width"], model["latent_dim"]) == (8, 100)
    dotted = BASE.replace("steps: 100", "steps: 100, model.width: 8")
    assert fields(dotted)["model"].to_json() == model  # type: ignore[attr-defined]
    axis = dotted.replace("model: {recipe: wgan}", "lr_g: 1.0e-3") + "grid: {model: [{recipe: wgan}]}"
    assert fields(axis)["model"].to_json() == model  # type: ignore[attr-defined]
    other = fields(BASE, "model={recipe: wgan, name: mlp, depth: 1}")
    assert other["model"].to_json()["width"] == 128  # type: ignore[attr-defined]
    assert other["n_critic"] == 5


def test_recipes_on_an_axis_are_called_by_their_names() -> None:
    text = """
        name: x
        base: {dataset: digits, steps: 100}
        grid: {model: [{recipe: wgan}, {recipe: lsgan}], n_critic: [1, 5]}
        exclude: [{model: wgan, n_critic: 1}]
        include: [{model: {recipe: wgan}, n_critic: 2}]
    """
    cells = read(text).cells
    called = [tuple(dict(cell.axes).values()) for cell in cells]
    assert called == [("wgan", 5), ("lsgan", 1), ("lsgan", 5), ("wgan", 2)]
    assert [cell.fields["loss"].name for cell in cells] == [
        "wasserstein", "least_squares", "least_squares", "wasserstein",
    ]  # fmt: skip
    assert len(read(text, where="model == wgan").cells) == 2


def test_labels_tell_recipes_of_one_name_and_models_apart() -> None:
    text = "name: x\nbase: {dataset: digits, steps: 9, loss: hinge}\n"
    axis = read(
        text + "grid: {model: [dcgan, {recipe: dcgan}, {recipe: wgan, width: 8}, {recipe: wgan}]}"
    ).axes[0]
    assert [point.label for point in axis.points] == ["dcgan", "{recipe: dcgan}", "wgan(width=8)", "wgan"]
    again = problems(text + "grid: {model: [dcgan, {recipe: dcgan}, {recipe: dcgan}]}")
    assert again == ["s.yaml: grid.model: lists {recipe: dcgan} twice"]


def test_a_bundle_may_hold_a_recipe() -> None:
    text = """
        name: x
        base: {dataset: digits, steps: 100, batch: 8}
        grid: {method: [{as: a, model: {recipe: wgan}}, {as: b, model: {recipe: lsgan}, lr_g: 1.0e-5}]}
    """
    first, second = (cell.fields for cell in read(text).cells)
    assert (first["n_critic"], first["lr_g"], first["batch"]) == (5, 5e-5, 8)
    assert (second["n_critic"], second["lr_g"], second["batch"]) == (1, 1e-5, 8)


def test_the_resolved_study_loads_to_the_same_trials() -> None:
    study = read(BASE + "grid: {n_critic: [1, 5], model.width: [8, 16]}\n", "lr_g=1e-3")
    again = read(study.to_yaml())
    ids = [[trial.id for trial in trials(each, lambda _: "0" * 64)] for each in (study, again)]
    assert ids[0] == ids[1]
    spelt = read(BASE.replace("model: {recipe: wgan}", _spelt_out("wgan")))
    assert [t.id for t in trials(spelt, lambda _: "0")] == [t.id for t in trials(read(BASE), lambda _: "0")]


def _spelt_out(name: str) -> str:
    given = {key: value for key, value in RECIPES[name].settings.items() if key != "steps"}
    return yaml.safe_dump(given, default_flow_style=True, width=10_000).strip()[1:-1]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("wgan", "wgn", "base.model.recipe: unknown recipe 'wgn', did you mean 'wgan'?; legal: gan, "),
        ("wgan", "[wgan]", "s.yaml: base.model.recipe: unknown recipe '[wgan]'"),
        ("wgan}", "wgan, wdth: 3}", "s.yaml: base.model.wdth: model dcgan has no key 'wdth', did you mean"),
        ("wgan}", "wgan, n_critic: 3}", "s.yaml: base.model.n_critic: model dcgan has no key 'n_critic'"),
        ("wgan}", "wgan, name: dcgn}", "s.yaml: base.model: unknown model 'dcgn', did you mean 'dcgan'?"),
        ("{recipe: wgan}", "wgan", "; a recipe is written {recipe: wgan}"),
        ("model: {", "loss: {", "s.yaml: base.loss.recipe: a recipe is named by the model: model: {recipe"),
        ("model: {recipe: wgan}", "recipe: wgan", "base.recipe: unknown key 'recipe': a recipe is named"),
        ("model: {recipe: wgan}", "model.recipe: wgan", "s.yaml: base.model.recipe: a recipe is named by"),
        ("digits", "ring8", "s.yaml: base.model: dcgan makes images, and ring8 has points"),
        (
            "steps: 100",
            "steps: 100, label_smoothing: 0.1",
            "base.label_smoothing: 0.1 means nothing with the loss wasserstein",
        ),
        ("steps: 100", "steps: 100, beta1: 0.9", "base.beta1: 0.9 means nothing with the optimizer rmsprop"),
    ],
)  # fmt: skip
def test_a_bad_recipe(old: str, new: str, message: str) -> None:
    assert any(message in line for line in problems(BASE.replace(old, new)))


def test_the_schema_names_the_recipes() -> None:
    model = json_schema()["properties"]["base"]["properties"]["model"]["anyOf"]
    assert any(each.get("properties", {}).get("recipe", {}).get("enum") == list(RECIPES) for each in model)


TINY = {"mlp": {"width": 8, "width_d": 4}, "dcgan": {"width": 4}, "resnet": {"width": 4}}


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_trains(name: str, tmp_path: Path) -> None:
    """Two steps at tiny width, on data that are always there."""
    recipe = RECIPES[name]
    dataset = recipe.settings.get("dataset", "digits")
    base = {
        "dataset": dataset if isinstance(dataset, dict) else "digits",
        "model": {"recipe": name, **TINY[recipe.model]},
        **{"steps": 2, "batch": 8},
    }
    study = {"name": "x", "base": base, "evaluate": {"every": 2, "samples": 16}}
    (trial,) = trials(read(yaml.safe_dump(study)), lambda _: "0" * 64)
    data = load(trial.dataset)
    pack = Pack((replace(trial, data_sha256=data.sha256),))
    rows = [row for tick in train(pack, data, _nothing, None) for row in tick.rows]
    assert rows[-1]["step"] == 2
    assert all(row["first_bad_step"] is None for row in rows)


def _nothing(samples: object) -> dict[str, float | str | None]:
    return {}
