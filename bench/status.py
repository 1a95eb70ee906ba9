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
    """One row per planned pack: its state, width, last durable step, attempts, and why it crashed."""
    plan = ledger.read_plan(results)
    if plan is None:
        raise UserError(f"{results} holds no plan.json; is it a results folder?")
    rows = []
    for pack in plan.packs:
        folder = ledger.pack_folder(results, pack.id)
        state, steps = ledger.pack_status(results, pack.id), pack.trials[0].steps
        history = attempts.read(folder)
        crash = ledger.read_crash(folder) if state == "crashed" else None
        rows.append(
            {
                "pack": pack.id,
                "status": state,
                "trials": pack.width,
                "step": steps if state == "done" else _last_step(folder),
                "steps": steps,
                "attempts": len(history),
                "error": (crash.strip().splitlines() or ["unknown"])[0] if crash is not None else None,
            }
        )
    return rows


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
