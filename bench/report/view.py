"""What the report needs of a study's results: axes, judged trials, and groups that may share an axis."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bench.judge.outcomes import FAILURES, OUTCOMES
from bench.judge.rules import RULES
from bench.report.tracks import Tracks
from bench.report.words import clean, label
from bench.store.tables import Results

if TYPE_CHECKING:
    from bench.judge.claim import Judged


@dataclass(frozen=True)
class Group:
    """Trials measured alike (data, extractor, samples): only their distances may share an axis."""

    name: str
    trials: pd.DataFrame
    primary: str
    floor_mean: float
    floor_sd: float
    floors: Mapping[str, Mapping[str, float]]
    n_modes: int | None
    modality: str
    measure: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class View:
    """Read-only views on a study's results."""

    results: Results

    @property
    def name(self) -> str:
        return clean(self.results.study.get("name") or self.results.path.name)

    @cached_property
    def question(self) -> str:
        """The first paragraph of the study file's header comment; empty when there is none."""
        path = self.results.path / "study.yaml"
        lines = path.read_text(errors="replace").splitlines() if path.exists() else []
        header = []
        for line in lines:
            if not line.startswith("#") or not line.strip("# "):
                break
            header.append(line.lstrip("#").strip())
        return clean(" ".join(header).strip())

    @cached_property
    def all_axes(self) -> dict[str, str]:
        """Axis name -> its column of the trials table."""
        return self.results.axes

    @cached_property
    def axes(self) -> dict[str, str]:
        """Those of them that take more than one value."""
        trials = self.results.trials
        return {a: c for a, c in self.all_axes.items() if trials[c].nunique(dropna=False) > 1}

    @cached_property
    def partial(self) -> tuple[str, ...]:
        """What keeps the results from covering the study, `--limit 5`; empty where nothing does."""
        return self.results.partial

    @cached_property
    def claims(self) -> tuple[Judged, ...]:
        """The study's claims, judged: once, for all that a report says of them."""
        from bench.report.claims import judged  # loads scipy, which most of what reads results does without

        return judged(self.results)

    @cached_property
    def judged(self) -> pd.DataFrame:
        """Finished trials with an outcome: the denominator of every rate. `failed` is None for undecided."""
        trials = self.results.trials
        done = trials[(trials["status"] == "done") & trials["outcome"].notna()].copy()
        done["failed"] = [
            None if OUTCOMES[each].failure is None else each in FAILURES for each in done["outcome"]
        ]
        return done

    @cached_property
    def other_rules(self) -> str:
        """A sentence where another version of the rules judged: today's do not explain its outcomes."""
        version = self.results.rules.version
        if version == RULES.version:
            return ""
        return (
            f"Judged by rules {clean(version)}, which differ from today's; `ganbench judge RESULTS` judges "
            f"anew by rules {RULES.version}."
        )

    @cached_property
    def left_out(self) -> str:
        """What stands in no denominator, as text for captions; empty when every trial is in."""
        trials = self.results.trials
        counts = {
            status: int((trials["status"] == status).sum()) for status in ("crashed", "running", "pending")
        }
        counts["finished without an outcome"] = int(
            ((trials["status"] == "done") & trials["outcome"].isna()).sum()
        )
        return ", ".join(f"{count} {word}" for word, count in counts.items() if count)

    @cached_property
    def seeds(self) -> int:
        return int(self.judged["seed"].nunique())

    def values(self, axis: str, trials: pd.DataFrame | None = None) -> list[Any]:
        """The values of an axis that judged trials (or those given) take: numbers ascending, else as in
        the grid."""
        trials = self.judged if trials is None else trials
        present = trials[self.axes[axis]].unique().tolist()
        if all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in present):
            return sorted(present)
        given = (self.results.study.get("grid") or {}).get(axis, [])
        if isinstance(given, dict):  # {values: [...]} as other tools write it
            given = next(iter(given.values()), [])
        names = ("as", "recipe", "name")
        labels = [next((v[n] for n in names if n in v), v) if isinstance(v, dict) else v for v in given]
        order = [str(each) for each in labels]
        return sorted(present, key=lambda v: (order.index(str(v)) if str(v) in order else len(order), str(v)))

    def where(self, axis: str, value: Any, trials: pd.DataFrame | None = None) -> pd.DataFrame:
        """The judged trials (or those given) at one value of an axis."""
        trials = self.judged if trials is None else trials
        return trials[self.matches(axis, value, trials)]

    def matches(self, axis: str, value: Any, trials: pd.DataFrame) -> pd.Series:
        """Whether each trial has this value of an axis; null equals null."""
        column = trials[self.axes[axis]]
        return column.isna() if value is None or value != value else column == value

    @cached_property
    def tracks(self) -> Tracks:
        """The curves of all trials as dense arrays."""
        return Tracks.of(self.results.curves)

    @cached_property
    def groups(self) -> list[Group]:
        meta, trials = self.results.meta, self.results.trials
        measures, of = meta.get("measures") or [meta], meta.get("measure_of") or {}
        index = trials["trial"].map(lambda trial: of.get(trial, 0))
        return [
            _group(measure, trials[index == i]) for i, measure in enumerate(measures) if (index == i).any()
        ]

    def cell_text(self, trial: Mapping[str, Any]) -> str:
        """`lr_ratio 8, dropout 0.4`: where a trial stands in the grid."""
        return ", ".join(f"{clean(axis)} {label(trial[column])}" for axis, column in self.axes.items())


def _group(measure: Mapping[str, Any], trials: pd.DataFrame) -> Group:
    floors = measure.get("floors") or {}
    primary = str(measure.get("primary") or "")
    floor = floors.get(primary, {})
    dataset = measure.get("dataset")
    if isinstance(dataset, Mapping):
        dataset = dataset.get("name")
    if not dataset:
        dataset = " and ".join(map(str, trials["dataset"].unique())) if "dataset" in trials else "data"
    return Group(
        clean(dataset),
        trials,
        primary,
        float(floor.get("mean", math.nan)),
        float(floor.get("sd", math.nan)),
        floors,
        measure.get("n_modes"),
        str(measure.get("modality") or "image"),
        measure,
    )


def ranked(group: Group) -> pd.DataFrame:
    """Finished trials from best to worst final distance. A diverged trial ranks behind every finite value."""
    done = group.trials[group.trials["status"] == "done"].copy()
    column = f"final.{group.primary}"
    values = done[column].astype(float) if column in done else pd.Series(np.nan, index=done.index)
    died = done["outcome"] == "diverged"
    # Without a value but alive (never measured) is unknown: behind those with one, before the dead.
    done["_rank"] = np.where(died, 2, np.where(values.isna(), 1, 0))
    done["_value"] = values
    return done.sort_values(["_rank", "_value", "trial"]).drop(columns=["_rank", "_value"])


def chosen(group: Group) -> list[tuple[str, dict[str, Any]]]:
    """The best, the median and the worst finished trial, each once."""
    rows: Sequence[dict[str, Any]] = ranked(group).to_dict("records")  # type: ignore[assignment]
    if not rows:
        return []
    picks = {"best": 0, "median": (len(rows) - 1) // 2, "worst": len(rows) - 1}
    found, seen = [], set()
    for word, at in picks.items():
        if at not in seen:
            seen.add(at)
            found.append((word, rows[at]))
    return found
