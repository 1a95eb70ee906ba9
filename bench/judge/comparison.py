"""What methods and their comparison are made of; `comparisons` makes them.

The seed is the unit throughout; a diverged trial is worse than every finite value; the undecided are counted
as failed and as not. docs/compare.md says what each number answers.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bench.judge.aggregates import Profile
from bench.judge.effects import Effect, middle
from bench.judge.intervals import Array
from bench.judge.stats import Bounds, Estimate

RATIO, DIFFERENCE = "log-ratio", "difference"

FIRST, SECOND, OPEN, POINTS = "first", "second", "open", "points only"
"""Which of a pair is better for sure, neither, or too few seeds for a verdict."""


@dataclass(frozen=True)
class Arm:
    """The judged trials of one method, [N] each.

    `cells` identifies all other axes; `failed` is None where undecided; `values` are final ones of a metric,
    infinite where diverged, NaN where not known; `stream` names what the seeds number (studies with another
    seed share no draws).
    """

    name: str
    seeds: NDArray[np.int64]
    cells: tuple[str, ...]
    failed: tuple[bool | None, ...]
    values: Array
    stream: str = ""

    def __len__(self) -> int:
        return len(self.seeds)

    @property
    def cell_names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.cells))

    @property
    def seed_count(self) -> int:
        return len(np.unique(self.seeds))

    def taken(self, kept: NDArray[np.bool_]) -> Arm:
        """The same method with the trials of a mask [N]."""
        return replace(
            self,
            seeds=self.seeds[kept],
            cells=tuple(itertools.compress(self.cells, kept)),
            failed=tuple(itertools.compress(self.failed, kept)),
            values=self.values[kept],
        )


@dataclass(frozen=True)
class Choice:
    """The cell of a method with the fewest failures on odd seeds, and what it does on even ones.

    An undecided trial counts as failed in choosing: nobody has seen it arrive. Of equally good cells the one
    with the better median value, then the first. `seen` is its failure rate on the odd seeds, which flatters
    it; `failure` and `value` (a median) are over the even ones.
    """

    cell: str
    of: int
    seen: float
    failure: Bounds
    value: float


@dataclass(frozen=True)
class Standing:
    """One method by itself.

    middle: the interquartile mean of the values, of their logarithms where the scale is RATIO (then it is a
    geometric mean, and its interval is positive); `unknown` trials have no value and stand in no number
    about values. All of it is over the cells that `on_shared_cells` leaves.
    """

    name: str
    trials: int
    cells: int
    seeds: int
    failure: Bounds
    middle: Estimate
    diverged: int
    unknown: int
    profile: Profile
    choice: Choice | None


@dataclass(frozen=True)
class Contrast:
    """Two methods, first - second: in the failure rate (none and all of the undecided failed), in the value.

    `p_failure` is the larger of both p where they agree in sign, else 1; `adjusted_*` are Holm's over the
    whole table. `verdict_*`: FIRST or SECOND where that one is better at 5 %, OPEN, or POINTS below 5 seeds.
    """

    first: str
    second: str
    paired: bool
    pairs: int
    seeds: int
    why_unpaired: str
    failure: tuple[Effect, Effect]
    value: Effect
    improvement: Estimate
    p_failure: float | None
    p_value: float | None
    adjusted_failure: float | None = None
    adjusted_value: float | None = None
    verdict_failure: str = POINTS
    verdict_value: str = POINTS

    @property
    def failure_span(self) -> tuple[float | None, float | None]:
        """The ends that hold whatever becomes of the undecided."""
        none, every = (each.estimate for each in self.failure)
        if none.low is None or none.high is None or every.low is None or every.high is None:
            return None, None
        return min(none.low, every.low), max(none.high, every.high)


@dataclass(frozen=True)
class Comparison:
    """Several methods side by side.

    scale: RATIO (effects on values are logarithms of ratios) or DIFFERENCE; medians: whether they are
    medians, as where trials diverged, or means; family: tests that Holm's correction is over; budget: a
    sentence where the methods did not search the same cells; ranked: whether the standings are over the same
    cells, without which nobody may say who fails least.
    """

    standings: tuple[Standing, ...]
    contrasts: tuple[Contrast, ...]
    thresholds: Array
    better: str
    scale: str
    medians: bool
    family: int
    budget: str
    ranked: bool


def median_of_known(values: Array) -> float:
    """The median of what is not NaN; NaN where nothing is known."""
    known = values[~np.isnan(values)]
    return middle(known) if known.size else math.nan
