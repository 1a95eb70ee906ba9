"""A comparison as rows: for programs (JSON, CSV) with raw numbers, for pages and terminals as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.judge.comparison import FIRST, RATIO, SECOND, Choice, Comparison, Contrast, Standing
from bench.judge.comparisons import compare
from bench.judge.stats import Bounds, Estimate
from bench.report.arms import STUDY, Question
from bench.report.words import span

Row = dict[str, Any]


@dataclass(frozen=True)
class Compared:
    """What was asked, and the answer."""

    asked: Question
    found: Comparison

    @property
    def is_ratio(self) -> bool:
        return self.found.scale == RATIO

    @property
    def settled(self) -> tuple[int, int]:
        """Pairs that differ for sure in failures, and in values."""
        firm = (FIRST, SECOND)
        pairs = self.found.contrasts
        return sum(p.verdict_failure in firm for p in pairs), sum(p.verdict_value in firm for p in pairs)


def compared(asked: Question) -> Compared:
    """The arms of a question, compared."""
    return Compared(asked, compare(asked.arms, asked.better, asked.scale))


def answer(it: Compared) -> str:
    """What came out, in two sentences: who fails least and most, and how many pairs are settled."""
    return f"{_rates(it)} {_settled(it)}"


def _rates(it: Compared) -> str:
    if not it.found.ranked:
        return "Who fails least often is not told: they have no cell in common."
    ends = {called(it, s.name): (s.failure.low.mean, s.failure.high.mean) for s in it.found.standings}
    low, high = ([each[i] for each in ends.values()] for i in (0, 1))
    if min(low) == max(high):
        return f"All fail equally often: {span(low[0], high[0])}."
    # The least rate of all lies between the least of the lower means and the least of the upper ones.
    best = {name: each for name, each in ends.items() if each[0] <= min(high)}
    worst = {name: each for name, each in ends.items() if each[1] >= max(low)}
    if len(best) == len(ends) == 2:
        (one, ours), (other, theirs) = ends.items()
        told = f"{one} fails in {span(*ours)} and {other} in {span(*theirs)}"
        return f"{told}: the undecided leave open which fails less."
    if len(best) == len(ends):
        return f"They fail in {span(min(low), max(high))}: the undecided leave open which fails least often."
    (first, least), (last, most) = _which(best), _which(worst)
    verb = "fails" if len(best) == 1 or _is_open(best) else "fail"
    first = f"O{first[1:]}" if _is_open(best) else first
    return f"{first} {verb} least often{least}, and {last} most often{most}."


def _which(group: Mapping[str, tuple[float, float]]) -> tuple[str, str]:
    """The methods that may be first, or last, and how often they fail.

    `a and b`, `, in 17 %` where they are equal for sure; where the undecided leave open which,
    `one of a, b`, ` (they fail in 0 to 33 %)`: the range of all of them.
    """
    names, (low, high) = list(group), zip(*group.values(), strict=True)
    rates = span(min(low), max(high))
    if not _is_open(group):
        return _joined(names), f", in {rates}"
    whose = ", ".join(names) if len(names) <= 5 else f"{len(names)} of them"
    return f"one of {whose}", f" (they fail in {rates})"


def _is_open(group: Mapping[str, tuple[float, float]]) -> bool:
    """Whether the undecided leave open which of several it is."""
    return len(group) > 1 and any(low != high for low, high in group.values())


def _settled(it: Compared) -> str:
    tests, pairs, (failures, values) = it.found.family, len(it.found.contrasts), it.settled
    if not tests:
        fewest = min(s.seeds for s in it.found.standings)
        one = "1 seed" if fewest == 1 else f"{fewest} seeds"
        return f"With {one} this is an illustration and no verdict: that takes 5."
    holm = f"After Holm's correction over {tests} tests" if tests > 1 else "At 5 %"
    known = any(each.p_value is not None for each in it.found.contrasts)
    if pairs == 1:
        more = f", and {('none', 'one')[values]} in {it.asked.metric}" if known else ""
        return f"{holm}, {('no', 'a')[failures]} difference is shown in failures{more}."
    more = f" and {values} in {it.asked.metric}" if known else ""
    return f"{holm}, {failures} of {pairs} pairs differ in failures{more}."


def called(it: Compared, name: str) -> str:
    """A method in a sentence: `dropout 0.4` where the name is a number."""
    number = isinstance(it.asked.values[[a.name for a in it.asked.arms].index(name)], (int, float))
    return f"{it.asked.by} {name}" if number else name


def _joined(names: Sequence[str]) -> str:
    if len(names) > 3:
        return f"{len(names)} of them"
    return " and ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else names[0]


def why_no_r(it: Compared) -> str:
    """Why a pair has no correlation: `one of the two does not vary`; empty where every pair has one."""
    diverged = {each.name for each in it.found.standings if each.diverged}
    reasons = [
        "not paired"
        if not each.paired
        else "a trial diverged"
        if {each.first, each.second} & diverged
        else "fewer than 3 seeds"
        if each.seeds < 3
        else "one of the two does not vary"
        for each in it.found.contrasts
        if each.value.correlation is None
    ]
    return " or ".join(dict.fromkeys(reasons))


def how(it: Compared) -> list[str]:
    """How it was compared, a sentence each: pairing, the scale of effects, budgets, what else differs."""
    asked, found = it.asked, it.found
    measured = f", {asked.samples} samples per evaluation" if asked.samples != "none" else ""
    said = [f"data: {asked.data}{measured}"]
    if asked.where:
        said.append(f"only trials with {asked.where}")
    said += _pairing(found.contrasts)
    kind = "medians" if found.medians else "means"
    why = ", since trials diverged (worst of all)" if found.medians else ""
    if it.is_ratio:
        said.append(f"ratios of {asked.metric} are {kind} over the seeds of logarithms{why}")
    else:
        said.append(f"differences of {asked.metric} are {kind} over the seeds{why}")
    refused = [e.value.estimate for e in found.contrasts if e.paired and e.value.estimate.low is None]
    if found.family and refused:
        whose = "" if len(refused) == len(found.contrasts) else f"{len(refused)} pairs have "
        said.append(f"{whose}no test of {asked.metric}: {refused[0].method}")
    if found.budget:
        said.append(found.budget)
    if asked.differs:
        whose = "the studies" if asked.by == STUDY else "the values"
        said.append(f"{whose} differ in {', '.join(asked.differs)}")
    unknown = [f"{s.unknown} of {s.name}" for s in found.standings if s.unknown]
    if unknown:
        said.append(f"without a value of {asked.metric}, and in no number of it: {', '.join(unknown)}")
    return [*said, *asked.notes]


def _pairing(pairs: Sequence[Contrast]) -> list[str]:
    paired = [each for each in pairs if each.paired]
    apart = [each for each in pairs if not each.paired]
    said = []
    if paired:
        seeds = sorted({each.seeds for each in paired})
        counts = sorted({each.pairs for each in paired})
        whose = "" if not apart else f"{len(paired)} of {len(pairs)} "
        said.append(f"{whose}paired by seed and cell: {_range(counts)} pairs in {_range(seeds)} seeds")
    if apart:
        reasons = list(dict.fromkeys(each.why_unpaired for each in apart))
        whose = "" if not paired else f"{len(apart)} of {len(pairs)} "
        said.append(f"{whose}not paired ({'; '.join(reasons)}): ranks over seeds (Mann-Whitney)")
    return said


def _range(counts: Sequence[int]) -> str:
    return str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"


# --- rows for programs


def method_rows(it: Compared) -> list[Row]:
    """One record for each method, in the table's order."""
    return [_method(each) for each in it.found.standings]


def _method(each: Standing) -> Row:
    return {
        "method": each.name,
        "trials": each.trials,
        "cells": each.cells,
        "seeds": each.seeds,
        **_bounds("failure", each.failure),
        "diverged": each.diverged,
        "unknown": each.unknown,
        **_estimate("middle", each.middle),
        **_chosen(each.choice),
    }


def _chosen(choice: Choice | None) -> Row:
    if choice is None:
        return {"chosen": None, "chosen_of": None, "chosen_odd_failure": None}
    return {
        "chosen": choice.cell,
        "chosen_of": choice.of,
        "chosen_odd_failure": choice.seen,
        **_bounds("fresh_failure", choice.failure),
        "fresh_trials": choice.failure.low.n,
        "fresh_value": choice.value,
    }


def _bounds(name: str, bounds: Bounds) -> Row:
    return {
        f"{name}_none": bounds.low.mean,
        f"{name}_all": bounds.high.mean,
        f"{name}_low": bounds.low.low,
        f"{name}_high": bounds.high.high,
        f"{name}_how": bounds.low.method,
    }


def _estimate(name: str, each: Estimate) -> Row:
    return {name: each.mean, f"{name}_low": each.low, f"{name}_high": each.high, f"{name}_how": each.method}


def pair_rows(it: Compared) -> list[Row]:
    """One record for each pair of methods; `effect` is on the scale of the comparison."""
    return [_pair(each) for each in it.found.contrasts]


def _pair(each: Contrast) -> Row:
    low, high = each.failure_span
    return {
        "first": each.first,
        "second": each.second,
        "paired": each.paired,
        "pairs": each.pairs,
        "seeds": each.seeds,
        "why_unpaired": each.why_unpaired or None,
        "failure_difference_none": each.failure[0].estimate.mean,
        "failure_difference_all": each.failure[1].estimate.mean,
        "failure_low": low,
        "failure_high": high,
        "failure_how": each.failure[0].estimate.method,
        "failure_p": each.p_failure,
        "failure_adjusted_p": each.adjusted_failure,
        "failure_correlation": each.failure[0].correlation,
        "failure_verdict": each.verdict_failure,
        **_estimate("effect", each.value.estimate),
        "effect_p": each.p_value,
        "effect_adjusted_p": each.adjusted_value,
        "effect_correlation": each.value.correlation,
        "effect_verdict": each.verdict_value,
        **_estimate("improvement", each.improvement),
    }


def as_json(it: Compared) -> Row:
    """Everything in one record."""
    return {
        "by": it.asked.by,
        "metric": it.asked.metric,
        "better": it.asked.better,
        "unit": it.asked.unit,
        "scale": it.found.scale,
        "medians": it.found.medians,
        "floor": it.asked.floor[0],
        "data": it.asked.data,
        "samples": it.asked.samples,
        "where": it.asked.where or None,
        "tests": it.found.family,
        "answer": answer(it),
        "how": how(it),
        "methods": method_rows(it),
        "pairs": pair_rows(it),
    }


def tidy(it: Compared) -> list[Row]:
    """One estimate a row, for a CSV: `method`, `against` (for pairs), `quantity`, estimate and interval."""
    rows: list[Row] = []

    def add(method: str, against: str, quantity: str, each: Estimate, **more: Any) -> None:
        rows.append(
            {
                "method": method,
                "against": against,
                "quantity": quantity,
                "estimate": each.mean,
                "low": each.low,
                "high": each.high,
                "seeds": each.n,
                "p": more.get("p"),
                "adjusted_p": more.get("adjusted"),
                "correlation": more.get("correlation"),
                "verdict": more.get("verdict"),
                "cell": more.get("cell"),
                "how": each.method,
            }
        )

    for one in it.found.standings:
        add(one.name, "", "failure rate, none of the undecided", one.failure.low)
        add(one.name, "", "failure rate, all of the undecided", one.failure.high)
        add(one.name, "", f"interquartile mean of {it.asked.metric}", one.middle)
        if one.choice is not None:
            for word, bound in (("none", one.choice.failure.low), ("all", one.choice.failure.high)):
                quantity = f"failure rate of the chosen cell on fresh seeds, {word} of the undecided"
                add(one.name, "", quantity, bound, cell=one.choice.cell)
    for pair in it.found.contrasts:
        names = (pair.first, pair.second)
        tested: Row = {
            "p": pair.p_failure,
            "adjusted": pair.adjusted_failure,
            "verdict": pair.verdict_failure,
        }
        for word, effect in zip(("none", "all"), pair.failure, strict=True):
            quantity = f"difference of failure rates, {word} of the undecided"
            add(*names, quantity, effect.estimate, correlation=effect.correlation, **tested)
        tested = {"p": pair.p_value, "adjusted": pair.adjusted_value, "verdict": pair.verdict_value}
        quantity = f"{it.found.scale} of {it.asked.metric}"
        add(*names, quantity, pair.value.estimate, correlation=pair.value.correlation, **tested)
        add(*names, "probability of improvement", pair.improvement)
    return rows
