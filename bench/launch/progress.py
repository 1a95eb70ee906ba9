"""What the user sees while packs run, on stderr: one live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.table import Table

from bench.launch.events import Event
from bench.trial import Pack

LINE_EVERY_S = 10.0


@dataclass
class Counts:
    """Where the trials of a run stand. Work is counted in member-steps, since packs differ in width."""

    packs: dict[str, Pack]
    finished_before: int = 0
    step: dict[str, int] = field(default_factory=dict)
    state: dict[str, str] = field(default_factory=dict)
    diverged: set[str] = field(default_factory=set)
    work_done: int = 0

    @classmethod
    def of(cls, packs: Sequence[Pack], finished_before: int = 0) -> Counts:
        return cls({pack.id: pack for pack in packs}, finished_before)

    def take(self, event: Event) -> None:
        """Bring the counts up to date. The step of a `start` was reached by an earlier attempt."""
        pack = self.packs[event.pack]
        if event.kind == "failed":
            self.state[pack.id] = "pending"
            return
        before = self.step.get(pack.id, 0)
        if event.kind != "start":
            self.work_done += max(0, event.step - before) * pack.width
        self.step[pack.id] = event.step
        self.state[pack.id] = {"done": "done", "stopped": "pending"}.get(event.kind, "running")
        self.diverged.update(trial for trial, _ in event.diverged)

    def crash(self, pack_id: str) -> None:
        self.state[pack_id] = "crashed"

    def trials(self, state: str) -> int:
        return sum(p.width for p in self.packs.values() if self.state.get(p.id, "pending") == state)

    @property
    def total(self) -> int:
        return self.finished_before + sum(pack.width for pack in self.packs.values())

    @property
    def work_left(self) -> int:
        """Member-steps that packs neither done nor crashed still have before them."""
        left = 0
        for pack in self.packs.values():
            if self.state.get(pack.id) not in ("done", "crashed"):
                left += (pack.trials[0].steps - self.step.get(pack.id, 0)) * pack.width
        return left


class Progress:
    """Shows the run. Use as a context; `say` is for sentences, `take` for events."""

    def __init__(self, console: Console | None = None, quiet: bool = False) -> None:
        self.console = console or Console(stderr=True, highlight=False, soft_wrap=True)
        self.quiet = quiet
        self.counts = Counts({})
        self._live: Live | None = None
        self._started = time.monotonic()
        self._line_at = self._started

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def say(self, sentence: str) -> None:
        if not self.quiet:
            self.console.print(sentence, markup=False)

    def follow(self, packs: Sequence[Pack], finished_before: int) -> None:
        """From now on count these packs, and show the live table on a terminal."""
        self.counts = Counts.of(packs, finished_before)
        self._started = self._line_at = time.monotonic()
        if self.console.is_terminal and not self.quiet:
            self._live = Live(get_renderable=self._table, console=self.console, refresh_per_second=2)
            self._live.start()

    def take(self, event: Event) -> None:
        """Count an event. Divergences are told at once; plain lines otherwise come every ten seconds."""
        new = [(trial, step) for trial, step in event.diverged if trial not in self.counts.diverged]
        self.counts.take(event)
        for trial, step in new:
            self.say(f"trial {trial} diverged at step {step}")
        now = time.monotonic()
        if self._live is None and (now - self._line_at >= LINE_EVERY_S or not self.counts.work_left):
            self._line_at = now
            self.say(self.line())

    def crash(self, pack_id: str) -> None:
        self.counts.crash(pack_id)

    def line(self) -> str:
        """The counts in one line."""
        return ", ".join(f"{value} {name}" for name, value in self._cells())

    def _cells(self) -> list[tuple[str, str]]:
        counts = self.counts
        done = counts.finished_before + counts.trials("done")
        elapsed = max(time.monotonic() - self._started, 1e-3)
        rate = counts.work_done / elapsed
        cells = [("done", f"{done} of {counts.total} trials")]
        cells += [(name, str(counts.trials(name))) for name in ("running", "crashed", "pending")]
        cells.insert(2, ("diverged", str(len(counts.diverged))))
        cells.append(("trials/h", f"{3600 * counts.trials('done') / elapsed:.0f}"))
        cells.append(("member-steps/s", f"{rate:.0f}"))
        cells.append(("left", duration(counts.work_left / rate) if rate else "?"))
        return cells

    def _table(self) -> Table:
        table = Table(box=None, pad_edge=False)
        cells = self._cells()
        for name, _ in cells:
            table.add_column(name, justify="right")
        table.add_row(*(value for _, value in cells))
        return table


def duration(seconds: float) -> str:
    """`3 h 20 min`, `4 min 10 s` or `12 s`."""
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 60} min {whole % 60} s" if whole >= 60 else f"{whole} s"
