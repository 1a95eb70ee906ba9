"""Judge measured runs, count right and wrong, and write the page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from bench.judge.intervals import share, wilson
from bench.judge.outcomes import OUTCOMES, judge
from bench.judge.rules import RULES
from bench.judge.stats import SEEDS_FOR_INTERVAL
from tests.planted.natural import Natural
from tests.planted.plant import Run

ENOUGH_RUNS = 20
"""Runs that each outcome must have in each half."""
BAR, BAR_OF_ONE, BAR_NATURAL = 0.95, 0.85, 0.85
"""Least share of right outcomes in a half, for each planted outcome of it, and in a set of natural runs."""
BEGIN, END = "<!-- planted: made by `make planted` -->", "<!-- planted: end -->"
NONE = "none"

_HALVES = {
    "A": "Half A, on which thresholds were tuned",
    "B": "Half B: other mechanisms and data; 191 of 200 right when it was first judged, before the repair",
}
_NATURAL = {
    False: "Natural runs that were open while the rules were mended",
    True: "Natural runs that were held out",
}


@dataclass(frozen=True)
class Judged:
    """What a run is called. `truths`: all that counts as right."""

    group: str
    recipe: str
    name: str
    truths: tuple[str, ...]
    outcome: str
    reason: str

    @property
    def is_right(self) -> bool:
        return self.outcome in self.truths

    @property
    def truth(self) -> str:
        """The run's row in the matrix: of several truths the one that the rules agree with."""
        return self.outcome if self.is_right else self.truths[0]


def judge_runs(runs: Iterable[Run]) -> list[Judged]:
    out = []
    for run in runs:
        verdict = judge(run.curve, run.context)
        out.append(
            Judged(run.half, run.recipe, run.name, (run.truth,), verdict.outcome or NONE, verdict.reason)
        )
    return out


def judge_natural(runs: Iterable[Natural]) -> list[Judged]:
    """Where the raters differ either name counts as right."""
    out = []
    for run in runs:
        verdict = judge(run.curve, run.context)
        truths = tuple(dict.fromkeys((run.first, run.second)))
        group = f"natural {run.is_held_out}"
        name = f"{run.trial}: {run.note}"
        out.append(Judged(group, run.study, name, truths, verdict.outcome or NONE, verdict.reason))
    return out


def problems(judged: Sequence[Judged]) -> list[tuple[str, str]]:
    """(group, sentence) of each bar that is missed."""
    found = []
    for half in _HALVES:
        of = [each for each in judged if each.group == half]
        found += [(half, f"half {half}: {text}") for text in _below(of, BAR)]
        for outcome in OUTCOMES:
            these = [each for each in of if each.truth == outcome]
            found += [(half, f"half {half}, {outcome}: {text}") for text in _below(these, BAR_OF_ONE)]
            if len(these) < ENOUGH_RUNS:
                text = f"half {half}, {outcome}: {len(these)} runs, fewer than {ENOUGH_RUNS}"
                found.append((half, text))
    for held_out in _NATURAL:
        group = f"natural {held_out}"
        of = [each for each in judged if each.group == group]
        found += [(group, f"{_NATURAL[held_out]}: {text}") for text in _below(of, BAR_NATURAL)]
    return found


def _below(of: Sequence[Judged], bar: float) -> list[str]:
    right = sum(each.is_right for each in of)
    return [f"{right} of {len(of)} right, below {bar:.0%}"] if right < bar * len(of) else []


def page(judged: Sequence[Judged], docs: dict[str, dict[str, str]], wall_s: float) -> str:
    """The part of docs/planted.md between its markers. `docs`: half -> recipe -> what it causes."""
    version = f"Rules of version {RULES.label}; made by `make planted` in {wall_s / 60:.1f} minutes."
    parts = [BEGIN, "", version]
    for half, title in _HALVES.items():
        of = [each for each in judged if each.group == half]
        if of:
            parts += ["", f"## {title}", "", _overall(of, "recipes"), "", *_matrix(of), "", *_wrong(of)]
            parts += ["", *_recipes(of, docs[half])]
    for held_out, title in _NATURAL.items():
        of = [each for each in judged if each.group == f"natural {held_out}"]
        if of:
            parts += ["", f"## {title}", "", _overall(of, "studies"), "", *_matrix(of), "", *_wrong(of)]
    return "\n".join([*parts, "", END])


def interval(right: int, n: int) -> str:
    low, high = wilson(right, n)
    return f"{float(low):.0%} to {float(high):.0%}"


def _overall(of: Sequence[Judged], groups: str) -> str:
    """Runs of one recipe resemble each other, so the interval is one over recipes."""
    right, n = sum(each.is_right for each in of), len(of)
    names = dict.fromkeys(each.recipe for each in of)
    points = np.array([np.mean([each.is_right for each in of if each.recipe == name]) for name in names])
    told = f"**{right} of {n} right ({right / n:.1%})**"
    if len(points) < SEEDS_FOR_INTERVAL:
        each = ", ".join(f"{name} {point:.0%}" for name, point in zip(names, points, strict=True))
        return f"{told}; by {groups}: {each}."
    low, high = share(points, n / len(points))
    return (
        f"{told}; the mean over {len(points)} {groups} is {points.mean():.1%} "
        f"(95 % interval over {groups}: {float(low):.0%} to {float(high):.0%})."
    )


def _matrix(of: Sequence[Judged]) -> list[str]:
    counts = Counter((each.truth, each.outcome) for each in of)
    columns = [*OUTCOMES, *([NONE] if any(each.outcome == NONE for each in of) else [])]
    lines = [
        f"| truth \\ judged | {' | '.join(columns)} | right | 95 % interval (Wilson) |",
        f"|---|{'--:|' * len(columns)}--:|---|",
    ]
    for truth in OUTCOMES:
        these = [each for each in of if each.truth == truth]
        if not these:
            continue
        numbers = [(name, counts[truth, name]) for name in columns]
        cells = [f"**{n}**" if name == truth else str(n or "") for name, n in numbers]
        right = sum(each.is_right for each in these)
        lines.append(
            f"| `{truth}` | {' | '.join(cells)} | {right} of {len(these)} | {interval(right, len(these))} |"
        )
    return lines


def _wrong(of: Sequence[Judged]) -> list[str]:
    wrong = [each for each in of if not each.is_right]
    if not wrong:
        return ["None was judged wrong."]
    return ["Judged wrong:", ""] + [
        f"- `{each.recipe}`, {each.name}: `{' or '.join(each.truths)}` was called `{each.outcome}`."
        f" {each.reason}"
        for each in wrong
    ]


def _recipes(of: Sequence[Judged], docs: dict[str, str]) -> list[str]:
    lines = ["| recipe | truth | right | what it causes |", "|---|---|--:|---|"]
    for recipe in dict.fromkeys(each.recipe for each in of):
        these = [each for each in of if each.recipe == recipe]
        truths = ", ".join(f"`{truth}`" for truth in dict.fromkeys(each.truth for each in these))
        right = sum(each.is_right for each in these)
        lines.append(f"| `{recipe}` | {truths} | {right} of {len(these)} | {docs[recipe]} |")
    return lines
