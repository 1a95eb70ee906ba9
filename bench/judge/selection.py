"""Choosing among many: families of tests, and the best of many cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.errors import UserError
from bench.judge.stats import Estimate, known, over_seeds, rate


def holm(p: Sequence[float]) -> list[float]:
    """Holm's adjusted p of a family: max over j <= i of min(1, (m - j + 1) p_(j)), in the order given.

    Rejecting where it is at most alpha errs anywhere in the family with probability at most alpha, however
    the tests depend on each other (Holm 1979, Scand. J. Stat. 6, 65).

    Raises:
        ValueError: a p outside [0, 1], or one that is not known.
    """
    values = np.asarray(p, dtype=np.float64)
    if not ((values >= 0) & (values <= 1)).all():
        raise ValueError(f"{p} are not all probabilities")
    order = np.argsort(values, kind="stable")
    stepped = np.minimum(1.0, (len(values) - np.arange(len(values))) * values[order])
    adjusted = np.empty_like(values)
    adjusted[order] = np.maximum.accumulate(stepped) if len(values) else stepped
    return [float(each) for each in adjusted]


@dataclass(frozen=True)
class Chosen:
    """The best cell on odd seeds and what it does on even ones.

    `estimate` is over the even seeds alone; `seen` is the cell's mean on the odd seeds that chose it, which
    flatters it. `of` cells stood for choice.
    """

    cell: str
    estimate: Estimate
    seen: float
    of: int
    method: str


def odd_even(
    seeds: Sequence[int],
    cells: Sequence[str],
    values: Sequence[float],
    better: str = "lower",
    share: bool = False,
) -> Chosen:
    """Choose the cell with the best mean on odd seeds, judge it on even seeds.

    The best of many cells on the same seeds is biased: of 48 equal cells with a rate of 0.3, 5 seeds show
    one at 0.0. Two halves of the seeds are independent, so the second mean is fair. Sequences [N]; the
    diverged are infinite, no value is NaN; of equally good cells the first in the order given is taken.

    Args:
        share: the values are 0 or 1; the interval is then Wilson's over the even seeds, else Student t.

    Raises:
        UserError: no odd or no even seed has a value, or the chosen cell has none on even seeds; a
            value is NaN.
    """
    seed, value = np.asarray(seeds), known(values)
    name = np.asarray(cells)
    odd = seed % 2 == 1
    if not odd.any() or odd.all():
        raise UserError("Choosing on odd seeds and judging on even ones needs seeds of both kinds.")
    candidates = list(dict.fromkeys(name[odd].tolist()))
    sign = -1.0 if better == "higher" else 1.0
    means = [sign * float(value[odd & (name == cell)].mean()) for cell in candidates]
    cell = candidates[int(np.argmin(means))]
    judged = ~odd & (name == cell)
    if not judged.any():
        raise UserError(f"{cell}, chosen on odd seeds, has no trial on even ones.")
    odd_seeds = len(np.unique(seed[odd]))
    fresh, at = value[judged], seed[judged].tolist()
    estimate = rate(at, (fresh == 1).tolist(), pooled=False) if share else over_seeds(fresh.tolist())
    return Chosen(
        str(cell),
        estimate,
        float(value[odd & (name == cell)].mean()),
        len(candidates),
        f"best of {len(candidates)} on {odd_seeds} odd seeds, judged on {len(fresh)} even ones",
    )
