"""The shipped classifiers: small, known by their hash, as accurate as stated, the same bits each time."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from bench.data.load import Dataset, load
from bench.errors import UserError
from bench.metrics import extractors
from bench.metrics.extractors import NAMES, WEIGHTS, Lenet, central, extractor, lenet, sha256_of
from bench.trial import Component
from tests.conftest import Require


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load(Component("digits"))


@pytest.mark.parametrize("name", NAMES)
def test_weights_are_small_and_known(name: str) -> None:
    path = WEIGHTS / f"{name}.safetensors"
    record = json.loads((WEIGHTS / f"{name}.json").read_text())
    assert path.stat().st_size <= 2**20
    assert record["extractor"] == name
    assert lenet(name).sha256 == sha256_of(name) == record["sha256"]
    assert record["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


def stated(name: str) -> float:
    record = json.loads((WEIGHTS / f"{name}.json").read_text())
    accuracy = float(record["heldout"]["accuracy"])
    assert f"{name} {100 * accuracy:.1f} %" in (extractors.__doc__ or "").replace("\n", " ")
    return accuracy


def accuracy(name: str, data: Dataset) -> float:
    _, logits = lenet(name)(data.heldout)
    assert data.heldout_labels is not None
    return float((logits.argmax(axis=1) == data.heldout_labels).mean())


def test_digits_are_classified_as_stated(digits: Dataset) -> None:
    assert accuracy("lenet_digits", digits) == pytest.approx(stated("lenet_digits"), abs=1e-3)
    record = json.loads((WEIGHTS / "lenet_digits.json").read_text())
    assert record["train"] == {"dataset": "digits", "images": 3000, "data_sha256": digits.sha256}


def test_by_channel_is_the_classifier_of_each_channel(digits: Dataset) -> None:
    images = digits.heldout[:30].reshape(10, 3, 28, 28)
    each = extractor("lenet_digits_by_channel")
    features, logits = each(images)
    single_features, single_logits = lenet("lenet_digits")(digits.heldout[:30])
    assert np.array_equal(features, single_features.reshape(10, 192))
    assert np.array_equal(logits, single_logits.reshape(10, 33))
    assert (each.name, each.sha256) == ("lenet_digits_by_channel", sha256_of("lenet_digits"))
    assert extractor("lenet_digits") is lenet("lenet_digits")


def test_clothes_are_classified_as_stated(require: Require) -> None:
    known = Path("/usr/share/datasets/fashion-mnist").is_dir()
    require(known, "Debian's package dataset-fashion-mnist is not installed")
    data = load(Component("fashion_mnist"))
    assert accuracy("lenet_clothes", data) == pytest.approx(stated("lenet_clothes"), abs=1e-3)


def test_equal_images_give_equal_bits(digits: Dataset) -> None:
    images = digits.heldout[:700]
    first, second = Lenet("lenet_digits")(images), Lenet("lenet_digits")(images.copy())
    assert first[0].tobytes() == second[0].tobytes()
    assert first[1].tobytes() == second[1].tobytes()
    assert first[0].shape == (700, 64)
    assert first[1].shape == (700, 11)
    assert first[0].dtype == np.float32


def test_a_border_and_three_equal_channels_change_nothing(digits: Dataset) -> None:
    images = digits.heldout[:20]
    padded = np.pad(images, ((0, 0), (0, 0), (2, 2), (2, 2)), constant_values=-1.0)
    assert np.array_equal(central(padded), images)
    assert np.allclose(central(np.repeat(padded, 3, axis=1)), images, atol=1e-6)


@pytest.mark.parametrize("shape", [(2, 2, 28, 28), (2, 1, 27, 28)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="neither grey nor RGB"):
        central(np.zeros(shape, np.float32))


def test_weights_of_another_version_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch
    from safetensors.torch import save

    monkeypatch.setattr(extractors, "WEIGHTS", tmp_path)
    with pytest.raises(UserError, match="cannot be read: install ganbench again"):
        Lenet("lenet_digits")
    (tmp_path / "lenet_digits.safetensors").write_bytes(save({"x": torch.zeros(2)}))
    with pytest.raises(UserError, match="not those of this version"):
        Lenet("lenet_digits")
    with pytest.raises(ValueError, match="unknown extractor"):
        Lenet("resnet")
