"""What a claim is judged on: its cells and its trials in a table, as short hashes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from bench.errors import UserError
from bench.judge.claim import Claim, Where
from bench.judge.claim_values import Evidence, matching
from bench.store import cover
from bench.study.claims import scope_digest


@dataclass(frozen=True)
class Scope:
    """cells, trials: hashes of a claim's paired cells and of their finished trials, those of the positive
    control included. unfinished: how many trials of the claim are not done."""

    cells: str
    trials: str
    unfinished: int


def scope_of(claim: Claim, evidence: Evidence, positive_control: Where) -> Scope | None:
    """The scope of a claim in these tables; None where they lack what it names."""
    trials = evidence.trials
    try:
        meant, paired = _chosen(claim, evidence)
        control = matching(evidence, positive_control) & bool(positive_control)
    except UserError:
        return None
    done = (trials["status"] == "done").to_numpy(dtype=np.bool_)
    keys = cover.keys(trials, evidence.axes)
    return Scope(
        scope_digest(compress(keys, paired), compress(keys, control)),
        cover.digest(trials.loc[(paired | control) & done, "trial"].astype(str)),
        int((meant & ~done).sum()),
    )


def _chosen(claim: Claim, evidence: Evidence) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which trials a claim names, and which of them stand in cells that have a partner."""
    meant = matching(evidence, claim.where)
    if not claim.compare:
        return meant, meant
    sides = [
        meant & matching(evidence, {axis: (pair[side],) for axis, pair in claim.compare.items()})
        for side in (0, 1)
    ]
    others = {axis: column for axis, column in evidence.axes.items() if axis not in claim.compare}
    keys = cover.keys(evidence.trials, others)
    shared = set(compress(keys, sides[0])) & set(compress(keys, sides[1]))
    either = sides[0] | sides[1]
    return either, either & _among(keys, shared)


def _among(keys: Collection[str], wanted: Collection[str]) -> NDArray[np.bool_]:
    return np.array([each in wanted for each in keys], dtype=np.bool_)
