"""The claims of a study in a sentence: how many became what; and one claim in a sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from bench.judge.claim import INCONCLUSIVE, NO_EFFECT, REFUTED, SUPPORTED, UNTESTABLE, Judged
from bench.judge.claim_reasons import amount, is_torn
from bench.report.claim_sentences import effect, is_perhaps_small, value
from bench.report.words import clean
from bench.study.problems import listed

SETTLED = (SUPPORTED, REFUTED, NO_EFFECT)


def answer(claims: Sequence[Judged]) -> str:
    """`Of 14 claims 6 are supported, 3 refuted and 5 untestable (why).`; a single claim as a whole."""
    if len(claims) == 1:
        return one(claims[0], "The claim")
    settled = any(each.verdict in SETTLED for each in claims)
    return counted(claims) if settled else f"{counted(claims)} None is settled."


def counted(claims: Sequence[Judged]) -> str:
    """`Of 14 claims 6 are supported, 3 refuted, 2 show no effect and 3 are untestable (why).`"""
    found = Counter(each.verdict for each in claims)
    parts, verb = [], ""
    for verdict in (*SETTLED, INCONCLUSIVE, UNTESTABLE):
        if not (n := found[verdict]):
            continue
        if verdict == NO_EFFECT:
            told, verb = f"{n} {'shows' if n == 1 else 'show'} no effect", ""
        else:
            now = "is" if n == 1 else "are"
            told, verb = f"{n} {now if now != verb else ''} {verdict}".replace("  ", " "), now
        parts.append(told + _why([each for each in claims if each.verdict == verdict]))
    return f"Of {len(claims)} claims {listed(parts)}."


def one(each: Judged, name: str = "") -> str:
    """One claim with verdict, effect, interval and n: `“…” is supported: fails in 12 of 60 …; 60 seeds.`"""
    subject = f"{name} “{clean(each.text)}”" if name else f"“{clean(each.text)}”"
    if each.verdict not in SETTLED:
        return f"{subject} is {each.verdict}, since {clean(each.reason)}."
    says = "shows no effect" if each.verdict == NO_EFFECT else f"is {each.verdict}"
    measured = f"{each.claim.quantity.says} is {value(each)}" if each.claim.is_value else effect(each)
    parts = [measured, f"{each.estimate.n} seeds"]
    if is_perhaps_small(each):
        parts.append(f"perhaps smaller than the margin of {amount(each.margin or 0.0, each.unit)}")
    if each.depends:
        parts.append(f"but it depends on {clean(each.depends)}")
    return f"{subject} {says}: {', '.join(parts)}."


def _why(claims: Sequence[Judged]) -> str:
    """The most frequent reason of claims that are open, where it says what to do about it."""
    first = claims[0].verdict
    if first == INCONCLUSIVE:
        torn = sum(is_torn(each.verdict, each.reason) for each in claims)
        some = "" if torn == len(claims) else f"{torn} "
        return f" ({some}for want of longer training)" if torn else ""
    if first != UNTESTABLE:
        return ""
    reason, n = Counter(each.short for each in claims).most_common(1)[0]
    return f" ({f'{n} since ' if n < len(claims) else ''}{reason})"
