"""Study -> trials: every cell with every seed."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from bench.study.spec import Study
from bench.trial import Component, Trial


def trials(study: Study, data_fingerprint: Callable[[Component], str]) -> tuple[Trial, ...]:
    """Every cell with every seed, cells in the order of the grid, at most `study.limit` trials."""
    known: dict[Component, str] = {}
    plugins = tuple(sorted(plugin.sha256 for plugin in study.plugins))
    out: list[Trial] = []
    for cell, seed in itertools.product(study.cells, study.seeds):
        if study.limit is not None and len(out) >= study.limit:
            break
        dataset = cell.fields["dataset"]
        if dataset not in known:
            known[dataset] = data_fingerprint(dataset)
        fields = dict(
            cell.fields, study_seed=study.seed, seed=seed, data_sha256=known[dataset], plugins=plugins
        )
        out.append(Trial(**fields, axes=cell.axes))
    return tuple(out)
