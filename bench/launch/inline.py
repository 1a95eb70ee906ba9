"""Packs one after the other in this process, without ray."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType

from bench.launch import prepare
from bench.launch.events import Emit, Ending, Event
from bench.launch.worker import Job, ending_of, run_pack
from bench.store import floors
from bench.trial import Pack


class Inline:
    """The backend without a scheduler. Signals reach the training directly, as exceptions."""

    name = "inline"
    workers = 1

    def __init__(self, job: Job, fail_fast: bool = False, deadline: float | None = None) -> None:
        self.job = job
        self.fail_fast = fail_fast
        self.deadline = deadline

    def __enter__(self) -> Inline:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def prepare(self, packs: Sequence[Pack]) -> None:
        """Measure what `floors.json` lacks."""
        floors.add(Path(self.job.results), dict(prepare.entry(self.job, pack) for pack in packs))

    def run_round(self, packs: Sequence[str], emit: Emit) -> Iterator[Ending]:
        """Run packs in order; yields how each ended. Stops at the deadline, or when `fail_fast` says so."""
        for pack in packs:
            ending = self._run(pack, emit)
            yield ending
            failed = ending.kind not in ("done", "stopped")
            if ending.kind in ("stopped", "user") or (failed and self.fail_fast):
                return

    def _run(self, pack: str, emit: Emit) -> Ending:
        if self._is_late():
            return Ending(pack, "stopped")
        events = run_pack(self.job, pack)
        kind = "stopped"
        try:
            for event in events:
                emit(event)
                kind = event.kind
                if kind == "tick" and self._is_late():
                    return Ending(pack, "stopped")
        except Exception as error:  # noqa: BLE001 - whatever a pack raises is its ending, not the driver's
            emit(Event("failed", pack, 0))
            return ending_of(pack, error)
        finally:
            events.close()  # type: ignore[attr-defined]
        return Ending(pack, "done" if kind == "done" else "stopped")

    def _is_late(self) -> bool:
        return self.deadline is not None and time.monotonic() >= self.deadline
