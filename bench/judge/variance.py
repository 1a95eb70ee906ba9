"""Which axis matters: the variance over trials, split among the axes and the seed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bench.errors import UserError
from bench.judge.intervals import NO_SPREAD, Array

Cell = tuple[str, ...]
"""The values of all axes, as text."""


@dataclass(frozen=True)
class Explained:
    """Shares of the variance over trials, by axis, `seed`, `interactions` (of the axes) and `residual`.

    eta2 sums to 1; omega2 is corrected for what chance alone explains. Both empty where there is no balanced
    part; `note` says what was left out, and is empty where nothing was.
    """

    eta2: Mapping[str, float]
    omega2: Mapping[str, float]
    seeds: int
    note: str


def variance_explained(
    axes: Mapping[str, Sequence[object]], seeds: Sequence[int], values: Sequence[float]
) -> Explained:
    """Analysis of variance of a full grid, main effects of its axes, the seed as a block.

    eta2 = SS / SS_total; omega2 = (SS - df MS_residual) / (SS_total + MS_residual) (Hays 1963), cut at 0;
    the residual is what differs between seeds within a cell after the seed's own mean. Sums of squares only
    add up in a balanced grid: seeds that lack a cell, or a finite value in one, are left out.

    Args:
        axes: name -> the value of each trial [N]; seeds, values: [N].
    """
    data: dict[tuple[Cell, int], float] = {}
    for *key, seed, value in zip(*axes.values(), seeds, values, strict=True):
        cell = tuple(map(repr, key))
        if (cell, seed) in data:
            raise UserError(
                f"Seed {seed} has two trials in one cell ({', '.join(cell)}): an axis is not named."
            )
        data[cell, seed] = float(value)
    cells = list(dict.fromkeys(cell for cell, _ in data))
    levels = [list(dict.fromkeys(cell[i] for cell in cells)) for i in range(len(axes))]
    full = math.prod(map(len, levels))
    every = list(dict.fromkeys(seed for _, seed in data))
    whole = [s for s in every if all(math.isfinite(data.get((cell, s), math.nan)) for cell in cells)]
    left_out = len(every) - len(whole)
    note = f"unbalanced: {left_out} of {len(every)} seeds lack a trial or a finite value and are left out"
    note = note if left_out else ""
    if len(cells) < full:
        return Explained({}, {}, 0, f"unbalanced: {len(cells)} of {full} cells of the grid are there")
    if len(whole) < 2 or full < 2:
        return Explained(
            {}, {}, len(whole), note or f"{len(whole)} seeds and {full} cells: nothing to compare"
        )
    cube = np.empty((*map(len, levels), len(whole)))
    for cell in cells:
        at = tuple(level.index(part) for level, part in zip(levels, cell, strict=True))
        cube[at] = [data[cell, seed] for seed in whole]
    return _anova(cube, list(axes), note)


def _anova(cube: Array, names: list[str], note: str) -> Explained:
    """`cube` [*levels, seeds]: sums of squares of each axis, of the cells, and of the seeds."""
    # Shares do not depend on the unit: with the greatest value 1, what is rounding is the same for all.
    scaled = cube / (np.abs(cube).max() or 1.0)
    centred = scaled - scaled.mean()
    total = float((centred**2).sum())
    if total <= NO_SPREAD**2 * cube.size:
        return Explained({}, {}, cube.shape[-1], "all trials have one value: there is no variance")

    def between(*kept: int) -> float:
        others = tuple(i for i in range(cube.ndim) if i not in kept)
        means = centred.mean(axis=others)
        return float((means**2).sum() * cube.size / means.size)

    sums = {name: between(i) for i, name in enumerate(names)}
    freedom = {name: cube.shape[i] - 1 for i, name in enumerate(names)}
    cells, n = math.prod(cube.shape[:-1]), cube.shape[-1]
    if len(names) > 1:
        sums["interactions"] = max(0.0, between(*range(len(names))) - sum(sums.values()))
        freedom["interactions"] = cells - 1 - sum(freedom.values())
    sums["seed"], freedom["seed"] = between(cube.ndim - 1), n - 1
    residual = max(0.0, total - sum(sums.values()))
    noise = residual / ((cells - 1) * (n - 1))
    omega = {name: max(0.0, (ss - freedom[name] * noise) / (total + noise)) for name, ss in sums.items()}
    eta = {name: ss / total for name, ss in sums.items()} | {"residual": residual / total}
    return Explained(eta, omega, n, note)
