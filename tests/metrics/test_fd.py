"""The Fréchet distance against closed forms and against torch-fidelity."""

from __future__ import annotations

import numpy as np
import pytest

from bench.metrics.fd import (
    Moments,
    block_moments,
    distance,
    features_distance,
    merge,
    moments,
    reference,
    stream_moments,
)


def gaussian(mean: list[float], covariance: list[list[float]]) -> Moments:
    """Moments of an exact Gaussian: n = 2 makes the scatter equal the covariance."""
    return Moments(2, np.array(mean), np.array(covariance))


def fd(a: Moments, b: Moments) -> float:
    return distance(a, reference(b))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def test_one_dimension() -> None:
    """(m1 - m2)^2 + (s1 - s2)^2."""
    a, b = gaussian([1.0], [[4.0]]), gaussian([-2.0], [[0.25]])
    assert fd(a, b) == pytest.approx(9.0 + (2.0 - 0.5) ** 2, rel=1e-12)


def test_two_dimensions_that_commute() -> None:
    """Diagonal covariances: the sum over axes of (s1 - s2)^2."""
    a, b = gaussian([0.0, 0.0], [[9.0, 0.0], [0.0, 1.0]]), gaussian([0.0, 0.0], [[1.0, 0.0], [0.0, 16.0]])
    assert fd(a, b) == pytest.approx(4.0 + 9.0, rel=1e-12)


def test_two_dimensions_that_do_not_commute() -> None:
    """tr (S1 S2)^(1/2) of 2x2 matrices is sqrt(tr S1 S2 + 2 sqrt(det S1 S2))."""
    s1, s2 = np.array([[2.0, 1.0], [1.0, 3.0]]), np.array([[5.0, -2.0], [-2.0, 1.0]])
    overlap = np.sqrt(np.trace(s1 @ s2) + 2.0 * np.sqrt(np.linalg.det(s1 @ s2)))
    expected = 1.0 + np.trace(s1 + s2) - 2.0 * overlap
    a, b = gaussian([0.0, 1.0], s1.tolist()), gaussian([0.0, 0.0], s2.tolist())
    assert fd(a, b) == pytest.approx(expected, rel=1e-12)
    assert fd(a, b) == pytest.approx(fd(b, a), rel=1e-12)


@pytest.mark.parametrize(("n", "d"), [(500, 8), (30, 64), (2, 5)])
def test_equal_sets_are_at_distance_zero(n: int, d: int, rng: np.random.Generator) -> None:
    x = rng.normal(size=(n, d))
    assert features_distance(x, x) <= 1e-6 * d


def test_a_shift_adds_its_square(rng: np.random.Generator) -> None:
    x = rng.normal(size=(400, 6))
    assert features_distance(x, x + 3.0) == pytest.approx(54.0, rel=1e-9)


def test_a_collapsed_sample(rng: np.random.Generator) -> None:
    """A constant sample at the mean: the trace of the other covariance."""
    y = rng.normal(size=(300, 5)) * np.arange(1.0, 6.0)
    x = np.repeat(y.mean(axis=0, keepdims=True), 300, axis=0)
    assert features_distance(x, y) == pytest.approx(np.trace(np.cov(y, rowvar=False)), rel=1e-9)
    assert features_distance(y, x) == pytest.approx(features_distance(x, y), rel=1e-9)
    assert features_distance(x, x) == 0.0


def test_singular_covariances(rng: np.random.Generator) -> None:
    """Rank one each, on orthogonal axes: no overlap, the two variances add."""
    t = rng.normal(size=100)
    x, y = np.zeros((100, 3)), np.zeros((100, 3))
    x[:, 0], y[:, 1] = t - t.mean(), 2.0 * (t - t.mean())
    assert features_distance(x, y) == pytest.approx(5.0 * t.var(ddof=1), rel=1e-9)


def test_more_dimensions_than_samples(rng: np.random.Generator) -> None:
    """tr (S1 S2)^(1/2) is the nuclear norm of X Y^T / (n - 1) for centred X, Y."""
    x, y = rng.normal(size=(12, 40)), rng.normal(size=(12, 40)) + 0.5
    a, b = x - x.mean(axis=0), y - y.mean(axis=0)
    overlap = np.linalg.norm(a @ b.T, "nuc") / 11.0
    step = x.mean(axis=0) - y.mean(axis=0)
    expected = step @ step + ((a**2).sum() + (b**2).sum()) / 11.0 - 2.0 * overlap
    assert features_distance(x, y) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("n", "d"), [(400, 16), (300, 64)])
@pytest.mark.filterwarnings("ignore")
def test_agrees_with_torch_fidelity(n: int, d: int, rng: np.random.Generator) -> None:
    import torch
    from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_features_to_statistics, fid_statistics_to_metric

    mix = rng.normal(size=(d, d))
    x = (rng.normal(size=(n, d)) @ mix).astype(np.float64)
    y = (rng.normal(size=(n + 50, d)) @ mix * 1.1 + 0.3).astype(np.float64)
    statistics = [fid_features_to_statistics(torch.from_numpy(each)) for each in (x, y)]
    theirs = fid_statistics_to_metric(*statistics, verbose=False)[KEY_METRIC_FID]
    assert features_distance(x, y) == pytest.approx(theirs, rel=1e-6)


def test_streaming_equals_at_once(rng: np.random.Generator) -> None:
    x = rng.normal(size=(1000, 5)) + 100.0
    whole, streamed = block_moments(x), stream_moments([x[:1], x[1:300], x[300:]])
    assert streamed.n == 1000
    assert np.allclose(streamed.mean, whole.mean, rtol=1e-13)
    assert np.allclose(streamed.covariance, np.cov(x, rowvar=False), rtol=1e-10)
    assert np.allclose(
        merge(block_moments(x[:400]), block_moments(x[400:])).scatter, whole.scatter, rtol=1e-10
    )
    long = rng.normal(size=(9000, 2)).astype(np.float32)
    assert np.allclose(moments(long).covariance, np.cov(long.astype(np.float64), rowvar=False), rtol=1e-10)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_never_scores(bad: float, rng: np.random.Generator) -> None:
    x = rng.normal(size=(50, 4))
    broken = x.copy()
    broken[3, 2] = bad
    with np.errstate(invalid="ignore"):
        assert np.isnan(features_distance(broken, x))


def test_shapes_and_counts_are_checked() -> None:
    with pytest.raises(ValueError, match=r"\[n, d\]"):
        moments(np.zeros(3))
    with pytest.raises(ValueError, match=r"\[n, d\]"):
        moments(np.zeros((0, 3)))
    with pytest.raises(ValueError, match="at least 2"):
        reference(moments(np.zeros((1, 3))))
    with pytest.raises(ValueError, match="no features"):
        stream_moments([])
