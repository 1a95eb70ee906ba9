"""Every data set of the catalogue binds to its loader and its fingerprint, and its facts are whole."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys

import numpy as np
import pytest

from bench.data.catalog import DATA, MODALITIES, DataMissing, classes_of, entry_of, shape_of
from bench.data.load import load
from bench.errors import UserError
from bench.trial import Component
from ganzoo.catalog import CatalogError, Entry

ENTRIES = DATA.entries("dataset")


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_entry_binds_to_its_targets(entry: Entry) -> None:
    module, _, attribute = entry.facts["fingerprint"].partition(":")
    for target in (entry.load(), getattr(importlib.import_module(module), attribute)):
        signature = inspect.signature(target)
        assert set(signature.parameters) == set(entry.keys)
        assert all(each.kind is each.KEYWORD_ONLY for each in signature.parameters.values())


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_facts_are_whole(entry: Entry) -> None:
    facts = entry.facts
    assert facts["primary"] == MODALITIES[facts["modality"]].primary
    assert facts["primary"] in facts["default_metrics"]
    assert ("modes" in facts["default_metrics"]) == (facts["modes"] is not None)
    # `partial_collapse` is judged by one or the other.
    uncounted = facts["modality"] == "image" and facts["modes"] is None
    assert ("prdc" in facts["default_metrics"]) == uncounted
    assert facts["shape"] in (None, shape_of(Component(entry.name)))


def test_classes_are_those_of_the_labels() -> None:
    expected = {
        "dirac": 0,
        "saddle": 0,
        "ring8": 8,
        "grid25": 25,
        "spiral": 20,
        "waves": 16,
        "digits": 10,
        "mnist": 10,
        "fashion_mnist": 10,
        "stacked_digits": 1000,
        "stacked_clothes": 1000,
        "cifar10": 10,
        "folder": 0,
    }
    assert {entry.name: classes_of(Component(entry.name)) for entry in ENTRIES} == expected


@pytest.mark.parametrize("name", ["dirac", "saddle", "ring8", "grid25", "spiral", "waves", "digits"])
def test_facts_are_those_of_the_arrays(name: str) -> None:
    data = load(Component(name))
    assert data.shape == shape_of(Component(name))
    labels = 0 if data.train_labels is None else len(np.unique(data.train_labels))
    assert labels == classes_of(Component(name))


def test_shape_follows_the_keys() -> None:
    assert shape_of(Component("digits", (("size", 32),))) == (1, 32, 32)
    assert shape_of(Component("stacked_digits", (("size", 32),))) == (3, 32, 32)
    assert shape_of(Component("folder", (("path", "x"), ("size", 32), ("channels", 3)))) == (3, 32, 32)


def test_an_unknown_name_gets_a_suggestion() -> None:
    with pytest.raises(CatalogError, match="did you mean 'ring8'"):
        entry_of(Component("ring"))


def test_missing_data_is_the_users_to_mend() -> None:
    assert issubclass(DataMissing, UserError)


def test_catalogue_and_fingerprint_import_no_torch() -> None:
    code = (
        "import sys; from bench.data.fingerprint import fingerprint; from bench.trial import Component;"
        "import bench.metrics.catalog; fingerprint(Component('digits')); fingerprint(Component('ring8'));"
        "sys.exit(any(name in sys.modules for name in ('torch', 'matplotlib', 'sklearn')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
