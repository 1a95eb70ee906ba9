"""What was measured of a claim, in sentences that say which way it went: no sign has to be decoded."""

from __future__ import annotations

import math

from bench.judge.claim import FAILURE, LESS, REFUTED, SUPPORTED, UNTESTABLE, Judged, Seen
from bench.judge.claim_reasons import (
    LOG_RATIO,
    SHARE,
    amount,
    digits,
    factor,
    is_torn,
    may_be_small,
    readings,
)
from bench.judge.claim_tests import signed
from bench.judge.stats import Estimate
from bench.report.words import label

_WORDS = {SHARE: ("fewer", "more")}
_OTHERWISE = ("lower", "higher")
"""Which way an effect went: of shares, and of numbers."""

MEDIAN = "order statistics"
"""How the method of an estimate begins that is a median over seeds and no mean."""

_EXACT = 1e-6


def sentence(each: Judged) -> str:
    """What was measured, in one sentence; empty where nothing could be."""
    if not each.estimate.n:
        return ""
    if each.claim.within is not None:
        told = _value(each, each.estimate, _confidence(each))
        return f"{_subject(each)}: {told}, {_counted(each)}; claimed: {_bounds(each)}."
    told = f"{_change(each, each.estimate, _confidence(each))}, {_counted(each)}."
    arms = levels(each)
    if not arms:
        return f"{_subject(each)}: {told}"
    first, second = (f"{level} {_arm(each, side)}" for side, level in enumerate(arms))
    if each.unit == SHARE:
        return f"{_subject(each)} in {first}, in {second}: {told}"
    return f"{_subject(each)}: median {first}, {second}: {told}"


def brief(each: Judged) -> str:
    """A claim's result for who has seconds: `in 12 of 60 against 45 of 60 (38 to 70 points fewer)`.

    Of what cannot be tested, or waits for longer training, why; empty where there is nothing to say.
    """
    if each.verdict == UNTESTABLE:
        return each.short
    if is_torn(each.verdict, each.reason):
        return "undecided trials settle it, so train longer"
    if not each.estimate.n:
        return ""
    if each.claim.is_value:
        return value(each)
    small = ", perhaps smaller than the margin" if is_perhaps_small(each) else ""
    return f"{effect(each)}{small}{other_reading(each)}{_beside(each)}"


def _beside(each: Judged) -> str:
    """What became of failures of any kind, without intervals: `; failures: 0 to 60 points more`."""
    if each.failure is None:
        return ""
    ends = sorted((-estimate.mean for estimate in each.failure), key=abs)
    told = [_amount(end, SHARE) for end in ends]
    if len(set(told)) == 1 or ends[0] * ends[1] < 0:
        return f"; failures: {' to '.join(dict.fromkeys(told))}"
    return f"; failures: {digits(100 * abs(ends[0]))} to {told[1]}"


def other_reading(each: Judged) -> str:
    """The other reading of the undecided trials, after a semicolon; empty where it is the same."""
    told = all_failed(each)
    return f"; {told[0].lower()}{told[1:].rstrip('.')}" if told else ""


def value(each: Judged) -> str:
    """`0.25 (0.217 to 0.283), claimed: −0.1 to 0.1`"""
    return f"{_value(each, each.estimate)}, claimed: {_bounds(each)}"


def effect(each: Judged) -> str:
    """An effect between its arms: `fails in 12 of 60 against 45 of 60 (38 to 70 points fewer)`."""
    arms, told = levels(each), _change(each, each.estimate)
    if not arms:
        return told
    if each.unit != SHARE:
        return f"median {arms[0]} against {arms[1]}: {told}"
    against = f"{_verb(each)} in {arms[0]} against {arms[1]}"
    if each.estimate.low is None or each.estimate.high is None:
        return f"{against}: {told}"
    return f"{against} ({_ends(_raw(each, each.estimate), each.unit, ' points')})"


def is_perhaps_small(each: Judged) -> bool:
    """Whether an effect is shown whose size may be less than what counts."""
    return each.verdict in (SUPPORTED, REFUTED) and may_be_small(each.claim, each.readings)


def all_failed(each: Judged) -> str:
    """The other reading of the undecided trials, where it says something else; in the words of `sentence`."""
    other = each.all_failed
    if other is None or other == each.estimate:
        return ""
    told = _value(each, other) if each.claim.within is not None else _change(each, other)
    when = {
        "if they are taken in": "With the undecided trials taken in",
        "if all did": "If all undecided trials failed",
    }.get(readings(each.claim)[1], f"If all undecided trials count as {_name(each)}")
    return f"{when}: {told}."


def failures(each: Judged) -> str:
    """The effect on failures of any kind, in words; empty where the claim is about them, or a number."""
    if each.failure is None:
        return ""
    none, every = (change(signed(estimate, -1.0), SHARE) for estimate in each.failure)
    other = f"; if all undecided trials failed, {every}" if none != every else ""
    return f"Failures of any kind: {none}{other}."


def premise(seen: Seen) -> str:
    """`d_auc over W > 0.99 in the control: 0.998 over 60 seeds`"""
    found = "not known" if math.isnan(seen.value) else f"{digits(seen.value)} over {seen.n} seeds"
    return f"{seen.says}: {found}{'' if seen.holds else ', which fails'}"


def change(difference: Estimate, unit: str, what: str = "") -> str:
    """Treatment less control in words: `17.5 points fewer (5.32 to 29.7 fewer)`.

    what: stands before the interval, `99 % interval `.
    """
    how = "in the median" if difference.method.startswith(MEDIAN) else "on average"
    told = _amount(difference.mean, unit, how)
    if difference.low is None or difference.high is None:
        return told
    return f"{told} ({what}{_ends(difference, unit)})"


def levels(each: Judged) -> tuple[str, str] | None:
    """Treatment and control: `12 of 60`, `68 %`, `8`; None where one is not known."""
    both = (each.treatment, each.control)
    known = [value for value in both if value is not None and not math.isnan(value)]
    if len(known) < 2:
        return None
    if each.unit != SHARE:
        return digits(known[0]), digits(known[1])
    n = each.pairs
    counts = [value * n for value in known]
    if each.unpaired or n % each.estimate.n or any(abs(c - round(c)) > _EXACT * max(1, n) for c in counts):
        return f"{digits(100 * known[0])} %", f"{digits(100 * known[1])} %"
    return f"{round(counts[0])} of {n}", f"{round(counts[1])} of {n}"


def _raw(each: Judged, estimate: Estimate) -> Estimate:
    """Treatment less control; claims store it so that positive is what was expected."""
    return signed(estimate, -1.0 if each.claim.expect == LESS else 1.0)


def _change(each: Judged, estimate: Estimate, what: str = "") -> str:
    return change(_raw(each, estimate), each.unit, what)


def _amount(mean: float, unit: str, how: str = "on average") -> str:
    if math.isnan(mean):
        return "difference not known"
    if _is_nothing(mean, unit):
        return "no difference"
    word = _word(mean, unit)
    return f"{amount(mean, unit)} {word}" if unit == SHARE else f"{how} {word} by {amount(mean, unit)}"


def _is_nothing(value: float, unit: str) -> bool:
    return (
        value == 0
        or (unit == SHARE and abs(value) < 5e-6)
        or (unit == LOG_RATIO and factor(abs(value)) == "1")
    )


def _word(value: float, unit: str) -> str:
    return _WORDS.get(unit, _OTHERWISE)[value > 0]


def _ends(difference: Estimate, unit: str, points: str = "") -> str:
    """An interval in words: `5.32 to 29.7 fewer`, `from 2.8 fewer to 17.8 more`.

    points: the unit of shares, where nothing before has said it.
    """
    low, high = float(difference.low or 0.0), float(difference.high or 0.0)
    points = points if unit == SHARE else ""
    size = [factor(abs(x)) if unit == LOG_RATIO else amount(x, unit).partition(" ")[0] for x in (low, high)]
    of = "a factor of " if unit == LOG_RATIO else ""
    if low < 0 < high:
        return f"from {of}{size[0]}{points} {_word(-1, unit)} to {size[1]}{points} {_word(1, unit)}"
    if high <= 0 and low < 0:
        return f"{of}{size[1]} to {size[0]}{points} {_word(-1, unit)}"
    return f"{of}{size[0]} to {size[1]}{points} {_word(1, unit)}"


def _value(each: Judged, estimate: Estimate, what: str = "") -> str:
    """`0.25 (0.217 to 0.283)`, `0.8 % (0.19 to 3.5 %)`."""
    scale, unit = (100.0, " %") if each.unit == SHARE else (1.0, "")
    text = f"{digits(scale * estimate.mean)}{unit}"
    if estimate.low is None or estimate.high is None:
        return text
    return f"{text} ({what}{digits(scale * estimate.low)} to {digits(scale * estimate.high)}{unit})"


def _bounds(each: Judged) -> str:
    low, high = each.claim.within or (math.nan, math.nan)
    scale, unit = (100.0, " %") if each.unit == SHARE else (1.0, "")
    return f"{digits(scale * low)} to {digits(scale * high)}{unit}"


def _name(each: Judged) -> str:
    return each.claim.quantity.says


def _subject(each: Judged) -> str:
    """How the sentence begins: `Fails`, `Vanishing gradient`, `final sw1`."""
    claim = each.claim
    if claim.within is not None:
        among = f" of trials that ended {' or '.join(claim.among)}" if claim.among else ""
        return f"{_name(each)}{among.replace('_', ' ')}"
    verb = _verb(each)
    return verb[:1].upper() + verb[1:] if each.unit == SHARE else verb


def _verb(each: Judged) -> str:
    return "fails" if each.claim.quantity.names == (FAILURE,) else _name(each)


def _arm(each: Judged, side: int) -> str:
    """`at dropout 0.4`: what was changed, as it was in the treatment (0) or the control (1)."""
    told = " and ".join(f"{axis} {label(pair[side])}" for axis, pair in each.claim.compare.items())
    return f"at {told}" if told else ("with the treatment", "without")[side]


def _confidence(each: Judged) -> str:
    return f"{100 * each.confidence:.4g} % interval "


def _counted(each: Judged) -> str:
    n, kind = each.estimate.n, "trial" if each.claim.is_value else "pair"
    text = f"over {n} seed{'s' if n != 1 else ''} ({each.pairs} {kind}{'s' if each.pairs != 1 else ''}"
    return f"{text}{f', {each.unpaired} without a partner or a value' if each.unpaired else ''})"
