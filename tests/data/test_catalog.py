"""Every data set of the catalogue binds to its loader and its fingerprint, and its facts are whole."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys

import pytest

from bench.data.catalog import DATA, DataMissing, entry_of, shape_of
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
    assert facts["modality"] in ("points", "image")
    assert facts["primary"] == {"points": "sw1", "image": "fd"}[facts["modality"]]
    assert facts["primary"] in facts["default_metrics"]
    assert ("modes" in facts["default_metrics"]) == (facts["modes"] is not None)
    assert facts["shape"] in (None, shape_of(Component(entry.name)))


def test_shape_follows_the_keys() -> None:
    assert shape_of(Component("digits", (("size", 32),))) == (1, 32, 32)
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
