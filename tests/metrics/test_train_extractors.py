"""The script that makes the weights: it learns, repeats itself, and sees only training images."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from bench.data.load import Dataset, load
from bench.metrics.train_extractors import RECIPES, accuracy, main, train
from bench.trial import Component


@pytest.fixture(scope="module")
def data() -> Dataset:
    return load(Component("digits"))


def test_two_epochs_learn_and_repeat(data: Dataset) -> None:
    recipe = replace(RECIPES["digits"], epochs=2)
    blind = replace(data, heldout=data.heldout[:0], heldout_labels=None)
    first, second = train(blind, recipe), train(blind, recipe)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert accuracy(first, data) > 0.75


def test_every_recipe_names_a_data_set_and_its_extractor() -> None:
    from bench.data.catalog import DATA

    for recipe in RECIPES.values():
        assert DATA.get("dataset", recipe.dataset).facts["extractor"] == recipe.extractor


def test_an_unknown_recipe_is_an_error() -> None:
    with pytest.raises(KeyError):
        main("faces")
