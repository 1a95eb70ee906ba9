"""Packs on Ray Tune: one Tune trial is one pack. The only file that imports ray.

Nothing of a study's durability rests on Tune: it is given pack ids, and the ledger says what they came to.
All calls to ray are made on one thread that lives as long as the session, for two reasons: the processes that
`ray.init` starts die with the thread that started them, and Tune installs no signal handler outside the main
thread, so Ctrl-C and SIGTERM stay ours.
"""

from __future__ import annotations

import atexit
import json
import logging
import math
import os
import queue
import secrets
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

ENVIRONMENT = {
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_AUTO_INIT": "1",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
    "RAY_AIR_NEW_OUTPUT": "0",  # the new output prints tables even when told to be silent
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_worker_niceness": "0",  # 15 by default: timings would be unfair
    "RAY_ENABLE_AUTO_CONNECT": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
}
os.environ.update({name: value for name, value in ENVIRONMENT.items() if name not in os.environ})

import ray  # noqa: E402 - the environment is read at import
from ray import tune  # noqa: E402

from bench.errors import UserError  # noqa: E402
from bench.launch import leftovers, prepare, retry  # noqa: E402
from bench.launch.address import check_address  # noqa: E402
from bench.launch.events import Emit, Ending, Event  # noqa: E402
from bench.launch.one_thread import OneThread  # noqa: E402
from bench.launch.worker import STOP_FILE, TUNE_FOLDER, Job, run_pack  # noqa: E402
from bench.store import attempts, floors, ledger  # noqa: E402
from bench.trial import Pack  # noqa: E402

OBJECT_STORE_BYTES = 80 * 2**20  # packs exchange nothing but ids
GRACE_S = 2.0  # for packs to stop at an evaluation
KILLED_S = 1.0  # for Tune to see that its workers are gone
SHUTDOWN_S = 10.0
SHUTDOWN_INTERRUPTED_S = 1.5
POLL_S = 0.02


@dataclass(frozen=True)
class Resources:
    """What each pack takes, and how many cores a cluster of our own offers (None: all of this machine)."""

    cpu: float = 1.0
    gpu: float = 0.0
    cores: int | None = None


class PackTrainable(tune.Trainable):
    """Runs packs one after the other in one actor; a step is an evaluation."""

    def setup(self, config: dict[str, Any]) -> None:
        self._events: Iterator[Event] = run_pack(Job.from_json(json.loads(config["job"])), config["pack"])

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self.cleanup()
        self.setup(new_config)
        return True

    def step(self) -> dict[str, Any]:
        event = next(self._events)
        over = event.kind in ("done", "stopped")
        if over:
            self.cleanup()
        return {"event": json.dumps(asdict(event)), "done": over}

    def cleanup(self) -> None:
        self._events.close()  # type: ignore[attr-defined]


class _Unsaved:
    """What Tune may write into its state files: nothing. They are never read again."""

    def __getstate__(self) -> dict[str, Any]:
        return {}

    def __deepcopy__(self, memo: dict[int, Any]) -> _Unsaved:
        return self


class _Listener(_Unsaved, tune.Callback):
    """Hands Tune's news to the main thread. It must never raise: that would end the experiment."""

    def __init__(self, news: queue.Queue[Event | Ending], ending: Callable[[Any], Ending]) -> None:
        self._news = news
        self._ending = ending

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: Mapping[str, Any], **info: Any
    ) -> None:
        if "event" in result:
            record = json.loads(result["event"])
            diverged = tuple((str(name), int(step)) for name, step in record.pop("diverged"))
            self._news.put(Event(**record, diverged=diverged))

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        try:
            ending = self._ending(trial)
        except Exception as error:  # noqa: BLE001 - see the class
            ending = Ending(trial.config["pack"], "lost", repr(error))
        self._news.put(ending)


class _StopAll(_Unsaved, tune.Stopper):
    def __init__(self, asked: threading.Event) -> None:
        self._asked = asked

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        return False

    def stop_all(self) -> bool:
        return self._asked.is_set()


class RayTune:
    """The backend on a cluster: our own on this machine, or the one at `address`."""

    name = "ray"

    def __init__(
        self,
        job: Job,
        resources: Resources,
        address: str | None = None,
        fail_fast: bool = False,
        deadline: float | None = None,
        hang_s: float = 1800.0,
    ) -> None:
        self.job = job
        self.resources = resources
        self.address = address
        self.fail_fast = fail_fast
        self.deadline = deadline
        self.hang_s = hang_s
        self.workers = 0
        self._results = Path(job.results)
        self._thread = OneThread()
        self._news: queue.Queue[Event | Ending] = queue.Queue()
        self._stop = threading.Event()
        self._alive: dict[str, tuple[Event, float]] = {}
        self._hung: set[str] = set()
        self._attempts: dict[str, int] = {}
        self._folder: Path | None = None
        self._fit: Future[None] | None = None
        self._round = 0

    def __enter__(self) -> RayTune:
        try:
            if self.address:
                check_address(self.address)
                connected = self._thread.start(self._join)
            else:
                self._folder = leftovers.temporary_folder(self.job.owner)
                connected = self._thread.start(self._begin)
            _wait(connected)
            connected.result()
            self.workers = self._thread.start(self._slots).result()
        except BaseException as error:
            self.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        interrupted = kind is not None and issubclass(kind, KeyboardInterrupt)
        if self._fit is not None and not self._fit.done():
            self._end_round()
        over = self._thread.start(ray.shutdown)
        if not _wait(over, SHUTDOWN_INTERRUPTED_S if interrupted else SHUTDOWN_S) and interrupted:
            # Ray is in the middle of a call. At exit it would wait for it, so this process will not let it.
            atexit.register(leftovers.leave)
        shutil.rmtree(self._results / TUNE_FOLDER, ignore_errors=True)
        if self._folder is not None:
            leftovers.remove(self._folder)

    def _begin(self) -> None:
        """Start a cluster on this machine: loopback only, with a token that only this user can read."""
        assert self._folder is not None
        token = self._folder / "token"
        with os.fdopen(os.open(token, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
        # Token mode itself is the default of `ray.init`, which refreshes its settings when it turns it on.
        os.environ["RAY_AUTH_TOKEN_PATH"] = str(token)
        # Ray replaces 127.0.0.1 by an address that others can reach, and listens on all of them, unless its
        # support of clusters is turned off, as it is on macOS.
        constants = ray._private.ray_constants
        os.environ[constants.ENABLE_RAY_CLUSTERS_ENV_VAR] = "0"
        constants.ENABLE_RAY_CLUSTER = False
        try:
            ray.init(
                num_cpus=self.resources.cores or len(os.sched_getaffinity(0)),
                include_dashboard=False,
                object_store_memory=OBJECT_STORE_BYTES,
                logging_level=logging.CRITICAL,
                log_to_driver=False,
                _node_ip_address="127.0.0.1",
                _temp_dir=str(self._folder / leftovers.CLUSTER),
            )
        except (RuntimeError, OSError, ValueError) as error:
            first = str(error).strip().splitlines()[0]
            raise UserError(f"Ray cannot start here ({first}); `--backend inline` runs without it") from error
        _silence()

    def _join(self) -> None:
        ray.init(
            address=self.address,
            logging_level=logging.CRITICAL,
            log_to_driver=False,
            runtime_env={"env_vars": dict(ENVIRONMENT)},
        )
        _silence()

    def _slots(self) -> int:
        """How many packs run at a time; UserError when no machine can ever run one."""
        listed: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
        nodes = [node["Resources"] for node in listed if node["Alive"]]
        slots = 0
        for node in nodes:
            per = [node.get("CPU", 0.0) / self.resources.cpu]
            if self.resources.gpu:
                per.append(node.get("GPU", 0.0) / self.resources.gpu)
            slots += int(min(per) + 1e-9)
        if not slots:
            has = "; ".join(f"{n.get('CPU', 0):g} cores and {n.get('GPU', 0):g} GPUs" for n in nodes)
            asks = f"{self.resources.cpu:g} cores and {self.resources.gpu:g} GPUs"
            raise UserError(
                f"each pack asks for {asks}, and no machine has them (there: {has}): change `resources`"
            )
        return slots

    def prepare(self, packs: Sequence[Pack]) -> None:
        """Measure what `floors.json` lacks, in workers: the driver never imports torch."""
        answers = self._thread.start(lambda: self._prepare([pack.id for pack in packs])).result()
        for problem, _ in answers:
            if problem:
                raise UserError(problem)
        floors.add(self._results, dict(entry for _, entry in answers))

    def _prepare(self, packs: Sequence[str]) -> list[tuple[str, Any]]:
        needs = self.resources
        remote = ray.remote(num_cpus=needs.cpu, num_gpus=needs.gpu, max_retries=2)(_entry)
        job = json.dumps(self.job.to_json())
        try:
            return list(ray.get([remote.remote(job, pack) for pack in packs]))
        except ray.exceptions.RayTaskError:
            raise  # a bug: its traceback helps
        except ray.exceptions.RayError as error:
            why = retry.WORDS.get(retry.kind_of(str(error)), type(error).__name__)
            raise UserError(f"measuring the floors of the data failed three times: {why}") from error

    def run_round(self, packs: Sequence[str], emit: Emit) -> Iterator[Ending]:
        """Give the packs to a new Tuner; yields how each ended, as it does."""
        self._round += 1
        self._attempts = {pack: len(attempts.read(self._pack_folder(pack))) for pack in packs}
        fit = self._fit = self._thread.start(lambda: self._tune(list(packs)))
        left = set(packs)
        while left:
            try:
                news = self._news.get(timeout=0.25)
            except queue.Empty:
                if fit.done() and self._news.empty():
                    break
                self._watch()
                continue
            if isinstance(news, Event):
                self._alive[news.pack] = (news, time.monotonic())
                emit(news)
                if news.kind not in ("done", "stopped"):
                    continue
                news = Ending(news.pack, news.kind)
            else:
                emit(Event("failed", news.pack, 0))
            self._alive.pop(news.pack, None)
            if news.pack in left:
                left.discard(news.pack)
                yield news
        fit.result()
        cut_short = self._stop.is_set() or self.fail_fast
        for pack in sorted(left):
            yield Ending(
                pack, "stopped" if cut_short else "lost", "" if cut_short else "Tune said nothing of it"
            )

    def _tune(self, packs: list[str]) -> None:
        space = {"pack": tune.grid_search(packs), "job": json.dumps(self.job.to_json())}
        request = {"cpu": self.resources.cpu, "gpu": self.resources.gpu}
        tuner = tune.Tuner(
            tune.with_resources(PackTrainable, request),
            param_space=space,
            tune_config=tune.TuneConfig(reuse_actors=True),
            run_config=tune.RunConfig(
                name=f"round-{self._round}",
                storage_path=str(self._results / TUNE_FOLDER),
                failure_config=tune.FailureConfig(max_failures=0, fail_fast=self.fail_fast),
                checkpoint_config=tune.CheckpointConfig(checkpoint_frequency=0, checkpoint_at_end=False),
                callbacks=[_Listener(self._news, self._ending)],
                stop=_StopAll(self._stop),
                verbose=0,
            ),
        )
        tuner.fit()

    def _watch(self) -> None:
        """Stop everything at the deadline; kill a worker of this machine that was silent for too long."""
        now = time.monotonic()
        if self.deadline is not None and now >= self.deadline and not self._stop.is_set():
            self._ask_to_stop()
        for pack, (event, at) in list(self._alive.items()):
            if now - at > self.hang_s and pack not in self._hung:
                self._hung.add(pack)
                leftovers.kill_worker(event)

    def _ending(self, trial: Any) -> Ending:
        """How a failed pack ended: what its worker recorded, or else what Tune saw of the lost process."""
        pack = str(trial.config["pack"])
        records = attempts.read(self._pack_folder(pack))
        if len(records) > self._attempts.get(pack, 0):
            kind = records[-1].get("ending")
            if kind in ("error", "memory", "user"):
                return Ending(pack, kind, records[-1].get("message", ""), records[-1].get("detail", ""))
        text = Path(trial.error_file).read_text() if trial.error_file else ""
        last = text.strip().splitlines()[-1] if text.strip() else ""
        if pack in self._hung:
            self._hung.discard(pack)
            return Ending(pack, "hang", f"nothing was heard of it for {self.hang_s:.0f} s", text)
        kind = retry.kind_of(text)
        return Ending(pack, kind, "" if kind in ("lost", "memory") else last, text)

    def _pack_folder(self, pack: str) -> Path:
        return ledger.pack_folder(self._results, pack)

    def _ask_to_stop(self) -> None:
        with suppress(OSError):
            (self._results / STOP_FILE).touch()
        self._stop.set()

    def _end_round(self) -> None:
        """Give the packs two seconds to stop at an evaluation, then kill those that have not."""
        assert self._fit is not None
        self._ask_to_stop()
        if _wait(self._fit, GRACE_S):
            return
        for event, _ in self._alive.values():
            leftovers.kill_worker(event)
        _wait(self._fit, KILLED_S)


def _entry(job: str, pack: str) -> tuple[str, Any]:
    """In a worker: (problem, entry of floors.json). A UserError travels as its sentence."""
    try:
        decoded = Job.from_json(json.loads(job))
        return "", prepare.entry(decoded, ledger.read_pack(Path(decoded.results), pack))
    except UserError as error:
        return str(error), None


def _wait(future: Future[Any], timeout_s: float = math.inf) -> bool:
    """Wait for a call to ray to end, and keep our signal handlers; returns whether it ended.

    Ray's core puts its own handlers in place when it starts, and the system's when it ends.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        over = bool(wait([future], POLL_S).done)
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.getsignal(each))
        if over or time.monotonic() >= deadline:
            return over


def _silence() -> None:
    """Our own progress tells what matters. Ray prints news of lost workers to stdout, which is for data."""
    ray._private.worker.print_to_stdstream = lambda *arguments, **options: None
    for name in ("ray", "ray.tune", "ray.air", "ray.train"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
