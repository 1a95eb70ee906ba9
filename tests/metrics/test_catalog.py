"""Every metric of the catalogue binds to its target, and its columns are those that the target gives."""

from __future__ import annotations

import importlib
import inspect
import re

import pytest

from bench.data.catalog import DATA, MODALITIES
from bench.metrics.catalog import METRICS, columns_of
from bench.trial import Component
from ganzoo.catalog import Entry

ENTRIES = METRICS.entries("metric")


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_entry_binds_to_its_target(entry: Entry) -> None:
    """Metrics of samples are told what they measure; those of the game are handed it when they do."""
    first, keys = [], list(inspect.signature(entry.load()).parameters.values())
    if entry.facts.get("of") != "game":
        first, keys = keys[:1], keys[1:]
    assert [each.name for each in first] == ["context"][: len(first)]
    assert {each.name for each in keys} == set(entry.keys)
    assert all(each.kind is each.KEYWORD_ONLY for each in keys)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_check_binds_to_the_keys(entry: Entry) -> None:
    if entry.facts["check"] is not None:
        module, _, attribute = entry.facts["check"].partition(":")
        check = getattr(importlib.import_module(module), attribute)
        assert set(inspect.signature(check).parameters) == set(entry.keys)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_facts_are_whole(entry: Entry) -> None:
    facts = entry.facts
    assert set(facts["modalities"]) <= set(MODALITIES)
    assert facts["direction"] in ("lower", "higher", "one") or (entry.name, facts["direction"]) == (
        "ms_ssim",
        "",
    )
    names = [column.name for column in facts["columns"]]
    assert len(set(names)) == len(names)
    assert all(name.startswith(entry.name) for name in names) or entry.name == "spread"
    assert facts["protocol"].endswith(".")
    assert "\n" not in facts["protocol"]
    assert isinstance(facts["floor"], bool)
    # The order of the operations, and a time of a stated case where it is not training that costs.
    assert re.search(r"\d m?s for [\d,]+ |passes|steps|gradients", facts["cost"]), facts["cost"]
    assert not facts["cost"].endswith(".")


def test_default_metrics_of_data_sets_fit_them() -> None:
    for data in DATA.entries("dataset"):
        for name in data.facts["default_metrics"]:
            assert data.facts["modality"] in METRICS.get("metric", name).facts["modalities"]


def test_spread_is_always_there_and_last() -> None:
    names = [column.name for column in columns_of([Component("spread"), Component("sw1")])]
    assert names == ["sw1", "sw1.heldout", "sw1.noise", "sw1_status", "spread", "sample_rms"]
