"""The sha256 of a data set, without loading it into arrays and without torch."""

from __future__ import annotations

import importlib

from bench.data.catalog import entry_of
from bench.trial import Component


def fingerprint(dataset: Component) -> str:
    """Hex sha256 of what decides the data: file contents, or the generator's version and keys.

    Equal fingerprints and equal components mean bitwise equal arrays.
    Raises DataMissing when files are not there, UserError when they are not what they should be.
    """
    entry = entry_of(dataset)
    module, _, attribute = entry.facts["fingerprint"].partition(":")
    return str(getattr(importlib.import_module(module), attribute)(**entry.resolve(dataset.kwargs)))
