"""No metric of the catalogue gives a finite score to what is not finite, or a good one to what is absurd."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cache, cached_property
from pathlib import Path

import numpy as np
import pytest

from bench.data.load import Dataset, load
from bench.metrics import fid
from bench.metrics.batch import Features, Floats
from bench.metrics.catalog import METRICS, Column
from bench.metrics.evaluate import Evaluator, build
from bench.trial import Component
from ganzoo.catalog import Entry

N = 200
MORE = {"fd_inf": 700}
"""Its smallest blocks must have more rows than features."""
DATASETS = {"image": "digits", "points": "ring8", "signal": "waves"}
ENTRIES = [entry for entry in METRICS.entries("metric") if entry.facts.get("of") != "game"]
CASES = [(entry.name, DATASETS[modality]) for entry in ENTRIES for modality in entry.facts["modalities"]]
Samples = Callable[[Floats, np.random.Generator], Floats]


def replaced(value: float) -> Samples:
    """One number of one sample is `value`."""

    def make(real: Floats, rng: np.random.Generator) -> Floats:
        samples = real.copy()
        samples.reshape(-1)[17] = value
        return samples

    return make


def filled(size: float) -> Samples:
    return lambda real, rng: (size * rng.choice([-1.0, 1.0], real.shape)).astype(np.float32)


NOT_FINITE: dict[str, Samples] = {
    "one NaN": replaced(math.nan),
    "one infinity": replaced(math.inf),
    "one negative infinity": replaced(-math.inf),
    "all NaN": lambda real, rng: np.full_like(real, math.nan),
}
ABSURD: dict[str, Samples] = {
    "all 1e30": filled(1e30),
    "all 3e38": filled(3e38),
    "one point": lambda real, rng: np.repeat(real[:1], len(real), axis=0),
    "all zero": lambda real, rng: np.zeros_like(real),
    "two points": lambda real, rng: real[rng.integers(2, size=len(real))],
    "two values": lambda real, rng: rng.choice(np.float32([-1.0, 1.0]), real.shape),
    "bytes": lambda real, rng: np.rint((real + 1.0) * 127.5),
}


class Projected:
    """In the place of Inception, whose weights are not here: 16 fixed projections of the bytes."""

    name, sha256 = "projected", "0" * 64

    def __init__(self, path: Path) -> None:
        del path

    def __call__(self, images: Floats) -> Features:
        flat = fid.to_bytes(images).reshape(len(images), -1).astype(np.float32)
        units = np.random.default_rng(0).normal(size=(flat.shape[1], 16)).astype(np.float32)
        return flat @ units / 255.0, np.empty((len(images), 0), np.float32)


class Case:
    """One metric on one data set."""

    def __init__(self, metric: str, dataset: str) -> None:
        self.entry, self.data, self.n = METRICS.get("metric", metric), _load(dataset), MORE.get(metric, N)
        self.evaluator: Evaluator = build(self.data, (Component(metric),), self.n, None)

    @cached_property
    def floors(self) -> dict[str, dict[str, float]]:
        return self.evaluator.floors()

    def scored(self, make: Samples) -> tuple[str, dict[str, object]]:
        """Status ("ok" for a metric that has none) and values."""
        row = self.evaluator(make(self.data.heldout[: self.n], np.random.default_rng(5)))
        names = [column.name for column in self.entry.facts["columns"]]
        status = row.get(f"{self.entry.name}_status", "ok")
        return str(status), {name: row[name] for name in names if not name.endswith("_status")}


@cache
def _load(dataset: str) -> Dataset:
    return load(Component(dataset))


Cases = Callable[[str, str], Case]


@pytest.fixture(scope="module")
def cases() -> Iterator[Cases]:
    """Each is built once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fid, "check", lambda *, weights: Path(weights))
        patch.setattr(fid, "Inception", Projected)
        yield cache(Case)


@pytest.mark.parametrize("kind", NOT_FINITE)
@pytest.mark.parametrize(("metric", "dataset"), CASES)
def test_what_is_not_finite_has_no_score(metric: str, dataset: str, kind: str, cases: Cases) -> None:
    case = cases(metric, dataset)
    status, values = case.scored(NOT_FINITE[kind])
    assert set(values.values()) == {None}
    assert status == "nonfinite" or f"{metric}_status" not in case.evaluator.columns


@pytest.mark.parametrize("kind", ABSURD)
@pytest.mark.parametrize(("metric", "dataset"), CASES)
def test_what_is_absurd_has_no_good_score(metric: str, dataset: str, kind: str, cases: Cases) -> None:
    """Null with a status; or finite, in the range of the column's unit, and no distance near the floor."""
    case = cases(metric, dataset)
    status, values = case.scored(ABSURD[kind])
    if status != "ok":
        assert status in ("nonfinite", "unavailable")
        assert set(values.values()) == {None}
        return
    for column in case.entry.facts["columns"]:
        value = values.get(column.name)
        if isinstance(value, float):
            assert math.isfinite(value)
            low, high = between(column, case.entry, case.data.n_modes or 0)
            assert low <= value <= high, column
            if is_distance(column):
                floor = case.floors[column.name]
                assert value > floor["mean"] + 5.0 * floor["sd"], column


def is_distance(column: Column) -> bool:
    """Whether real data have the smallest values of a column; of diversity, noise has."""
    return column.direction == "lower" and column.unit not in (
        "share",
        "nats",
        "similarity",
        "share of pairs",
    )


def between(column: Column, entry: Entry, modes: int) -> tuple[float, float]:
    """The values that a column may have."""
    if column.unit in ("share", "share of pairs", "similarity"):
        return 0.0, 1.0
    if column.unit == "modes":
        return 0.0, float(modes)
    # An unbiased or extrapolated estimate may be below 0 by its noise; all else is a size.
    return (-math.inf if entry.name in ("kid", "fd_inf") else 0.0), math.inf


def test_every_metric_of_samples_is_put_to_the_test() -> None:
    named = {metric for metric, _ in CASES}
    game = {entry.name for entry in METRICS.entries("metric") if entry.facts.get("of") == "game"}
    assert named | game == set(METRICS.names("metric"))
    assert not named & game


@pytest.mark.parametrize(("metric", "dataset"), CASES)
def test_a_floor_is_there_where_the_catalogue_says_so(metric: str, dataset: str, cases: Cases) -> None:
    case = cases(metric, dataset)
    columns = {column.name for column in case.entry.facts["columns"]}
    assert bool(columns & set(case.floors)) == case.entry.facts["floor"]
