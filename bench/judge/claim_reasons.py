"""Why a claim has its verdict, in a sentence that stands the same in a terminal, in files and on the page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bench.judge.claim import FAILURE, INCONCLUSIVE, NO_EFFECT, REFUTED, SUPPORTED, Claim
from bench.judge.stats import Estimate

SHARE, LOG_RATIO = "share of trials", "log-ratio"
"""Units of effects that are written otherwise than as they are stored."""

SETTLED_BY_MORE_STEPS = "undecided trials settle it"
"""How the reason of a claim begins of which the two readings of the undecided trials disagree."""

_SIDES = {0: "open", 1: "within the bounds", -1: "below the bounds", -2: "above the bounds"}

_VALUES = {
    SUPPORTED: "the whole interval lies within the bounds",
    REFUTED: "the whole interval lies outside of the bounds",
    INCONCLUSIVE: "the interval reaches across a bound",
}


@dataclass(frozen=True)
class Why:
    """Why a claim cannot be tested: in a few words, and with what was seen."""

    short: str
    seen: str = ""

    def __str__(self) -> str:
        return f"{self.short}: {self.seen}" if self.seen else self.short


def amount(value: float, unit: str) -> str:
    """How much an effect is, its direction left out: `15 points`, `a factor of 1.16`, `3.65`."""
    value = abs(value)
    if unit == SHARE:
        return f"{digits(100 * value)} point{'s' if digits(100 * value) != '1' else ''}"
    return f"a factor of {factor(value)}" if unit == LOG_RATIO else digits(value)


def factor(logarithm: float) -> str:
    """A logarithm as the factor that it stands for."""
    return digits(math.exp(logarithm)) if logarithm < 700 else "infinity"  # no double beyond it


def digits(value: float) -> str:
    """Three significant digits, with a minus sign that is no hyphen."""
    if not math.isfinite(value):
        return "–" if math.isnan(value) else "infinity" if value > 0 else "−infinity"
    return (f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}").replace("-", "−")


def readings(claim: Claim) -> tuple[str, str]:
    """What becomes of the undecided trials in the first estimate of a claim, and in the second."""
    if claim.among:
        return "if they are left out", "if they are taken in"
    if claim.quantity.names == (FAILURE,):
        return "if none of them failed", "if all did"
    return "if none of them counts", "if all do"


def torn(claim: Claim, verdicts: Sequence[str], sides: Sequence[int]) -> str:
    """The reason where the readings of the undecided trials differ in verdict, or (values) in side."""
    first, second = (each.replace("_", " ") for each in verdicts)
    if first == second:
        first, second = (_SIDES[each] for each in sides)
    none, every = readings(claim)
    told = (
        "More steps are needed, and perhaps more seeds"
        if INCONCLUSIVE in verdicts
        else "More steps would tell, more seeds would not"
    )
    return f"{SETTLED_BY_MORE_STEPS}: {none}, {first}; {every}, {second}. {told}"


def is_torn(verdict: str, reason: str) -> bool:
    """Whether longer training would settle a claim: the readings of its undecided trials disagree."""
    return verdict == INCONCLUSIVE and reason.startswith(SETTLED_BY_MORE_STEPS)


def reason(claim: Claim, verdict: str, estimates: Sequence[Estimate], unit: str, seeds: int | None) -> str:
    """Why these estimates give this verdict.

    Args:
        estimates: one, or those of both readings of the undecided trials. seeds: how many would settle it.
    """
    if verdict == INCONCLUSIVE:
        return _open(claim, estimates[0], unit) + (
            f"; about {seeds:,} seeds would settle it" if seeds else ""
        )
    if claim.is_value:
        return _VALUES[verdict]
    margin = f"the margin of {amount(claim.margin or 0.0, unit)}"
    if verdict == NO_EFFECT:
        return f"if there is an effect, it is smaller than {margin}"
    told = "an effect as expected" if verdict == SUPPORTED else "an effect opposite to what was expected"
    return f"{told}, {'perhaps smaller' if may_be_small(claim, estimates) else 'larger'} than {margin}"


def may_be_small(claim: Claim, estimates: Sequence[Estimate]) -> bool:
    """Whether an interval that leaves 0 out reaches below the margin: an effect whose size is open."""
    nearest = [
        min(abs(each.low), abs(each.high))
        for each in estimates
        if each.low is not None and each.high is not None
    ]
    return bool(nearest) and not claim.is_value and min(nearest) <= (claim.margin or 0.0)


def _open(claim: Claim, estimate: Estimate, unit: str) -> str:
    if estimate.low is None:
        return f"no interval: {estimate.method}"
    if claim.is_value:
        return _VALUES[INCONCLUSIVE]
    margin = amount(claim.margin or 0.0, unit)
    return f"there may be no effect, and there may be one beyond the margin of {margin}"
