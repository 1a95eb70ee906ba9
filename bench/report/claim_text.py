"""Judged claims as rows and sentences, for the terminal, for files and for the page."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.judge.claim import INCONCLUSIVE, LESS, MORE, REFUTED, UNTESTABLE, Judged, Seen
from bench.judge.claim_tests import signed
from bench.judge.stats import Estimate
from bench.report.claims import judged, remember, removed
from bench.report.words import clean, label, number
from bench.store.tables import load, study_of

SHORT = ("claim", "verdict", "effect", "low", "high", "margin", "seeds", "reason")
"""Columns of the table in a terminal; all are in JSON and CSV."""


def of(results: Path) -> tuple[Judged, ...]:
    """The claims of a results folder, judged; this look is counted. Empty for the file of one run."""
    if results.is_file() or not study_of(results).get("claims"):
        return ()
    tables = load(results)
    made = judged(tables)
    remember(tables, made)
    return made


def rows(claims: Iterable[Judged]) -> list[dict[str, Any]]:
    """One record per claim; an effect is signed so that positive is what was expected."""
    return [_row(each) for each in claims]


def _row(each: Judged) -> dict[str, Any]:
    estimate, other = each.estimate, each.all_failed
    row: dict[str, Any] = {
        "claim": each.id,
        "text": each.text,
        "belief": each.belief,
        "verdict": word(each.verdict),
        "effect": _plain(estimate.mean),
        "low": _plain(estimate.low),
        "high": _plain(estimate.high),
        "confidence": _plain(each.confidence),
        "unit": each.unit,
        "expect": each.claim.expect or ("within" if each.claim.is_value else None),
        "margin": each.margin,
        "seeds": estimate.n,
        "pairs": each.pairs,
        "left_out": each.unpaired,
        "treatment": _plain(each.treatment),
        "control": _plain(each.control),
        "effect_all_failed": _plain(other.mean) if other else None,
        "low_all_failed": _plain(other.low) if other else None,
        "high_all_failed": _plain(other.high) if other else None,
    }
    for name, at in (("fewer_failures", 0), ("fewer_failures_all_failed", 1)):
        row[name] = _plain(each.failure[at].mean) if each.failure else None
    return row | {
        "p": _plain(each.p),
        "family": each.family,
        "look": each.look,
        "level": each.level,
        "seeds_to_settle": each.seeds,
        "depends_on": each.depends or None,
        "changed": each.changed or None,
        "reason": each.reason,
    }


def _plain(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else float(f"{value:.6g}")


def word(verdict: str) -> str:
    """`no_effect` as it stands in a sentence."""
    return verdict.replace("_", " ")


def lines(claims: Iterable[Judged]) -> list[str]:
    """One line per claim: its id, the verdict, why, and what qualifies it."""
    return [clean_long(f"claim {each.id}: {word(each.verdict)} ({qualified(each)})") for each in claims]


def qualified(each: Judged) -> str:
    """The reason of a verdict with all that qualifies it: on what it depends, whether the claim was changed,
    and of a claim about one flag or outcome the effect on failures of any kind."""
    parts = [each.reason, f"depends on {each.depends}" if each.depends else "", each.changed]
    told = failures(each).removesuffix(".")
    return "; ".join(part for part in (*parts, told[:1].lower() + told[1:]) if part)


def short_rows(claims: Iterable[Judged]) -> list[dict[str, Any]]:
    """As `rows`, with reasons as the terminal shows them."""
    return [{**_row(each), "reason": clean_long(qualified(each))} for each in claims]


def listed(claims: Sequence[Judged], short: bool) -> tuple[Sequence[str], list[dict[str, Any]]]:
    """(columns, rows) of a listing: for a terminal the columns SHORT, else all."""
    return (SHORT, short_rows(claims)) if short else ((), rows(claims))


def notes(study: Mapping[str, Any], record: Mapping[str, Any]) -> list[str]:
    """What a study and its manifest say of the claims as a whole: which of them were removed."""
    told = removed(study, record)
    return [f"claims {told}; they still count in the family"] if told else []


def clean_long(text: str) -> str:
    """Text of any length without control and direction-changing characters."""
    return "".join(clean(text[i : i + 250]) for i in range(0, len(text), 250))


def is_settled(claims: Sequence[Judged]) -> bool:
    """Whether no claim is open: inconclusive or untestable."""
    return not any(each.verdict in (INCONCLUSIVE, UNTESTABLE) for each in claims)


def is_refuted(claims: Sequence[Judged]) -> bool:
    """Whether any claim is refuted."""
    return any(each.verdict == REFUTED for each in claims)


def sentence(each: Judged) -> str:
    """What was measured, in one sentence; empty where nothing could be."""
    if not each.estimate.n:
        return ""
    claim = each.claim
    if claim.within is not None:
        among = f" of trials that ended {' or '.join(claim.among)}" if claim.among else ""
        low, high = claim.within
        return (
            f"{claim.quantity.says}{among.replace('_', ' ')}: {interval(each.estimate, each.unit)} "
            f"{_counted(each)}; claimed to be within [{low:g}, {high:g}]."
        )
    arms = ""
    if each.treatment is not None and each.control is not None:
        arms = f"{_level(each.treatment, each.unit)} {_arm(each, 0)}, "
        arms += f"{_level(each.control, each.unit)} {_arm(each, 1)}: "
    return f"{claim.quantity.says}: {arms}{_as_expected(each, each.estimate)} {_counted(each)}."


def effect(each: Judged) -> str:
    """The effect or the value alone: `less by 17.5 points [5.32, 29.7]`; empty where nothing was measured."""
    if not each.estimate.n:
        return ""
    if each.claim.within is not None:
        return interval(each.estimate, each.unit)
    return _as_expected(each, each.estimate)


def all_failed(each: Judged) -> str:
    """The effect with all undecided trials failed, where it is another one; in the words of `sentence`."""
    if each.all_failed is None or each.all_failed == each.estimate:
        return ""
    is_value = each.claim.within is not None
    told = interval(each.all_failed, each.unit) if is_value else _as_expected(each, each.all_failed)
    return f"With all undecided trials counted as failed: {told}."


def _as_expected(each: Judged, estimate: Estimate) -> str:
    """An estimate of a claim's effect, in the direction in which it went."""
    towards, away = (LESS, MORE) if each.claim.expect == LESS else (MORE, LESS)
    return _by(estimate, each.unit, towards, away)


def _arm(each: Judged, side: int) -> str:
    """`at dropout 0.4`: what was changed, as it was in the treatment (0) or the control (1)."""
    told = " and ".join(f"{axis} {label(pair[side])}" for axis, pair in each.claim.compare.items())
    return f"at {told}" if told else ("with the treatment", "without")[side]


def _counted(each: Judged) -> str:
    n = each.estimate.n
    text = (
        f"over {n} seed{'s' if n != 1 else ''} ({each.pairs} {'trials' if each.claim.is_value else 'pairs'}"
    )
    text += f", {each.unpaired} without a partner or a value" if each.unpaired else ""
    return f"{text}; {100 * each.confidence:.4g} % interval)"


def _by(estimate: Estimate, unit: str, towards: str, away: str) -> str:
    """`less by 42 points [30, 54]`: in the direction in which it went."""
    if estimate.mean < 0:
        return f"{away} by {interval(signed(estimate, -1.0), unit)}"
    return f"{towards} by {interval(estimate, unit)}"


def interval(estimate: Estimate, unit: str) -> str:
    """`42 points [30, 54]`, `0.35 (factor 1.4) [0.2, 0.5]`; no brackets where there is no interval."""
    scale, name = (100.0, " points") if unit == "share of trials" else (1.0, "")
    if unit == "log-ratio":
        name = (
            f" in the logarithm (a factor of {number(math.exp(abs(estimate.mean)))})"
            if abs(estimate.mean) < 50
            else ""
        )
    text = f"{_digits(scale * estimate.mean)}{name}"
    if estimate.low is None or estimate.high is None:
        return text
    return f"{text} [{_digits(scale * estimate.low)}, {_digits(scale * estimate.high)}]"


def _digits(value: float) -> str:
    if not math.isfinite(value):
        return "–" if math.isnan(value) else "infinite" if value > 0 else "minus infinity"
    return (f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}").replace("-", "−")


def _level(value: float, unit: str) -> str:
    return f"{100 * value:.0f} %" if unit == "share of trials" else _digits(value)


def failures(each: Judged) -> str:
    """The effect on failures of any kind, in words; empty where the claim is about them, or a number."""
    if each.failure is None:
        return ""
    none, every = (_by(estimate, "share of trials", "fewer", "more") for estimate in each.failure)
    told = none if none == every else f"{none} with no undecided trial failed, {every} with all of them"
    return f"Failures of any kind: {told}."


def premise(seen: Seen) -> str:
    """`d_auc over W > 0.99 in the control: 0.998 over 60 seeds`"""
    found = "not known" if math.isnan(seen.value) else f"{_digits(seen.value)} over {seen.n} seeds"
    return f"{seen.says}: {found}{'' if seen.holds else ', which fails'}"
