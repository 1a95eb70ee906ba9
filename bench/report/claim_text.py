"""Judged claims as rows and lines, for the terminal and for files."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.judge.claim import INCONCLUSIVE, REFUTED, UNTESTABLE, Judged
from bench.report.claim_sentences import failures
from bench.report.claims import judged, remember, removed
from bench.report.words import clean
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
