"""The diagnosis of anyone's training loop: measure a GAN while it trains, and say how its training goes.

    from bench.monitor import StabilityMonitor

    monitor = StabilityMonitor(real=images, loss="non_saturating", data="digits", every=100)
    for step in range(steps):
        ...                                        # the loop as it is, both optimizer steps
        monitor.update(step, gen=gen, disc=disc, samples=lambda n: gen(torch.randn(n, 64)))
    print(monitor.outcome())

The columns, the rules and the words are those of a study (docs/results.md, docs/outcomes.md). The loop is not
changed: it trains the same bits with the monitor as without. Needs torch, numpy and pyarrow only.
"""

from __future__ import annotations

import hashlib
import math
import operator
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bench.errors import UserError
from bench.judge.flag import Flag
from bench.judge.outcomes import judge
from bench.judge.tables import context, curves_by_trial
from bench.judge.unknown import unknown
from bench.metrics.catalog import columns_of
from bench.metrics.own import dataset, evaluator, truth
from bench.store import run_file, schema
from bench.train.hooks import Gradients, Value
from bench.train.pair import (
    Pair,
    Samples,
    aside,
    beside_sigmoid,
    check_plain,
    draw,
    look,
    pick,
    unwrapped,
    weight_norm,
)
from bench.trial import canonical_json
from ganzoo.catalog import ZOO, CatalogError
from ganzoo.losses import Loss

__all__ = ["Diagnosis", "MonitorError", "StabilityMonitor"]

CHUNK = 200
"""Samples that G makes at a time."""

AT_EVALUATIONS = ("d_loss", "g_loss", "d_auc", "d_accuracy")
"""Columns that the harness fills from every training step, and the monitor from PROBE samples now and then:
a loop does not tell which of D's answers are to real samples."""


class MonitorError(UserError, ValueError):
    """Something that the monitor was given and cannot use, in one sentence."""


@dataclass(frozen=True)
class Diagnosis:
    """How a run goes, judged as if it ended at its last evaluation.

    outcome: a word of docs/outcomes.md, None where none can be given; step: since when; reason: the sentence
    with the numbers that decided; flags: every sign with onset and recovery; unknown: outcome -> why it
    cannot be told; at, planned: the last evaluation's step and the run's length, where known.
    """

    outcome: str | None
    step: int | None
    reason: str
    flags: Mapping[str, Flag]
    unknown: Mapping[str, str]
    at: int | None
    planned: int | None
    rules_version: str

    def __str__(self) -> str:
        of = "" if self.planned is None else f" of {self.planned}"
        where = "" if self.at is None else f" (judged at step {self.at}{of})"
        lines = [f"{(self.outcome or 'no outcome').replace('_', ' ')}{where}: {self.reason}"]
        reasons: dict[str, list[str]] = {}
        for name, why in self.unknown.items():
            reasons.setdefault(why, []).append(name.replace("_", " "))
        lines += [f"  cannot be told: {', '.join(names)}: {why}" for why, names in reasons.items()]
        return "\n".join(lines)


@dataclass
class _Seen:
    """What a run has shown so far.

    last: the step of its last evaluation, as the loop counts; provisional: the last row is that of
    `steps` - 1, where a loop over range(steps) ends, and gives way to one of `steps`.
    """

    pair: Pair
    gradients: Gradients
    last: int
    rows: list[dict[str, Any]] = field(default_factory=list)
    dead: bool = False
    provisional: bool = False


class StabilityMonitor:
    """Watches a generator and a discriminator train; see the module's head for the three lines that it takes.

    Args:
        real: real samples as the networks see them, tensor or array [N, *shape], or a function n -> n of
            them; pictures [N, C, H, W]. Half of them are held out for the floor. Not needed with the name of
            a shipped data set.
        loss: the loss by its name in `ganbench ls losses`, as {"name": ..., key: ...}, or a
            `ganzoo.losses.Loss`; None where it is none of these: g_saturation is then not known.
        data: a shipped data set whose classifier knows such pictures ("digits", "fashion_mnist"), which gives
            the distance `fd`; None for points and signals, whose distance is `sw1`, and for other pictures,
            which have none. Without `real`: the data themselves, by name or as {"name": ..., key: ...}.
        every: steps between evaluations; there is also one at the first call, every/4, every/2 and `steps`.
        steps: planned length of the run, where known.
        heldout: real samples that D does not train on; without them d_auc_heldout is null.
        labels: class of each row of `real`, 0 to 9, for `data` with classes; else its classifier tells them.
        centres, sigma: the modes [m, *shape] of a mixture of Gaussians, which gives `modes`.
        samples: samples of an evaluation; 2,000, or as many real ones as there are.
        metrics: further metrics by name, as "prdc", for precision and coverage where modes are not known.
        output: "logit", or "probability" where D ends in a sigmoid (the default with "bce_probability").
        answers: what of D's output is its answer, one number a sample, where it gives more than that.
        name: of the run, for its file and its page.
    Raises:
        MonitorError, or another ValueError with one sentence.
    """

    def __init__(
        self,
        *,
        real: Tensor | NDArray[Any] | Callable[[int], Tensor] | None = None,
        loss: str | Mapping[str, Any] | Loss | None = None,
        data: str | Mapping[str, Any] | None = None,
        every: int = 100,
        steps: int | None = None,
        heldout: Tensor | NDArray[Any] | None = None,
        labels: Tensor | NDArray[Any] | Sequence[int] | None = None,
        centres: Tensor | NDArray[Any] | None = None,
        sigma: float | None = None,
        samples: int | None = None,
        metrics: Sequence[str] = (),
        output: str | None = None,
        answers: Callable[[Any], Tensor] | None = None,
        name: str = "run",
    ) -> None:
        self._every, self._steps = _at_least_one(every, "every"), steps
        self._early = {self._every // 4, self._every // 2}
        if steps is not None:
            self._early.add(_at_least_one(steps, "steps"))
        if output not in (None, "logit", "probability"):
            raise MonitorError(f"output is 'logit' or 'probability', and not {output!r}")
        self._loss_name, self._loss = _loss(loss)
        by_name = self._loss_name == "bce_probability"
        self._probability, self._output = output == "probability" or (by_name and output is None), output
        if self._probability and self._loss is not None:
            self._loss = beside_sigmoid(self._loss_name, self._loss)
        self._answers = answers
        of_modes = truth(labels, centres, sigma)
        self._data, self._samples, self._watched = dataset(real, heldout, data, samples, of_modes)
        self._evaluator, self._metrics = evaluator(self._data, self._samples, metrics)
        self._name = str(name)
        self._measure: dict[str, Any] | None = None
        self._seen: _Seen | None = None

    def __enter__(self) -> StabilityMonitor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Take all hooks away; what was measured stays."""
        if self._seen is not None:
            self._seen.gradients.close()

    def update(
        self, step: int, *, gen: nn.Module, disc: nn.Module, samples: Samples, force: bool = False
    ) -> bool:
        """Measure, if `step` is due (or with `force`); call it after the optimizer steps. Tells whether it
        measured.

        step: counted over the whole run, from 0 or 1. samples: n -> n fresh samples of G, made with
        gradients from torch's global generator, as in lambda n: gen(torch.randn(n, 64)).
        """
        seen = self._seen
        is_due = force or seen is None or step <= seen.last or not step % self._every or step in self._early
        if seen is None:
            seen = self._seen = self._start(operator.index(step), gen, disc)
        elif not is_due:
            return False
        if unwrapped(gen) is not seen.pair.gen or unwrapped(disc) is not seen.pair.disc:
            raise MonitorError("these are not the networks of the first update: one monitor watches one pair")
        if seen.rows and step < seen.last:
            raise MonitorError(
                f"step {step} came after step {seen.last}: count steps over all epochs, without a restart"
            )
        if seen.dead or (seen.rows and step == seen.last):
            return False
        if seen.provisional:
            seen.rows.pop()
        seen.provisional = self._steps is not None and step == self._steps - 1 and bool(step % self._every)
        try:
            # Counted from 1, the first step is the start all the same.
            seen.rows.append(self._row(seen, step if seen.rows or step > 1 else 0, samples))
        except Exception:
            if not seen.rows:  # a pair that cannot be watched keeps no hooks
                self.close()
                self._seen = None
            raise
        seen.last = step
        return True

    def outcome(self) -> Diagnosis:
        """How the run goes, as of its last evaluation, and what of it cannot be told."""
        rows = self._seen.rows if self._seen else []
        last = int(rows[-1]["step"]) if rows else 0
        _, curve = next(curves_by_trial(self._table()), ("", {"step": np.empty(0, np.int64)}))
        known = context(self._description(), last)
        verdict = judge(curve, known)
        return Diagnosis(
            verdict.outcome,
            verdict.step,
            verdict.reason,
            verdict.flags,
            self._explained(unknown(verdict, curve, known)),
            last if rows else None,
            self._steps,
            verdict.rules_version,
        )

    def save(self, path: str | Path) -> Path:
        """Write all that was measured to a Parquet file that `ganbench report`, `judge` and `show` read."""
        path = Path(path)
        if path.suffix != ".parquet":
            raise MonitorError(f"{path}: the file of a run is called NAME.parquet")
        rows = self._seen.rows if self._seen else []
        last = int(rows[-1]["step"]) if rows else 0
        planned = self._steps or last
        steps = last if last >= planned - 1 else planned
        run_file.write(path, self._table(), self._description(), self._record(), steps)
        return path

    def _start(self, step: int, gen: nn.Module, disc: nn.Module) -> _Seen:
        for net, name in ((gen, "gen"), (disc, "disc")):
            if not isinstance(net, nn.Module):
                raise MonitorError(f"{name} must be a torch.nn.Module, and is a {type(net).__name__}")
            check_plain(net, name)
        pair = Pair(unwrapped(gen), unwrapped(disc), self._probability, self._answers)
        last = list(pair.disc.modules())[-1]
        if isinstance(last, nn.Sigmoid) and self._output is None and not self._probability:
            raise MonitorError(
                "the discriminator ends in a Sigmoid: say output='probability', and loss='bce_probability' "
                "where it is trained by BCELoss"
            )
        gradients = Gradients({"d": pair.disc, "g": pair.gen}, self._every)
        # The hooks are global: they must not outlive a monitor that was dropped without a close().
        weakref.finalize(self, gradients.close)
        if step == 0 and self._steps is not None:
            self._early.add(self._steps - 1)  # a loop over range(steps) ends there
        return _Seen(pair, gradients, step)

    def _row(self, seen: _Seen, step: int, samples: Samples) -> dict[str, Any]:
        """One evaluation; of a run that is not finite any more only when that began."""
        before = int(seen.rows[-1]["step"]) if seen.rows else None
        taken = seen.gradients.take(keep=seen.provisional)
        updates = seen.gradients.updates
        row: dict[str, Any] = {"trial": self._id(), "step": step, "alive": True, "first_bad_step": None}
        row |= {f"{player}_updates": n or None for player, n in updates.items()}
        for what in ("d_grad", "g_grad", "d_update", "g_update"):
            row |= {f"{what}.{name}": value for name, value in taken[what].items()}
        bad = _bad_step(taken, before, step)
        weights = {"d_weight": weight_norm(seen.pair.disc), "g_weight": weight_norm(seen.pair.gen)}
        if bad is None and not all(math.isfinite(each) for each in weights.values()):
            bad = step
        if bad is None:
            found, measured = self._measured(seen.pair, step, samples)
            row |= measured | weights
            if before is not None:
                for name in AT_EVALUATIONS:
                    row |= {f"{name}.{each}": found.get(name) for each in ("mean", "min", "max", "last")}
            bad = None if found["finite"] else step
        else:
            row |= {name: "dead" for name in self._evaluator.columns if name.endswith("_status")}
        if bad is not None:
            seen.dead, row["alive"], row["first_bad_step"] = True, False, bad
        return row

    def _measured(
        self, pair: Pair, step: int, samples: Samples
    ) -> tuple[dict[str, float | None], dict[str, Any]]:
        """What `look` found, and the columns of the point monitors and the metrics."""
        data, shape = self._data, self._data.shape
        with aside(pair, f"monitor probe {step}", train=True):
            heldout = pick(data.heldout, "heldout", step) if self._watched else None
            found = look(pair, samples, pick(data.train, "train", step), heldout, self._loss)
        with aside(pair, f"monitor evaluate {step}", train=False), torch.no_grad():
            sizes = [min(CHUNK, self._samples - i) for i in range(0, self._samples, CHUNK)]
            made = torch.cat([draw(samples, n, shape).detach().float().cpu() for n in sizes]).numpy()
        row: dict[str, Any] = {name: found.get(name) for name in schema.POINT_MONITORS}
        if not np.isfinite(made).all():
            found["finite"] = 0.0
        return found, row | self._evaluator(made)

    def _table(self) -> pa.Table:
        return schema.table(self._seen.rows if self._seen else [], schema.curves(self._evaluator.columns))

    def _description(self) -> dict[str, Any]:
        """How the run is measured, as in a study's metadata. Floors are made when they are first needed."""
        if self._measure is None:
            columns = columns_of(self._metrics)
            floors = self._evaluator.floors()
            self._measure = {
                "dataset": self._data.component.to_json(),
                "sha256": self._data.sha256,
                "samples": self._samples,
                "metrics": [each.to_json() for each in self._metrics],
                "columns": list(self._evaluator.columns),
                "modality": self._data.modality,
                "primary": self._data.primary,
                "extractor": self._data.extractor,
                "n_modes": self._data.n_modes,
                "floors": {
                    name: {k: v for k, v in each.items() if math.isfinite(v)} for name, each in floors.items()
                },
                "provenance": self._evaluator.provenance,
                "units": {column.name: column.unit for column in columns},
                "directions": {column.name: column.direction for column in columns},
            }
        return self._measure

    def _record(self) -> dict[str, Any]:
        """Settings of the run, for the trial's row."""
        return {
            "trial": self._id(),
            "name": self._name,
            "dataset": self._data.component.name,
            "data_sha256": self._data.sha256,
            "loss": self._loss_name,
            "evaluate.every": self._every,
            "evaluate.samples": self._samples,
        }

    def _id(self) -> str:
        text = canonical_json([self._name, self._data.sha256, self._loss_name, self._every, self._samples])
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def _explained(self, reasons: Mapping[str, str]) -> dict[str, str]:
        """Reasons with what to do about them."""
        if self._data.primary:
            return dict(reasons)
        hint = "; name a shipped data set whose classifier knows such pictures, as in data='digits'"
        return {name: why + (hint if why.startswith("no distance") else "") for name, why in reasons.items()}


def _bad_step(taken: Mapping[str, Mapping[str, Value]], before: int | None, step: int) -> int | None:
    """The step of the first update whose gradient was not finite, from its place among the interval's."""
    found = []
    for player in ("d_bad", "g_bad"):
        update, of = taken[player]["update"], taken[player]["of"]
        if update is not None and of:
            first = 0 if before is None else before
            found.append(first + math.ceil(update * (step - first) / of))
    return min(found, default=None)


def _at_least_one(value: int, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise MonitorError(f"{name} must be a whole number of at least 1, and is {value!r}")
    return value


def _loss(loss: str | Mapping[str, Any] | Loss | None) -> tuple[str, Loss | None]:
    """The loss and how it is called."""
    if loss is None:
        return "unknown", None
    if isinstance(loss, Loss):
        return "own", loss
    if isinstance(loss, str):
        loss = {"name": loss}
    if not isinstance(loss, Mapping) or not isinstance(loss.get("name"), str):
        raise MonitorError(
            f"loss must be a name, a mapping with one, a ganzoo Loss or None, and not {loss!r}"
        )
    try:
        entry = ZOO.get("loss", loss["name"])
        made: Loss = entry.load()(**entry.resolve({k: v for k, v in loss.items() if k != "name"}))
    except CatalogError as error:
        raise MonitorError(f"loss: {error}") from error
    return loss["name"], made
