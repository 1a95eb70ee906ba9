"""The evaluator: its columns, its floors, and no finite score for what is not finite."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.data.load import Dataset, load
from bench.errors import UserError
from bench.metrics import fd as fd_module
from bench.metrics.catalog import columns_of
from bench.metrics.evaluate import Evaluator, build
from bench.metrics.sw1 import points_distance
from bench.trial import Component

METRICS = {
    "digits": (Component("fd"), Component("modes")),
    "ring8": (Component("sw1"), Component("modes")),
    "waves": (Component("sw1"), Component("modes")),
}
N = 500


@pytest.fixture(scope="module", params=list(METRICS))
def case(request: pytest.FixtureRequest) -> tuple[Dataset, Evaluator]:
    data = load(Component(request.param))
    return data, build(data, METRICS[request.param], N, None)


def test_columns_are_those_of_the_catalogue(case: tuple[Dataset, Evaluator]) -> None:
    data, evaluator = case
    components = METRICS[data.component.name]
    assert evaluator.columns == tuple(column.name for column in columns_of(components))
    assert evaluator.metrics == (*(each.name for each in components), "spread")
    row = evaluator(data.heldout[:N])
    assert tuple(row) == evaluator.columns
    assert row[f"{data.primary}_status"] == row["modes_status"] == "ok"
    assert all(value is not None for value in row.values())


def test_equal_samples_give_equal_rows(case: tuple[Dataset, Evaluator]) -> None:
    data, evaluator = case
    again = build(data, METRICS[data.component.name], N, None)
    assert evaluator(data.heldout[:N]) == again(data.heldout[:N].copy())


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_never_scores(case: tuple[Dataset, Evaluator], bad: float) -> None:
    data, evaluator = case
    samples = data.heldout[:N].copy()
    samples.reshape(-1)[17] = bad
    row = evaluator(samples)
    assert {row[f"{data.primary}_status"], row["modes_status"]} == {"nonfinite"}
    assert all(value is None for name, value in row.items() if not name.endswith("_status"))


def test_samples_that_overflow_a_metric_null_it(case: tuple[Dataset, Evaluator]) -> None:
    data, evaluator = case
    row = evaluator(np.full_like(data.heldout[:N], 3e38))
    for metric in (data.primary, "modes"):
        values = [value for name, value in row.items() if name.startswith(f"{metric}.") or name == metric]
        if row[f"{metric}_status"] == "ok":
            # `modes.kl` is null where no sample is in a mode.
            assert all(value is None or isinstance(value, str) or np.isfinite(value) for value in values)
        else:
            assert values == [None] * len(values)


def test_no_eigenvalues_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    data = load(Component("digits"))
    evaluator = build(data, METRICS["digits"], N, None)

    def fail(_: object) -> None:
        raise np.linalg.LinAlgError("did not converge")

    monkeypatch.setattr(fd_module.np.linalg, "eigvalsh", fail)
    row = evaluator(data.heldout[:N])
    assert (row["fd"], row["fd.noise"], row["fd_status"]) == (None, None, "unavailable")
    assert row["modes_status"] == "ok"


def test_a_collapsed_generator_is_far_from_the_floor(case: tuple[Dataset, Evaluator]) -> None:
    data, evaluator = case
    row = evaluator(np.repeat(data.heldout[:1], N, axis=0))
    floor = evaluator.floors()[data.primary]
    value = row[data.primary]
    assert isinstance(value, float)
    assert value > floor["mean"] + 20 * floor["sd"]
    assert row["spread"] == pytest.approx(0.0, abs=1e-6)
    assert row["modes.any"] in (0.0, 1.0)


def test_floors(case: tuple[Dataset, Evaluator]) -> None:
    data, evaluator = case
    floors = evaluator.floors()
    numbers = {column.name for column in columns_of(METRICS[data.component.name]) if column.unit != "text"}
    assert set(floors) == {name for name in numbers if not name.endswith(".noise")}
    assert floors["modes.covered"]["mean"] == data.n_modes
    assert floors["spread"]["mean"] == pytest.approx(1.0, abs=0.02)
    for name, floor in floors.items():
        assert set(floor) == {"mean", "sd", "n", "resamples"}
        assert (floor["n"], floor["resamples"]) == (N, 20)
        assert floor["sd"] >= 0.0 if name.startswith("modes") else floor["sd"] > 0.0


def test_the_floors_sd_is_that_of_fresh_samples() -> None:
    """sw1 on ring8: 20 disjoint fresh samples of 500 have the SD that resampling held-out rows says."""
    data = load(Component("ring8"))
    evaluator = build(data, (Component("sw1"),), N, None)
    fresh = [points_distance(data.train[N * i : N * (i + 1)], data.train[:N]) for i in range(1, 40)]
    floor = evaluator.floors()["sw1"]
    assert 0.6 < floor["sd"] / np.std(fresh, ddof=1) < 1.6
    assert floor["mean"] == pytest.approx(np.mean(fresh), abs=3 * np.std(fresh, ddof=1))


def test_a_point_mass_has_a_floor_of_zero_and_no_spread() -> None:
    data = load(Component("dirac"))
    evaluator = build(data, (Component("sw1"),), N, None)
    floors = evaluator.floors()
    assert {name: (floor["mean"], floor["sd"]) for name, floor in floors.items()} == {
        "sw1": (0.0, 0.0),
        "sw1.heldout": (0.0, 0.0),
    }
    row = evaluator(np.full((N, 1), -0.25, np.float32))
    assert (row["sw1"], row["sw1.heldout"], row["sw1.noise"], row["sw1_status"]) == (0.25, 0.25, 0.0, "ok")
    assert row["spread"] is row["sample_rms"] is None


def test_floors_are_kept_for_these_columns_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A version with other columns must not find them in what an older one kept."""
    data = load(Component("ring8"))
    evaluator = build(data, METRICS["ring8"], N, tmp_path)
    whole = evaluator.floors()
    evaluator.columns = tuple(name for name in evaluator.columns if name != "modes.kl")
    evaluator.floors()
    evaluator.columns = (*evaluator.columns, "modes.kl")
    assert evaluator.floors()["modes.kl"] == whole["modes.kl"]


def test_fewer_held_out_rows_than_samples() -> None:
    """4,000 samples of digits: 3,000 train rows are the reference, 2,000 held-out rows the floor."""
    evaluator = build(load(Component("digits")), (Component("fd"),), 4000, None)
    assert evaluator.provenance["fd"]["reference_n"] == 3000
    assert evaluator.floors()["fd"]["n"] == 2000


def test_the_cache_changes_no_bit(tmp_path: Path) -> None:
    data = load(Component("digits"))
    plain = build(data, METRICS["digits"], N, None)
    samples = data.heldout[-N:]
    expected = (plain(samples), plain.floors())
    for _ in range(2):
        cached = build(data, METRICS["digits"], N, tmp_path)
        assert (cached(samples), cached.floors()) == expected
    assert len(list(tmp_path.iterdir())) >= 4
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes()[:50])
    damaged = build(data, METRICS["digits"], N, tmp_path)
    assert (damaged(samples), damaged.floors()) == expected


def test_provenance_names_the_extractor() -> None:
    from bench.metrics.extractors import sha256_of

    evaluator = build(load(Component("digits")), METRICS["digits"], N, None)
    assert evaluator.provenance["fd"] == {
        "extractor": "lenet_digits",
        "extractor_sha256": sha256_of("lenet_digits"),
        "reference_n": N,
    }


@pytest.mark.parametrize(
    ("dataset", "metrics", "samples", "message"),
    [
        ("ring8", ("fd",), N, "fd measures data of modality image"),
        (
            "digits",
            ("sw1",),
            N,
            "sw1 measures data of modality points or signal, and digits is of modality image",
        ),
        ("digits", ("fd", "fd"), N, "listed twice"),
        ("digits", ("fd",), 4, "at least 8"),
        ("digits", ("modes",), 30, "raise evaluate.samples"),
    ],
)
def test_what_cannot_be_measured_is_said(
    dataset: str, metrics: tuple[str, ...], samples: int, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        build(load(Component(dataset)), tuple(map(Component, metrics)), samples, None)


def test_samples_of_another_shape_are_an_error(case: tuple[Dataset, Evaluator]) -> None:
    _, evaluator = case
    with pytest.raises(ValueError, match="samples of shape"):
        evaluator(np.zeros((N, 3), np.float32))


def test_a_folder_has_fd_and_no_modes(tmp_path: Path) -> None:
    from PIL import Image

    rng = np.random.default_rng(0)
    for i in range(40):
        Image.fromarray(rng.integers(0, 255, (32, 32, 3), dtype=np.uint8)).save(tmp_path / f"{i}.png")
    data = load(Component("folder", (("path", str(tmp_path)), ("size", 32), ("channels", 3))))
    evaluator = build(data, (Component("fd"),), 16, None)
    assert evaluator(data.heldout)["fd_status"] == "ok"
    assert evaluator.provenance["fd"]["extractor"] == "lenet_clothes"
    with pytest.raises(UserError, match="modes needs labels"):
        build(data, (Component("modes"),), 16, None)
