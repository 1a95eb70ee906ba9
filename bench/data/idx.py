"""MNIST and Fashion-MNIST from their IDX files: found on this machine, else (clothes) fetched."""

from __future__ import annotations

import gzip
import hashlib
import math
import urllib.request
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.data.catalog import DataMissing
from bench.data.files import cache, roots, write
from bench.data.load import Arrays
from bench.data.order import images, stratified_order
from bench.errors import UserError

FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
FASHION_SHA256: Mapping[str, str] = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
"""Of the unpacked contents: a repacked .gz has other bytes and the same data."""
FASHION_URL = "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/{name}.gz"
DEBIAN_FASHION = Path("/usr/share/datasets/fashion-mnist")
LARGEST_FILE = 64 * 2**20
FOLDERS: Mapping[str, tuple[str, ...]] = {
    "mnist": ("mnist", "MNIST/raw"),
    "fashion_mnist": ("fashion_mnist", "fashion-mnist", "FashionMNIST/raw"),
}
"""Below $GANBENCH_DATA and the cache. Both sets use the same file names: the folder tells them apart."""


def mnist(*, size: int) -> Arrays:
    """60,000 digits to train on and 10,000 held out, float32 [N, 1, size, size] in [-1, 1]."""
    return _arrays("mnist", _contents("mnist"), size)


def mnist_sha256(*, size: int) -> str:
    return _sha256(_contents("mnist"))


def fashion_mnist(*, size: int) -> Arrays:
    """60,000 clothes to train on and 10,000 held out, float32 [N, 1, size, size] in [-1, 1]."""
    return _arrays("fashion_mnist", _contents("fashion_mnist"), size)


def fashion_mnist_sha256(*, size: int) -> str:
    return _sha256(_contents("fashion_mnist"))


def parse_idx(content: bytes, name: str) -> NDArray[np.uint8]:
    """The array of an IDX file: bytes 0, 0, 8 (unsigned byte), rank, then each dimension in 4, big-endian.

    Raises UserError, naming the file, when the header is not that or does not fit the length.
    """
    if len(content) < 4 or content[:3] != b"\x00\x00\x08" or not 1 <= content[3] <= 4:
        raise UserError(f"{name} is no IDX file of bytes: its header is {content[:4].hex(' ') or 'empty'}.")
    rank = content[3]
    shape = tuple(int.from_bytes(content[4 + 4 * i : 8 + 4 * i], "big") for i in range(rank))
    expected = 4 + 4 * rank + math.prod(shape)
    if len(content) != expected:
        raise UserError(
            f"{name} is damaged: its header tells {expected:,} bytes, and it has {len(content):,}."
        )
    return np.frombuffer(content, np.uint8, offset=4 + 4 * rank).reshape(shape)


def search_path(dataset: str) -> tuple[Path, ...]:
    """The folders in which the files of `dataset` are looked for, in order."""
    folders = [root / each for root in roots() for each in FOLDERS[dataset]]
    return (*folders, DEBIAN_FASHION) if dataset == "fashion_mnist" else tuple(folders)


def _contents(dataset: str) -> dict[str, bytes]:
    """The unpacked bytes of the four files, from the first folder that has all of them."""
    for folder in search_path(dataset):
        paths = [_packed_or_not(folder / name) for name in FILES]
        found = [path for path in paths if path is not None]
        if len(found) == len(FILES):
            return {
                name: _checked(dataset, name, _read(path), path)
                for name, path in zip(FILES, found, strict=True)
            }
    if dataset == "fashion_mnist":
        return {name: _fetch(name) for name in FILES}
    raise DataMissing(
        "The data set mnist is not on this machine: put its four IDX files (train-images-idx3-ubyte and the"
        " others, .gz or not) into $GANBENCH_DATA/mnist or"
        f" {cache() / 'mnist'}, or use digits, whose 5,000 MNIST digits need no download."
    )


def _packed_or_not(path: Path) -> Path | None:
    for candidate in (path, path.with_name(path.name + ".gz")):
        if candidate.is_file():
            return candidate
    return None


def _read(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if path.suffix == ".gz" else content
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path} cannot be read: {error}.") from error


def _checked(dataset: str, name: str, content: bytes, path: Path) -> bytes:
    parse_idx(content, str(path))
    if dataset == "fashion_mnist" and hashlib.sha256(content).hexdigest() != FASHION_SHA256[name]:
        raise UserError(
            f"{path} is not the published Fashion-MNIST file (its sha256 differs): remove or replace it."
        )
    return content


def _fetch(name: str) -> bytes:
    """Fetch one packed file over https into the cache; the contents must have the known sha256."""
    url = FASHION_URL.format(name=name)
    target = cache() / "fashion_mnist" / f"{name}.gz"
    kept = _packed_or_not(target.with_suffix(""))
    if kept is not None:
        return _checked("fashion_mnist", name, _read(kept), kept)
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            packed = answer.read(LARGEST_FILE)
        content = gzip.decompress(packed)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise _fashion_missing(f"could not be fetched ({error})") from error
    if hashlib.sha256(content).hexdigest() != FASHION_SHA256[name]:
        raise _fashion_missing(f"came with a wrong sha256 from {url}")
    try:
        write(target, packed)
    except OSError as error:
        raise UserError(f"{target} cannot be written: {error}.") from error
    return content


def _fashion_missing(why: str) -> DataMissing:
    return DataMissing(
        f"The data set fashion_mnist is not on this machine and {why}: install Debian's package"
        " dataset-fashion-mnist, or put its four IDX files into $GANBENCH_DATA/fashion_mnist or"
        f" {cache() / 'fashion_mnist'}."
    )


def _arrays(dataset: str, contents: Mapping[str, bytes], size: int) -> Arrays:
    parts: list[tuple[NDArray[np.float32], NDArray[np.int64]]] = []
    for split, count in (("train", 60_000), ("t10k", 10_000)):
        pixels = parse_idx(contents[f"{split}-images-idx3-ubyte"], f"{split}-images-idx3-ubyte")
        raw = parse_idx(contents[f"{split}-labels-idx1-ubyte"], f"{split}-labels-idx1-ubyte")
        if pixels.shape != (count, 28, 28) or raw.shape != (count,) or raw.max(initial=0) > 9:
            raise UserError(
                f"The {split} files of {dataset} do not hold {count:,} images of 28x28 with labels 0-9:"
                f" images {pixels.shape}, labels {raw.shape}."
            )
        labels = raw.astype(np.int64)
        order = stratified_order(labels, f"{dataset} {split} 1")
        parts.append((images(pixels[order], size), labels[order]))
    (train, train_labels), (heldout, heldout_labels) = parts
    return Arrays(train, heldout, train_labels, heldout_labels)


def _sha256(contents: Mapping[str, bytes]) -> str:
    total = hashlib.sha256()
    for name in FILES:
        total.update(hashlib.sha256(contents[name]).digest())
    return total.hexdigest()
