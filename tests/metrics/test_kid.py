"""The kernel distance against its definition, a closed form, and torch-fidelity's on the same subsets."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from bench.data.load import load
from bench.errors import UserError
from bench.metrics import kid
from bench.metrics.batch import SPLITS, Batch, Context
from bench.metrics.cache import Cache
from bench.metrics.catalog import METRICS
from bench.metrics.evaluate import build
from bench.trial import Component

N = 400


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def by_definition(x: np.ndarray, y: np.ndarray) -> float:
    def k(a: np.ndarray, b: np.ndarray) -> float:
        return float((a @ b / len(a) + 1.0) ** 3)

    n, m = len(x), len(y)
    own = sum(k(x[i], x[j]) for i, j in product(range(n), repeat=2) if i != j) / (n * (n - 1))
    other = sum(k(y[i], y[j]) for i, j in product(range(m), repeat=2) if i != j) / (m * (m - 1))
    return own + other - 2.0 * sum(k(a, b) for a, b in product(x, y)) / (n * m)


@pytest.mark.parametrize(("n", "m", "d"), [(9, 13, 3), (2, 2, 1)])
def test_equals_its_definition(n: int, m: int, d: int, rng: np.random.Generator) -> None:
    x, y = rng.normal(size=(n, d)), rng.normal(size=(m, d)) + 0.5
    assert kid.features_distance(x, y) == pytest.approx(by_definition(x, y), rel=1e-12)


def test_blocks_do_not_change_it(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = rng.normal(size=(50, 4)), rng.normal(size=(37, 4))
    whole = kid.features_distance(x, y)
    monkeypatch.setattr(kid, "CELLS", 130)
    assert kid.features_distance(x, y) == pytest.approx(whole, rel=1e-12)


def test_constant_samples() -> None:
    """Points a and b: (aa + 1)^3 + (bb + 1)^3 - 2 (ab + 1)^3 in one dimension."""
    x, y = np.full((5, 1), 2.0), np.full((7, 1), -1.0)
    assert kid.features_distance(x, y) == pytest.approx(125.0 + 8.0 - 2.0 * (-1.0), rel=1e-12)
    assert kid.features_distance(x, x[:3]) == pytest.approx(0.0, abs=1e-10)


def test_it_has_no_bias(rng: np.random.Generator) -> None:
    """In one dimension MMD^2 = 3 D1^2 + 3 D2^2 + D3^2, with Dp the difference of the p-th raw moments."""
    shift, n = 0.3, 20
    first, second, third = shift, shift**2 + 1.0, shift**3 + 3.0 * shift
    expected = 3.0 * first**2 + 3.0 * (second - 1.0) ** 2 + third**2
    values = [
        kid.features_distance(rng.normal(size=(n, 1)) + shift, rng.normal(size=(n, 1))) for _ in range(4000)
    ]
    error = np.std(values) / np.sqrt(len(values))
    assert abs(np.mean(values) - expected) < 4.0 * error


@pytest.mark.parametrize(("n", "m", "d"), [(60, 80, 16), (100, 100, 2048)])
@pytest.mark.filterwarnings("ignore")
def test_equals_torch_fidelity_on_the_same_subsets(n: int, m: int, d: int, rng: np.random.Generator) -> None:
    import torch
    from torch_fidelity.metric_kid import (
        KEY_METRIC_KID_MEAN,
        KEY_METRIC_KID_STD,
        kid_features_to_metric,
    )

    x, y = np.abs(rng.normal(size=(n, d))), np.abs(rng.normal(size=(m, d))) * 1.2
    theirs = kid_features_to_metric(
        torch.from_numpy(x), torch.from_numpy(y), kid_subsets=7, kid_subset_size=40, rng_seed=5, verbose=False
    )
    draws = np.random.RandomState(5)
    pairs = [(draws.choice(n, 40, replace=False), draws.choice(m, 40, replace=False)) for _ in range(7)]
    mean, sd = kid.subsets_distance(x, y, pairs)
    assert mean == pytest.approx(theirs[KEY_METRIC_KID_MEAN], rel=1e-6)
    assert sd == pytest.approx(theirs[KEY_METRIC_KID_STD], rel=1e-6)
    # One subset of everything is everything.
    size = min(n, m)
    everything = kid_features_to_metric(
        torch.from_numpy(x[:size]), torch.from_numpy(y[:size]), kid_subsets=1, kid_subset_size=size
    )[KEY_METRIC_KID_MEAN]
    assert kid.features_distance(x[:size], y[:size]) == pytest.approx(everything, rel=1e-6)


def test_random_pairs_have_no_repeats_and_do_not_change() -> None:
    first, second = (list(kid.random_pairs(30, 40, 3, 20)) for _ in range(2))
    assert len(first) == 3
    for (left, right), (again, _) in zip(first, second, strict=True):
        assert len(set(left)) == len(set(right)) == 20
        assert max(left) < 30 <= 40 > max(right)
        assert np.array_equal(left, again)
    assert not np.array_equal(first[0][0], first[1][0])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_never_scores(bad: float, rng: np.random.Generator) -> None:
    x = rng.normal(size=(20, 3))
    broken = x.copy()
    broken[4, 1] = bad
    with np.errstate(invalid="ignore"):
        assert not np.isfinite(kid.features_distance(broken, x))
        assert not np.isfinite(kid.features_distance(x, broken))


def test_shapes_and_counts_are_checked() -> None:
    with pytest.raises(ValueError, match=r"\[n, d\]"):
        kid.known(np.zeros(4))
    with pytest.raises(ValueError, match="at least 2"):
        kid.known(np.zeros((1, 4)))


@pytest.mark.parametrize("keys", [{}, {"subsets": 20, "subset_size": 150}], ids=["all", "subsets"])
def test_the_metric_on_digits(keys: dict[str, int]) -> None:
    """Its floor is 0 within its noise; half of the classes are far beyond."""
    digits = load(Component("digits"))
    evaluator = build(digits, (Component("kid", tuple(keys.items())),), N, None)
    row = evaluator(digits.heldout[:N])
    assert row["kid_status"] == "ok"
    floor = evaluator.floors()["kid"]
    assert abs(floor["mean"]) < 5.0 * floor["sd"]
    assert abs(row["kid"]) < 8.0 * floor["sd"]  # type: ignore[arg-type]
    five = digits.heldout[digits.heldout_labels < 5][:N]
    missing = evaluator(five)
    assert missing["kid"] > 20.0 * floor["sd"]  # type: ignore[operator]
    assert missing["kid.heldout"] > 20.0 * floor["sd"]  # type: ignore[operator]
    assert evaluator.provenance["kid"]["extractor"] == "lenet_digits"


def test_the_metric_is_the_function() -> None:
    digits = load(Component("digits"))
    context = Context(digits, N, Cache(None))
    entry = METRICS.get("metric", "kid")
    measure = entry.load()(context, **entry.resolve({}))
    batch = Batch(digits.heldout[-N:])
    from bench.metrics.extractors import extractor

    network = extractor("lenet_digits")
    for split, column in zip(SPLITS, ("kid", "kid.heldout"), strict=True):
        expected = kid.samples_distance(batch.samples, context.reference(split).samples, network)
        assert measure.score(batch)[column] == pytest.approx(expected, rel=1e-9)


def test_inception_without_weights_is_told_of_before_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GANBENCH_INCEPTION", raising=False)
    kid.check(subsets=0, subset_size=9, features="own", weights="/nowhere")
    with pytest.raises(UserError, match="no file /nowhere"):
        kid.check(subsets=0, subset_size=9, features="inception", weights="/nowhere")
