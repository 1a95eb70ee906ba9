"""CIFAR-10 through torchvision: found on this machine in torchvision's layout, else fetched.

The published files are Python pickles. torchvision compares each with its known MD5 before it opens it, and
the archive that is fetched here must have the known sha256. torchvision imports torch, so it is imported
where the pictures are loaded to train on, and never to plan: the fingerprint only hashes the files.
"""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import urllib.request
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.data.catalog import DataMissing
from bench.data.files import cache, roots, write
from bench.data.load import Arrays
from bench.data.order import stratified_order
from bench.errors import UserError

FOLDER = "cifar-10-batches-py"
BATCHES = (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch", "batches.meta")
URL = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
SHA256 = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
"""Of the archive at URL."""
LARGEST_ARCHIVE, LARGEST_FILE = 256 * 2**20, 64 * 2**20
ORDER = "cifar10 {split} 1"


def cifar10() -> Arrays:
    """50,000 pictures to train on and 10,000 held out, of 10 classes: float32 [N, 3, 32, 32] in [-1, 1].

    They take 740 MB of memory.
    """
    root = _root()
    train, train_labels = _split(root, "train")
    heldout, heldout_labels = _split(root, "test")
    return Arrays(train, heldout, train_labels, heldout_labels)


def cifar10_sha256() -> str:
    """Hash of the seven files and of the name of their order."""
    total = hashlib.sha256(ORDER.encode())
    root = _root()
    for name in BATCHES:
        path = root / FOLDER / name
        try:
            total.update(hashlib.sha256(path.read_bytes()).digest())
        except OSError as error:
            raise UserError(f"{path} cannot be read: {error.strerror}.") from error
    return total.hexdigest()


def search_path() -> tuple[Path, ...]:
    """The folders in which `cifar-10-batches-py` is looked for, in order."""
    return tuple(folder for root in roots() for folder in (root / "cifar10", root))


def _root() -> Path:
    """The first folder that has all files, fetched when none has."""
    for folder in search_path():
        if all((folder / FOLDER / name).is_file() for name in BATCHES):
            return folder
    return _fetch(cache() / "cifar10")


def _fetch(root: Path) -> Path:
    """Fetch the archive over https and unpack its seven files, and nothing else, below `root`."""
    try:
        with urllib.request.urlopen(URL, timeout=20) as answer:
            packed = answer.read(LARGEST_ARCHIVE)
    except (OSError, ValueError) as error:
        raise _missing(f"could not be fetched ({error})") from error
    if hashlib.sha256(packed).hexdigest() != SHA256:
        raise _missing(f"came with a wrong sha256 from {URL}")
    try:
        with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as archive:
            for name in BATCHES:
                file = archive.extractfile(f"{FOLDER}/{name}")
                write(root / FOLDER / name, b"" if file is None else file.read(LARGEST_FILE))
    except (tarfile.TarError, KeyError) as error:
        raise _missing(f"came in an archive that cannot be read ({error})") from error
    except OSError as error:
        raise UserError(f"{root / FOLDER} cannot be written: {error}.") from error
    return root


def _missing(why: str) -> DataMissing:
    return DataMissing(
        f"The data set cifar10 is not on this machine and {why}: put torchvision's folder {FOLDER} (unpacked"
        f" from {os.path.basename(URL)}) into $GANBENCH_DATA or {cache() / 'cifar10'}."
    )


def _split(root: Path, split: str) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    from torchvision.datasets import CIFAR10

    try:
        found = CIFAR10(str(root), train=split == "train", download=False)
    except RuntimeError as error:
        folder = root / FOLDER
        raise UserError(
            f"{folder} does not hold the published CIFAR-10 files: remove or replace it."
        ) from error
    labels = np.asarray(found.targets, dtype=np.int64)
    order = stratified_order(labels, ORDER.format(split=split))
    # In place: each further copy of the training pictures would be 614 MB.
    pictures = np.ascontiguousarray(found.data[order].transpose(0, 3, 1, 2), dtype=np.float32)
    pictures /= np.float32(127.5)
    pictures -= np.float32(1.0)
    return pictures, labels[order]
