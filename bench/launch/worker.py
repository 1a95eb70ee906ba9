"""Run one pack, wherever it is scheduled: resume, train, keep the rows durable, declare it done.

A pack's process keeps nothing between packs but immutable data sets, found by their component.
"""

from __future__ import annotations

import importlib
import os
import resource
import socket
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from bench.errors import UserError
from bench.launch.events import Ending, Event
from bench.plugins import load_plugin
from bench.store import artefacts, atomic, attempts, checkpoint, ledger, lock, schema
from bench.store.checkpoint import Checkpoint
from bench.store.ledger import Done
from bench.store.segments import Part, write_segment
from bench.trial import Component, Pack

STOP_FILE = "stop"
TUNE_FOLDER = ".tune"
FINAL_PREFIXES = ("gen.", "disc.", "ema.")


@dataclass(frozen=True)
class Job:
    """All that a worker needs beside the ledger. Plain values only: it travels to other machines.

    `plugins` are the files that the results folder keeps; `train`, `load` and `build` are `module:attribute`
    of the functions that a pack needs.
    """

    results: str
    owner: lock.Owner
    checkpoint_s: float = 20.0
    keep: str = "final"
    cache: str | None = None
    plugins: tuple[str, ...] = ()
    train: str = "bench.train.loop:train"
    load: str = "bench.data.load:load"
    build: str = "bench.metrics.evaluate:build"

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Job:
        return cls(**{**record, "owner": lock.Owner(**record["owner"]), "plugins": tuple(record["plugins"])})


def resolve(target: str) -> Any:
    """Import `module:attribute`."""
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(module), attribute)


@lru_cache(maxsize=4)
def dataset(load: str, component: Component) -> Any:
    """A loaded data set; immutable, so processes keep it between packs."""
    return resolve(load)(component)


def evaluator(job: Job, pack: Pack) -> tuple[Any, Any]:
    """(data, evaluator) of a pack; UserError when the data are not those that its trials name."""
    trial = pack.trials[0]
    if tuple(sorted(load_plugin(each).sha256 for each in job.plugins)) != trial.plugins:
        raise UserError(
            "the plugins that the results folder keeps are not those its trials were planned with"
        )
    data = dataset(job.load, trial.dataset)
    if data.sha256 != trial.data_sha256:
        raise UserError(
            f"the data of {trial.dataset.name} changed: sha256 {data.sha256[:12]} is here, "
            f"the study was planned with {trial.data_sha256[:12]}"
        )
    cache = Path(job.cache) if job.cache else None
    if (
        cache is not None and trial.plugins
    ):  # what an edited plugin computed must not be taken for the new one's
        cache = cache / "-".join(each[:16] for each in trial.plugins)
    return data, resolve(job.build)(data, trial.evaluate.metrics, trial.evaluate.samples, cache)


def must_stop(job: Job) -> bool:
    """Whether the driver asked for a stop, died, or was followed by another one."""
    results = Path(job.results)
    return (results / STOP_FILE).exists() or lock.read_owner(results) != job.owner or not job.owner.is_alive()


def run_pack(job: Job, pack_id: str) -> Iterator[Event]:
    """Train a pack from its last verified checkpoint; yields an event per evaluation and one at the end.

    Holds the pack's lock and writes the history of attempts. Exceptions of the training pass through after
    they were recorded; closing the iterator ends the attempt as `stopped`.
    """
    results = Path(job.results)
    folder = ledger.pack_folder(results, pack_id)
    pack = ledger.read_pack(results, pack_id)
    started = time.time()
    clock = time.monotonic()
    with lock.pack_lock(folder):
        if ledger.read_done(folder) is not None:
            yield _event("done", pack, pack.trials[0].steps)
            return
        atomic.sweep(folder)
        run = _Attempt(job, pack, folder)
        here = {"started": started, "host": socket.gethostname(), "pid": os.getpid()}
        number = attempts.start(folder, {**here, "device": pack.device, "threads": pack.threads})
        run.number = number
        ending = Ending(pack_id, "stopped")
        try:
            for event in run.events():
                if event.kind == "done":
                    ending = Ending(pack_id, "done")
                yield event
        except Exception as error:
            ending = ending_of(pack_id, error)
            raise
        finally:
            with suppress(UserError):  # a full disk must not hide what happened
                attempts.end(folder, number, {**_end_record(ending, run), "wall_s": time.monotonic() - clock})


def ending_of(pack_id: str, error: BaseException) -> Ending:
    """Classify an exception that a pack raised."""
    kind = "error"
    if isinstance(error, UserError):
        kind = "user"
    elif isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        kind = "memory"
    message = str(error) if kind == "user" else f"{type(error).__name__}: {error}"
    return Ending(pack_id, kind, message, "".join(traceback.format_exception(error)))


def _end_record(ending: Ending, run: _Attempt) -> dict[str, Any]:
    return {
        "ending": ending.kind,
        "message": ending.message,
        "detail": ending.detail,
        "resumed_step": run.resumed_step,
        "last_step": run.step,
        "member_steps": (run.step - (run.resumed_step or 0)) * run.pack.width,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def _event(kind: str, pack: Pack, step: int, diverged: tuple[tuple[str, int], ...] = ()) -> Event:
    return Event(kind, pack.id, step, diverged, os.getpid(), socket.gethostname())


@dataclass
class _Attempt:
    """One attempt at a pack: what is durable, and the rows that are not yet."""

    job: Job
    pack: Pack
    folder: Path
    number: int = 0
    resumed_step: int | None = None
    step: int = 0
    columns: tuple[str, ...] = ()
    segments: list[Part] = field(default_factory=list)
    previews: list[Part] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    last: Checkpoint | None = None

    def events(self) -> Iterator[Event]:
        _set_threads(self.pack)
        data, measure = evaluator(self.job, self.pack)
        self.columns = schema.with_averages(measure.columns, self.pack.trials)
        resume = self._resume()
        yield _event("start", self.pack, self.step)
        steps = self.pack.trials[0].steps
        alive = np.ones(self.pack.width, dtype=bool)
        saved_at = time.monotonic()
        for tick in resolve(self.job.train)(self.pack, data, measure, resume):
            self._take(tick)
            diverged = self._newly_dead(alive, tick)
            alive = np.asarray(tick.alive, dtype=bool)
            if tick.step >= steps or not alive.any():
                self._finish(tick)
                yield _event("done", self.pack, tick.step, diverged)
                return
            stop = must_stop(self.job)
            if stop or time.monotonic() - saved_at >= self.job.checkpoint_s:
                self._save(tick)
                saved_at = time.monotonic()
            if stop:
                yield _event("stopped", self.pack, tick.step, diverged)
                return
            yield _event("tick", self.pack, tick.step, diverged)
        raise RuntimeError(f"training ended at step {self.step} of {steps}")

    def _resume(self) -> tuple[int, dict[str, Any]] | None:
        found = checkpoint.latest(self.folder, self.columns)
        if found is None:
            checkpoint.clear(self.folder)
            checkpoint.remove_unnamed_rows(self.folder, ())
            return None
        self.last, arrays = found
        self.step = self.resumed_step = self.last.step
        self.segments, self.previews = list(self.last.segments), list(self.last.previews)
        self.counts = dict(self.last.counts)
        checkpoint.remove_unnamed_rows(self.folder, (*self.segments, *self.previews))
        return self.last.step, _tensors(arrays)

    def _take(self, tick: Any) -> None:
        self.step = tick.step
        self.rows.extend(tick.rows)
        if tick.preview is not None:
            self.previews.append(artefacts.write_preview(self.folder, tick.step, np.asarray(tick.preview)))

    def _newly_dead(self, before: np.ndarray, tick: Any) -> tuple[tuple[str, int], ...]:
        dead = before & ~np.asarray(tick.alive, dtype=bool)
        bad = {row["trial"]: row.get("first_bad_step") for row in tick.rows}
        ids = [trial.id for trial, died in zip(self.pack.trials, dead, strict=True) if died]
        return tuple((identity, int(bad.get(identity) or tick.step)) for identity in ids)

    def _flush(self) -> None:
        if not self.rows:
            return
        name = f"segment-{self.number:03d}-{self.step:09d}.parquet"
        self.segments.append(write_segment(self.folder, name, self.rows, self.columns, self.step))
        for row in self.rows:
            self.counts[row["trial"]] = self.counts.get(row["trial"], 0) + 1
        self.rows = []

    def _save(self, tick: Any) -> None:
        self._flush()
        name = f"state-{self.number:03d}-{self.step:09d}.safetensors"
        state = checkpoint.save_arrays(self.folder, name, _arrays(tick.state()), self.step)
        new = Checkpoint(
            self.step, state, tuple(self.segments), tuple(self.previews), self.columns, dict(self.counts)
        )
        checkpoint.commit(self.folder, new, self.last)
        self.last = new

    def _finish(self, tick: Any) -> None:
        self._flush()
        final = None
        if self.job.keep != "none":
            arrays = _arrays(tick.state())
            kept = {name: each for name, each in arrays.items() if name.startswith(FINAL_PREFIXES)}
            final = checkpoint.save_arrays(self.folder, "final.safetensors", kept, self.step)
        rows = {trial.id: self.counts.get(trial.id, 0) for trial in self.pack.trials}
        done = Done(rows, self.columns, tuple(self.segments), tuple(self.previews), final)
        ledger.write_done(self.folder, done)
        checkpoint.clear(self.folder)


def _set_threads(pack: Pack) -> None:
    import torch

    torch.set_num_threads(pack.threads)
    torch.set_flush_denormal(True)  # collapsed members would slow the whole pack


def _arrays(state: Mapping[str, Any]) -> dict[str, np.ndarray]:
    return {name: value.detach().cpu().numpy() for name, value in state.items()}


def _tensors(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Copies in memory of torch's own: the bits of a product can depend on the alignment of operands."""
    import torch

    found = {}
    for name, array in arrays.items():
        source = torch.from_numpy(np.array(array))
        found[name] = torch.empty(source.shape, dtype=source.dtype).copy_(source)
    return found
