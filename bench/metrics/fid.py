"""`fid`: the Fréchet distance in Inception-v3's pooled features, by torch-fidelity's network and weights."""

from __future__ import annotations

import hashlib
import os
import pickle
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.errors import UserError
from bench.metrics.batch import Context, Extractor, Features, Floats
from bench.metrics.fd import Frechet

FILE = "weights-inception-2015-12-05-6726825d.pth"
SHA256_START = "6726825d"
"""The file's name carries the start of its sha256, as torch hub's names do."""
BATCH = 50
DIMENSIONS = 2048


def check(*, weights: str) -> Path:
    """The file of Inception weights; UserError in one sentence where there is none. Imports no torch.

    Looked for: the key `weights`, else $GANBENCH_INCEPTION, else torch hub's cache. Nothing is fetched.
    """
    hub = Path(os.environ.get("TORCH_HOME") or _cache_home() / "torch") / "hub" / "checkpoints" / FILE
    named = weights or os.environ.get("GANBENCH_INCEPTION") or ""
    path = Path(named).expanduser() if named else hub
    if not path.is_file():
        raise UserError(
            f"The metric fid needs torch-fidelity's Inception weights, and there is no file {path}:"
            f" put {FILE} there, or name it by $GANBENCH_INCEPTION or by the key weights, or use fd."
        )
    if not _sha256(path).startswith(SHA256_START):
        raise UserError(
            f"{path} is not torch-fidelity's {FILE}: its sha256 does not start with {SHA256_START}."
        )
    return path


def to_bytes(images: Floats) -> NDArray[np.uint8]:
    """Images [n, 1 or 3, H, W] in [-1, 1] as RGB bytes, 127.5 (x + 1) rounded; grey is repeated.

    ValueError for what is not finite: a cast would make it black, and a dead generator would get a finite
    score.
    """
    if not np.isfinite(images).all():
        raise ValueError("images that are not finite cannot be cast to bytes")
    levels = np.rint(np.clip((images + 1.0) * 127.5, 0.0, 255.0)).astype(np.uint8)
    return np.repeat(levels, 3, axis=1) if images.shape[1] == 1 else levels


class Inception:
    """torch-fidelity's Inception-v3 up to the 2,048 pooled features, on the CPU in batches of 50."""

    name = "inception_v3"

    def __init__(self, path: Path) -> None:
        import torch
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

        self.sha256 = _sha256(path)
        try:
            # torch-fidelity unpickles the file whole: first see that it holds tensors and nothing else.
            torch.load(path, map_location="cpu", weights_only=True)
        except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
            raise UserError(f"{path} cannot be read as a file of weights: {error}.") from error
        self._network = FeatureExtractorInceptionV3(
            self.name, [str(DIMENSIONS)], feature_extractor_weights_path=str(path)
        )

    def __call__(self, images: Floats) -> Features:
        import torch

        with torch.inference_mode():
            parts = torch.split(torch.from_numpy(to_bytes(images)), BATCH)
            features = torch.cat([self._network(part)[0] for part in parts]).numpy()
        return features, np.empty((len(features), 0), np.float32)


def fid(context: Context, *, weights: str) -> Frechet:
    """`fid` with the protocol of `Frechet`: n samples against n train images. Never compare different n."""
    return Frechet(context, "fid", Inception(check(weights=weights)))


def check_features(features: str, weights: str) -> None:
    """`check` for a metric whose key `features` is "own" or "inception"."""
    if features == "inception":
        check(weights=weights)


def chosen(context: Context, features: str, weights: str) -> Extractor:
    """The data set's own extractor ("own"), or Inception-v3 ("inception")."""
    if features == "inception":
        return Inception(check(weights=weights))
    from bench.metrics.extractors import extractor

    if context.dataset.extractor is None:
        raise UserError(f"The data set {context.dataset.component.name} has no extractor of features.")
    return extractor(context.dataset.extractor)


def _cache_home() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
