"""Loading: equal components give equal bits, rows cannot be changed, different keys give different data."""

from __future__ import annotations

import numpy as np
import pytest

from bench.data.fingerprint import fingerprint
from bench.data.load import load
from bench.trial import Component


@pytest.mark.parametrize("name", ["ring8", "grid25", "spiral", "waves", "digits"])
def test_equal_components_give_equal_bits(name: str) -> None:
    first, second = load(Component(name)), load(Component(name))
    assert first.sha256 == second.sha256 == fingerprint(Component(name))
    for field in ("train", "heldout", "train_labels", "heldout_labels"):
        a, b = getattr(first, field), getattr(second, field)
        assert a.tobytes() == b.tobytes()
    assert first.train.dtype == first.heldout.dtype == np.float32
    assert first.train_labels is not None
    assert first.train_labels.dtype == np.int64
    assert first.shape == first.train.shape[1:]


def test_defaults_written_out_change_nothing() -> None:
    implicit, explicit = Component("ring8"), Component("ring8", (("radius", 1.0), ("sigma", 0.05)))
    assert fingerprint(implicit) == fingerprint(explicit)
    assert np.array_equal(load(implicit).train, load(explicit).train)


def test_other_keys_are_other_data() -> None:
    narrow = Component("ring8", (("sigma", 0.01),))
    assert fingerprint(narrow) != fingerprint(Component("ring8"))
    assert not np.array_equal(load(narrow).train, load(Component("ring8")).train)


def test_rows_are_read_only() -> None:
    with pytest.raises(ValueError, match="read-only"):
        load(Component("ring8")).train[0] = 0.0
