"""Metrics of the game itself: they change nothing, and what cannot be measured is null."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch

from bench.data.load import Dataset, load
from bench.metrics.batch import Value
from bench.metrics.catalog import METRICS
from bench.metrics.evaluate import build
from bench.metrics.game import GameMeasure, build_game_measures
from bench.train.loop import Tick, train
from bench.trial import Component, Evaluate, Pack, Trial
from ganzoo.entry import Catalog, Entry
from ganzoo.updates import Play
from tests.train.conftest import component, make_data, make_trial
from tests.zoo.test_tape import dirac as small
from tests.zoo.test_tape import played

PLAIN, MEASURED = (Component("sw1"),), (Component("sw1"), Component("orbit"))
ALL = (
    *MEASURED,
    Component("game_jacobian"),
    Component("duality_gap", (("samples", 8), ("steps", 2))),
)
OF_GAME = tuple(entry.name for entry in METRICS.entries("metric") if entry.facts.get("of") == "game")
COLUMNS = [column.name for column in METRICS.get("metric", "orbit").facts["columns"]]
VALUES = [name for name in COLUMNS if name != "orbit_status"]


@pytest.fixture(scope="module")
def point() -> Dataset:
    return load(Component("dirac"))


def dirac(metrics: tuple[Component, ...] = MEASURED, **changes: object) -> Trial:
    evaluate = Evaluate(10, 50, metrics)
    model = component("model", "dirac", theta=0.8, psi=-0.5)
    settings: dict[str, object] = {
        "model": model,
        "loss": "minimax",
        "optimizer": "sgd",
        "evaluate": evaluate,
    }
    settings |= {"dataset": Component("dirac"), "lr_g": 0.2, "lr_d": 0.2, "batch": 4, "steps": 20}
    return make_trial(**settings | changes)


def ticks(data: Dataset, *trials: Trial) -> Iterator[Tick]:
    return train(Pack(trials), data, build(data, trials[0].evaluate.metrics, 50, None))


def test_every_metric_of_the_game_is_among_them() -> None:
    assert {each.name for each in ALL} == {"sw1", *OF_GAME}


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": "adam", "label_noise": 0.2, "instance_noise": 0.5},
        {"update": "extragradient", "ema": 0.9},
        {"update": "optimistic"},
        {"update": component("update", "unrolled", k=2), "n_critic": 3},
        {"penalty": component("penalty", "r1", weight=0.3, every=3)},
        {"loss": "wasserstein", "penalty": component("penalty", "wgan_gp", weight=0.3)},
    ],
)
def test_training_never_notices(point: Dataset, changes: dict[str, object]) -> None:
    """Every other value of the rows, and the whole state, bit for bit."""
    pairs = zip(
        ticks(point, dirac(ALL, **changes), dirac(ALL, seed=1, **changes)),
        ticks(point, dirac(PLAIN, **changes), dirac(PLAIN, seed=1, **changes)),
        strict=True,
    )
    for looked, plain in pairs:
        a, b = looked.state(), plain.state()
        assert all(torch.equal(a[name], b[name]) for name in a)
        for row, other in zip(looked.rows, plain.rows, strict=True):
            assert [row[f"{name}_status"] for name in OF_GAME] == ["ok"] * len(OF_GAME)
            others = {
                name: value
                for name, value in row.items()
                if not name.removeprefix("ema.").startswith(OF_GAME)
            }
            assert others | {"trial": 0} == other | {"trial": 0}


def test_resumed_is_uninterrupted(point: Dataset) -> None:
    trial = dirac(ALL, n_critic=2)
    whole = [(tick.step, tick.rows, tick.state()) for tick in ticks(point, trial)]
    (at, _, state), (_, rows, _) = whole[-2:]
    resumed = train(Pack((trial,)), point, build(point, ALL, 50, None), (at, state))
    assert next(resumed).rows == rows


def test_dead_members_have_nulls_and_the_others_go_on(point: Dataset) -> None:
    trials = [dirac(seed=seed, loss="least_squares") for seed in (0, 1)]
    bad = replace(trials[0], lr_g=1e200, lr_d=1e200)
    rows = [row for tick in ticks(point, bad, trials[1]) for row in tick.rows]
    died = [row for row in rows if row["trial"] == bad.id][-1]
    assert died["alive"] is False
    assert died["orbit_status"] == "dead"
    assert [died[name] for name in VALUES] == [None] * 5
    healthy = [row for row in rows if row["trial"] == trials[1].id]
    alone = [row for tick in ticks(point, trials[1]) for row in tick.rows]
    assert [row["step"] for row in healthy] == [row["step"] for row in alone]
    for ours, wanted in zip(healthy, alone, strict=True):
        assert [ours[name] for name in VALUES] == pytest.approx([wanted[name] for name in VALUES], rel=1e-9)


def test_a_game_at_the_end_of_its_numbers_has_no_value_and_stops_nobody(point: Dataset) -> None:
    """Squares overflow while weights are still finite: the Jacobian is not."""
    huge = dirac(model=component("model", "dirac", theta=100.0, psi=100.0), loss="least_squares", lr_g=1e70)
    huge = replace(huge, lr_d=1e70, steps=4, evaluate=Evaluate(1, 50, MEASURED))
    statuses = [row["orbit_status"] for tick in ticks(point, huge) for row in tick.rows]
    rows = [row for tick in ticks(point, huge) for row in tick.rows]
    assert "nonfinite" in statuses
    for row in rows:
        numbers = [row[name] for name in VALUES]
        assert all(value is None or np.isfinite(value) for value in numbers)
        assert row["orbit_status"] == "ok" or numbers == [None] * 5


def test_larger_games_are_unavailable(point: Dataset) -> None:
    trial = make_trial(evaluate=Evaluate(25, 50, MEASURED), steps=2)
    data = replace(make_data((2,)), component=Component("ring8"))
    for tick in train(Pack((trial,)), data, build(data, MEASURED, 50, None)):
        assert tick.rows[0]["orbit_status"] == "unavailable"
        assert [tick.rows[0][name] for name in VALUES] == [None] * 5


def test_rows_have_the_columns_of_the_evaluator_in_its_order(point: Dataset) -> None:
    evaluator = build(point, MEASURED, 50, None)
    row = next(ticks(point, dirac())).rows[0]
    assert [name for name in row if name in evaluator.columns] == list(evaluator.columns)
    assert not [name for name in evaluator.floors() if name in COLUMNS]


def test_a_metric_of_the_game_is_an_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys reach the target; what it leaves out is null; without such metrics there is nothing to do."""
    catalog = Catalog(METRICS.entries("metric"))
    monkeypatch.setattr("bench.metrics.game.METRICS", catalog)
    facts = METRICS.get("metric", "orbit").facts
    catalog.register(Entry("metric", "count", "nowhere:counted", "a count", facts=facts))
    game = played((small(),))
    monkeypatch.setattr(Entry, "load", lambda entry: counted)
    assert build_game_measures([Component("count")])(game) == [dict.fromkeys(COLUMNS) | {"orbit.theta": 7.0}]
    assert build_game_measures([Component("sw1")])(game) == [{}]


def counted() -> GameMeasure:
    def measure(play: Play) -> list[dict[str, Value]]:
        return [{"orbit.theta": 7.0} for _ in play.game.alive]

    return measure
