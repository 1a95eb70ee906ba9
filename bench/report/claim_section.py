"""The report's section on the claims of a study."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from bench.judge.claim import Judged
from bench.report import claim_figures, claim_text, claims
from bench.report.claim_text import clean_long
from bench.report.view import View
from bench.report.words import clean

MEANINGS = (
    ("supported", "the whole interval lies on the side that was expected"),
    ("refuted", "the whole interval lies on the other side"),
    ("no_effect", "the whole interval lies within the margin: smaller effects count as none"),
    ("inconclusive", "the interval allows no effect, and one beyond the margin"),
    (
        "untestable",
        "the study cannot tell: a premise or the positive control fails, or the control leaves no room",
    ),
)


def content(view: View) -> dict[str, Any]:
    """What the template shows: one record per claim, and a picture of all of them."""
    made = view.claims
    removed = claims.removed(view.results.study, view.results.manifest)
    forest = claim_figures.forest(made)
    return {
        "claims": [_claim(each) for each in made],
        "claims_any": bool(made or removed),
        "claims_removed": removed,
        "claims_forest": forest and _safe(forest),
        "claims_family": _family(made),
        "claims_meanings": MEANINGS,
    }


def _claim(each: Judged) -> dict[str, Any]:
    cells = claim_figures.by_cell(each)
    return {
        "id": each.id,
        "verdict": each.verdict,
        "text": clean(each.text),
        "effect": clean_long(claim_text.effect(each)),
        "sentence": clean_long(claim_text.sentence(each)),
        "failures": clean_long(claim_text.failures(each)),
        "reason": clean_long(each.reason),
        "premises": [clean_long(claim_text.premise(seen)) for seen in each.premises if seen.holds],
        "depends": clean(each.depends),
        "changed": clean(each.changed),
        "undecided": claim_text.all_failed(each),
        "correlation": each.correlation,
        "asked": _asked(each),
        "cells": cells and _safe(cells),
        "count": len(each.cells),
    }


def _safe(figure: Any) -> Any:
    """A figure as the templates take it: its own SVG is the only markup."""
    return figure if hasattr(figure, "__html__") else Markup(figure)


def _asked(each: Judged) -> str:
    """What is compared, where: `dropout 0.4 against 0, where loss is minimax; margin 0.15`"""
    claim = each.claim
    parts = [
        f"{clean(axis)} {clean(pair[0])} against {clean(pair[1])}" for axis, pair in claim.compare.items()
    ]
    where = [
        f"{clean(axis)} is {' or '.join(clean(value) for value in values)}"
        for axis, values in claim.where.items()
    ]
    text = " and ".join(parts)
    text += f"{', ' if text else ''}where {', '.join(where)}" if where else ""
    return f"{text}; margin {each.margin:g}" if each.margin is not None else text


def _family(made: tuple[Judged, ...]) -> str:
    """How many claims share the error rate, and at which look."""
    if not made:
        return ""
    first = made[0]
    together = "one claim" if first.family == 1 else f"{first.family} claims, together (Holm)"
    rate = f"{100 * first.level:.3g} %"
    return f"{together}; look {first.look} at these results, judged at an error rate of {rate}"
