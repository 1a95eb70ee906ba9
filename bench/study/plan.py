"""What `ganbench plan` says before anything is trained: axes, cells, trials, packs, memory and time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.errors import UserError
from bench.judge.rules import RULES
from bench.listing import csv_text, printable
from bench.store import attempts, ledger
from bench.store.tables import config_columns
from bench.study import claim_plan
from bench.study.memory import pack_mb
from bench.study.problems import show
from bench.study.spec import Study
from bench.trial import KeyValue, Pack, Trial, canonical_json, evaluation_steps
from ganzoo.catalog import ZOO

MANY_SEEDS = 20
"""More consecutive seeds than these are shown by their ends."""


@dataclass(frozen=True)
class Speed:
    """What a pack once took: `kind` says what its members were, `member_steps` the steps they all made."""

    kind: str
    width: int
    member_steps: int
    wall_s: float


@dataclass(frozen=True)
class Time:
    """Estimated wall time of a plan. `source` says what it rests on; None seconds: nothing to rest on."""

    wall_s: float | None
    source: str


@dataclass(frozen=True)
class Plan:
    """A study that is ready to run."""

    study: Study
    trials: tuple[Trial, ...]
    packs: tuple[Pack, ...]
    workers: int
    time: Time

    def sizes(self) -> str:
        """`4 x 2 x 2 = 16 cells x 3 seeds = 48 trials in 12 packs`; tells what was excluded or selected."""
        study = self.study
        product = " × ".join(str(len(axis.points)) for axis in study.axes) or "1"
        changes = f" − {study.excluded}" if study.excluded else ""
        changes += f" + {study.included}" if study.included else ""
        text = f"{product}{changes} = {_count(study.all_cells, 'cell')}"
        if len(study.cells) < study.all_cells:
            text += f", {len(study.cells)} selected"
        text += (
            f" × {_count(len(study.seeds), 'seed')} = {_count(len(study.cells) * len(study.seeds), 'trial')}"
        )
        if len(self.trials) < len(study.cells) * len(study.seeds):
            text += f", the first {len(self.trials)}"
        return f"{text} in {_count(len(self.packs), 'pack')}"


def kind_of(trial: Trial) -> str:
    """Trials of one kind take equally long a step: same networks, data, batch, updates and type."""
    record = trial.record()
    names = ("model", "dataset", "batch", "n_critic", "g_steps", "update", "dtype")
    return canonical_json([*(record[name] for name in names), trial.dropout > 0])


def past_speeds(results: Path) -> list[Speed]:
    """What the finished packs of all studies under a folder took; unreadable studies are passed over."""
    speeds = []
    for file in sorted(results.glob("*/plan.json")):
        try:
            plan = ledger.read_plan(file.parent)
            for pack in plan.packs if plan else ():
                records = attempts.read(ledger.pack_folder(file.parent, pack.id))
                speeds += [each for record in records if (each := _speed(pack, record)) is not None]
        except (UserError, OSError):
            continue
    return speeds


def _speed(pack: Pack, record: Mapping[str, Any]) -> Speed | None:
    steps, wall = record.get("member_steps"), record.get("wall_s")
    if record.get("ending") != "done" or not isinstance(steps, int) or not isinstance(wall, (int, float)):
        return None
    return Speed(kind_of(pack.trials[0]), pack.width, steps, float(wall)) if steps > 0 and wall > 0 else None


def estimate(packs: Sequence[Pack], speeds: Iterable[Speed], workers: int) -> Time:
    """Wall time = member-steps / (member-steps a second and worker), over the workers; longest pack at least.

    A pack's speed is that of past packs of its kind and width, else of its kind at any width.
    """
    known = list(speeds)
    walls, used = [], 0
    for pack in packs:
        kind = kind_of(pack.trials[0])
        same = [each for each in known if each.kind == kind]
        match = [each for each in same if each.width == pack.width] or same
        if not match:
            return Time(None, "no past run of this kind; plan --probe measures")
        used = max(used, len(match))
        rate = sum(each.member_steps for each in match) / sum(each.wall_s for each in match)
        walls.append(pack.width * pack.trials[0].steps / rate)
    if not walls:
        return Time(0.0, "nothing to do")
    return Time(max(sum(walls) / max(1, workers), max(walls)), f"from {_count(used, 'past pack')}")


def probe(packs: Sequence[Pack], measure: Callable[[Pack], float], workers: int) -> Time:
    """Wall time from `measure`: seconds that one step of a pack takes, asked once per kind and width."""
    seconds: dict[tuple[str, int], float] = {}
    walls = []
    for pack in packs:
        key = (kind_of(pack.trials[0]), pack.width)
        if key not in seconds:
            seconds[key] = measure(pack)
        walls.append(seconds[key] * pack.trials[0].steps)
    longest = max(walls, default=0.0)
    return Time(max(sum(walls) / max(1, workers), longest), "from a probe, without evaluations")


def text(plan: Plan, question: str = "") -> str:
    """The plan as a page for a terminal."""
    study = plan.study
    lines = [("study", f"{study.name}{': ' + question if question else ''}")]
    width = max((len(axis.name) for axis in study.axes), default=0)
    for axis in study.axes:
        values = ", ".join(show(point.label) for point in axis.points)
        lines.append(("axes", f"{axis.name:<{width}}  {values}"))
    lines.append(("seeds", _seeds(study.seeds)))
    lines.append(("trials", plan.sizes()))
    lines += [("packs", line) for line in _pack_lines(plan.packs)]
    lines.append(
        ("time", f"{duration(plan.time.wall_s)} with {_count(plan.workers, 'worker')} ({plan.time.source})")
    )
    lines += [("claims", line) for line in claim_plan.lines(study)]
    lines += [("note", line) for line in _notes(plan)]
    lines += [("partial", f"{mark}: claims will not be judged") for mark in study.partial]
    out, last = [], ""
    for head, line in lines:
        out.append(f"{head if head != last else '':<9}{line}")
        last = head
    return printable("\n".join(out))


def _notes(plan: Plan) -> list[str]:
    """What is legal and yet likely to disappoint."""
    return [*_few_evaluations(plan), *_unbounded(plan), *claim_plan.pooled_controls(plan.study)]


def _few_evaluations(plan: Plan) -> list[str]:
    counts = {
        len(evaluation_steps(t.steps, t.evaluate.every)) - 1 for pack in plan.packs for t in pack.trials
    }
    few, least = min(counts, default=RULES.window_least), RULES.window_least
    if few >= least:
        return []
    return [f"{_count(few, 'evaluation')} after step 0: an outcome needs {least}; lower evaluate.every"]


def _unbounded(plan: Plan) -> list[str]:
    """A line for each loss whose critic grows for ever where no penalty holds it."""
    cells: dict[str, set[str]] = {}
    for trial in plan.trials:
        if trial.penalty is None and ZOO.get("loss", trial.loss.name).facts.get("unbounded"):
            cells.setdefault(trial.loss.name, set()).add(trial.cell)
    return [
        f"{loss} without a penalty in {_count(len(each), 'cell')}: nothing keeps its critic from growing; "
        "see `ganbench ls penalties`"
        for loss, each in cells.items()
    ]


def _pack_lines(packs: Sequence[Pack]) -> list[str]:
    groups: dict[tuple[str, int, str, int], list[Pack]] = {}
    for pack in packs:
        key = (pack.trials[0].model.name, pack.width, pack.device, pack.threads)
        groups.setdefault(key, []).append(pack)
    return [
        f"{len(each)} of width {width}: {model} on the {device}, {_count(threads, 'thread')}, "
        f"about {max(pack_mb(pack) for pack in each):.0f} MB a worker"
        for (model, width, device, threads), each in groups.items()
    ]


def duration(seconds: float | None) -> str:
    """`unknown`, `40 s`, `12 min`, `3 h 20 min`, `2 d 4 h`."""
    if seconds is None:
        return "unknown"
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"about {max(1, round(seconds))} s"
    if minutes < 90:
        return f"about {minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"about {hours} h {minutes} min" if hours < 48 else f"about {hours // 24} d {hours % 24} h"


def rows(plan: Plan) -> list[dict[str, KeyValue]]:
    """One row per trial: ids, place in its pack, its value on each axis, both rates."""
    out: list[dict[str, KeyValue]] = []
    for pack in plan.packs:
        for member, trial in enumerate(pack.trials):
            row: dict[str, KeyValue] = {"trial": trial.id, "cell": trial.cell, "seed": trial.seed}
            row |= {"pack": pack.id, "pack_width": pack.width, "member": member}
            row |= dict(trial.axes)
            out.append(row | {"lr_g": trial.lr_g, "lr_d": trial.lr_d})
    return out


def as_json(plan: Plan) -> str:
    """The plan with every trial, and of every cell the settings by which it is trained."""
    study = plan.study
    record = {
        "study": study.name,
        "axes": {axis.name: [point.label for point in axis.points] for axis in study.axes},
        "product": study.product,
        "excluded": study.excluded,
        "included": study.included,
        "cells": len(study.cells),
        "seeds": list(study.seeds),
        "partial": list(study.partial),
        "workers": plan.workers,
        "time": asdict(plan.time),
        "notes": _notes(plan),
        "packs": [
            {
                "id": pack.id,
                "width": pack.width,
                "threads": pack.threads,
                "device": pack.device,
                "memory_mb": round(pack_mb(pack)),
            }
            for pack in plan.packs
        ],
        "settings": {trial.cell: config_columns(trial) for trial in plan.trials},
        "claims": claim_plan.rows(study),
        "trials": rows(plan),
    }
    return json.dumps(record, indent=2)


def as_csv(plan: Plan) -> str:
    """The rows of the plan."""
    table = rows(plan)
    return csv_text(list(table[0]) if table else [], table)


def _seeds(seeds: Sequence[int]) -> str:
    """`0, 1, 2`; a long run of them as `0 to 399`."""
    if len(seeds) > MANY_SEEDS and list(seeds) == list(range(seeds[0], seeds[0] + len(seeds))):
        return f"{seeds[0]} to {seeds[-1]}"
    return ", ".join(map(str, seeds))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
