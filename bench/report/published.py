"""Published numbers beside a study's own, as the report shows them and as one sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from bench.judge.published import AGREES, DIFFERS, NO_DATA, UNDECIDED, Compared, Published, compare
from bench.report.view import View
from bench.report.words import clean, label
from bench.study.problems import show
from bench.study.shape import PublishedBlock

_ORDER = (DIFFERS, UNDECIDED, NO_DATA, AGREES)


@dataclass(frozen=True)
class Beside:
    """Every statement beside what was measured, those that differ first. `axes`: what they tell cells by;
    `unreadable`: a sentence for each statement of the results' study.yaml that is none."""

    compared: tuple[Compared, ...]
    axes: tuple[str, ...]
    unreadable: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """`69 of 71 published statements agree; no data for 2`; empty for a study without any.

        What differs in a reduced run is told apart: it decides nothing.
        """
        if not self.compared and not self.unreadable:
            return ""
        counts = Counter(each.verdict for each in self.compared)
        text = f"{counts[AGREES]} of {len(self.compared)} published statements agree"
        reduced = sum(
            each.verdict == DIFFERS and each.published.reduced is not None for each in self.compared
        )
        if reduced:
            some = "" if reduced == counts[DIFFERS] else f"{reduced} of them "
            verb = "differs" if counts[DIFFERS] == 1 else "differ"
            text += f"; {counts[DIFFERS]} {verb}, {some}in reduced runs, which decides nothing"
        text += f"; {counts[UNDECIDED]} undecided" if counts[UNDECIDED] else ""
        text += f"; no data for {counts[NO_DATA]}" if counts[NO_DATA] else ""
        return text + (f"; {len(self.unreadable)} cannot be read" if self.unreadable else "")

    @property
    def notes(self) -> list[str]:
        """What the run has less of, and what to know of a difference; each sentence once."""
        said = [each.published for each in self.compared]
        less = [f"Reduced: {each.reduced}. A difference decides nothing." for each in said if each.reduced]
        return [clean(text) for text in dict.fromkeys((*less, *(each.note for each in said if each.note)))]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The cells of the table, as text."""
        return [_row(each, self.axes) for each in self.compared]


def beside(view: View) -> Beside:
    """The study's statements beside its results."""
    statements, unreadable = read(view.results.study.get("published"))
    compared = compare(statements, view.results.trials, view.results.curves, view.all_axes)
    axes = dict.fromkeys(axis for each in statements for axis in each.where)
    ordered = sorted(compared, key=lambda each: _ORDER.index(each.verdict))
    return Beside(tuple(ordered), tuple(axes), tuple(unreadable))


def read(block: Any) -> tuple[list[Published], list[str]]:
    """The statements of a `published` block, and a sentence for each that cannot be read.

    A study was checked before it ran, but its copy in the results may have been edited since.
    """
    if block is None:
        return [], []
    if not isinstance(block, list):
        return [], ["published: expected a list"]
    found, unreadable = [], []
    for position, each in enumerate(block):
        try:
            found.append(Published(**PublishedBlock.model_validate(each).model_dump()))
        except ValidationError as error:
            first = error.errors()[0]
            path = ".".join(str(part) for part in ("", *first["loc"]))
            what = first["msg"].removeprefix("Value error, ")
            unreadable.append(clean(f"published[{position}]{path}: {what}"))
    return found, unreadable


def _row(each: Compared, axes: tuple[str, ...]) -> dict[str, Any]:
    said = each.published
    return {
        "cells": [_value(said.where, axis) for axis in axes],
        "metric": clean(said.quantity),
        "step": "end" if said.at is None else str(said.at),
        "published": said.says,
        "own": _own(each),
        "se": _spread(each),
        "n": f"{each.n} ({each.lacking} null)" if each.lacking else str(each.n),
        "verdict": each.verdict,
        "reduced": said.reduced is not None,
        "source": clean(said.source),
    }


def _own(each: Compared) -> str:
    if each.mean is None:
        return "–"
    return f"{each.mean:.7g}" if each.other is None else f"{each.mean:.4g} against {each.other:.4g}"


def _spread(each: Compared) -> str:
    if each.interval is not None:
        return f"[{each.interval[0]:.3g}, {each.interval[1]:.3g}]"
    return "–" if each.se is None else f"{each.se:.2g}"


def _value(where: Mapping[str, Any], axis: str) -> str:
    """A statement that does not name an axis is about all its values."""
    if axis not in where:
        return "all"
    value = where[axis]
    return clean(show(value)) if isinstance(value, (list, dict)) else label(value)
