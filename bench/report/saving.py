"""What would have saved runs: a fair paired contrast of two values of an axis, in a sentence.

Fair is: equal seeds, equal other axes, data no knob; no axis that claims compare or choose by (they say it
themselves); no value that stands in the positive control, for that it trains was known before.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from bench.judge.intervals import SEEDS_FOR_INTERVAL
from bench.report.claims import positive_control
from bench.report.contrasts import AxisContrast, Largest, largest
from bench.report.view import View
from bench.report.words import clean, label
from bench.study.claims import to_where
from bench.study.problems import listed


def sentence(view: View) -> str:
    """What would have saved most runs, or why nothing can be named; beside claims only what is shown."""
    if view.claims:
        found = largest(view, _free(view), to_where(positive_control(view.results.study)))
        return _told(view, found) if found and found.best.shown and found.best.certain < 0 else ""
    if not view.axes:
        return "The study varies nothing but the seed, so no knob can be named."
    failed = view.judged["failed"]
    if all(each is False for each in failed):
        return "There was nothing to save."
    found = largest(view, None, to_where(positive_control(view.results.study)))
    if found is None and largest(view):
        return "Only values that the study knows to train had fewer failures, so no other knob can be named."
    if found is None:
        return "No two values of an axis share a seed and all other settings, so no knob can be named."
    if found.best.certain == 0:
        beyond = " beyond what the undecided leave open" if any(each is None for each in failed) else ""
        return f"No value of an axis had fewer failures than another{beyond}."
    return _told(view, found)


def _free(view: View) -> list[str]:
    """The axes of which no claim speaks."""
    named = {axis for each in view.claims for axis in (*each.claim.compare, *each.claim.where)}
    return [axis for axis in view.axes if axis not in named]


def _told(view: View, found: Largest) -> str:
    best = found.best
    change = _change(view, best)
    arms = f"{_count(best.failed[0], best.pairs)} failed against {_count(best.failed[1], best.pairs)}"
    if view.seeds < SEEDS_FOR_INTERVAL:
        return (
            f"The largest difference is {change}: {arms}{_alike(found)}; an illustration and no verdict, for "
            f"there {'is' if view.seeds == 1 else 'are'} {view.seeds} seed{'s' if view.seeds != 1 else ''}."
        )
    numbers = f"{arms}, {_points(best)}, {_how(found)}{_alike(found)}"
    if best.shown:
        return f"Runs would have been saved by {change}: {numbers}."
    return f"No single change is shown to prevent failures. The largest difference is {change}: {numbers}."


def _change(view: View, best: AxisContrast) -> str:
    """`lr_ratio 1 instead of 0.05`; of bundles with what they set: `d = slower instead of strong (…)`."""
    knobs = differing(view, best.axis, best.treatment, best.control)
    names = label(best.treatment), label(best.control)
    if knobs is None:
        return f"{clean(best.axis)} {names[0]} instead of {names[1]}"
    told = f"{clean(best.axis)} = {names[0]} instead of {names[1]}"
    if len(knobs) > 1:
        return f"{told} (a bundle: {listed(map(clean, knobs))} change together)"
    return f"{told} (another {clean(knobs[0])})" if knobs else told


def differing(view: View, axis: str, one: Any, other: Any) -> list[str] | None:
    """The keys in which two bundles of an axis differ, as the study wrote them; None without bundles."""
    grid = view.results.study.get("grid")
    given = grid.get(axis) if isinstance(grid, dict) else None
    points = given if isinstance(given, list) else []
    bundles = {str(each["as"]): each for each in points if isinstance(each, dict) and "as" in each}
    a, b = bundles.get(str(one)), bundles.get(str(other))
    if a is None or b is None:
        return None
    keys = dict.fromkeys(str(key) for each in (a, b) for key in each if key != "as")
    return [key for key in keys if _set(view, a, key) != _set(view, b, key)]


def _set(view: View, bundle: Mapping[str, Any], key: str) -> Any:
    """What a key is in a bundle, or else in the study's base; None where the study leaves it to defaults."""
    if key in bundle:
        return bundle[key]
    found = view.results.study.get("base")
    for part in key.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _count(failed: tuple[int, int], pairs: int) -> str:
    """`12 of 60`, `12 to 20 of 60`: with none of the undecided failed, and with all."""
    low, high = sorted(failed)
    return f"{low if low == high else f'{low} to {high}'} of {pairs}"


def _points(best: AxisContrast) -> str:
    low, high = (100 * abs(each) for each in sorted(best.means, key=abs))
    amount = f"{low:.0f}" if math.isclose(low, high, abs_tol=0.5) else f"{low:.0f} to {high:.0f}"
    return f"{amount} points fewer at equal seeds and equal other axes"


def _how(found: Largest) -> str:
    """`95 % interval 4 to 97 fewer, allowing for all 14 differences, 60 seeds`"""
    n = found.compared
    parts = [_interval(found.best), f"allowing for all {n} differences" if n > 1 else ""]
    known = parts if parts[0] else []
    return ", ".join(part for part in [*known, f"{found.best.least.n} seeds"] if part)


def _interval(best: AxisContrast) -> str:
    """`95 % interval 4 to 97 fewer`: which way is said in words; empty where there is none."""
    if best.low is None or best.high is None:
        return ""
    ends = [round(-100 * best.high), round(-100 * best.low)]
    if ends[0] >= 0:
        return f"95 % interval {ends[0]} to {ends[1]} fewer"
    return f"95 % interval from {-ends[0]} more to {ends[1]} fewer"


def _alike(found: Largest) -> str:
    n = found.alike
    return f"; {n} other change{'s' if n != 1 else ''} did as much, so none is the best" if n else ""
