"""Where a study stands, pack by pack, from its ledger alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.errors import UserError
from bench.store import attempts, checkpoint, ledger

STATES = ("pending", "running", "done", "crashed")


def packs_of(results: Path) -> list[dict[str, Any]]:
    """One row per planned pack: its state, trials, last durable step, attempts, and why it crashed.

    Also of folders that another version of ganbench made, and of tables that were handed on without a ledger.
    """
    outline = ledger.read_outline(results)
    if outline is None:
        return _packs_of_tables(results)
    rows = []
    for pack in outline[0]:
        folder = ledger.pack_folder(results, pack.id)
        state = ledger.pack_status(results, pack.id)
        history = attempts.read(folder)
        crash = ledger.read_crash(folder) if state == "crashed" else None
        rows.append(
            {
                "pack": pack.id,
                "status": state,
                "trials": len(pack.trials),
                "step": pack.steps if state == "done" else _last_step(folder),
                "steps": pack.steps,
                "attempts": len(history),
                "error": (crash.strip().splitlines() or ["unknown"])[0] if crash is not None else None,
            }
        )
    return rows


def _packs_of_tables(results: Path) -> list[dict[str, Any]]:
    """The same rows from the table of trials, where there is no ledger."""
    from bench.store.tables import TRIALS, load

    if not (results / TRIALS).exists():
        raise UserError(f"{results} holds no plan.json; is it a results folder?")
    tables = load(results)
    last = tables.curves.groupby("trial")["step"].max()
    planned = tables.meta.get("steps") or {}
    tried = tables.attempts["pack"].value_counts()
    return [
        {
            "pack": pack,
            "status": of_pack["status"].iloc[0],
            "trials": len(of_pack),
            "step": int(last.reindex(of_pack["trial"]).fillna(0).max()),
            "steps": planned.get(of_pack["trial"].iloc[0]),
            "attempts": int(tried.get(pack, 0)),
            "error": None,
        }
        for (pack, _), of_pack in tables.trials.groupby(["pack", "status"], sort=False)
    ]


def origin(results: Path) -> str:
    """What a reader must know of where the rows come from; empty for a ledger of this version's."""
    outline = ledger.read_outline(results)
    if outline is None:
        return "there is no ledger here (plan.json): told from the tables"
    return f"made {outline[1]}: shown as it is, and not to be trained on" if outline[1] else ""


def summary(rows: Sequence[Mapping[str, Any]]) -> str:
    """`48 trials: 12 pending, 4 running, 32 done`."""
    counts: Counter[str] = Counter()
    for row in rows:
        counts[row["status"]] += row["trials"]
    parts = [f"{counts[state]} {state}" for state in STATES if counts[state]]
    return f"{sum(counts.values())} trials: {', '.join(parts) or 'none'}"


def _last_step(folder: Path) -> int:
    found = checkpoint.listed(folder)
    return found[-1].step if found else 0
