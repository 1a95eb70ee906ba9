"""The Fréchet distance against closed forms and against torch-fidelity."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.data.load import load
from bench.metrics.batch import Batch, Context, Features, Floats
from bench.metrics.cache import Cache
from bench.metrics.extractors import lenet
from bench.metrics.fd import (
    Matrix,
    Moments,
    _congruence,
    _times_lower,
    block_moments,
    block_rows,
    distance,
    features_distance,
    merge,
    moments,
    reference,
    samples_distance,
    statistics,
    stream_moments,
)
from bench.metrics.fd import fd as fd_metric
from bench.trial import Component


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


def samples(kind: str, n: int, m: int, d: int, rng: np.random.Generator) -> tuple[Matrix, Matrix]:
    """Features x [n, d] and y [m, d] whose variances along random axes fall from 1 to 1e-4."""
    roots = np.sqrt(np.exp(-8.0 * np.arange(d) / d) + 1e-4)
    axes = np.linalg.qr(rng.normal(size=(d, d)))[0] if d <= 128 else np.eye(d)[rng.permutation(d)]
    x = (rng.normal(size=(n, d)) * roots * 1.1) @ axes + 0.5
    y = (rng.normal(size=(m, d)) * roots) @ axes + 0.4
    if kind == "duplicated columns":
        x[:, d // 2 :], y[:, d // 2 :] = x[:, : d - d // 2], y[:, : d - d // 2]
    if kind == "dead columns":
        x[:, ::2], y[:, ::2] = 0.0, 0.0
    if kind == "constant":
        x[:] = x[0]
    if kind == "three points":
        x = x[np.arange(n) % 3]
    if kind == "low rank":
        x = rng.normal(size=(n, max(1, d // 4))) @ rng.normal(size=(max(1, d // 4), d)) / np.sqrt(d)
    return x, y


KINDS = ("full", "duplicated columns", "dead columns", "constant", "three points", "low rank")


def closed_form(x: Matrix, y: Matrix) -> float:
    """By singular values of A F^T, where A^T A and F^T F are the covariances: no root of a rounded zero."""
    a, b = (each - each.mean(axis=0) for each in (x, y))
    a, b = (np.linalg.qr(each, "r") if len(each) > each.shape[1] else each for each in (a, b))
    step, n, m = x.mean(axis=0) - y.mean(axis=0), len(x) - 1.0, len(y) - 1.0
    overlap = np.linalg.svd(a @ b.T, compute_uv=False).sum() / np.sqrt(n * m)
    return float(step @ step + (a**2).sum() / n + (b**2).sum() / m - 2.0 * overlap)


def torch_fidelitys(x: Matrix, y: Matrix) -> float:
    import torch
    from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_features_to_statistics, fid_statistics_to_metric

    known = [fid_features_to_statistics(torch.from_numpy(each)) for each in (x, y)]
    return float(fid_statistics_to_metric(*known, verbose=False)[KEY_METRIC_FID])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("n", "m"), [(10, 10), (10, 200), (200, 130), (1000, 1000)])
@pytest.mark.parametrize("d", [2, 128])
@pytest.mark.filterwarnings("ignore")
def test_equals_torch_fidelity_and_the_closed_form(
    kind: str, n: int, m: int, d: int, rng: np.random.Generator
) -> None:
    x, y = samples(kind, n, m, d, rng)
    ours = features_distance(x, y)
    assert ours == pytest.approx(torch_fidelitys(x, y), rel=1e-6)
    assert ours == pytest.approx(closed_form(x, y), rel=1e-7)
    assert features_distance(y, x) == pytest.approx(ours, rel=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "n"),
    [
        ("full", 10),
        ("full", 2000),
        ("duplicated columns", 2000),
        ("three points", 2000),
        ("full", 10_000),
        ("duplicated columns", 10_000),
        ("constant", 10_000),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_equals_both_in_2048_dimensions(kind: str, n: int, rng: np.random.Generator) -> None:
    x, y = samples(kind, n, n, 2048, rng)
    ours = features_distance(x, y)
    assert ours == pytest.approx(closed_form(x, y), rel=1e-7)
    assert ours == pytest.approx(torch_fidelitys(x, y), rel=1e-6)


@pytest.mark.parametrize("d", [2, 128])
def test_10_000_samples(d: int, rng: np.random.Generator) -> None:
    x, y = samples("full", 10_000, 10_000, d, rng)
    assert features_distance(x, y) == pytest.approx(torch_fidelitys(x, y), rel=1e-6)


@pytest.mark.parametrize(("n", "d", "rank"), [(600, 128, 32), (100, 128, 128)])
@pytest.mark.filterwarnings("ignore")
def test_a_small_distance_of_singular_samples(n: int, d: int, rank: int, rng: np.random.Generator) -> None:
    """A sample and itself moved by 0.01: d times 1e-4. Rounded zeros cost torch-fidelity 1e-4 of it."""
    x = rng.normal(size=(n, rank)) @ rng.normal(size=(rank, d)) / np.sqrt(rank)
    expected = d * 1e-4
    assert features_distance(x, x + 0.01) == pytest.approx(expected, rel=1e-8)
    assert torch_fidelitys(x, x + 0.01) != pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("n", "d"), [(400, 16), (12, 40)])
def test_samples_features_and_statistics_agree(n: int, d: int, rng: np.random.Generator) -> None:
    class Doubles:
        name, sha256 = "doubles", "0" * 64

        def __call__(self, images: Floats) -> Features:
            return 2.0 * images.reshape(len(images), -1), np.empty((len(images), 0), np.float32)

    x, y = (rng.normal(size=(n, 1, 2, d // 2)).astype(np.float32) for _ in range(2))
    of_samples = samples_distance(x, y, Doubles())
    a, b = (2.0 * each.reshape(n, d).astype(np.float64) for each in (x, y))
    assert of_samples == pytest.approx(features_distance(a, b), rel=1e-12)
    known = [statistics(n, each.mean(axis=0), np.cov(each, rowvar=False)) for each in (a, b)]
    assert distance(known[0], reference(known[1])) == pytest.approx(of_samples, rel=1e-7)
    assert distance(moments(a), reference(block_rows(b))) == pytest.approx(of_samples, rel=1e-7)
    assert distance(block_rows(a), reference(moments(b))) == pytest.approx(of_samples, rel=1e-7)


def test_the_count_of_known_statistics_does_not_matter(rng: np.random.Generator) -> None:
    x, y = rng.normal(size=(2, 50, 6))
    of = [
        distance(statistics(n, x.mean(0), np.cov(x, rowvar=False)), reference(moments(y))) for n in (2, 9999)
    ]
    assert of[0] == pytest.approx(of[1], rel=1e-12)
    with pytest.raises(ValueError, match=r"covariance \[d, d\]"):
        statistics(2, np.zeros(3), np.zeros((2, 2)))


@pytest.mark.parametrize("d", [1, 511, 512, 513, 1100])
def test_triangles_are_multiplied_in_tiles(d: int, rng: np.random.Generator) -> None:
    lower, x = np.tril(rng.normal(size=(d, d))), rng.normal(size=(40, d))
    symmetric = x.T @ x
    assert np.allclose(_times_lower(x, lower), x @ lower)
    assert np.allclose(np.tril(_congruence(symmetric, lower)), np.tril(lower.T @ symmetric @ lower))


def test_few_rows_have_a_factor_of_full_rank(rng: np.random.Generator) -> None:
    x = rng.normal(size=(7, 20))
    factor = block_rows(x).factor
    assert factor.shape == (6, 20)
    assert np.allclose(factor.T @ factor, np.cov(x, rowvar=False))


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
        assert np.isnan(features_distance(x, broken))
        assert np.isnan(features_distance(broken[:4], x))


def test_an_overflow_never_scores(rng: np.random.Generator) -> None:
    x = rng.normal(size=(50, 4))
    with np.errstate(over="ignore", invalid="ignore"):
        assert not np.isfinite(features_distance(1e200 * x, x))


def test_shapes_and_counts_are_checked() -> None:
    with pytest.raises(ValueError, match=r"\[n, d\]"):
        moments(np.zeros(3))
    with pytest.raises(ValueError, match=r"\[n, d\]"):
        moments(np.zeros((0, 3)))
    with pytest.raises(ValueError, match="at least 2"):
        reference(moments(np.zeros((1, 3))))
    with pytest.raises(ValueError, match="no features"):
        stream_moments([])


@pytest.mark.parametrize("n", [40, 300], ids=["vectors", "moments"])
def test_a_reference_from_the_cache_is_the_same(
    n: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second run reads its reference, fewer vectors than features or more, and makes none."""
    digits = load(Component("digits"))
    batch = Batch(digits.heldout[-n:])
    network = lenet("lenet_digits")
    expected = features_distance(network(batch.samples)[0], network(digits.train[:n])[0])
    scores = [fd_metric(Context(digits, n, Cache(folder))).score(batch) for folder in (None, tmp_path)]
    monkeypatch.setattr("bench.metrics.fd.reference", None)
    scores.append(fd_metric(Context(digits, n, Cache(tmp_path))).score(batch))
    assert scores[0] == scores[1] == scores[2]
    assert scores[0]["fd"] == pytest.approx(expected, rel=1e-9)
