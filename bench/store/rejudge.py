"""Judging stored curves again, by the rules of today or by others, and what that changed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from bench.errors import UserError
from bench.judge.rules import RULES, Rules
from bench.judge.tables import judge_table
from bench.listing import table
from bench.store import current, ledger, run_file, schema
from bench.store.tables import ATTEMPTS, CURVES, SORTED, TRIALS, consolidate, told, write_trials

NEEDED = ("measures", "steps")


@dataclass(frozen=True)
class Rejudged:
    """The table of trials as it is now, its metadata, and the outcome that each trial had before.

    `before` lacks a trial that no table knew; `notes`: a sentence for each damaged pack.
    """

    trials: pa.Table
    meta: dict[str, Any]
    rules: Rules
    before: dict[str, str | None]
    notes: tuple[str, ...]

    @property
    def is_whole(self) -> bool:
        """Whether every trial is done."""
        return set(self.trials.column("status").to_pylist()) == {"done"}

    @property
    def changed(self) -> dict[str, tuple[str | None, str | None]]:
        """Trial -> (outcome before, outcome now), of those whose outcome is another."""
        now = zip(
            self.trials.column("trial").to_pylist(), self.trials.column("outcome").to_pylist(), strict=True
        )
        return {
            trial: (self.before[trial], outcome)
            for trial, outcome in now
            if trial in self.before and self.before[trial] != outcome
        }

    @property
    def moves(self) -> list[tuple[str | None, str | None, int]]:
        """(before, now, trials), the most frequent first."""
        counts = Counter(self.changed.values())
        ordered = sorted(counts.items(), key=lambda each: (-each[1], str(each[0])))
        return [(before, now, count) for (before, now), count in ordered]


def listed(made: Rejudged, changed: bool = False) -> tuple[list[str], list[dict[str, Any]]]:
    """(columns, rows) of a listing: every trial with its axes and outcome, or those that changed alone."""
    known = set(made.trials.column_names)
    axes = [name for name in made.meta.get("axes", []) if name in known]
    columns = ["trial", *axes, "seed", "status", "outcome", "outcome_step", "outcome_reason"]
    rows = made.trials.select(columns).to_pylist()
    if not changed:
        return columns, rows
    columns.insert(columns.index("outcome"), "before")
    moved = made.changed
    return columns, [{**row, "before": moved[row["trial"]][0]} for row in rows if row["trial"] in moved]


def summary(made: Rejudged) -> list[str]:
    """What judging again did, as lines: the rules, what changed from which outcome to which, the counts."""
    lines = []
    if made.rules.changed():
        lines.append(told(made.rules))
    if made.before:
        moved = sum(count for *_, count in made.moves)
        lines.append(
            f"{moved or 'none'} of {len(made.before)} trials ha{'s' if moved == 1 else 've'} another outcome "
            "than before"
        )
        rows = [{"before": _word(a), "now": _word(b), "trials": count} for a, b, count in made.moves]
        lines += [table(["before", "now", "trials"], rows)] if rows else []
    ends = zip(*(made.trials.column(name).to_pylist() for name in ("outcome", "status")), strict=True)
    counts = Counter(_word(outcome) if status == "done" else "not finished" for outcome, status in ends)
    lines.append(", ".join(f"{count} {name}" for name, count in counts.most_common()))
    return lines


def _word(outcome: str | None) -> str:
    return outcome or "no outcome"


def judge_again(results: Path, rules: Rules = RULES) -> Rejudged:
    """Make the tables anew with these rules.

    From the two tables where they are what the ledger gives, or where there is none; else from the ledger.
    """
    if results.is_file():  # of one run: nothing is written
        judged, _, meta = run_file.read(results, rules)
        return Rejudged(judged, meta, rules, {}, ())
    before, notes = _outcomes(results), []
    has_packs = (results / ledger.PACKS).is_dir()
    stamped = has_packs and _is_current(results)
    if not stamped and (has_packs or not (results / CURVES).exists()):
        try:
            notes = consolidate(results, rules)
        except ledger.OtherVersion as error:
            if not before:
                raise UserError(
                    f"{results} was made {error.made} and holds no tables: only what made it can write them"
                ) from error
            notes = [f"the stored curves are judged as they are (made {error.made})"]
        else:
            meta = schema.read_metadata(results / TRIALS)
            return Rejudged(schema.read_trials(results / TRIALS), meta, rules, before, tuple(notes))
    made, meta = _judge(results, rules)
    digest = write_trials(results, made, meta, rules)
    if stamped:
        _stamp(results, digest)
    return Rejudged(made, meta, rules, before, tuple(notes))


def _judge(results: Path, rules: Rules) -> tuple[pa.Table, dict[str, Any]]:
    """The table of trials, judged by `rules`, and the metadata of the curves."""
    known = schema.read_trials(results / TRIALS)
    rows = schema.read(results / CURVES, schema.curves_core(), open_ended=True)
    meta = schema.read_metadata(results / CURVES)
    lacking = [name for name in NEEDED if name not in meta]
    if lacking:
        raise UserError(f"{results / CURVES} says nothing of its {' and '.join(lacking)}; is it ganbench's?")
    if not _is_sorted(rows):
        rows = rows.sort_by(SORTED)
    return judge_table(known, rows.combine_chunks(), meta, rules), meta


def _is_sorted(rows: pa.Table) -> bool:
    """Whether rows stand by trial and step already; sorting them costs more than looking."""
    if rows.num_rows < 2:
        return True
    first, second = rows.slice(0, rows.num_rows - 1), rows.slice(1)
    ids = pc.less(first.column("trial"), second.column("trial"))
    same = pc.equal(first.column("trial"), second.column("trial"))
    steps = pc.less_equal(first.column("step"), second.column("step"))
    return pc.all(pc.or_(ids, pc.and_(same, steps)), skip_nulls=False).as_py() is True


def _is_current(results: Path) -> bool:
    """Whether the two tables still are what the ledger gives."""
    try:
        stamp = schema.read_metadata(results / ATTEMPTS)
    except (OSError, pa.ArrowException, ValueError):
        return False
    return current.is_current(results, stamp)


def _stamp(results: Path, digest: str) -> None:
    """Say in the table of attempts that the new table of trials is the ledger's."""
    stamp = schema.read_metadata(results / ATTEMPTS)
    stamp["made"] = {**stamp["made"], TRIALS: digest}
    schema.write(results / ATTEMPTS, schema.read(results / ATTEMPTS, schema.attempts()), stamp)


def _outcomes(results: Path) -> dict[str, str | None]:
    """Outcome of each trial as the folder has it; empty when there is no readable table."""
    try:
        known = schema.read_trials(results / TRIALS)
    except UserError:
        return {}
    return dict(zip(known.column("trial").to_pylist(), known.column("outcome").to_pylist(), strict=True))
