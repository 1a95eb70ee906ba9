"""The curve of a trial as the rules read it, and what they could not tell from it."""

from __future__ import annotations

from bench.judge.outcomes import judge
from bench.judge.tables import context
from bench.judge.trace import Trace
from bench.judge.unknown import unknown
from bench.report.view import Group, View


def trace_of(view: View, group: Group, trial: str) -> Trace:
    """The curve of a trial as the rules read it."""
    frame = view.results.curves[view.results.curves["trial"] == trial]
    measure = {"primary": group.primary, "floors": group.floors, "n_modes": group.n_modes, **group.measure}
    known = context(measure, int(view.results.meta.get("steps", {}).get(trial, 0)))
    return Trace.of({str(name): frame[name].to_numpy() for name in frame}, known, view.results.rules)


def reasons(view: View, group: Group, trial: str) -> dict[str, str]:
    """Outcome -> why it cannot be told of a trial; empty where other rules than today's judged it."""
    if view.other_rules:
        return {}
    trace = trace_of(view, group, trial)
    verdict = judge(trace.columns, trace.context, trace.rules)
    return unknown(verdict, trace.columns, trace.context, trace.rules)
