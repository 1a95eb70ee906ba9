"""The claims of a study beside its results: judged, with what is known of when they were written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from bench.judge.claim import UNTESTABLE
from bench.judge.claims import Evidence, Judged, judge_claims
from bench.report.view import View
from bench.report.words import clean
from bench.store import manifest
from bench.store.tables import Results
from bench.study.claims import fingerprints, to_claim, to_where
from bench.study.shape import ClaimBlock


def judged(results: Results) -> tuple[Judged, ...]:
    """Every claim of the results' study.yaml with its verdict; empty without any. Nothing is written."""
    blocks, _ = read(results.study)
    if not blocks:
        return ()
    control = _mapping(results.study.get("positive_control"))
    view = View(results)
    evidence = Evidence(
        *(results.trials, results.curves, view.all_axes),
        *(results.meta, results.rules, tuple(view.partial)),
    )
    look = manifest.look_of(results.manifest, seeds_of(results))
    made = judge_claims([to_claim(each) for each in blocks], evidence, to_where(control), look)
    changed = changes(blocks, control, results.manifest)
    return tuple(replace(each, changed=changed.get(each.id, "")) for each in made)


def seeds_of(results: Results) -> list[int]:
    """The seeds of the finished trials."""
    trials = results.trials
    return sorted({int(each) for each in trials.loc[trials["status"] == "done", "seed"]})


def remember(results: Results, claims: tuple[Judged, ...]) -> None:
    """Count this look at the results, if any claim was tested in it; the same seeds are no new look."""
    if any(each.verdict != UNTESTABLE for each in claims) and results.path.is_dir():
        manifest.record_look(results.path, seeds_of(results))


def read(study: Mapping[str, Any]) -> tuple[list[ClaimBlock], list[str]]:
    """The claims of a study, and a sentence for each that cannot be read.

    A study was checked before it ran, but its copy in the results may have been edited since.
    """
    block = study.get("claims")
    if block is None:
        return [], []
    if not isinstance(block, list):
        return [], ["claims: expected a list"]
    found: list[ClaimBlock] = []
    unreadable = []
    for position, each in enumerate(block):
        try:
            found.append(ClaimBlock.model_validate(each))
        except ValidationError as error:
            first = error.errors()[0]
            path = ".".join(str(part) for part in ("", *first["loc"]))
            what = first["msg"].removeprefix("Value error, ")
            unreadable.append(clean(f"claims[{position}]{path}: {what}"))
    return found, unreadable


def changes(
    blocks: list[ClaimBlock], positive_control: Mapping[str, Any], record: Mapping[str, Any]
) -> dict[str, str]:
    """Claim id -> what happened to it after the first start; nothing where that start tells no claims."""
    sessions = record.get("sessions") or [{}]
    first = sessions[0].get("claims")
    if not isinstance(first, Mapping):
        return {}
    now = fingerprints(blocks, positive_control)
    return {
        name: ("changed" if name in first else "added") + " after the first results"
        for name, digest in now.items()
        if first.get(name) != digest
    }


def _mapping(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, dict) else {}
