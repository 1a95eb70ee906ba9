"""The curves table as dense arrays: trials x steps of a column, and when each trial died."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Tracks:
    """Where each row of the curves table stands among `trials` (name -> row) and `steps` [T].

    `death` [N] is the index of the first step at which a trial was not alive, T where it lived on; `last` [N]
    that of its last row.
    """

    frame: pd.DataFrame
    trials: Mapping[str, int]
    steps: NDArray[np.int64]
    row: NDArray[np.int64]
    column: NDArray[np.int64]
    death: NDArray[np.int64]
    last: NDArray[np.int64]

    @classmethod
    def of(cls, frame: pd.DataFrame) -> Tracks:
        row, names = pd.factorize(frame["trial"])
        steps, column = np.unique(frame["step"].to_numpy(np.int64), return_inverse=True)
        death = np.full(len(names), len(steps), dtype=np.int64)
        dead = ~frame["alive"].astype("boolean").fillna(True).to_numpy(bool)
        np.minimum.at(death, row[dead], column[dead])
        last = np.zeros(len(names), dtype=np.int64)
        np.maximum.at(last, row, column)
        trials = {str(name): i for i, name in enumerate(names)}
        return cls(frame, trials, steps, row.astype(np.int64), column.astype(np.int64), death, last)

    def values(self, name: str) -> Array:
        """A column as [N, T], NaN where a trial has no number."""
        dense = np.full((len(self.trials), len(self.steps)), np.nan)
        if name in self.frame:
            dense[self.row, self.column] = self.frame[name].to_numpy(np.float64, na_value=np.nan)
        return dense

    def evaluated(self) -> NDArray[np.bool_]:
        """Whether a trial has a row at a step, [N, T]."""
        seen = np.zeros((len(self.trials), len(self.steps)), dtype=np.bool_)
        seen[self.row, self.column] = True
        return seen


def seed_curves(tracks: Tracks, dense: Array, trials: pd.DataFrame, worst: float) -> tuple[Array, Array]:
    """Steps [T'] and values [T', S]: within each seed the median over its cells, the dead at `worst`.

    dense: `tracks.values` of the column; trials: columns trial and seed. A step that only some seeds
    measured would show a jump where the set of seeds changes, and is left out.
    """
    places = np.array([tracks.trials.get(each, -1) for each in trials["trial"]], dtype=np.int64)
    seeds = trials["seed"].to_numpy()[places >= 0]
    places = places[places >= 0]
    if not places.size:
        return np.empty(0), np.empty((0, 0))
    columns = np.arange(len(tracks.steps))
    of_seed = []
    for seed in np.unique(seeds):
        at = places[seeds == seed]
        block = np.where(columns >= tracks.death[at, None], worst, dense[at])
        of_seed.append(_median_with_nulls(block.T))
    values = np.stack(of_seed, axis=1)
    # Beyond the last row of all of them a dead trial's place is no measurement.
    whole = ~np.isnan(values).any(axis=1) & (columns <= tracks.last[places].max())
    return tracks.steps[whole].astype(np.float64), values[whole]


def _median_with_nulls(block: Array) -> Array:
    """Row medians over what is known; the lower middle one, since the mean of two may mix with infinity."""
    ordered = np.sort(block, axis=1)  # NaN last
    known = (~np.isnan(block)).sum(axis=1)
    at = np.maximum(known - 1, 0) // 2
    return np.where(known > 0, ordered[np.arange(len(block)), at], np.nan)
