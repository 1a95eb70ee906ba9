"""The claims of a study beside its results: judged, with what is known of when they were written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from bench.judge.claim import UNTESTABLE, Claim, Judged, Quantity, Where
from bench.judge.claim_family import level_of
from bench.judge.claims import Evidence, judge_claims
from bench.judge.stats import points_only
from bench.report.claim_scope import Scope, scope_of
from bench.report.words import clean
from bench.store import manifest
from bench.store.tables import Results
from bench.study.claims import fingerprints, to_claim, to_where
from bench.study.shape import ClaimBlock

AFTER = " after the first results"


def judged(results: Results) -> tuple[Judged, ...]:
    """Every claim of the results' study.yaml with its verdict; empty without any. Nothing is written.

    What cannot be read is untestable, and last. The family is at least that of the first start.
    """
    blocks, broken = _parse(results.study)
    if not blocks and not broken:
        return ()
    evidence, control = _evidence(results), to_where(positive_control(results.study))
    claims = [to_claim(each) for each in blocks]
    scopes = _scopes(claims, evidence, control)
    look = manifest.look_of(results.manifest, *_looked_at(results, scopes))
    more = len({*first_claims(results.manifest), *broken} - {each.id for each in blocks})
    made = judge_claims(claims, evidence, control, look, more)
    changed = changes(blocks, positive_control(results.study), results.manifest, broken)
    if not evidence.partial:  # else cells may be missing that the study has
        changed = {**changed_cells(scopes, results.manifest), **changed}
    shown = [
        _withheld(each) if evidence.partial or (each.id in scopes and scopes[each.id].unfinished) else each
        for each in made
    ]
    shown += [_unreadable(name, why, len(made) + more, look) for name, why in broken.items()]
    return tuple(replace(each, changed=changed.get(each.id, "")) for each in shown)


def _evidence(results: Results) -> Evidence:
    return Evidence(
        *(results.trials, results.curves, results.axes),
        *(results.meta, results.rules, results.partial),
    )


def _scopes(claims: Iterable[Claim], evidence: Evidence, control: Where) -> dict[str, Scope]:
    """Claim id -> what it is judged on; not of claims that name what the tables lack."""
    found = {each.id: scope_of(each, evidence, control) for each in claims}
    return {name: scope for name, scope in found.items() if scope is not None}


def _looked_at(results: Results, scopes: Mapping[str, Scope]) -> tuple[list[int], str, dict[str, str]]:
    """What makes a look: the seeds, the rules, the trials of each claim that has all of them."""
    trials = {name: scope.trials for name, scope in scopes.items() if not scope.unfinished}
    return seeds_of(results), results.rules.label, trials


def _withheld(each: Judged) -> Judged:
    """A claim that lacks trials, without its effect: to show it would be a look at a part of the data."""
    return replace(
        each,
        reason=f"{each.reason}; effect not shown: it would be a look at some of the trials",
        estimate=points_only([], "not shown"),
        all_failed=None,
        treatment=None,
        control=None,
        correlation=None,
        failure=None,
        p=None,
        pairs=0,
        unpaired=0,
        cells=(),
        depends="",
        premises=(),
    )


def _unreadable(name: str, why: str, family: int, look: int) -> Judged:
    """A claim that is none any more: it stays in the family."""
    level = level_of(look)
    return Judged(
        id=name,
        text="A claim that cannot be read",
        verdict=UNTESTABLE,
        reason=f"it cannot be read (study.yaml: {why})",
        estimate=points_only([], "no estimate"),
        confidence=1 - level / family,
        unit="",
        margin=None,
        pairs=0,
        claim=Claim(name, "", Quantity("", ())),
        family=family,
        look=look,
        level=level,
    )


def seeds_of(results: Results) -> list[int]:
    """The seeds of the finished trials."""
    trials = results.trials
    return sorted({int(each) for each in trials.loc[trials["status"] == "done", "seed"]})


def remember(results: Results, claims: tuple[Judged, ...]) -> None:
    """Count this look at the results, if any claim was tested in it. To judge the same again is none."""
    if any(each.verdict != UNTESTABLE for each in claims) and results.path.is_dir():
        evidence, control = _evidence(results), to_where(positive_control(results.study))
        scopes = _scopes([each.claim for each in claims if each.unit], evidence, control)
        manifest.record_look(results.path, *_looked_at(results, scopes))


def read(study: Mapping[str, Any]) -> tuple[list[ClaimBlock], list[str]]:
    """The claims of a study, and a sentence for each that cannot be read.

    A study was checked before it ran, but its copy in the results may have been edited since.
    """
    blocks, broken = _parse(study)
    return blocks, list(broken.values())


def _parse(study: Mapping[str, Any]) -> tuple[list[ClaimBlock], dict[str, str]]:
    """The claims of a study; id, or place, of each that cannot be read -> why."""
    written = study.get("claims")
    if written is None:
        return [], {}
    if not isinstance(written, list):
        return [], {"claims": "claims: expected a list"}
    found: list[ClaimBlock] = []
    broken: dict[str, str] = {}
    for position, each in enumerate(written):
        place = f"claims[{position}]"
        try:
            claim = ClaimBlock.model_validate(each)
        except ValidationError as error:
            told = error.errors()[0]
            path = ".".join(str(part) for part in ("", *told["loc"]))
            name = each.get("id") if isinstance(each, dict) else None
            is_new = isinstance(name, str) and name not in (*broken, *(other.id for other in found))
            what = told["msg"].removeprefix("Value error, ")
            broken[clean(name) if is_new else place] = clean(f"{place}{path}: {what}")
            continue
        if claim.id in (other.id for other in found):
            broken[place] = clean(f"{place}.id: {claim.id!r} is used twice")
        else:
            found.append(claim)
    return found, broken


def removed(study: Mapping[str, Any], record: Mapping[str, Any]) -> str:
    """A sentence on claims of the first start that the study does not have any more; empty without any."""
    blocks, broken = _parse(study)
    gone = sorted(first_claims(record).keys() - {each.id for each in blocks} - broken.keys())
    return f"removed{AFTER}: {', '.join(map(clean, gone))}" if gone else ""


def positive_control(study: Mapping[str, Any]) -> dict[str, Any]:
    """The positive control of a study; empty without one."""
    found = study.get("positive_control")
    return dict(found) if isinstance(found, dict) else {}


def first_claims(record: Mapping[str, Any]) -> dict[str, str]:
    """Claim id -> hash at the first start; empty where that start tells no claims."""
    return manifest.first_start(record, "claims") or {}


def changed_cells(scopes: Mapping[str, Scope], record: Mapping[str, Any]) -> dict[str, str]:
    """Claim id -> what happened, of those that are judged on other cells than at the first start."""
    first = manifest.first_start(record, "claim_cells") or {}
    return {
        name: "changed" + AFTER + " (it has other cells)"
        for name, scope in scopes.items()
        if first.get(name, scope.cells) != scope.cells
    }


def changes(
    blocks: list[ClaimBlock],
    positive_control: Mapping[str, Any],
    record: Mapping[str, Any],
    broken: Iterable[str] = (),
) -> dict[str, str]:
    """Claim id -> what happened to it after the first start; nothing where that start tells no claims.

    `broken`: those that cannot be read."""
    first = manifest.first_start(record, "claims")
    if first is None:
        return {}
    now = {**fingerprints(blocks, positive_control), **dict.fromkeys(broken, "")}
    return {
        name: ("changed" if name in first else "added") + AFTER
        for name, digest in now.items()
        if first.get(name) != digest
    }
