"""The cell to pick and the cell to avoid: chosen on odd seeds, judged on even ones.

The cell to pick is the one that converged most often; an undecided trial counts as not converged, since
nobody has seen it arrive. The cell to avoid is the one that failed most often; an undecided trial counts as
not failed, since nobody has seen it fail. Of cells that are equal on the odd seeds the smaller (to avoid: the
larger) median of the final distance decides, a diverged trial being infinite. Where nothing converged there
is no cell to pick, nor where the chosen one did in no seed that judges it; where everything failed there is
none to avoid.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bench.judge.claim_values import same
from bench.judge.intervals import SEEDS_FOR_INTERVAL
from bench.judge.selection import odd_even
from bench.judge.stats import wilson
from bench.report.claims import positive_control
from bench.report.figures import STACK
from bench.report.view import Group, View
from bench.report.words import clean, percent
from bench.study.claims import to_where

PICK, AVOID = "pick", "avoid"

MOST_GROUPS = 4
"""Data sets for which cells are named on the first screen."""

_ENDED = {PICK: "converged", AVOID: "failed"}
_LEAST = {PICK: "smallest", AVOID: "largest"}


@dataclass(frozen=True)
class Choice:
    """A cell with what it did; `cell` is empty where none can be named, and `why` says so.

    count, n: how many of the seeds converged (pick) or failed (avoid). low, high: the interval of their
    share; None where the cell was only seen on the seeds that chose it.
    """

    kind: str
    group: str
    cell: str = ""
    settings: str = ""
    trial: str = ""
    count: int = 0
    n: int = 0
    low: float | None = None
    high: float | None = None
    outcomes: tuple[tuple[str, int], ...] = ()
    how: str = ""
    why: str = ""

    @property
    def judged(self) -> bool:
        return self.low is not None

    @property
    def is_weak(self) -> bool:
        """Whether none is named, or did it in less than half of the seeds: such a cell is no advice."""
        return not self.cell or 2 * self.count < self.n

    @property
    def title(self) -> str:
        """`Pick`; `Best found` of a cell that converged in less than half of the seeds."""
        if self.cell and self.is_weak:
            return "Best found" if self.kind == PICK else "Worst found"
        return "Pick" if self.kind == PICK else "Avoid"

    @property
    def result(self) -> str:
        """`converged in 3 of 3 even seeds: 100 %, 95 % interval 44 to 100 %`."""
        text = f"{_ENDED[self.kind]} in {self.count} of {self.n} {'even ' if self.judged else ''}seeds"
        if self.low is None or self.high is None:
            return text
        share = percent(self.count / self.n)
        return f"{text}: {share}, 95 % interval {100 * self.low:.0f} to {percent(self.high)}"


def content(view: View) -> dict[str, Any]:
    """`choices`: the cells to pick and to avoid, for each data set; `choice_words`: what is left out."""
    groups = [group for group in view.groups if _judged(view, group)["cell"].nunique() > 1]
    found = [choose(view, group, kind) for group in groups[:MOST_GROUPS] for kind in (PICK, AVOID)]
    more = len(groups) - MOST_GROUPS
    words = f"Cells of {more} more data sets are not named here." if more > 0 else ""
    return {"choices": found, "choice_words": words}


def _judged(view: View, group: Group) -> pd.DataFrame:
    if len(view.groups) == 1:
        return view.judged
    return view.judged[view.judged["trial"].isin(group.trials["trial"])]


def choose(view: View, group: Group, kind: str) -> Choice:
    """The cell of a group to pick or to avoid, or why none can be named."""
    trials = _judged(view, group)
    name = group.name if len(view.groups) > 1 else ""
    hit = trials["outcome"] == "converged" if kind == PICK else trials["failed"].map(lambda x: x is True)
    trials = trials.assign(hit=hit.astype(float), distance=_distances(group, trials))
    odd = trials["seed"] % 2 == 1
    seeds = int(trials["seed"].nunique())
    if trials["cell"].nunique() < 2:
        return Choice(kind, name, why="The study has one cell, so there is no choice.")
    if seeds < 2:
        return Choice(kind, name, why="With one seed no cell can be named: another seed may turn it round.")
    if why := _nothing(trials, kind):
        return Choice(kind, name, why=why)
    both = set(trials.loc[odd, "cell"]) & set(trials.loc[~odd, "cell"])
    if seeds < SEEDS_FOR_INTERVAL or not both:
        return _seen(view, group, trials, kind, name)
    return _split(view, group, trials[trials["cell"].isin(both)], kind, name)


def _nothing(trials: pd.DataFrame, kind: str) -> str:
    """Why no cell stands out, seen over all of them: none did it, or (to avoid) all did."""
    if kind == AVOID and bool(trials["hit"].all()):
        return "No cell to avoid more than others: everything failed."
    if trials["hit"].any():
        return ""
    undecided = int(trials["failed"].map(lambda each: each is None).sum())
    rest = f" ({undecided} of {len(trials)} trials are undecided)" if undecided else ""
    return f"No cell to {kind}: nothing {_ENDED[kind]}{rest}."


def _distances(group: Group, trials: pd.DataFrame) -> pd.Series:
    column = f"final.{group.primary}"
    known = trials[column].astype(float) if column in trials else pd.Series(np.nan, index=trials.index)
    return known.mask(trials["outcome"] == "diverged", math.inf)


def _in_order(trials: pd.DataFrame, kind: str) -> list[str]:
    """Cells from the one that ties would choose; those without any known distance last."""
    middle = trials.groupby("cell")["distance"].median()
    worst = math.inf if kind == PICK else -math.inf
    keyed = middle.fillna(worst) * (1 if kind == PICK else -1)
    return sorted(map(str, keyed.index), key=lambda cell: (keyed[cell], cell))


def _split(view: View, group: Group, trials: pd.DataFrame, kind: str, name: str) -> Choice:
    """Chosen on odd seeds, judged on even ones."""
    odd = trials[trials["seed"] % 2 == 1]
    place = {cell: i for i, cell in enumerate(_in_order(odd, kind))}
    ordered = trials.sort_values(["cell", "seed"]).sort_values(
        "cell", key=lambda cells: cells.map(place), kind="stable"
    )
    chosen = odd_even(
        ordered["seed"].tolist(), ordered["cell"].tolist(), ordered["hit"].tolist(), "higher", share=True
    )
    seen = odd[odd["cell"] == chosen.cell]
    if chosen.seen == 0:
        return Choice(kind, name, why=_elsewhere(kind, trials))
    means = odd.groupby("cell")["hit"].mean()
    tied = int((means == means[chosen.cell]).sum())
    how = (
        f"Chosen among {chosen.of} cells on the odd seeds, where it {_ENDED[kind]} in "
        f"{int(seen['hit'].sum())} of {len(seen)}{_of_equals(group, kind, tied)}; judged on the even ones."
    )
    judged = trials[(trials["seed"] % 2 == 0) & (trials["cell"] == chosen.cell)]
    if not judged["hit"].any():
        return Choice(kind, name, why=_not_again(view, judged, kind, seen))
    if len(judged) < SEEDS_FOR_INTERVAL:
        how += f" {len(judged)} seeds make a wide interval."
    return _choice(view, judged, kind, name, how, wilson(judged["hit"].sum(), len(judged)))


def _elsewhere(kind: str, trials: pd.DataFrame) -> str:
    even = trials[trials["seed"] % 2 == 0]
    return (
        f"No cell to {kind}: nothing {_ENDED[kind]} on the odd seeds, which choose "
        f"({int(even['hit'].sum())} of {len(even)} trials did on the even ones)."
    )


def _not_again(view: View, judged: pd.DataFrame, kind: str, seen: pd.DataFrame) -> str:
    """Chosen by luck: on the seeds that judge it, it never did it again."""
    settings = view.cell_text({str(key): value for key, value in judged.iloc[0].to_dict().items()})
    return (
        f"No cell to {kind}: the one that {_ENDED[kind]} most often on the odd seeds ({settings}, in "
        f"{int(seen['hit'].sum())} of {len(seen)}) did so in none of {len(judged)} even ones."
    )


def _seen(view: View, group: Group, trials: pd.DataFrame, kind: str, name: str) -> Choice:
    """Too few seeds to judge on others than those that chose: shown, and called an illustration."""
    means = trials.groupby("cell")["hit"].mean()
    best = float(means.max())
    tied = [cell for cell in _in_order(trials, kind) if means[cell] == best]
    how = (
        f"An illustration, not a verdict: chosen among {len(means)} cells on the seeds on which it is "
        f"shown, which makes it look {'better' if kind == PICK else 'worse'} than it is"
        f"{_of_equals(group, kind, len(tied))}. {_lacking(trials)}"
    )
    return _choice(view, trials[trials["cell"] == tied[0]], kind, name, how, None)


def _lacking(trials: pd.DataFrame) -> str:
    """Which seeds it would take to judge on others than those that chose."""
    if trials["seed"].nunique() < SEEDS_FOR_INTERVAL:
        return f"From {SEEDS_FOR_INTERVAL} seeds on, it would be chosen on odd seeds and judged on even ones."
    both = "Choosing on odd seeds and judging on even ones takes seeds of both kinds"
    kinds = trials["seed"].mod(2).unique()
    if len(kinds) == 1:
        return f"{both}, and all of these are {'odd' if kinds[0] else 'even'}."
    return f"{both}, and no cell has trials on both."


def _of_equals(group: Group, kind: str, tied: int) -> str:
    if tied < 2:
        return ""
    return (
        f", like {tied - 1} other{'s' if tied > 2 else ''} (the {_LEAST[kind]} final {group.primary} decides)"
    )


def _choice(
    view: View, trials: pd.DataFrame, kind: str, name: str, how: str, interval: tuple[Any, Any] | None
) -> Choice:
    row = {str(key): value for key, value in trials.iloc[0].to_dict().items()}
    counts = trials["outcome"].value_counts()
    low, high = (float(end) for end in interval) if interval else (None, None)
    return Choice(
        kind=kind,
        group=name,
        cell=str(row["cell"]),
        settings=view.cell_text(row),
        trial=str(row["trial"]),
        count=int(trials["hit"].sum()),
        n=len(trials),
        low=low,
        high=high,
        outcomes=tuple((each, int(counts[each])) for each in STACK if each in counts),
        how=clean(how) + _known_before(view, trials, kind),
    )


def _known_before(view: View, trials: pd.DataFrame, kind: str) -> str:
    """That the cell is the positive control, put into the study as known to train."""
    control = to_where(positive_control(view.results.study))
    row = trials.iloc[0]
    columns = {axis: view.all_axes.get(axis, axis) for axis in control}
    is_control = bool(control) and all(
        column in trials and any(same(row[column], value) for value in control[axis])
        for axis, column in columns.items()
    )
    return " It is the study's positive control." if is_control and kind == PICK else ""
