"""A user's own pictures: any folder that Pillow can read."""

from __future__ import annotations

import hashlib
import os
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from bench.data.catalog import DataMissing
from bench.data.load import Arrays
from bench.errors import UserError

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff"})
FEWEST = 10
SHOWN = 20
_DEEP_MODES = ("I", "F")
"""Pillow's modes of more than 8 bits a channel; converting them clips instead of scaling."""


def folder(*, path: str, size: int, channels: int) -> Arrays:
    """The pictures below `path`, float32 [N, channels, size, size] in [-1, 1].

    Cropped to the central square, resized (Lanczos), turned as their EXIF says; 8 bits a channel only.
    In the order of the sha256 of their relative names the first 60 % are for training, the rest held out.
    Raises DataMissing for no folder or no picture, UserError that names every file that cannot be read.
    """
    root = Path(path).expanduser()
    files = sorted(
        _files(root), key=lambda name: hashlib.sha256(name.encode(errors="surrogateescape")).digest()
    )
    pictures, bad = [], []
    for name in files:
        try:
            pictures.append(_picture(root / name, size, channels))
        except (
            OSError,
            ValueError,
            SyntaxError,
            UnidentifiedImageError,
            Image.DecompressionBombError,
        ) as error:
            reason = (
                "no picture that Pillow can read" if isinstance(error, UnidentifiedImageError) else str(error)
            )
            bad.append(f"{name!r} ({reason})")
    if bad:
        more = f" and {len(bad) - SHOWN} more" if len(bad) > SHOWN else ""
        raise UserError(
            f"{len(bad)} of {len(files)} files in {path} cannot be used: {', '.join(bad[:SHOWN])}{more}."
        )
    stacked = np.stack(pictures)
    cut = round(0.6 * len(stacked))
    return Arrays(train=stacked[:cut], heldout=stacked[cut:])


def folder_sha256(*, path: str, size: int, channels: int) -> str:
    """Hash of the sorted relative file names and of each file's bytes."""
    root = Path(path).expanduser()
    total = hashlib.sha256()
    for name in sorted(_files(root)):
        try:
            content = hashlib.sha256((root / name).read_bytes()).digest()
        except OSError as error:
            raise UserError(f"{name!r} in {path} cannot be read: {error.strerror}.") from error
        total.update(hashlib.sha256(name.encode(errors="surrogateescape")).digest() + content)
    return total.hexdigest()


def _files(root: Path) -> list[str]:
    """Names of the pictures, relative to `root`, with forward slashes."""
    if not str(root) or not root.is_dir():
        raise DataMissing(
            f"There is no folder {str(root)!r}: write dataset: folder:PATH with a folder of pictures."
        )
    found = [
        (Path(parent) / name).relative_to(root).as_posix()
        for parent, _, names in os.walk(root)
        for name in names
        if Path(name).suffix.lower() in SUFFIXES
    ]
    if len(found) < FEWEST:
        kinds = ", ".join(sorted(SUFFIXES))
        raise DataMissing(
            f"The folder {str(root)!r} has {len(found)} pictures ({kinds}) and {FEWEST} are needed."
        )
    return found


def _picture(path: Path, size: int, channels: int) -> NDArray[np.float32]:
    with warnings.catch_warnings():
        # Pillow warns of damaged metadata and of very large pictures; neither changes the pixels.
        warnings.simplefilter("ignore")
        with Image.open(path) as opened:
            if opened.mode.startswith(_DEEP_MODES):
                raise ValueError("more than 8 bits a channel")
            turned = ImageOps.exif_transpose(opened).convert("L" if channels == 1 else "RGB")
        fitted = ImageOps.fit(turned, (size, size), Image.Resampling.LANCZOS)
    pixels = np.asarray(fitted, dtype=np.float32).reshape(size, size, channels)
    return pixels.transpose(2, 0, 1) / np.float32(127.5) - np.float32(1.0)
