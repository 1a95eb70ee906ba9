"""MS-SSIM: closed forms, two published implementations, and how diverse real digits are."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from fixed_numbers import uniform

from bench.data.load import load
from bench.metrics.batch import Batch, Context
from bench.metrics.cache import Cache
from bench.metrics.ms_ssim import C1, WEIGHTS, diversity, ms_ssim, pairs, scales, similarity
from bench.trial import Component


@pytest.mark.parametrize(
    ("side", "channels", "expected"),
    [
        (176, 3, [0.8641239235, 0.8640086768]),
        (64, 1, [0.8609229901, 0.8618344567]),
        (32, 3, [0.8284695936, 0.8286406778]),
        (28, 1, [0.8285598540, 0.7923545013]),
    ],
)
def test_published_implementations_say_the_same(side: int, channels: int, expected: list[float]) -> None:
    """multi_scale_ssim of piq 0.8.0, with our weights; ms_ssim of pytorch-msssim 1.0.0 (176 pixels only)."""
    coarse = np.kron(uniform(f"coarse {side}", 2, channels, side // 4, side // 4), np.ones((4, 4)))
    mixed = 0.6 * coarse + 0.4 * uniform(f"fine {side}", 2, channels, side, side)
    assert similarity(2.0 * coarse - 1.0, 2.0 * mixed - 1.0) == pytest.approx(expected, abs=2e-8)


def test_as_many_scales_as_fit() -> None:
    assert [scales(side) for side in (11, 21, 22, 28, 32, 43, 44, 64, 88, 176, 1000)] == [
        *(1, 1, 2, 2, 2, 2, 3, 3, 4, 5, 5),
    ]
    with pytest.raises(ValueError, match="at least 11 pixels, got 10"):
        scales(10)


@pytest.mark.parametrize("size", [1.0, 1e-3, 255.0, 1e30])
def test_equal_pictures_have_one(size: float) -> None:
    x = (size * (2.0 * uniform("one", 5, 3, 28, 28) - 1.0)).astype(np.float32)
    assert similarity(x, x).tolist() == [1.0] * 5
    assert diversity(np.repeat(x[:1], 9, axis=0)) == 1.0


@pytest.mark.parametrize(("a", "b"), [(0.0, 1.0), (0.2, 0.7), (1.0, 1.0)])
def test_flat_pictures_differ_in_luminance_alone(a: float, b: float) -> None:
    """cs = 1 everywhere, so ((2 a b + c1) / (a^2 + b^2 + c1))^w_M; w = (0.0448, 0.2856) / their sum."""
    x, y = (np.full((1, 1, 28, 28), 2.0 * each - 1.0) for each in (a, b))
    weight = WEIGHTS[1] / sum(WEIGHTS[:2])
    expected = ((2 * a * b + C1) / (a * a + b * b + C1)) ** weight
    assert similarity(x, y) == pytest.approx([expected], rel=1e-9)


def test_a_negative_has_none() -> None:
    """Where one picture is bright the other is dark: all covariances are negative."""
    x = 2.0 * uniform("negative", 4, 1, 28, 28) - 1.0
    assert similarity(x, -x).tolist() == [0.0] * 4


def test_independent_noise_is_near_zero_and_symmetric() -> None:
    x = 2.0 * uniform("noise", 200, 1, 28, 28) - 1.0
    assert diversity(x) < 0.08
    assert similarity(x[:9], x[9:18]) == pytest.approx(similarity(x[9:18], x[:9]), rel=1e-12)


def test_what_is_not_finite_has_no_similarity() -> None:
    x = 2.0 * uniform("finite", 4, 1, 28, 28) - 1.0
    y = x.copy()
    y[1, 0, 3, 3], y[2, 0, 0, 0], x[2, 0, 0, 0] = np.nan, np.inf, -np.inf
    assert np.isnan(similarity(x, y)).tolist() == [False, True, True, False]
    assert np.isnan(diversity(y))


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 64, 64)])
def test_memory_is_bounded_whatever_the_size(shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    x = 2.0 * uniform("memory", 8, *shape).astype(np.float32)[np.arange(64) % 8] - 1.0
    whole = diversity(x)
    monkeypatch.setattr("bench.metrics.ms_ssim.BYTES", 4_000_000)
    tracemalloc.start()
    assert diversity(x) == whole
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4_000_000


@pytest.mark.parametrize("n", [8, 9, 2000])
def test_pairs_are_disjoint_fixed_and_random(n: int) -> None:
    chosen = pairs(n)
    assert chosen.shape == (n // 2, 2)
    assert len(set(chosen.ravel().tolist())) == n // 2 * 2
    assert np.array_equal(chosen, pairs(n))
    if n == 2000:
        # Classes asked for in turn: two of a pair have the same one in a tenth of the cases.
        assert (chosen[:, 0] % 10 == chosen[:, 1] % 10).mean() == pytest.approx(0.1, abs=0.03)


def test_of_digits() -> None:
    """Real pairs are the floor; one class is more alike, of m pictures in turn 1 / m of pairs are equal."""
    data = load(Component("digits"))
    measure = ms_ssim(Context(data, 2000, Cache(None)))
    assert measure.provenance == {"scales": 2, "pairs": 1000}
    score = {
        name: measure.score(Batch(samples))["ms_ssim"]
        for name, samples in (
            ("real", data.heldout),
            ("train", data.train[:2000]),
            ("ones", data.heldout[data.heldout_labels == 1]),
            ("ten", np.tile(data.heldout[:10], (200, 1, 1, 1))),
        )
    }
    real = score["real"]
    assert isinstance(real, float)
    assert score["train"] == pytest.approx(real, abs=0.02)
    assert score["ones"] > real + 0.2  # type: ignore[operator]
    assert score["ten"] == pytest.approx(0.1 + 0.9 * real, abs=0.05)
