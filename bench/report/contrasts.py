"""Paired effects of an axis's values on the failure rate: what changing one knob alone would have done."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.judge.claim import Where
from bench.judge.claim_tests import signed
from bench.judge.claim_values import same
from bench.judge.effects import Pairs, share_estimate
from bench.judge.intervals import CONFIDENCE, NO_SPREAD, Array, correlation
from bench.judge.stats import Estimate, as_failed
from bench.report.view import View

_SAME = 0.005
"""Effects that differ by less print as one number of points."""


@dataclass(frozen=True)
class AxisContrast:
    """Failure at one value of an axis less that at another, at equal seeds and equal other axes.

    least, most: with none of the undecided trials failed, and with all of them; a verdict needs both.
    correlation: of the seeds' rates on both sides (none failed), as realised; None where one does not vary.
    failed: how many trials of the pairs failed with the treatment, and with the control; each twice, with
    none of the undecided failed and with all.
    """

    axis: str
    treatment: Any
    control: Any
    least: Estimate
    most: Estimate
    pairs: int
    unpaired: int
    correlation: float | None = None
    failed: tuple[tuple[int, int], tuple[int, int]] = ((0, 0), (0, 0))

    @property
    def low(self) -> float | None:
        """The lower end over both readings; None where there is no interval."""
        ends = (self.least.low, self.most.low)
        return None if ends[0] is None or ends[1] is None else min(ends[0], ends[1])

    @property
    def high(self) -> float | None:
        ends = (self.least.high, self.most.high)
        return None if ends[0] is None or ends[1] is None else max(ends[0], ends[1])

    @property
    def means(self) -> tuple[float, float]:
        """The two readings' estimates, the smaller first."""
        a, b = self.least.mean, self.most.mean
        return min(a, b), max(a, b)

    @property
    def certain(self) -> float:
        """The estimate nearer to no effect; 0 where the readings disagree in sign."""
        low, high = self.means
        return 0.0 if low <= 0 <= high else min(low, high, key=abs)

    @property
    def shown(self) -> bool:
        """Whether no reading's interval holds 0, on the same side."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)

    def saving(self) -> AxisContrast:
        """The same comparison, turned so that the treatment is what fails less."""
        if self.certain <= 0:
            return self
        return replace(
            self,
            treatment=self.control,
            control=self.treatment,
            least=signed(self.least, -1.0),
            most=signed(self.most, -1.0),
            failed=(self.failed[1], self.failed[0]),
        )


@dataclass(frozen=True)
class Crossed:
    """Failure by value of an axis [K, P], P the pairs of a seed and a cell of all other axes; NaN: no trial.

    least, most: an undecided trial as 0, and as 1.
    """

    values: tuple[Any, ...]
    seeds: NDArray[np.int64]
    least: Array
    most: Array


def crossed(view: View, axis: str) -> Crossed | None:
    """The judged trials laid out for comparisons along one axis.

    None where two trials share the seed and the values of all axes: their cells differ in what is no axis,
    and nobody knows which is whose partner.
    """
    trials, values = view.judged, view.values(axis)
    others = [column for each, column in view.axes.items() if each != axis]
    keys = trials.groupby([*others, "seed"], dropna=False, sort=True).ngroup().to_numpy()
    at = np.full(len(trials), -1)
    for i, value in enumerate(values):
        at[np.asarray(view.matches(axis, value, trials))] = i
    seeds = np.zeros(int(keys.max()) + 1, dtype=np.int64)
    seeds[keys] = trials["seed"]
    shape = (len(values), len(seeds))
    if len(set(zip(at.tolist(), keys.tolist(), strict=True))) < len(trials):
        return None
    least, most = np.full(shape, np.nan), np.full(shape, np.nan)
    least[at, keys] = as_failed(trials["failed"], False)
    most[at, keys] = as_failed(trials["failed"], True)
    return Crossed(tuple(values), seeds, least, most)


def contrast(
    table: Crossed, axis: str, treatment: int, control: int, confidence: float = CONFIDENCE
) -> AxisContrast | None:
    """The effect of one value (by its place) against another; None where no seed and cell has both."""
    readings = [_pairs(table.seeds, each[treatment], each[control]) for each in (table.least, table.most)]
    if not len(readings[0]):
        return None
    least, most = (share_estimate(each, confidence) for each in readings)
    pairs, unpaired = len(readings[0]), readings[0].unpaired
    a, b = (readings[0].per_seed(each) for each in (readings[0].treatment, readings[0].control))
    varied = len(a) > 2 and a.std() > NO_SPREAD and b.std() > NO_SPREAD
    r = float(correlation(a, b)) if varied else None
    fell = [(int(each.treatment.sum()), int(each.control.sum())) for each in readings]
    failed = (fell[0][0], fell[1][0]), (fell[0][1], fell[1][1])
    return AxisContrast(
        axis, table.values[treatment], table.values[control], least, most, pairs, unpaired, r, failed
    )


def _pairs(seeds: NDArray[np.int64], treatment: Array, control: Array) -> Pairs:
    there = ~np.isnan(treatment), ~np.isnan(control)
    both = there[0] & there[1]
    unpaired = int(there[0].sum() + there[1].sum() - 2 * both.sum())
    return Pairs(seeds[both], treatment[both], control[both], unpaired)


def data_of(view: View, axis: str) -> list[frozenset[str]]:
    """For each value of an axis the data that its trials were on: data are no knob."""
    trials = view.judged
    column = next((name for name in ("data_sha256", "dataset") if name in trials), None)
    if column is None:
        return [frozenset()] * len(view.values(axis))
    return [
        frozenset(trials.loc[view.matches(axis, value, trials), column].astype(str).unique())
        for value in view.values(axis)
    ]


@dataclass(frozen=True)
class Largest:
    """The change of one value that prevented most failures.

    compared: how many were looked at, whose intervals hold together; alike: how many others did
    as much, to half a point.
    """

    best: AxisContrast
    compared: int
    alike: int


def largest(view: View, axes: Iterable[str] | None = None, known: Where | None = None) -> Largest | None:
    """The change of one value of these axes (of all) that would have prevented most failures, if any.

    The largest of m effects looks larger than it is: its interval is one of m that hold together, each at
    1 - 0.05 / m (Bonferroni). Of those whose interval excludes 0 the largest, else the largest of all.

    known: axis -> values that are no finding, for they were put into the study as known to train.
    """
    found = _all(view, view.axes if axes is None else axes)
    given = known or {}
    open_ = [each for each in found if not any(same(each.treatment, v) for v in given.get(each.axis, ()))]
    if not open_:
        return None
    best = max(open_, key=lambda each: (each.shown, -each.certain))
    alike = sum(
        each is not best and each.shown == best.shown and abs(each.certain - best.certain) < _SAME
        for each in open_
    )
    return Largest(best, len(found), alike)


def _all(view: View, axes: Iterable[str]) -> list[AxisContrast]:
    """Every two values of each axis, turned so that the treatment fails less; intervals hold together."""
    tables = {axis: crossed(view, axis) for axis in axes}
    possible = [
        (axis, table, i, j)
        for axis, table in tables.items()
        if table is not None
        for data in [data_of(view, axis)]
        for i, j in itertools.combinations(range(len(table.values)), 2)
        if data[i] == data[j] and len(_pairs(table.seeds, table.least[i], table.least[j]))
    ]
    confidence = 1 - (1 - CONFIDENCE) / max(1, len(possible))
    found = [contrast(table, axis, i, j, confidence) for axis, table, i, j in possible]
    return [each.saving() for each in found if each is not None]
