"""Curves of every kind of dirt: the judge never fails, and what does not matter changes nothing."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted_curves import CONTEXT, KINDS, Curve, planted

from bench.judge.outcomes import FAILURES, OUTCOMES, Context, Verdict, judge
from bench.judge.rules import RANGES, RULES, Rules
from bench.judge.tables import judge_table

Dirt = Callable[[Curve, np.random.Generator], Curve]

BASE = {kind: planted(kind) for kind in KINDS}
NUMBERS = sorted(name for name, values in BASE["stalled"].items() if values.dtype == np.float64)
COLUMNS = sorted(BASE["stalled"])

ABSURD = [
    math.nan, math.inf, -math.inf, 0.0, -0.0, -1.0, 1e-320, 1e300, -1e300, 1.7e308, 0.5, 2.0**63, 2.0**53,
]  # fmt: skip
OBJECTS: list[Any] = [
    None, "", "ok", "nonfinite", "0x", "0xzz", "-0x3", "ff", True, 3, 2.5, math.nan, 10**400, b"ff", 1j, (),
]  # fmt: skip

kinds = st.sampled_from(KINDS)
absurd = st.sampled_from(ABSURD)
seeds = st.integers(0, 2**32 - 1)
"""Of the dirt: numpy draws it, a hundred times faster than hypothesis would number by number."""


def copy(curve: Curve) -> Curve:
    return {name: values.copy() for name, values in curve.items()}


def is_sound(verdict: Verdict) -> bool:
    """An outcome, or none; in either case a sentence, and a flag for each sign."""
    assert verdict.outcome is None or verdict.outcome in OUTCOMES
    assert len(verdict.reason) > 20
    assert verdict.reason.endswith(".")
    assert set(verdict.flags) == set(OUTCOMES)
    for flag in verdict.flags.values():
        assert flag.holds in (True, False, None)
        assert all(step is None or isinstance(step, int) for step in (flag.onset, flag.recovery))
    if verdict.outcome is None:
        assert verdict.step is None
    return True


def same(one: Verdict, other: Verdict) -> bool:
    return (one.outcome, one.step, one.reason, one.flags) == (
        other.outcome,
        other.step,
        other.reason,
        other.flags,
    )


def rows_of(curve: Curve) -> int:
    return max((len(values) for values in curve.values()), default=0)


def some(rng: np.random.Generator, names: list[str], most: int) -> list[str]:
    return [names[i] for i in rng.permutation(len(names))[: rng.integers(1, most + 1)]]


def missing_rows(curve: Curve, rng: np.random.Generator) -> Curve:
    keep = rng.random(rows_of(curve)) < rng.choice([0.0, 0.3, 0.9])
    return {name: values[keep[: len(values)]] for name, values in curve.items()}


def missing_columns(curve: Curve, rng: np.random.Generator) -> Curve:
    share = rng.choice([0.1, 0.5, 0.95])
    return {name: values for name, values in curve.items() if rng.random() >= share}


def absurd_numbers(curve: Curve, rng: np.random.Generator) -> Curve:
    for name in some(rng, NUMBERS, 5):
        if name in curve:
            values = curve[name] = np.array(curve[name], dtype=object)
            for at in rng.integers(0, len(values), 5) if len(values) else ():
                values[at] = ABSURD[rng.integers(len(ABSURD))]
            if rng.random() < 0.8 and values.ndim == 1:
                curve[name] = np.array([v if isinstance(v, float) else math.nan for v in values])
    return curve


def constant(curve: Curve, rng: np.random.Generator) -> Curve:
    return {**curve, some(rng, NUMBERS, 1)[0]: np.full(rows_of(curve), rng.choice(ABSURD))}


def other_types(curve: Curve, rng: np.random.Generator) -> Curve:
    n = rows_of(curve)
    mixed = np.array([None] * n, dtype=object)
    for at in range(n):
        mixed[at] = OBJECTS[rng.integers(len(OBJECTS))]
    made = [
        mixed, np.zeros(n, np.float32), np.ones(n, np.int8), np.array(["text"] * n, str),
        np.zeros(n, complex), np.zeros(n, "datetime64[s]"), np.zeros(n, "timedelta64[s]"), np.zeros((n, 2)),
        np.zeros(n + 1),
    ]  # fmt: skip
    return {**curve, **{name: made[rng.integers(len(made))] for name in some(rng, COLUMNS, 4)}}


def strange_steps(curve: Curve, rng: np.random.Generator) -> Curve:
    steps = np.arange(rows_of(curve)) * float(rng.choice([1, 50, 1e15]))
    for at in rng.integers(0, len(steps), 3) if len(steps) else ():
        steps[at] = rng.choice(ABSURD)
    return {**curve, "step": steps}


def unsorted(curve: Curve, rng: np.random.Generator) -> Curve:
    if len({len(values) for values in curve.values()}) != 1:
        return curve
    order = rng.permutation(rows_of(curve))
    order = np.concatenate([order, order[: rng.integers(0, 6)]])
    return {name: values[order] for name, values in curve.items()}


def unknown_columns(curve: Curve, rng: np.random.Generator) -> Curve:
    n = rows_of(curve)
    return {**curve, "surprise": np.full(n, rng.choice(ABSURD)), "surprise_status": np.array(["?"] * n)}


DIRT = (
    missing_rows, missing_columns, absurd_numbers, constant, other_types, strange_steps, unsorted,
    unknown_columns,
)  # fmt: skip


dirt = st.lists(st.sampled_from(DIRT), min_size=1, max_size=4)


@given(kinds, dirt, seeds)
@settings(max_examples=200)
@pytest.mark.parametrize("n_modes", [None, 10])
def test_no_curve_makes_the_judge_fail(n_modes: int | None, kind: str, ways: list[Dirt], seed: int) -> None:
    curve, rng = copy(BASE[kind]), np.random.default_rng(seed)
    for add in ways:
        curve = add(curve, rng)
    assert is_sound(judge(curve, dataclasses.replace(CONTEXT, n_modes=n_modes)))


@given(
    kinds, absurd, absurd, st.sampled_from([None, 0, 1, 2, 10, 10**9]),
    st.sampled_from([-1, 0, 3, 1000, 2**60]),
    st.dictionaries(
        st.sampled_from(["fd", "modes.covered", "prdc.precision", "prdc.coverage"]),
        st.dictionaries(st.sampled_from(["mean", "sd"]), absurd),
    ),
)  # fmt: skip
def test_no_context_makes_the_judge_fail(
    kind: str, mean: float, sd: float, n_modes: int | None, steps: int, floors: dict[str, dict[str, float]]
) -> None:
    assert is_sound(judge(BASE[kind], Context("fd", mean, sd, n_modes, steps, floors)))
    assert is_sound(judge(BASE[kind], Context("not measured", mean, sd, n_modes, steps, floors)))


@given(kinds, st.data())
def test_no_legal_rules_make_the_judge_fail(kind: str, data: st.DataObject) -> None:
    names = data.draw(st.sets(st.sampled_from(sorted(RANGES)), max_size=4))
    given_ = {}
    for name in names:
        low, high = RANGES[name].low, RANGES[name].high
        is_whole = isinstance(getattr(RULES, name), int)
        given_[name] = data.draw(
            st.integers(int(low), int(high)) if is_whole else st.floats(low, high, allow_subnormal=False)
        )
    assert is_sound(judge(BASE[kind], CONTEXT, Rules(**given_)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("curve", "words"),
    [
        ({}, "No evaluation was stored"),
        ({"step": np.empty(0, np.int64)}, "No evaluation was stored"),
        ({"fd": np.ones(9)}, "No row of the curve has a step"),
        ({"step": np.full(9, np.nan), "fd": np.ones(9)}, "No row of the curve has a step"),
        ({"step": np.array([-1, -2]), "fd": np.ones(2)}, "No row of the curve has a step"),
        ({"step": np.array(3), "fd": np.array(1.0)}, "No evaluation was stored"),
        ({"step": np.array(3), "fd": np.ones(9)}, "No row of the curve has a step"),
        ({"step": np.array([0]), "fd": np.ones(1)}, "The curve ends at step 0 of 1000"),
        ({"step": np.array([1000]), "fd": np.ones(1)}, "Only 1 evaluations were stored up to step 1000"),
        ({"step": np.arange(0, 1001, 100)}, "fd is known at 0 of the last 5 evaluations"),
    ],
)
def test_what_cannot_be_judged_says_why(kind: str, curve: Curve, words: str) -> None:
    verdict = judge(curve, CONTEXT)
    assert verdict.outcome is None
    assert verdict.reason.startswith(words)


def test_a_null_before_w_is_named_as_what_is_missing() -> None:
    curve = copy(BASE["stalled"])
    curve["fd"][-7] = np.nan
    verdict = judge(curve, CONTEXT)
    assert verdict.outcome is None or verdict.outcome in FAILURES
    if verdict.outcome is None:
        assert "fd is known at 10 of the last 11 evaluations" in verdict.reason


@given(kinds, st.permutations(range(len(BASE["stalled"]["step"]))), st.integers(0, 9), st.booleans())
def test_order_duplicates_and_unknown_columns_change_nothing(
    kind: str, order: list[int], twice: int, unknown: bool
) -> None:
    curve = copy(BASE[kind])
    n = len(curve["step"])
    expected = judge(curve, CONTEXT)
    places = np.array([at for at in order if at < n], dtype=int)
    places = np.concatenate([places, places[:twice]])
    if unknown:
        curve |= {"surprise": np.linspace(-5, 5, n), "modes.surprise": np.array(["x"] * n, dtype=object)}
        curve |= {"surprise_status": np.array(["unavailable"] * n, dtype=object), "nulls": np.full(n, np.nan)}
    assert same(judge({name: values[places] for name, values in curve.items()}, CONTEXT), expected)


@given(kinds, st.integers(0, 3), st.integers(-40, 40))
def test_the_unit_of_the_distance_does_not_matter(kind: str, seed: int, power: int) -> None:
    """q, f, s and sigma times a constant: the same outcome and flags, whatever the data's unit."""
    curve, scale = planted(kind, seed), 2.0**power
    expected = judge(curve, CONTEXT)
    for name in ("fd", "fd.noise"):
        curve[name] = scale * curve[name]
    floors = {"fd": {"mean": scale * CONTEXT.floor_mean, "sd": scale * CONTEXT.floor_sd}}
    context = Context("fd", scale * CONTEXT.floor_mean, scale * CONTEXT.floor_sd, 10, 1000, floors)
    found = judge(curve, context)
    assert (found.outcome, found.step) == (expected.outcome, expected.step)
    for name, flag in found.flags.items():
        known = expected.flags[name]
        assert (flag.holds, flag.onset, flag.recovery) == (known.holds, known.onset, known.recovery)


@given(kinds, st.lists(st.sampled_from(DIRT), min_size=1, max_size=3), seeds)
def test_no_table_makes_the_judge_fail(kind: str, ways: list[Dirt], seed: int) -> None:
    """Dirt that a table of typed columns can hold: the verdict can be stored."""
    curve, rng = copy(BASE[kind]), np.random.default_rng(seed)
    for add in ways:
        curve = add(curve, rng)
    n = rows_of(curve)
    if curve.get("step", np.empty(0)).dtype.kind not in "fiu":
        curve["step"] = np.arange(n)
    curve = {name: values for name, values in curve.items() if values.shape == (n,)}
    arrays = {name: pa.array(v, from_pandas=True) for name, v in curve.items() if v.dtype.kind in "fiub"}
    record = {
        "primary": "fd", "floors": {"fd": {"mean": 2.0, "sd": 0.2}}, "n_modes": 10,
        "columns": ["fd", "spread"], "directions": {"fd": "lower", "spread": "one"},
    }  # fmt: skip
    curves = pa.table({"trial": pa.array(["a"] * n, pa.string()), **arrays})
    trials = pa.table({"trial": ["a"], "status": ["done"]})
    assert judge_table(trials, curves, {"measures": [record], "steps": {"a": 1000}}).num_rows == 1
