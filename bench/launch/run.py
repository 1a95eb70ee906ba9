"""`ganbench run`: from trials to tables and a report, resumable at any moment."""

from __future__ import annotations

import importlib
import os
import shlex
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from bench.errors import CRASHED, DONE, INTERRUPTED
from bench.launch import leftovers, prepare, retry
from bench.launch.events import Emit, Ending
from bench.launch.inline import Inline
from bench.launch.progress import Progress, duration, show_cursor
from bench.launch.worker import STOP_FILE, TUNE_FOLDER, Job
from bench.plugins import Plugin, kept_name
from bench.store import atomic, ledger, lock, manifest, tables
from bench.trial import Pack, Trial

if TYPE_CHECKING:
    from bench.report.page import Written


class StudyLike(Protocol):
    """What of `bench.study.spec.Study` a run needs."""

    @property
    def name(self) -> str: ...
    @property
    def partial(self) -> tuple[str, ...]: ...
    @property
    def plugins(self) -> tuple[Plugin, ...]: ...
    @property
    def checkpoint(self) -> Any: ...
    @property
    def resources(self) -> Any: ...
    @property
    def claims_sha256(self) -> Mapping[str, str]: ...
    @property
    def claim_cells_sha256(self) -> Mapping[str, str]: ...
    @property
    def whole(self) -> Mapping[str, Any]: ...
    def to_yaml(self) -> str: ...


@dataclass(frozen=True)
class Options:
    """How to run. `cores` None: all of this machine. `train`, `load`, `build`: see `Job`."""

    backend: Literal["ray", "inline"] = "ray"
    address: str | None = None
    retry: bool = False
    fail_fast: bool = False
    budget_s: float | None = None
    cores: int | None = None
    quiet: bool = False
    report: bool = True
    train: str = Job.train
    load: str = Job.load
    build: str = Job.build


class Backend(Protocol):
    """Where packs run: `inline.Inline` or `ray_tune.RayTune`."""

    name: str
    workers: int

    def __enter__(self) -> Backend: ...
    def __exit__(self, *error: Any) -> None: ...
    def prepare(self, packs: Sequence[Pack]) -> None: ...
    def run_round(self, packs: Sequence[str], emit: Emit) -> Iterator[Ending]: ...


def run(
    study: StudyLike,
    trials: Sequence[Trial],
    make_packs: ledger.MakePacks,
    out: Path,
    options: Options = Options(),
) -> int:
    """Train what of `trials` is not done in `out`, write the tables and the report; returns the exit code.

    `make_packs` packs the trials that the plan of `out` lacks. 0: all done; 1: a pack crashed for good;
    130: interrupted or out of budget, the same command goes on. Everything is said on stderr, the path of the
    report goes to stdout.

    Raises:
        UserError: the folder is in use or another study's, data are missing, the disk is full, ...
    """
    out = out.resolve()
    with Progress(quiet=options.quiet) as progress:
        progress.say(f"{study.name}: {len(trials)} trials, results in {out}")
        if options.address is None:  # the machines of a cluster have files of their own: they check later
            prepare.check(out, trials)
        with _signals(), lock.results_lock(out) as owner:
            return _Run(study, trials, make_packs, out, options, progress, owner).go()


class _Run:
    """One session on a results folder whose lock is held."""

    def __init__(
        self,
        study: StudyLike,
        trials: Sequence[Trial],
        make_packs: ledger.MakePacks,
        out: Path,
        options: Options,
        progress: Progress,
        owner: lock.Owner,
    ) -> None:
        self.study, self.trials, self.make_packs = study, trials, make_packs
        self.out, self.options, self.progress, self.owner = out, options, progress, owner
        self.started = time.monotonic()

    def go(self) -> int:
        try:
            return self._go()
        except KeyboardInterrupt:
            self.progress.settle()
            self._say_how_to_go_on("Interrupted")
            return INTERRUPTED

    def _go(self) -> int:
        leftovers.sweep()
        shutil.rmtree(self.out / TUNE_FOLDER, ignore_errors=True)
        atomic.sweep(self.out)
        (self.out / STOP_FILE).unlink(missing_ok=True)
        packs = ledger.open_plan(self.out, self.study.name, self.trials, self.make_packs)
        for plugin in self.study.plugins:
            atomic.write_bytes(self.out / kept_name(plugin), plugin.source)
        atomic.write_text(self.out / "study.yaml", self.study.to_yaml())
        manifest.mark(self.out, self.study.partial, self.study.whole)
        for sentence in ledger.reopen_damaged(self.out, packs):
            self.progress.say(sentence)
        todo = self._todo(packs)
        # Where floors.json was lost, a finished study has to measure the data again before it can judge.
        is_due = bool(todo or prepare.missing(self.out, packs))
        summary = self._session(packs, todo) if is_due else retry.Summary()
        return self._finish(summary, ran=bool(todo))

    def _todo(self, packs: Sequence[Pack]) -> list[Pack]:
        """The packs that are neither done nor crashed; `--retry` makes crashed ones pending again."""
        found = []
        for pack in packs:
            folder = ledger.pack_folder(self.out, pack.id)
            status = ledger.pack_status(self.out, pack.id)
            if status == "crashed" and self.options.retry:
                ledger.clear_crash(folder)
                status = "pending"
            if status in ("pending", "running"):
                found.append(pack)
        return found

    def _session(self, packs: Sequence[Pack], todo: Sequence[Pack]) -> retry.Summary:
        before = [pack for pack in packs if pack not in todo]
        self.progress.say(
            f"{sum(pack.width for pack in todo)} trials to train in {len(todo)} pack"
            + ("" if len(todo) == 1 else "s")
            + (f", {sum(pack.width for pack in before)} done or crashed earlier" if before else "")
        )
        session: dict[str, Any] = {"started": time.time(), "backend": self.options.backend}
        session["argv"] = sys.argv[1:]
        # What was claimed before anything was seen: a claim that differs later says so.
        session["claims"] = self.study.claims_sha256
        session["claim_cells"] = self.study.claim_cells_sha256
        if self.study.plugins:
            session["plugins"] = [plugin.to_json() for plugin in self.study.plugins]
        index = manifest.open_session(self.out, session, list(self.study.partial))
        sampler = manifest.MemorySampler()
        sampler.start()
        summary = retry.Summary(stopped=True)
        try:
            if self.options.backend == "ray":
                self.progress.say("starting Ray" if self.options.address is None else "joining Ray")
            with self._backend() as backend:
                session["workers"] = backend.workers
                summary = self._train(backend, todo, before)
        finally:
            self.progress.settle()
            counts = self.progress.counts
            manifest.close_session(
                self.out,
                index,
                {
                    **session,
                    "wall_s": round(time.monotonic() - self.started, 2),
                    "peak_mb": sampler.finish(),
                    "trials_done": counts.trials("done"),
                    "trials_crashed": counts.trials("crashed"),
                    "member_steps": counts.work_done,
                    "interrupted": summary.stopped,
                },
            )
        return summary

    def _train(self, backend: Backend, todo: Sequence[Pack], before: Sequence[Pack]) -> retry.Summary:
        missing = prepare.missing(self.out, [*before, *todo])
        if missing:
            self.progress.say(
                f"{backend.name}: {backend.workers} at a time; measuring the floors of the data"
            )
            backend.prepare(missing)
        states = [(ledger.pack_status(self.out, pack.id), pack.width) for pack in before]
        of = {kind: sum(width for state, width in states if state == kind) for kind in ("done", "crashed")}
        self.progress.follow(todo, of["done"], of["crashed"])
        return retry.drive(
            lambda ids: backend.run_round(ids, self.progress.take),
            [pack.id for pack in todo],
            fail_fast=self.options.fail_fast,
            wait=time.sleep,
            say=self.progress.say,
            on_crash=self._crash,
        )

    def _crash(self, pack: str, failures: Sequence[Ending]) -> None:
        self.progress.crash(pack)
        ledger.write_crash(ledger.pack_folder(self.out, pack), retry.crash_text(failures))

    def _backend(self) -> Backend:
        job = Job(
            results=str(self.out),
            owner=self.owner,
            checkpoint_s=self.study.checkpoint.every_s,
            keep=self.study.checkpoint.keep,
            cache=str(_cache()),
            plugins=tuple(str(self.out / kept_name(plugin)) for plugin in self.study.plugins),
            train=self.options.train,
            load=self.options.load,
            build=self.options.build,
        )
        budget = self.options.budget_s
        deadline = None if budget is None else self.started + budget
        if self.options.backend == "inline":
            return Inline(job, self.options.fail_fast, deadline)
        ray_tune = importlib.import_module("bench.launch.ray_tune")
        needs = ray_tune.Resources(self.study.resources.cpu, self.study.resources.gpu, self.options.cores)
        backend: Backend = ray_tune.RayTune(
            job, needs, self.options.address, self.options.fail_fast, deadline
        )
        return backend

    def _finish(self, summary: retry.Summary, ran: bool) -> int:
        """Tables, report, last words."""
        rules = tables.kept_rules(self.out)
        for sentence in tables.consolidate(self.out, rules):
            self.progress.say(sentence)
        if rules.changed():
            self.progress.say(
                f"{tables.told(rules)}, as before; `ganbench judge RESULTS` goes back to the rules' own"
            )
        report = self._report()
        counts = self._counts()
        if ran:
            took = duration(time.monotonic() - self.started)
            self.progress.say(f"{counts['done']} of {counts.total()} trials are done, {took}")
        else:
            self.progress.say(f"all {counts.total()} trials were settled already")
        if counts["crashed"]:
            self.progress.say(
                f"{counts['crashed']} trials crashed: see packs/*/error.txt in {self.out}; "
                "`--retry` runs them again"
            )
        if report is not None:
            for line in report.told:
                self.progress.say(line)
            sys.stdout.write(f"{report.path}\n")
        if summary.stopped:
            self._say_how_to_go_on("The budget is used up")
            return INTERRUPTED
        return CRASHED if counts["crashed"] else DONE

    def _counts(self) -> Counter[str]:
        """How many of the study's trials are pending, running, done, crashed; the ledger says it."""
        known = ledger.statuses(self.out)
        return Counter(known.get(trial.id, "pending") for trial in self.trials)

    def _say_how_to_go_on(self, why: str) -> None:
        counts = self._counts()
        self.progress.say(
            f"{why}: {counts['done']} of {counts.total()} trials are done and kept. To go on: {_command()}"
        )

    def _report(self) -> Written | None:
        if not self.options.report:
            return None
        written: Written = importlib.import_module("bench.report.page").written(self.out)
        return written


def _cache() -> Path:
    """Where reference statistics are kept between studies."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "ganbench" / "statistics"


def _command() -> str:
    """The command that was given, for copying."""
    return shlex.join(["ganbench", *sys.argv[1:]])


@contextmanager
def _signals() -> Iterator[None]:
    """SIGINT and SIGTERM raise KeyboardInterrupt here, once; a second one ends the process at once.

    What is durable stays so: every write survives a kill.
    """

    def first(number: int, frame: object) -> None:
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, second)
        raise KeyboardInterrupt

    def second(number: int, frame: object) -> None:
        show_cursor()
        leftovers.leave()

    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    for each in before:
        signal.signal(each, first)
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
