"""How well each claim of a study would be known, before anything is trained."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from scipy import special

from bench.errors import UserError
from bench.judge import planning
from bench.judge.claim_family import level_of
from bench.judge.claim_seeds import PROMISE
from bench.judge.intervals import SEEDS_FOR_INTERVAL
from bench.study.claims import arms, others, selected, to_claim
from bench.study.problems import show
from bench.study.shape import ClaimBlock
from bench.study.spec import Study

RATE = 0.5
"""The rate assumed in both arms: no other one is known as badly."""


def rows(study: Study) -> list[dict[str, Any]]:
    """One record per claim: the expected half-width of its interval, and what margin that settles.

    At the first look and at the strictest step of Holm's procedure. Rates are assumed to be one half, without
    any correlation of arms or cells: rates of other studies are known better. What numbers vary by is not
    known before they are measured: theirs is in standard deviations over seeds of what a seed averages.
    `finds`: the least effect that 80 % of such studies call one; `settles`: the least margin that 80 % of
    them settle, whatever the truth is; None where a share would have to differ by 1 or more; `seeds_needed`:
    those that settle the claim's own margin, of rates.
    """
    confidence = 1 - level_of(1) / max(1, len(study.claims))
    return [_row(block, study, confidence) for block in study.claims]


def _row(block: ClaimBlock, study: Study, confidence: float) -> dict[str, Any]:
    n, cells = len(study.seeds), _cells(block, study)
    is_share = to_claim(block).quantity.is_share
    sd = 1.0
    if is_share:
        sd = planning.sd_of_share(RATE, max(1, cells)) * (math.sqrt(2) if block.effect else 1.0)
    half = planning.expected_half_width(sd, n, confidence)
    most = 1.0 if is_share else math.inf
    if is_share and math.isfinite(half):
        half = min(half, most if block.effect else most / 2)
    least = [
        each if block.effect and each < most else math.inf
        for each in (found_effect(sd, n, confidence), settled_margin(sd, n, confidence))
    ]
    return {
        "claim": block.id,
        "seeds": n,
        "cells": cells,
        "confidence": float(f"{confidence:.6g}"),
        "half_width": _rounded(half),
        "unit": "share of trials" if is_share else "SD over seeds",
        "margin": block.margin,
        "finds": _rounded(least[0]),
        "settles": _rounded(least[1]),
        "seeds_needed": _needed(sd, block.margin, confidence) if is_share and block.margin else None,
    }


def settled_margin(sd: float, n: int, confidence: float) -> float:
    """The least margin that is settled with the promised chance, see `planning.chance_to_settle`."""
    if n < SEEDS_FOR_INTERVAL:
        return math.inf
    t = float(special.stdtrit(n - 1, (1 + confidence) / 2))
    return 2 * t * sd * math.sqrt(float(special.chdtri(n - 1, 1 - PROMISE)) / ((n - 1) * n))


def found_effect(sd: float, n: int, confidence: float) -> float:
    """The least true effect whose interval leaves 0 out with the promised chance; infinite below 5 seeds."""
    if n < SEEDS_FOR_INTERVAL:
        return math.inf
    low, high = 0.0, 100.0 * sd
    while high - low > 1e-4 * sd:
        middle = (low + high) / 2
        enough = planning.power(sd, middle, n, confidence) >= PROMISE
        low, high = (low, middle) if enough else (middle, high)
    return high


def lines(study: Study) -> list[str]:
    """The same as text: `dropout-relieves: ±0.12 at most over 60 seeds; settles margins from 0.29`"""
    return [_line(row) for row in rows(study)]


def _line(row: dict[str, Any]) -> str:
    name, n = row["claim"], row["seeds"]
    if row["half_width"] is None:
        return f"{name}: no verdict: {n} seeds, and one takes {SEEDS_FOR_INTERVAL}"
    is_share = row["unit"] == "share of trials"
    half = f"±{row['half_width']:.2g}" + (" at most" if is_share else " SD over seeds")
    text = f"{name}: {half}, {n} seeds x {row['cells']} cell{'' if row['cells'] == 1 else 's'}"
    if row["margin"] is None:
        return text
    if not is_share:
        least = row["margin"] / row["settles"]
        return f"{text}; settles its margin of {row['margin']:g} where the SD is below {least:.2g}"
    text += f"; finds {_from('effect', row['finds'])}"
    if row["settles"] is not None and row["margin"] >= row["settles"]:
        return f"{text}, settles its margin of {row['margin']:g}"
    needed = row["seeds_needed"]
    return (
        f"{text}, settles {_from('margin', row['settles'])} whatever the truth is (its own of "
        f"{row['margin']:g}: {f'{needed:,}' if needed else 'more than 100,000'} seeds)"
    )


def _from(noun: str, least: float | None) -> str:
    """`margins from 0.29 on`; `no margin below 1` where the least is none that a share can have."""
    return f"no {noun} below 1" if least is None else f"{noun}s from {least:.2g} on"


def pooled_controls(study: Study) -> list[str]:
    """A line for each claim both of whose arms are in the positive control.

    Where what is on trial never trains, such a control fails with it, and nothing is refuted.
    """
    if not study.positive_control:
        return []
    control = selected(study.positive_control, study.whole_cells)
    return [
        f"the positive control holds both arms of {block.id}: if {_treatment(block.compare)} never trains, "
        f"the claim is untestable, not refuted; narrow the control by {_control(block.compare)}"
        for block in study.claims
        if block.compare is not None and all(arms(block.compare, control))
    ]


def _treatment(compare: Mapping[str, Sequence[Any]]) -> str:
    return ", ".join(f"{axis} {show(pair[0])}" for axis, pair in compare.items())


def _control(compare: Mapping[str, Sequence[Any]]) -> str:
    return show({axis: pair[1] for axis, pair in compare.items()})


def _cells(block: ClaimBlock, study: Study) -> int:
    """Cells that a seed's value is averaged over: pairs of an effect."""
    chosen = selected(block.where, study.cells)
    if block.compare is None:
        return len(chosen)
    treated, control = arms(block.compare, chosen)
    names = {others(cell, block.compare) for cell in control}
    return sum(others(cell, block.compare) in names for cell in treated)


def _needed(sd: float, margin: float, confidence: float) -> int | None:
    try:
        return planning.seeds_to_settle(sd, margin, PROMISE, confidence)
    except UserError:
        return None


def _rounded(value: float) -> float | None:
    return float(f"{value:.4g}") if math.isfinite(value) else None
