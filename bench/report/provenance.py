"""Where the numbers come from: data, floors and protocol; starts of the study, retries and resumes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.report.samples import floor_text
from bench.report.view import Group, View
from bench.report.words import clean, duration, label, number


def protocols(view: View) -> dict[str, Any]:
    """How each group of trials was measured, as pairs of words and values."""
    return {"protocols": [_protocol(view, group) for group in view.groups]}


def content(view: View) -> dict[str, Any]:
    """The starts of the study, and the attempts at its packs."""
    sessions = view.results.manifest.get("sessions", [])
    return {"sessions": [_session(each) for each in sessions], "attempts": _attempts(view)}


def _protocol(view: View, group: Group) -> list[tuple[str, str]]:
    meta, trials = view.results.meta, group.trials
    measure = next((m for m in meta.get("measures") or [] if m.get("primary") == group.primary), meta)
    facts = [
        ("data set", group.name),
        ("data sha256", ", ".join(clean(each) for each in trials["data_sha256"].unique()[:3]))
        if "data_sha256" in trials
        else None,
        ("primary distance", f"{group.primary}; {floor_text(group)}"),
        ("samples per evaluation", label(measure.get("samples"))),
        ("feature extractor", clean(measure.get("extractor") or "none")),
        ("modes", label(group.n_modes)),
        ("protocol version", label(meta.get("protocol"))),
    ]
    facts += [
        (
            f"floor of {clean(name)}",
            f"{number(f.get('mean'))} (SD {number(f.get('sd'))}, n = {number(f.get('n'))})",
        )
        for name, f in sorted(group.floors.items())
        if name != group.primary
    ]
    return [fact for fact in facts if fact is not None]


def _session(session: dict[str, Any]) -> list[tuple[str, str]]:
    """One start of the study: versions, commit, machine, time and memory."""
    machine, versions = session.get("machine", {}), session.get("versions", {})
    commit = session.get("commit")
    gpus = ", ".join(map(clean, machine.get("gpus", []))) or "no GPU"
    memory = f"{number(session['peak_mb'])} MB" if session.get("peak_mb") else "–"
    return [
        ("command", clean(" ".join(["ganbench", *map(str, session.get("argv") or [])]))),
        ("backend", clean(_backend(session))),
        (
            "commit",
            clean(commit) + (" (with local changes)" if session.get("dirty") else "") if commit else "–",
        ),
        ("machine", clean(f"{machine.get('cpu', '–')}, {machine.get('cores', '–')} cores, {gpus}")),
        ("system", clean(machine.get("system", "–"))),
        ("versions", ", ".join(f"{clean(k)} {clean(v)}" for k, v in versions.items()) or "–"),
        ("wall time", duration(session.get("wall_s"))),
        ("peak memory", memory),
    ]


def _attempts(view: View) -> dict[str, Any]:
    """Attempts at packs: how many, how many were repeated, how they ended, the largest worker."""
    attempts = view.results.attempts
    if attempts.empty:
        return {"count": 0, "packs": 0, "retries": 0, "endings": "", "peak_mb": "–", "wall": "–"}
    endings = attempts["ending"].fillna("unknown").value_counts()
    packs = int(attempts["pack"].nunique())
    return {
        "count": len(attempts),
        "packs": packs,
        "retries": len(attempts) - packs,
        "endings": ", ".join(f"{count} {clean(word)}" for word, count in endings.items()),
        "peak_mb": number(attempts["peak_mb"].max()),
        "wall": duration(attempts["wall_s"].sum()),
    }


def _backend(session: Mapping[str, Any]) -> str:
    """`ray, 2 workers`; of a start that was killed the number may be unknown."""
    workers = session.get("workers")
    return str(session.get("backend", "–")) + (f", {label(workers)} workers" if workers is not None else "")
