"""One trial as text: what it was, how it ended, which numbers say so, and its curve."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from bench.errors import UserError
from bench.judge.outcomes import OUTCOMES
from bench.judge.rules import RANGES, Rules
from bench.judge.words import WINDOW, WORDING, plain, rule, said, thresholds
from bench.report.traces import reasons
from bench.report.view import View
from bench.report.words import clean, label, number, outcome_word
from bench.store import run_file
from bench.store.tables import Results

_FIXED = ("trial", "cell", "seed", "pack", "pack_width", "member", "status", "rules_version")
_ROWS = 24


def show(results: Results, trial: str) -> str:
    """The text of `ganbench show`; `trial` is an id or the start of one.

    Raises UserError when no trial or several trials begin so.
    """
    row = _find(results.trials, trial)
    curve = results.curves[results.curves["trial"] == row["trial"]].sort_values("step")
    view = View(results)
    group = next(g for g in view.groups if (g.trials["trial"] == row["trial"]).any())
    rules = None if view.other_rules else results.rules
    when = "" if rules is None else f", and when each holds (rules {clean(rules.label)})"
    why = reasons(view, group, str(row["trial"])) if len(curve) else {}
    parts = [
        _head(row, alone=run_file.RUN in results.meta),
        _outcome(row),
        view.other_rules if rules is None else _rule(row["outcome"], rules),
        f"config\n{_pairs(_config(row))}",
        f"flags{when}\n{_flags(row, rules, why)}",
        f"metrics{_over(rules, len(curve))}\n{_metrics(row, curve, group.floors)}",
    ]
    if len(curve):
        parts.append(f"curve\n{_curve(curve, group.primary)}")
    return "\n\n".join(part for part in parts if part)


def _find(trials: pd.DataFrame, start: str) -> dict[str, Any]:
    found = trials[trials["trial"].str.startswith(start)] if start else trials.iloc[:0]
    if len(found) == 1:
        return {str(name): value for name, value in found.iloc[0].to_dict().items()}
    if found.empty:
        raise UserError(
            f"no trial begins with {clean(start)!r}; ids stand in trials.parquet and in the report"
        )
    listed = ", ".join(found["trial"].head(5)) + (", …" if len(found) > 5 else "")
    raise UserError(f"{len(found)} trials begin with {clean(start)!r}: {listed}")


def _head(row: dict[str, Any], alone: bool) -> str:
    """The trial's first line; a run that stands alone has neither a cell nor a seed."""
    if alone:
        return f"run {row['trial']}"
    return f"trial {row['trial']}  cell {row['cell']}  seed {row['seed']}  {clean(row['status'])}"


def _outcome(row: dict[str, Any]) -> str:
    reason = row["outcome_reason"] if isinstance(row["outcome_reason"], str) else "Not judged yet."
    if not isinstance(row["outcome"], str):
        return f"no outcome\n  {clean(reason)}"
    since = "" if pd.isna(row["outcome_step"]) else f" since step {number(row['outcome_step'])}"
    return f"{outcome_word(row['outcome'])}{since} (rules {clean(row['rules_version'])})\n  {clean(reason)}"


def _rule(outcome: Any, rules: Rules) -> str:
    """The rule that decided, with its thresholds; empty where none did."""
    if outcome not in WORDING:
        return ""
    lines = [f"  {said(line, rules)}" for line in (*WORDING[outcome].formula, WINDOW)]
    used = [(name, f"{value:.10g} {RANGES[name].unit}") for name, value in thresholds(outcome, rules).items()]
    return "\n".join(["rule (q, f, s, σ: see docs/outcomes.md)", *lines, *([_pairs(used)] if used else [])])


def _config(row: dict[str, Any]) -> list[tuple[str, str]]:
    skipped = (*_FIXED, "outcome", "outcome_step", "outcome_reason")
    return [
        (clean(name), label(value))
        for name, value in row.items()
        if name not in skipped and not name.startswith(("flag.", "final.", "best.")) and not pd.isna(value)
    ]


def _flags(row: dict[str, Any], rules: Rules | None, why: Mapping[str, str]) -> str:
    """Each flag with its steps, why it is unknown, and its rule with the thresholds used, where known."""
    lines = []
    for name in OUTCOMES:
        holds = row.get(f"flag.{name}")
        word = "unknown" if holds is None or pd.isna(holds) else "holds" if holds else "no"
        steps = [
            f"{what} {number(value)}"
            for what in ("onset", "recovery")
            if (value := row.get(f"flag.{name}.{what}")) is not None and not pd.isna(value)
        ]
        lines.append(f"  {outcome_word(name):18}  {word:8}{', '.join(steps)}".rstrip())
        if name in why:
            lines += _wrapped(f"{'unknown: ' if word == 'unknown' else ''}{clean(why[name])}")
        text = "" if rules is None else plain(rule(name, rules))
        lines += _wrapped(text)
    return "\n".join(lines)


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, 100, initial_indent=" " * 6, subsequent_indent=" " * 6)


def _over(rules: Rules | None, evaluations: int) -> str:
    """What `over W` in the header means: `final` in the tables is this median, not the last value."""
    if rules is None or not evaluations:
        return " (over W: median over the evaluations that the rules judge)"
    return f" (over W: median over the last {rules.window(evaluations)} evaluations, which trials go by)"


def _metrics(row: dict[str, Any], curve: pd.DataFrame, floors: Any) -> str:
    names = [name.removeprefix("final.") for name in row if name.startswith("final.")]
    last = curve.iloc[-1].to_dict() if len(curve) else {}
    table = [
        [
            name,
            number(row[f"final.{name}"]),
            number(last.get(name)),
            number(row.get(f"best.{name}")),
            number(floors.get(name, {}).get("mean")),
        ]
        for name in names
    ]
    return _table(["metric", "over W", "last", "best", "floor"], table)


def _curve(curve: pd.DataFrame, primary: str) -> str:
    """The columns that decide, at up to 24 evaluations: the first, the last and some between."""
    wanted = [
        "step", primary, f"{primary}.noise", "modes.covered", "modes.hq", "spread", "d_auc.mean",
        "d_loss.mean", "g_loss.mean", "g_saturation", "d_slope", "logit_max",
    ]  # fmt: skip
    columns = [name for name in wanted if name in curve and curve[name].notna().any()]
    if len(curve) > _ROWS:
        picks = [round(i * (len(curve) - 1) / (_ROWS - 1)) for i in range(_ROWS)]
        curve = curve.iloc[picks]
    return _table(columns, [[number(v) for v in row] for row in curve[columns].to_numpy(dtype=float)])


def _pairs(pairs: Iterable[tuple[str, str]]) -> str:
    pairs = list(pairs)
    width = max((len(name) for name, _ in pairs), default=0)
    return "\n".join(f"  {name:{width}}  {value}" for name, value in pairs)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as they must be, all to the right."""
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]
    lines = [header, ["-" * width for width in widths], *rows]
    return "\n".join(
        "  " + "  ".join(f"{c:>{w}}" for c, w in zip(line, widths, strict=True)) for line in lines
    )
