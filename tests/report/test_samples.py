"""Pixels of grids and film strips."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.data.catalog import MODALITIES
from bench.errors import UserError
from bench.report import samples


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


def test_a_grid_holds_its_images_in_order() -> None:
    images = np.linspace(-1, 1, 5, dtype=np.float32)[:, None, None, None] * np.ones((1, 1, 4, 4), np.float32)
    canvas = pixels(samples.image_grid(images))
    assert canvas.shape == (2 * 5 - 1, 3 * 5 - 1, 3)
    assert [int(canvas[0, 0, 0]), int(canvas[0, 5, 0]), int(canvas[0, 10, 0])] == [0, 64, 128]
    assert [int(canvas[5, 0, 0]), int(canvas[5, 5, 0])] == [191, 255]


def test_colour_images_keep_their_channels() -> None:
    image = np.stack([np.ones((2, 2)), -np.ones((2, 2)), np.zeros((2, 2))]).astype(np.float32)[None]
    assert pixels(samples.image_grid(image))[0, 0].tolist() == [255, 0, 128]


def test_values_are_clipped_and_never_rescaled() -> None:
    images = np.array([-5.0, 5.0, 0.5, 0.5], np.float32)[:, None, None, None] * np.ones(
        (1, 1, 1, 1), np.float32
    )
    canvas = pixels(samples.image_grid(images, gap=0))
    assert canvas[..., 0].tolist() == [[0, 255], [191, 191]]


def test_an_image_that_is_not_finite_is_red_and_not_black() -> None:
    images = np.zeros((1, 1, 3, 3), np.float32)
    images[0, 0, 1, 1] = np.nan
    assert pixels(samples.image_grid(images))[0, 0].tolist() == [204, 51, 51]


def test_a_film_has_a_column_for_each_step() -> None:
    frames = [np.full((8, 1, 2, 2), value, np.float32) for value in (-1, 0, 1)]
    canvas = pixels(samples.film_strip(frames, gap=0))
    assert canvas.shape == (samples.FILM_ROWS * 2, 6, 3)
    assert canvas[0, ::2, 0].tolist() == [0, 128, 255]


def test_film_steps_keep_the_first_and_the_last() -> None:
    assert samples.film_steps([0, 5, 10]) == (0, 5, 10)
    steps = samples.film_steps(list(range(0, 1000, 10)))
    assert len(steps) == samples.FILM_STEPS
    assert (steps[0], steps[-1]) == (0, 990)


def ink(canvas: np.ndarray) -> np.ndarray:
    """Whether each pixel is darker than the axis."""
    return np.asarray(canvas.mean(axis=-1) < 150)


def test_a_signal_is_a_line_in_the_frame() -> None:
    """A step from -span/2 to span/2: ink at three quarters of the height, then at one quarter."""
    step = np.repeat([-0.5, 0.5], 32).astype(np.float32)
    canvas = pixels(samples.image_grid(samples.line_plots(step[None], 1.0)))
    width, height = samples.LINE_SIZE
    assert canvas.shape == (height, width, 3)
    left, right = ink(canvas)[:, 5], ink(canvas)[:, -6]
    assert np.flatnonzero(left).mean() == pytest.approx(0.75 * height, abs=1.0)
    assert np.flatnonzero(right).mean() == pytest.approx(0.25 * height, abs=1.0)


def test_signals_are_never_rescaled_and_leave_the_frame() -> None:
    flat = np.array([0.9, 5.0, 1e30], np.float32)[:, None] * np.ones((1, 64), np.float32)
    inside, outside, far = (ink(pixels(samples.image_grid(p[None]))) for p in samples.line_plots(flat, 1.0))
    assert inside.any()
    assert not outside.any()
    assert not far.any()


def test_a_signal_that_is_not_finite_is_red() -> None:
    signal = np.zeros((1, 64), np.float32)
    signal[0, 3] = np.inf
    canvas = pixels(samples.image_grid(samples.line_plots(signal, 1.0)))
    assert (canvas.reshape(-1, 3) == [204, 51, 51]).all()


@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_points_of_any_dimension_can_be_drawn(dimensions: int) -> None:
    points = np.random.default_rng(0).normal(size=(20, dimensions)).astype(np.float32)
    assert samples.scatter({0: points}, None, 3.0, "points", width=3.0).startswith("<svg")


def test_every_modality_can_be_drawn() -> None:
    assert set(samples.PICTURES) == set(MODALITIES)


def test_damaged_pictures_are_no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(results: Path, trial: str) -> dict[int, np.ndarray]:
        raise UserError("the file is damaged")

    monkeypatch.setattr(samples, "trial_previews", damaged)
    assert samples.previews(Path(), "a") == {}


def test_a_frame_without_a_point_says_where_they_are() -> None:
    near, far, lost = np.zeros((4, 2)), np.full((4, 2), 30.0), np.full((4, 2), np.nan)
    frames = {0: near, 1: np.concatenate([near, far]), 2: far, 3: lost}
    svg = samples.scatter({k: v.astype(np.float32) for k, v in frames.items()}, None, 1.0, "x" * 30, 8.0)
    for text in ("4 of 8 outside", "all 4 samples lie", "outside, 30 away", "none of 4 samples", "is finite"):
        assert text in svg
    assert svg.count("outside") == 2
