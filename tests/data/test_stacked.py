"""Triples of pictures: their law, their split, and the reverse KL of real ones that REFERENCES state."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.data import stacked
from bench.data.catalog import DataMissing
from bench.data.digits import digits
from bench.data.fingerprint import fingerprint
from bench.data.load import Arrays, Dataset, load
from bench.metrics.modes import reverse_kl
from bench.trial import Component


@pytest.fixture(scope="module")
def base() -> Arrays:
    return digits(size=28)


@pytest.fixture(scope="module")
def data() -> Dataset:
    return load(Component("stacked_digits"))


def test_channels_are_digits_of_the_split_in_the_labels_order(base: Arrays, data: Dataset) -> None:
    assert data.train.shape == data.heldout.shape == (26_000, 3, 28, 28)
    for split in ("train", "heldout"):
        pictures, labels = getattr(base, split), getattr(base, f"{split}_labels")
        known = {picture.tobytes(): label for picture, label in zip(pictures, labels, strict=True)}
        for image, label in zip(
            getattr(data, split)[:300], getattr(data, f"{split}_labels")[:300], strict=True
        ):
            a, b, c = (known[channel.tobytes()] for channel in image)
            assert label == 100 * a + 10 * b + c


def test_parts_are_the_single_training_pictures(base: Arrays, data: Dataset) -> None:
    assert data.part_images is not None
    assert np.array_equal(data.part_images, base.train)
    assert np.array_equal(data.part_labels, base.train_labels)


def test_draws_are_independent_and_uniform() -> None:
    rows = stacked.triples(10, 30_000, "x")
    assert np.array_equal(rows, stacked.triples(10, 30_000, "x"))
    assert not np.array_equal(rows, stacked.triples(10, 30_000, "y"))
    assert np.abs(np.bincount(rows.ravel()) / 90_000 - 0.1).max() < 0.005
    assert np.abs(np.corrcoef(rows.T) - np.eye(3)).max() < 0.03


@pytest.mark.parametrize("split", ["train", "heldout"])
def test_reverse_kl_of_real_triples_by_true_labels(data: Dataset, split: str) -> None:
    """0.0195 +- 0.0008 for 26,000 balanced triples; about 999 / 52,000."""
    counts = np.bincount(getattr(data, f"{split}_labels"), minlength=1000)
    assert counts.sum() == 26_000
    assert reverse_kl(counts, np.full(1000, 1e-3)) == pytest.approx(0.0195, abs=0.0025)


def test_reverse_kl_of_many_draws_has_the_stated_mean_and_sd() -> None:
    """200 sets of 26,000: 0.0195 with an SD of 0.0008 (0.00086 by the chi-square law)."""
    uniform = np.full(1000, 1e-3)
    sets = [stacked.triples(10, 26_000, f"set {i}") @ np.array([100, 10, 1]) for i in range(200)]
    found = [reverse_kl(np.bincount(each, minlength=1000), uniform) for each in sets]
    assert np.mean(found) == pytest.approx(0.0195, abs=2e-4)
    assert np.std(found) == pytest.approx(0.00086, rel=0.2)


def test_the_base_and_nothing_else_is_other_data(monkeypatch: pytest.MonkeyPatch, base: Arrays) -> None:
    monkeypatch.setitem(stacked._BASES, "mnist", (lambda size: base, lambda size: "0" * 64))
    full = Component("stacked_digits", (("base", "mnist"),))
    assert fingerprint(full) != fingerprint(Component("stacked_digits"))


def test_a_missing_base_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GANBENCH_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(DataMissing, match="The data set mnist is not on this machine"):
        fingerprint(Component("stacked_digits", (("base", "mnist"),)))
