"""What several verbs of the command line share: results, formats, trials of a study, how they are packed.

Each decorator of the last two adds its options to a verb and hands them over as one record.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

if TYPE_CHECKING:
    from bench.study.plan import Plan
    from bench.study.spec import Study
    from bench.trial import Pack, Trial

Verb = Callable[..., Any]

RESULTS = click.argument("results", type=click.Path(exists=True, file_okay=False, path_type=Path))
RESULTS_OR_RUN = click.argument("results", type=click.Path(exists=True, path_type=Path))
STRICT = click.option(
    "--strict",
    is_flag=True,
    help="Exit 3 when a claim is refuted, 4 when one is inconclusive or untestable or trials are missing.",
)
FORMAT = click.option(
    "--format", "form", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True
)


class Duration(click.ParamType[float]):
    """`90s`, `20m`, `2h`, `1h30m`: seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, (int, float)):
            return float(value)
        found = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", value.strip())
        if not value.strip() or found is None:
            self.fail(f"{value!r} is no duration; examples: 90s, 20m, 2h, 1h30m", param, ctx)
        hours, minutes, seconds = (int(part or 0) for part in found.groups())
        if hours + minutes + seconds == 0:
            self.fail("expected more than nothing", param, ctx)
        return 3600.0 * hours + 60.0 * minutes + seconds


class Width(click.ParamType[Any]):
    """`auto`, or the number of trials that are trained together."""

    name = "auto|N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "auto" or isinstance(value, int):
            return value
        if not str(value).isdecimal() or not 1 <= int(value) <= 4096:
            self.fail(f"{value!r} is neither auto nor a number from 1 to 4096", param, ctx)
        return int(value)


class Folder(click.Path):
    """A folder that need not exist yet; an empty name is refused, for it would mean the current folder."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not str(value).strip():
            self.fail("the folder has no name; write . for the current one", param, ctx)
        return super().convert(value, param, ctx)


@dataclass(frozen=True)
class Choice:
    """Which trials of which study: the argument and options that `validate`, `plan` and `run` share."""

    study: str
    overrides: tuple[str, ...]
    where: str | None
    seeds: int | None
    limit: int | None
    plugins: tuple[str, ...]

    def load(self) -> Study:
        from bench.study.spec import load_study

        return load_study(self.study, self.overrides, self.where, self.seeds, self.limit, self.plugins)


@dataclass(frozen=True)
class Packing:
    """How wide packs are and how many run at a time, on this machine."""

    width: int | Literal["auto"]
    workers: int | None

    def at_a_time(self, spec: Study) -> int:
        return self.workers or max(1, int(len(os.sched_getaffinity(0)) / spec.resources.cpu))

    def packs(self, spec: Study, trials: Sequence[Trial], at_a_time: int) -> tuple[Pack, ...]:
        from bench.study.packing import packs

        device = "cuda" if spec.resources.gpu else "cpu"
        return packs(trials, self.width, at_a_time, spec.resources.threads, device, spec.resources.memory_mb)

    def plan(self, spec: Study, out: Path | None, measure: Callable[[Pack], float] | None = None) -> Plan:
        """What would be trained, with the time that `measure` or the neighbours of `out` tell."""
        from bench.study import plan as plans

        trials, at_a_time = trials_of(spec), self.at_a_time(spec)
        packed = self.packs(spec, trials, at_a_time)
        if measure is None:
            speeds = plans.past_speeds(out.parent if out else Path("results"))
            when = plans.estimate(packed, speeds, at_a_time)
        else:
            when = plans.probe(packed, measure, at_a_time)
        return plans.Plan(spec, trials, packed, at_a_time, when)


def trials_of(spec: Study) -> tuple[Trial, ...]:
    """Every trial of a study; reads the data's hashes."""
    from bench.data.fingerprint import fingerprint
    from bench.study.trials import trials

    return trials(spec, fingerprint)


def choosing(verb: Verb) -> Verb:
    """Add what chooses the trials; the verb gets a `Choice` as `choice`."""
    return _handed_over(
        verb,
        "choice",
        Choice,
        click.argument("study"),
        click.option(
            "--set",
            "overrides",
            multiple=True,
            metavar="KEY=VALUE",
            help="Change the study: lr_g=1e-4, grid.lr_ratio=[1,4], seeds=5. May be given again.",
        ),
        click.option(
            "--where",
            metavar="TEXT",
            help='Only these cells: "lr_ratio > 1 and loss == hinge"; partial results until all are done.',
        ),
        click.option(
            "--seeds", type=click.IntRange(1), help="N seeds; fewer than the study's: partial results."
        ),
        click.option(
            "--limit", type=click.IntRange(1), help="Only the first N trials; marks the results partial."
        ),
        click.option(
            "--plugin",
            "plugins",
            multiple=True,
            metavar="FILE",
            help="Run this Python file first: it adds to the catalogue. May be given again.",
        ),
    )


def packing(verb: Verb) -> Verb:
    """Add what says how trials are packed; the verb gets a `Packing` as `packing`."""
    return _handed_over(
        verb,
        "packing",
        Packing,
        click.option(
            "--pack", "width", type=Width(), default="auto", show_default=True, help="Width of packs."
        ),
        click.option(
            "--workers", type=click.IntRange(1), help="Packs at a time; default: one for each core."
        ),
    )


def _handed_over(verb: Verb, name: str, record: type[Any], *options: Callable[[Verb], Verb]) -> Verb:
    """`verb` with these options, their values handed over as one `record` called `name`."""

    @wraps(verb)
    def call(**values: Any) -> Any:
        taken = {each.name: values.pop(each.name) for each in fields(record)}
        return verb(**values, **{name: record(**taken)})

    wrapped: Verb = call
    for option in reversed(options):
        wrapped = option(wrapped)
    return wrapped
