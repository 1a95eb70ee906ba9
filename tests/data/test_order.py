"""Fixed orders: each prefix of a stratified order has the classes in their shares."""

from __future__ import annotations

import numpy as np

from bench.data.order import images, philox, stratified_order


def test_prefixes_are_stratified() -> None:
    labels = np.repeat(np.arange(3), [10, 20, 70])
    order = stratified_order(labels, "x")
    assert sorted(order.tolist()) == list(range(100))
    for n in range(1, 101):
        counts = np.bincount(labels[order[:n]], minlength=3)
        assert np.all(np.abs(counts - n * np.array([0.1, 0.2, 0.7])) <= 1.0)


def test_order_depends_on_the_text_alone() -> None:
    labels = np.zeros(50, np.int64)
    assert np.array_equal(stratified_order(labels, "a"), stratified_order(labels, "a"))
    assert not np.array_equal(stratified_order(labels, "a"), stratified_order(labels, "b"))


def test_philox_is_keyed_by_all_128_bits() -> None:
    words = [int(philox(text).random_raw()) for text in ("a", "b", "a")]
    assert words[0] == words[2] != words[1]


def test_images_span_minus_one_to_one_and_are_padded_with_black() -> None:
    pixels = np.full((2, 28, 28), 255, np.uint8)
    assert images(pixels, 28).min() == 1.0
    padded = images(pixels, 32)
    assert padded.shape == (2, 1, 32, 32)
    assert padded.dtype == np.float32
    assert np.all(padded[:, :, 2:-2, 2:-2] == 1.0)
    assert np.all(padded[:, :, :2] == -1.0)
    assert np.all(padded[:, :, :, -2:] == -1.0)
