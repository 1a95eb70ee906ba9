"""Claims judged from tables: paired effects and values, in five verdicts (docs/claims.md).

In this order: untestable; no_effect where -m < L and U < m; supported where L > 0; refuted where U < 0; else
inconclusive. [L, U] is over seeds and signed so that positive is what was expected, m the margin.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bench.errors import UserError
from bench.judge import intervals
from bench.judge.claim import (
    FAILURE,
    INCONCLUSIVE,
    NO_EFFECT,
    REFUTED,
    SUPPORTED,
    UNTESTABLE,
    VERDICTS,
    Cell,
    Claim,
    Judged,
    Premise,
    Quantity,
    Seen,
    Where,
)
from bench.judge.claim_cells import by_cell, depends_on
from bench.judge.claim_family import level_of, step_down
from bench.judge.claim_reasons import Why, reason, torn
from bench.judge.claim_seeds import settling
from bench.judge.claim_tests import (
    ALL_FAILED,
    NONE_FAILED,
    Arms,
    EstimateAt,
    arms_of,
    compare,
    failure_effects,
    over_arm,
    per_seed,
    value_of,
)
from bench.judge.claim_values import Evidence, ends_of, has_undecided, matching
from bench.judge.intervals import SEEDS_FOR_INTERVAL
from bench.judge.stats import Estimate, points_only

__all__ = ["VERDICTS", "Claim", "Evidence", "Judged", "Premise", "Quantity", "judge_claims", "verdict_of"]

CONTROL_SHARE = 0.8
"""In so many of its seeds a positive control must converge, or the study shows nothing."""

_ROUNDING = 1e-9


@dataclass(frozen=True)
class _Draft:
    """A claim before it has a confidence: why it cannot be tested, its estimates, and the rest of its record.

    at: none, one or two estimates (with the undecided not failed, and failed); failure: the all-failure
    effect likewise.
    """

    claim: Claim
    why: tuple[Why, ...]
    at: tuple[EstimateAt, ...] = ()
    p: float = 1.0
    failure: tuple[EstimateAt, ...] = ()
    record: Mapping[str, Any] = field(default_factory=dict)

    def is_decided(self, confidence: float) -> bool:
        """Whether every estimate leaves 0 (of a value: both bounds) out, on the same side."""
        sides = {side(self.claim, at(confidence)) for at in self.at}
        return not self.why and len(sides) == 1 and sides != {0}


def judge_claims(
    claims: Sequence[Claim],
    evidence: Evidence,
    positive_control: Where | None = None,
    look: int = 1,
    more_claims: int = 0,
) -> tuple[Judged, ...]:
    """Every claim of a study with its verdict, in the order given.

    They are one family (Holm): see `claim_family`. `look`: how many sets of seeds have been judged so far,
    this one included. `more_claims`: members of the family that are not judged any more, as if their p was 1.
    """
    level = level_of(look)
    refused = _refused(evidence, positive_control or {})
    drafts = [_draft(claim, evidence, refused) for claim in claims]
    decided = [*(draft.is_decided for draft in drafts), *[lambda _: False] * more_claims]
    p = [*(draft.p for draft in drafts), *[1.0] * more_claims]
    confidences = step_down(decided, p, level)[: len(drafts)]
    more = {"family": len(drafts) + more_claims, "look": look, "level": level}
    return tuple(
        _judged(draft, confidence, more) for draft, confidence in zip(drafts, confidences, strict=True)
    )


def verdict_of(claim: Claim, estimate: Estimate) -> str:
    """What an interval says of a claim that can be tested; inconclusive without one."""
    low, high = estimate.low, estimate.high
    if low is None or high is None:
        return INCONCLUSIVE
    if claim.within is not None:
        least, most = claim.within
        if least <= low and high <= most:
            return SUPPORTED
        return REFUTED if high < least or low > most else INCONCLUSIVE
    margin = claim.margin or 0.0
    if -margin < low and high < margin:
        return NO_EFFECT
    return SUPPORTED if low > 0 else REFUTED if high < 0 else INCONCLUSIVE


def side(claim: Claim, estimate: Estimate) -> int:
    """1: as expected, -1: the opposite, 0: the interval (if there is one) allows both.

    Of a value 1: within its bounds, -1: below, -2: above them.
    """
    low, high = estimate.low, estimate.high
    if low is None or high is None:
        return 0
    if claim.within is not None:
        is_out = -1 if high < claim.within[0] else -2
        return {SUPPORTED: 1, REFUTED: is_out}.get(verdict_of(claim, estimate), 0)
    return int(low > 0) - int(high < 0)


def _together(claim: Claim, at: Sequence[EstimateAt], p: Sequence[float | None]) -> float:
    """The p of all readings of a claim: the largest, for all must leave 0 out; 1 where their sides differ.

    Where they differ the claim is decided at no confidence. A small p would put it early in Holm's order,
    and keep the claims after it from what they are owed.
    """
    known = [each for each in p if each is not None]
    if len(known) < len(p) or not known or max(known) >= 1:
        return 1.0
    inside = max((1 - max(known)) / 2, 1e-6)  # a confidence at which every interval leaves 0 out
    return max(known) if len({side(claim, each(inside)) for each in at}) == 1 else 1.0


def _refused(evidence: Evidence, positive_control: Where) -> tuple[Why, ...]:
    """Why no claim of the study can be tested."""
    why = [Why("the results are partial", ", ".join(evidence.partial))] if evidence.partial else []
    if positive_control:
        why += _control_fails(evidence, positive_control)
    return tuple(why)


def _control_fails(evidence: Evidence, where: Where) -> list[Why]:
    """Why, where the positive control does not converge in 80 % of its seeds (undecided is not)."""
    try:
        chosen = matching(evidence, where)
    except UserError as error:
        return [Why(f"positive control: {error}")]
    done = chosen & (evidence.trials["status"] == "done").to_numpy(dtype=np.bool_)
    trials = evidence.trials[done]
    converged = np.asarray(trials["outcome"] == "converged", dtype=np.float64)
    points = per_seed([int(each) for each in trials["seed"]], converged, np.ones(len(trials), np.bool_))
    if not points.size:
        return [Why("no trial of the positive control is finished")]
    share = float(points.mean())
    if share >= CONTROL_SHARE - _ROUNDING:
        return []
    seen = (
        f"converged in {100 * share:.0f} % of {len(points)} seeds, and {100 * CONTROL_SHARE:.0f} % are needed"
    )
    return [Why("the positive control does not train", seen)]


def _draft(claim: Claim, evidence: Evidence, refused: tuple[Why, ...]) -> _Draft:
    try:
        return (_draft_value if claim.is_value else _draft_effect)(claim, evidence, refused)
    except UserError as error:  # the tables lack what it names
        return _Draft(claim, (*refused, Why(str(error))))


def _draft_value(claim: Claim, evidence: Evidence, refused: tuple[Why, ...]) -> _Draft:
    found = value_of(claim, evidence)
    n = max(at(0.9).n for at in found.at)
    why = [*refused, *_too_few(n, found.unfinished)]

    def ends(at: EstimateAt, confidence: float) -> tuple[float, float]:
        return (1.0, math.inf) if side(claim, at(confidence)) else (-1.0, math.inf)

    p = [intervals.p_value(lambda level, at=at: ends(at, level)) for at in found.at if not why]  # type: ignore[misc]
    record = {"unit": found.unit, "pairs": found.trials, "unpaired": found.unknown}
    return _Draft(claim, tuple(why), found.at, _together(claim, found.at, p), (), record)


def _draft_effect(claim: Claim, evidence: Evidence, refused: tuple[Why, ...]) -> _Draft:
    arms = arms_of(claim, evidence)
    found = compare(claim, arms, evidence)
    effects = [each.whole for each in found.effects]
    seen = tuple(_seen(premise, arms, evidence) for premise in claim.premises)
    why = [*refused, *_too_few(max(each.estimate.n for each in effects), arms.unfinished)]
    why += [Why("the premise fails", f"{each.says}, {_found(each)}") for each in seen if not each.holds]
    if found.room < (claim.margin or 0.0) - _ROUNDING or found.room <= 0:
        room = (
            f"it could change by {abs(max(found.room, 0.0)):.2g} at most, and the margin is {claim.margin:g}"
        )
        why.append(Why("the control leaves no room", room))
    at = tuple(each.at for each in found.effects)
    cells = by_cell(claim, arms, evidence)
    record = {
        "unit": found.unit,
        "pairs": effects[0].pairs,
        "unpaired": effects[0].unpaired + arms.dropped,
        "treatment": found.treatment,
        "control": found.control,
        "correlation": effects[0].correlation,
        "premises": seen,
        "cells": tuple(Cell(name, estimate) for name, _, estimate in cells),
        "depends": depends_on(claim, cells),
    }
    is_part = claim.quantity.is_share and claim.quantity.names != (FAILURE,)
    failure = failure_effects(arms, evidence) if is_part else ()
    return _Draft(
        claim,
        tuple(why),
        at,
        1.0 if why else _together(claim, at, [each.p for each in effects]),
        tuple(each.at for each in failure),
        record,
    )


def _too_few(n: int, unfinished: int) -> list[Why]:
    why = [Why(f"{unfinished} of its trials are not finished")] if unfinished else []
    if n == 0:
        return why or [Why("no finished trials to compare")]
    if n < SEEDS_FOR_INTERVAL:
        seeds = f"{n} seed{'s' if n != 1 else ''}, and a verdict takes {SEEDS_FOR_INTERVAL}"
        why.append(Why("too few seeds", seeds))
    return why


def _seen(premise: Premise, arms: Arms, evidence: Evidence) -> Seen:
    """A premise beside its arm: the rate, or the median over seeds, which must be known for most of them.

    It holds if it holds every way: with the undecided failed and not, with the diverged at either end.
    """
    quantity = premise.quantity
    ways = (NONE_FAILED, ALL_FAILED) if has_undecided(quantity, arms.trials, evidence) else (NONE_FAILED,)
    chosen = arms.of(premise.arm)
    values = [each for way in ways for each in ends_of(quantity, arms.trials, evidence, way)]
    levels = [over_arm(arms, each, chosen, quantity.is_share) for each in values]
    n = len(per_seed(arms.seeds, values[0], chosen))
    if 2 * n <= len({seed for seed, taken in zip(arms.seeds, chosen, strict=True) if taken}):
        return Seen(premise.says, math.nan, False, n)
    worst = next((each for each in levels if not premise.holds(each)), levels[0])
    return Seen(premise.says, worst, all(premise.holds(each) for each in levels), n)


def _found(seen: Seen) -> str:
    if math.isnan(seen.value):
        return f"known in {seen.n} seed{'s' if seen.n != 1 else ''} only" if seen.n else "not known"
    if math.isinf(seen.value):
        return f"too many of {seen.n} seeds diverged"
    return f"found {seen.value:.4g} over {seen.n} seeds"


def _judged(draft: _Draft, confidence: float, more: Mapping[str, Any]) -> Judged:
    claim = draft.claim
    estimates = [at(confidence) for at in draft.at] or [points_only([], "no estimate")]
    verdict, why, seeds = _verdict(draft, estimates, confidence)
    failure = tuple(at(confidence) for at in draft.failure)
    record = {"unit": "", "pairs": 0, **draft.record}
    return Judged(
        id=claim.id,
        text=claim.text,
        verdict=verdict,
        reason=why,
        estimate=estimates[0],
        all_failed=estimates[1] if len(estimates) > 1 else None,
        confidence=confidence,
        margin=claim.margin,
        claim=claim,
        failure=(failure[0], failure[1]) if failure else None,
        p=None if draft.why else draft.p,
        seeds=seeds,
        short=draft.why[0].short if draft.why else "",
        **record,
        **more,
    )


def _verdict(draft: _Draft, estimates: Sequence[Estimate], confidence: float) -> tuple[str, str, int | None]:
    """(verdict, reason, seeds that would settle it)"""
    if draft.why:
        return UNTESTABLE, "; ".join(map(str, draft.why)), None
    claim = draft.claim
    verdicts = [verdict_of(claim, each) for each in estimates]
    sides = [side(claim, each) for each in estimates] if claim.is_value else []
    if len(set(verdicts)) > 1 or len(set(sides)) > 1:
        return INCONCLUSIVE, torn(claim, verdicts, sides), None
    verdict = verdicts[0]
    seeds = settling(claim, estimates, confidence) if verdict == INCONCLUSIVE else None
    unit = str(draft.record.get("unit", ""))
    return verdict, reason(claim, verdict, estimates, unit, seeds), seeds
