"""Small frozen classifiers of 28-pixel grey images, whose features `fd` and `modes` use.

Network: 5x5 convolution of stride 2 (1 -> 16 channels), ReLU, 3x3 convolution of stride 2 (16 -> 32), ReLU,
1568 -> 64 linear (the features), ReLU, 64 -> 11 linear (the logits); 405,000 multiplications an image.
The last logit stands for "none": noise, blobs and images lost in noise were shown as an eleventh class.
The features are the 64 values before their ReLU: nearer to a Gaussian than after it, and not all zero on
noise. Weights are made by `python -m bench.metrics.train_extractors`, which also writes the .json beside
each file; held-out accuracy: lenet_digits 98.2 % on the 2,000 held-out digits, lenet_clothes 90.3 %
on the 10,000 test images of Fashion-MNIST.
"""

from __future__ import annotations

import functools
import hashlib
import json
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.functional import conv2d, linear

from bench.errors import UserError

WEIGHTS = Path(__file__).parent / "weights"
NAMES = ("lenet_digits", "lenet_clothes")
BY_CHANNEL = "_by_channel"
"""Behind the name of a classifier: each channel of an image is a picture of its own."""
CLASSES = 10
SHAPES = {
    "conv1.weight": (16, 1, 5, 5),
    "conv1.bias": (16,),
    "conv2.weight": (32, 16, 3, 3),
    "conv2.bias": (32,),
    "features.weight": (64, 1568),
    "features.bias": (64,),
    "logits.weight": (CLASSES + 1, 64),
    "logits.bias": (CLASSES + 1,),
}
BATCH = 500
CHUNK = 4 * BATCH
"""Images of several pictures that are taken apart at a time."""
SIDE = 28


def forward(weights: dict[str, torch.Tensor], x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Features [n, 64] and logits [n, 11] of grey images [n, 1, 28, 28] in [-1, 1]."""
    x = conv2d(x, weights["conv1.weight"], weights["conv1.bias"], stride=2, padding=2).relu()
    x = conv2d(x, weights["conv2.weight"], weights["conv2.bias"], stride=2, padding=1).relu()
    features = linear(x.flatten(1), weights["features.weight"], weights["features.bias"])
    return features, linear(features.relu(), weights["logits.weight"], weights["logits.bias"])


def tensors(content: bytes) -> dict[str, torch.Tensor]:
    """The float32 tensors in the bytes of a safetensors file, copied; UserError for anything else.

    Length of the header (8 bytes, little-endian), header (JSON: dtype, shape, place), numbers. Read here, so
    that `fd` and `modes` need torch and numpy only.
    """
    start = 8 + int.from_bytes(content[:8], "little")
    try:
        header = json.loads(content[8:start])
        found = {}
        for name, each in header.items():
            if name == "__metadata__":
                continue
            first, after = each["data_offsets"]
            if each["dtype"] != "F32":
                raise ValueError(each["dtype"])
            values = np.frombuffer(content[start + first : start + after], "<f4").reshape(each["shape"])
            found[name] = torch.from_numpy(values.astype(np.float32))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"The shipped weights are damaged ({error}): install ganbench again.") from error
    return found


class Lenet:
    """A frozen classifier: `sha256` of its weights file, and features and logits of images."""

    def __init__(self, name: str) -> None:
        content = _read(name)
        self.name = name
        self.sha256 = hashlib.sha256(content).hexdigest()
        self._weights = tensors(content)
        shapes = {key: tuple(value.shape) for key, value in self._weights.items()}
        if shapes != SHAPES:
            raise UserError(f"The weights of {name} are not those of this version: install ganbench again.")

    def __call__(self, images: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Features [n, 64] and logits [n, 11], float32; images [n, C, S, S] in [-1, 1] become grey 28x28.

        Fixed batches of 500 on the CPU: equal images give equal bits at equal thread counts.
        """
        grey = torch.from_numpy(np.array(central(images)))
        with torch.inference_mode():
            parts = [forward(self._weights, part) for part in torch.split(grey, BATCH)]
        features, logits = (torch.cat(each).numpy() for each in zip(*parts, strict=True))
        return features, logits


class ByChannel:
    """A classifier applied to each of C channels, each a picture of its own; what it gives is joined."""

    def __init__(self, plain: Lenet) -> None:
        self.name, self.sha256, self._plain = plain.name + BY_CHANNEL, plain.sha256, plain

    def __call__(self, images: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Features [n, C * 64] and logits [n, C * 11] of images [n, C, S, S] in [-1, 1]."""
        found = []
        for start in range(0, len(images), CHUNK):
            part = images[start : start + CHUNK]
            features, logits = self._plain(part.reshape(-1, 1, *part.shape[2:]))
            found.append((features.reshape(len(part), -1), logits.reshape(len(part), -1)))
        features, logits = (np.concatenate(each) for each in zip(*found, strict=True))
        return features, logits


def extractor(name: str) -> Lenet | ByChannel:
    """The extractor that a data set names: a classifier, or one for each channel (`..._by_channel`)."""
    plain = lenet(name.removesuffix(BY_CHANNEL))
    return ByChannel(plain) if name.endswith(BY_CHANNEL) else plain


@functools.lru_cache(maxsize=len(NAMES))
def lenet(name: str) -> Lenet:
    """The classifier called `name`, one of NAMES, read once a process."""
    return Lenet(name)


def sha256_of(name: str) -> str:
    """Hex sha256 of the weights file of `name`."""
    return hashlib.sha256(_read(name)).hexdigest()


def central(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Grey images [n, 1, 28, 28]: the mean of RGB weighted as luma (Rec. 601), and the central 28 pixels."""
    n, channels, height, width = images.shape
    if channels == 3:
        images = np.tensordot(images, _LUMA, axes=(1, 0)).reshape(n, 1, height, width)
    top, left = (height - SIDE) // 2, (width - SIDE) // 2
    if channels not in (1, 3) or top < 0 or left < 0:
        raise ValueError(
            f"images of shape {images.shape} are neither grey nor RGB, or smaller than {SIDE} pixels"
        )
    return np.ascontiguousarray(images[:, :, top : top + SIDE, left : left + SIDE], dtype=np.float32)


_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def initial(generator: torch.Generator) -> dict[str, torch.Tensor]:
    """Fresh weights to train: Kaiming uniform (fan in, ReLU), zero biases."""
    weights = {name: torch.zeros(shape) for name, shape in SHAPES.items()}
    for name, value in weights.items():
        if name.endswith("weight"):
            nn.init.kaiming_uniform_(value, nonlinearity="relu", generator=generator)
    return weights


def _read(name: str) -> bytes:
    if name not in NAMES:
        raise ValueError(f"unknown extractor {name!r}; legal: {', '.join(NAMES)}")
    path = WEIGHTS / f"{name}.safetensors"
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"The weights {path} cannot be read: install ganbench again.") from error
