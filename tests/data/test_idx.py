"""IDX files: headers are checked, folders searched in order; the network is the last way, checked too."""

from __future__ import annotations

import gzip
import hashlib
import io
import struct
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.data import idx
from bench.data.catalog import DataMissing
from bench.data.fingerprint import fingerprint
from bench.data.load import load
from bench.errors import UserError
from bench.trial import Component
from tests.conftest import Require

MNIST, FASHION = Component("mnist"), Component("fashion_mnist")


def encode(array: np.ndarray) -> bytes:
    return (
        b"\x00\x00\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()
    )


def small_files() -> dict[str, bytes]:
    """Four files that parse; far too few images."""
    pixels, labels = np.zeros((4, 28, 28), np.uint8), np.arange(4, dtype=np.uint8)
    return {name: encode(pixels if "images" in name else labels) for name in idx.FILES}


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No data on this machine and no network: only what a test puts below tmp_path."""

    def refuse(url: str, timeout: float) -> Any:
        raise urllib.error.URLError("no network in tests")

    monkeypatch.setenv("GANBENCH_DATA", str(tmp_path / "own"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(idx, "DEBIAN_FASHION", tmp_path / "debian")
    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    return tmp_path


def put(folder: Path, files: dict[str, bytes], packed: bool = False) -> None:
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / (name + ".gz" if packed else name)).write_bytes(
            gzip.compress(content) if packed else content
        )


def test_parse_gives_the_array_back() -> None:
    array = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
    assert np.array_equal(idx.parse_idx(encode(array), "x"), array)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "header is empty"),
        (b"\x00\x00\x0d\x01" + bytes(8), "no IDX file of bytes"),
        (b"\x1f\x8b\x08\x03", "no IDX file of bytes"),
        (encode(np.zeros((4, 2, 2), np.uint8))[:-1], "damaged"),
        (encode(np.zeros((4, 2, 2), np.uint8)) + b"\x00", "damaged"),
        (b"\x00\x00\x08\x03\x00\x00", "damaged"),
        (b"\x00\x00\x08\x03" + b"\xff" * 12, "damaged"),
    ],
)
def test_corrupt_headers_name_the_file(content: bytes, message: str) -> None:
    with pytest.raises(UserError, match=f"train-images.*{message}"):
        idx.parse_idx(content, "train-images")


@pytest.mark.parametrize("packed", [False, True])
def test_own_files_are_found_and_counted(alone: Path, packed: bool) -> None:
    put(alone / "own" / "mnist", small_files(), packed)
    assert len(fingerprint(MNIST)) == 64
    with pytest.raises(UserError, match="do not hold 60,000 images"):
        load(MNIST)


def test_packing_does_not_change_the_fingerprint(alone: Path) -> None:
    put(alone / "own" / "mnist", small_files())
    plain = fingerprint(MNIST)
    put(alone / "moved", small_files(), packed=True)
    (alone / "own" / "mnist").rename(alone / "gone")
    (alone / "moved").rename(alone / "own" / "mnist")
    assert fingerprint(MNIST) == plain


def test_a_folder_with_three_files_does_not_count(alone: Path) -> None:
    files = small_files()
    del files["t10k-labels-idx1-ubyte"]
    put(alone / "own" / "mnist", files)
    with pytest.raises(DataMissing):
        fingerprint(MNIST)


def test_a_damaged_archive_is_named(alone: Path) -> None:
    put(alone / "cache" / "ganbench" / "mnist", small_files(), packed=True)
    path = alone / "cache" / "ganbench" / "mnist" / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(UserError, match=r"train-images-idx3-ubyte\.gz cannot be read"):
        load(MNIST)


def test_missing_mnist_lists_the_ways() -> None:
    with pytest.raises(DataMissing) as error:
        load(MNIST)
    for way in ("$GANBENCH_DATA/mnist", "cache/ganbench/mnist", "digits"):
        assert way in str(error.value)


def test_missing_fashion_lists_the_ways() -> None:
    with pytest.raises(DataMissing) as error:
        fingerprint(FASHION)
    for way in (
        "no network in tests",
        "dataset-fashion-mnist",
        "$GANBENCH_DATA/fashion_mnist",
        "cache/ganbench",
    ):
        assert way in str(error.value)


def test_files_of_mnist_are_not_taken_for_clothes(alone: Path) -> None:
    put(alone / "own" / "fashion_mnist", small_files())
    with pytest.raises(UserError, match="not the published Fashion-MNIST file"):
        fingerprint(FASHION)


def serve(files: dict[str, bytes], asked: list[str]) -> Callable[..., Any]:
    def urlopen(url: str, timeout: float) -> Any:
        asked.append(url)
        return io.BytesIO(files[url.rsplit("/", 1)[1]])

    return urlopen


def test_fetched_files_are_checked_and_kept(alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files, asked = small_files(), []
    known = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    monkeypatch.setattr(idx, "FASHION_SHA256", known)
    packed = {name + ".gz": gzip.compress(content) for name, content in files.items()}
    monkeypatch.setattr(urllib.request, "urlopen", serve(packed, asked))
    first = fingerprint(FASHION)
    assert len(asked) == 4
    assert all(url.startswith("https://") for url in asked)
    assert fingerprint(FASHION) == first
    assert len(asked) == 4
    kept = sorted(path.name for path in (alone / "cache" / "ganbench" / "fashion_mnist").iterdir())
    assert kept == sorted(packed)


@pytest.mark.parametrize(
    ("answer", "message"),
    [(gzip.compress(b"else", mtime=0), "wrong sha256"), (b"<html>", "could not be fetched")],
    ids=["another file", "a page"],
)
def test_a_wrong_answer_is_not_kept(
    answer: bytes, message: str, alone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(urllib.request, "urlopen", serve({name + ".gz": answer for name in idx.FILES}, []))
    with pytest.raises(DataMissing, match=message):
        fingerprint(FASHION)
    assert not (alone / "cache").exists()


def test_debians_clothes(monkeypatch: pytest.MonkeyPatch, require: Require) -> None:
    folder = Path("/usr/share/datasets/fashion-mnist")
    require(folder.is_dir(), "Debian's package dataset-fashion-mnist is not installed")
    monkeypatch.setattr(idx, "DEBIAN_FASHION", folder)
    data = load(FASHION)
    assert data.train.shape == (60_000, 1, 28, 28)
    assert data.heldout.shape == (10_000, 1, 28, 28)
    assert data.train_labels is not None
    assert data.heldout_labels is not None
    assert np.bincount(data.train_labels).tolist() == [6000] * 10
    assert np.bincount(data.train_labels[:2000]).tolist() == [200] * 10
    assert np.bincount(data.heldout_labels).tolist() == [1000] * 10
