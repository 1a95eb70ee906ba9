"""What the user sees while packs run, on stderr: one live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from bench.launch.events import Event
from bench.trial import Pack, Trial

LINE_EVERY_S = 10.0
LATER_EVERY_S = 30.0
LATER_AFTER_S = 60.0
EVIDENCE_S = 5.0  # of training, before a rate is told
EVIDENCE_SHARE = 0.01  # of the work, or else EVIDENCE_LONG_S
EVIDENCE_LONG_S = 30.0
UNKNOWN = "-"


@dataclass
class Counts:
    """Where the trials of a run stand. Work is counted in member-steps, since packs differ in width."""

    packs: dict[str, Pack]
    done_before: int = 0
    crashed_before: int = 0
    step: dict[str, int] = field(default_factory=dict)
    state: dict[str, str] = field(default_factory=dict)
    diverged: set[str] = field(default_factory=set)
    work_done: int = 0

    @classmethod
    def of(cls, packs: Sequence[Pack], done_before: int = 0, crashed_before: int = 0) -> Counts:
        return cls({pack.id: pack for pack in packs}, done_before, crashed_before)

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
        return self.done_before + self.crashed_before + sum(pack.width for pack in self.packs.values())

    @property
    def work(self) -> int:
        """Member-steps of all packs from their beginning."""
        return sum(pack.trials[0].steps * pack.width for pack in self.packs.values())

    @property
    def work_left(self) -> int:
        """Member-steps that packs neither done nor crashed still have before them."""
        left = 0
        for pack in self.packs.values():
            if self.state.get(pack.id) not in ("done", "crashed"):
                left += (pack.trials[0].steps - self.step.get(pack.id, 0)) * pack.width
        return left


@dataclass
class Speed:
    """Member-steps per second, from the first pack's start to the latest news of work."""

    started: float | None = None
    latest: float = 0.0
    work: int = 0

    def take(self, event: Event, work_done: int, now: float) -> None:
        if self.started is None:
            self.started = now
        if work_done > self.work:
            self.work, self.latest = work_done, now

    def rate(self, work: int) -> float | None:
        """None until there is evidence: some seconds of training and a share of all the `work`."""
        if self.started is None or not self.work:
            return None
        seconds = self.latest - self.started
        enough = seconds >= EVIDENCE_LONG_S or self.work >= EVIDENCE_SHARE * work
        return self.work / seconds if seconds >= EVIDENCE_S and enough else None


class Progress:
    """Shows the run. Use as a context; `say` is for sentences, `take` for events."""

    def __init__(
        self,
        console: Console | None = None,
        quiet: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.console = console or Console(stderr=True, highlight=False, soft_wrap=True)
        self.quiet = quiet
        self.clock = clock
        self.counts = Counts({})
        self.speed = Speed()
        self._trials: dict[str, Trial] = {}
        self._live: Live | None = None
        self._started = self._line_at = clock()

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.settle()

    def say(self, sentence: str) -> None:
        if not self.quiet:
            self.console.print(sentence, markup=False)

    def follow(self, packs: Sequence[Pack], done_before: int = 0, crashed_before: int = 0) -> None:
        """From now on count these packs, and show the live table on a terminal."""
        self.counts = Counts.of(packs, done_before, crashed_before)
        self.speed = Speed()
        self._trials = {trial.id: trial for pack in packs for trial in pack.trials}
        self._started = self._line_at = self.clock()
        if self.console.is_terminal and not self.quiet:
            self._live = Live(
                get_renderable=self._table, console=self.console, refresh_per_second=2, redirect_stdout=False
            )
            self._live.start()

    def settle(self) -> None:
        """Stop the live table; its last state stays on the screen."""
        live, self._live = self._live, None
        if live is not None:
            live.stop()

    def take(self, event: Event) -> None:
        """Count an event. Divergences are told at once; the counts, without a terminal, now and then."""
        new = [(trial, step) for trial, step in event.diverged if trial not in self.counts.diverged]
        now = self.clock()
        self.counts.take(event)
        self.speed.take(event, self.counts.work_done, now)
        for trial, step in new:
            self.say(f"diverged at step {step}: {describe(self._trials.get(trial), trial)}")
        pace = LATER_EVERY_S if self._line_at - self._started >= LATER_AFTER_S else LINE_EVERY_S
        if self._live is None and (now - self._line_at >= pace or not self.counts.work_left):
            self._line_at = now
            self.say(self.line())

    def crash(self, pack_id: str) -> None:
        self.counts.crash(pack_id)

    def line(self) -> str:
        """The counts in one line; what there is no evidence for yet is left out."""
        cells = [(name, value) for name, value in self._cells() if value != UNKNOWN]
        return ", ".join(f"ETA {value}" if name == "ETA" else f"{value} {name}" for name, value in cells)

    def _cells(self) -> list[tuple[str, str]]:
        counts = self.counts
        done = counts.done_before + counts.trials("done")
        crashed = counts.crashed_before + counts.trials("crashed")
        cells = [("done", f"{done} of {counts.total}"), ("running", str(counts.trials("running")))]
        cells += [("diverged", str(len(counts.diverged))), ("crashed", str(crashed))]
        cells.append(("pending", str(counts.trials("pending"))))
        return [*cells, *self._rates()]

    def _rates(self) -> list[tuple[str, str]]:
        counts = self.counts
        rate = self.speed.rate(counts.work)
        if rate is None:
            return [(name, UNKNOWN) for name in ("trials/h", "member-steps/s", "ETA")]
        of_a_trial = counts.work / max(1, len(self._trials))
        left = max(0.0, counts.work_left / rate - (self.clock() - self.speed.latest))
        eta = duration(max(left, 1.0)) if counts.work_left else duration(0)
        return [
            ("trials/h", f"{3600 * rate / of_a_trial:.0f}"),
            ("member-steps/s", f"{rate:.0f}"),
            ("ETA", eta),
        ]

    def _table(self) -> Table:
        table = Table(box=None, pad_edge=False)
        cells = self._cells()
        for name, _ in cells:
            table.add_column(name, justify="right", no_wrap=True)
        table.add_row(*(value for _, value in cells))
        work = self.counts.work
        whole = Table.grid()
        whole.add_row(ProgressBar(total=max(1, work), completed=work - self.counts.work_left, width=72))
        whole.add_row(table)
        return whole


def describe(trial: Trial | None, identity: str) -> str:
    """A trial for people: its place in the grid, its seed, its id."""
    if trial is None:
        return f"trial {identity}"
    axes = [f"{name}={value}" for name, value in trial.axes if name != "seed"]
    return ", ".join([*axes, f"seed {trial.seed}", f"trial {identity}"])


def duration(seconds: float) -> str:
    """`3 h 20 min`, `4 min 10 s` or `12 s`."""
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 60} min {whole % 60} s" if whole >= 60 else f"{whole} s"


def show_cursor() -> None:
    """Undo what a live table did to the terminal, for a process that ends at once."""
    if sys.stderr.isatty():
        sys.stderr.write("\x1b[?25h\n")
        sys.stderr.flush()
