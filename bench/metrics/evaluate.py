"""All metrics of one run: built once a pack, called with each member's samples at each evaluation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.data.load import Dataset
from bench.data.order import philox
from bench.errors import UserError
from bench.metrics.batch import Batch, Context, Measure, Value
from bench.metrics.cache import Cache
from bench.metrics.catalog import METRICS, columns_of
from bench.trial import Component, canonical_json

FEWEST_SAMPLES = 8
RESAMPLES = 20
BLOCKS = 5
Floor = dict[str, float]


class Evaluator:
    """Scores samples by `metrics`; `columns` are the keys of every row, in table order. Columns of metrics of
    the game itself are among them, null: `bench.metrics.game` fills them.

    `provenance` tells, for each metric, its extractor with sha256 and the number of reference rows.
    """

    def __init__(
        self, context: Context, components: tuple[Component, ...], measures: Mapping[str, Measure]
    ) -> None:
        self.metrics = tuple(measures)
        self.columns = tuple(column.name for column in columns_of(components))
        self.provenance = {name: dict(measure.provenance) for name, measure in measures.items()}
        self._context, self._components, self._measures = context, components, measures

    def __call__(self, samples: NDArray[np.float32]) -> dict[str, Value]:
        """The columns of one member's samples float32 [n, *shape].

        `<metric>_status` is "ok", "nonfinite" (samples, or a value made of them, are not finite) or
        "unavailable" (no eigenvalues found); every value of a metric is None unless its status is "ok".
        """
        if samples.shape[1:] != self._context.dataset.shape or len(samples) < FEWEST_SAMPLES:
            raise ValueError(
                f"samples of shape {samples.shape} for data of shape {self._context.dataset.shape}"
            )
        row: dict[str, Value] = dict.fromkeys(self.columns)
        batch = Batch(np.asarray(samples, dtype=np.float32))
        finite = bool(np.isfinite(batch.samples).all())
        for name, measure in self._measures.items():
            status, values = _guarded(measure, batch) if finite else ("nonfinite", {})
            row.update(values)
            if f"{name}_status" in row:
                row[f"{name}_status"] = status
        return row

    def floors(self) -> dict[str, Floor]:
        """What real data score: column -> {"mean", "sd", "n", "resamples"}; kept in the cache.

        Held-out rows take the place of samples against the same reference; for `.heldout` columns train rows
        do, against held-out ones. mean: over the disjoint blocks of n rows that the split has, at most 5.
        sd: over 20 random subsets of m = nN / (n + N) of the N rows without replacement (N at most 5n),
        whose variance v (1/m - 1/N) = v / n is that of a fresh sample of n. (A bootstrap would not do:
        repeated rows raise a Fréchet distance.) Where a split has fewer than n rows, n is what it has.
        """
        key = self._context.key(
            what="floors",
            metrics=canonical_json([each.to_json() for each in self._components]),
            provenance=canonical_json(self.provenance),
            columns=canonical_json(self.columns),
            n=self._context.samples,
        )
        found = self._context.cache.get(key, self._floors)
        names = ("mean", "sd", "n", "resamples")
        return {
            column: dict(zip(names, map(float, found[column]), strict=True))
            for column in self.columns
            if column in found
        }

    def _floors(self) -> dict[str, NDArray[np.generic]]:
        out: dict[str, NDArray[np.generic]] = {}
        for measure in self._measures.values():
            out.update(_floors(self._context, measure, "heldout", "train", ""))
            if any(column.endswith(".heldout") for column in measure.columns):
                out.update(_floors(self._context, measure, "train", "heldout", ".heldout"))
        return out


def build(
    dataset: Dataset, metrics: tuple[Component, ...], samples: int, cache_dir: Path | None
) -> Evaluator:
    """An evaluator for members that give `samples` samples each; `spread` is always among its metrics.

    References are computed here, or read from `cache_dir`. UserError for a metric that cannot measure this
    data.
    """
    if samples < FEWEST_SAMPLES:
        raise UserError(f"evaluate.samples is {samples}, and at least {FEWEST_SAMPLES} are needed.")
    components = (*(each for each in metrics if each.name != "spread"), Component("spread"))
    context = Context(dataset, samples, Cache(cache_dir))
    measures: dict[str, Measure] = {}
    for each in components:
        entry = METRICS.get("metric", each.name)
        if entry.facts.get("of") == "game":
            continue
        if dataset.modality not in entry.facts["modalities"]:
            known = " or ".join(entry.facts["modalities"])
            raise UserError(
                f"The metric {each.name} measures data of modality {known}, and"
                f" {dataset.component.name} is of modality {dataset.modality}."
            )
        if each.name in measures:
            raise UserError(f"The metric {each.name} is listed twice.")
        measures[each.name] = entry.load()(context, **entry.resolve(each.kwargs))
    return Evaluator(context, components, measures)


def _guarded(measure: Measure, batch: Batch) -> tuple[str, dict[str, Value]]:
    """Status and values; overflow is looked for in the values, so numpy need not warn of it."""
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            values = measure.score(batch)
    except np.linalg.LinAlgError:
        return "unavailable", {}
    if any(isinstance(value, float) and not math.isfinite(value) for value in values.values()):
        return "nonfinite", {}
    return "ok", values


def _floors(
    context: Context, measure: Measure, source: str, reference: str, suffix: str
) -> dict[str, NDArray[np.generic]]:
    """Arrays (mean, sd, n, resamples) by column, of rows of `source` scored against `reference`."""
    rows = context.rows(source, BLOCKS * context.samples)
    total = len(rows.samples)
    n = min(context.samples, total)
    blocks = [measure.against(rows.take(slice(i, i + n)), reference) for i in range(0, total - n + 1, n)]
    size = max(2, round(n * total / (n + total)))
    rng = np.random.Generator(philox(f"floors 1 {source} n={n}"))
    subsets = [measure.against(rows.take(rng.permutation(total)[:size]), reference) for _ in range(RESAMPLES)]
    out: dict[str, NDArray[np.generic]] = {}
    for column, value in blocks[0].items():
        if isinstance(value, float) and (not suffix or column + suffix in measure.columns):
            mean = np.mean([each[column] for each in blocks])
            sd = np.std([each[column] for each in subsets], ddof=1)  # type: ignore[arg-type]
            out[column + suffix] = np.array([mean, sd, n, RESAMPLES])
    return out
