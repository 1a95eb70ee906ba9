"""The report's section on the claims of a study."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from bench.judge.claim import Judged
from bench.report import claim_figures, claim_sentences, claims
from bench.report.claim_text import clean_long
from bench.report.view import View
from bench.report.words import clean

MEANINGS = (
    (
        "supported",
        "The whole interval lies on the side that was expected, or (values) within the bounds. The effect "
        "may be smaller than the margin; then the claim says so.",
    ),
    ("refuted", "The whole interval lies on the other side, or (values) outside of the bounds."),
    (
        "no_effect",
        "The whole interval lies within the margin: if there is an effect, it is smaller than what counts.",
    ),
    (
        "inconclusive",
        "The interval allows no effect and one beyond the margin, or the verdict hangs on trials that were "
        "still improving when they ended.",
    ),
    (
        "untestable",
        "The study cannot tell: a premise fails, the positive control does not train, the control leaves no "
        "room for an effect of the margin, there are too few seeds, or trials are missing.",
    ),
)
"""The five verdicts, in the words of docs/claims.md."""

FIRST = 6
"""Claims on the first screen."""

_ORDER = tuple(name for name, _ in MEANINGS)
"""On the first screen what is settled comes first; of one verdict as the study has them."""


def content(view: View) -> dict[str, Any]:
    """What the template shows: one record per claim, and a picture of all of them."""
    made = view.claims
    removed = claims.removed(view.results.study, view.results.manifest)
    forest = claim_figures.forest(made)
    shown = [_claim(each) for each in made]
    return {
        "claims": shown,
        "claims_first": first_ones(shown),
        "claims_any": bool(made or removed),
        "claims_removed": removed,
        "claims_forest": forest and _safe(forest),
        "claims_family": _family(made),
        "claims_intervals": _intervals(made),
        "claims_meanings": MEANINGS,
    }


def first_ones(shown: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The claims of the first screen: of each verdict one, then more, in the order of verdicts."""
    ordered = sorted(shown, key=lambda each: _ORDER.index(each["verdict"]))
    first = {each["verdict"]: each for each in reversed(ordered)}
    chosen = sorted(ordered, key=lambda each: each is not first[each["verdict"]])[:FIRST]
    return sorted(chosen, key=lambda each: _ORDER.index(each["verdict"]))


def _claim(each: Judged) -> dict[str, Any]:
    cells = claim_figures.by_cell(each)
    return {
        "id": each.id,
        "verdict": each.verdict,
        "text": clean(each.text),
        "brief": clean_long(claim_sentences.brief(each)),
        "sentence": clean_long(claim_sentences.sentence(each)),
        "failures": clean_long(claim_sentences.failures(each)),
        "reason": clean_long(each.reason),
        "premises": [clean_long(claim_sentences.premise(seen)) for seen in each.premises if seen.holds],
        "depends": clean(each.depends),
        "changed": clean(each.changed),
        "undecided": claim_sentences.all_failed(each),
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


def _intervals(made: tuple[Judged, ...]) -> str:
    """What the brackets of the first screen are."""
    if not any(each.estimate.low is not None for each in made):
        return ""
    together = "" if made[0].family == 1 else " of all verdicts together (Holm)"
    return f"In brackets: intervals, wide enough for an error rate of {_rate(made[0])}{together}."


def _family(made: tuple[Judged, ...]) -> str:
    """How many claims share the error rate, and at which look."""
    if not made:
        return ""
    first = made[0]
    together = "one claim" if first.family == 1 else f"{first.family} claims, together (Holm)"
    return f"{together}; look {first.look} at these results, judged at an error rate of {_rate(first)}"


def _rate(each: Judged) -> str:
    return f"{100 * each.level:.3g} %"
