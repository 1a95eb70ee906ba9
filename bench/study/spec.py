"""YAML -> Study: shape, names and ranges of everything a study says. All problems are raised at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bench.metrics.catalog import METRICS
from bench.plugins import Plugin, PluginError, find, forget_all_but, kept_name, load_plugin
from bench.store import cover
from bench.study import examples
from bench.study.axes import Axis, read_axes
from bench.study.claims import check_claims, fingerprints, scopes, to_where
from bench.study.grid import MAX_TRIALS, Cell, Grid, build
from bench.study.keys import BAD, check_key, read_settings
from bench.study.problems import Problems, StudyError, show
from bench.study.published import check_published
from bench.study.resolve import Evaluation, metric
from bench.study.select import override, read_where
from bench.study.shape import (
    CheckpointBlock,
    ClaimBlock,
    EvaluateBlock,
    ResourcesBlock,
    StudyFile,
    read_shape,
)
from bench.study.yaml_file import MAX_BYTES, parse
from bench.trial import Component
from ganzoo.catalog import CatalogError


@dataclass(frozen=True)
class Study:
    """A checked study.

    `cells` are those that `--where` leaves; `partial` names what keeps the run from covering the study
    (claims refuse such results); `whole_cells` and `whole_seeds` are what would cover it; `document` is the
    study as YAML would give it.
    """

    name: str
    seed: int
    axes: tuple[Axis, ...]
    cells: tuple[Cell, ...]
    product: int
    excluded: int
    included: int
    seeds: tuple[int, ...]
    limit: int | None
    partial: tuple[str, ...]
    whole_cells: tuple[Cell, ...]
    whole_seeds: tuple[int, ...]
    evaluation: Evaluation
    checkpoint: CheckpointBlock
    resources: ResourcesBlock
    plugins: tuple[Plugin, ...]
    claims: tuple[ClaimBlock, ...]
    positive_control: Mapping[str, Any]
    document: Mapping[str, Any]
    source: str

    @property
    def all_cells(self) -> int:
        """Number of cells before `--where`."""
        return self.product - self.excluded + self.included

    @property
    def claims_sha256(self) -> Mapping[str, str]:
        """Claim id -> hash of what of it is judged, the positive control included."""
        return fingerprints(self.claims, self.positive_control)

    @property
    def claim_cells_sha256(self) -> Mapping[str, str]:
        """Claim id -> hash of the cells that it is judged on, of the whole grid."""
        return scopes(self.claims, self.positive_control, self.whole_cells)

    @property
    def whole(self) -> Mapping[str, Any]:
        """The cells (by their keys) and the seeds that results must have to cover the study."""
        return {
            "cells": [cover.key(dict(cell.axes)) for cell in self.whole_cells],
            "seeds": list(self.whole_seeds),
        }

    def to_yaml(self) -> str:
        """The study as a file that loads to the same trials (without `--where` and `--limit`).

        The first comment line of its source, what the study asks, stays on top: the report shows it. Plugins
        are named where a results folder keeps them.
        """
        source = Path(self.source)
        asked = examples.question(source) if source.is_file() else ""
        text: str = yaml.safe_dump(self._document(), sort_keys=False, allow_unicode=True)
        return f"# {asked}\n{text}" if asked else text

    def _document(self) -> dict[str, Any]:
        kept = [kept_name(plugin) for plugin in self.plugins]
        return {**self.document, "plugins": kept} if kept else dict(self.document)


def load_study(
    path: str | Path,
    overrides: Sequence[str] = (),
    where: str | None = None,
    seeds: int | None = None,
    limit: int | None = None,
    plugins: Sequence[str] = (),
) -> Study:
    """Read and check a study. `overrides` are `key=value` texts; `seeds` and `limit` may make it partial.

    Loads the plugins that the study names and those of `plugins`, files relative to the working directory.
    Raises StudyError with every problem.
    """
    file = examples.find(str(path))
    text = _text_of(file, str(path))
    return read_study(text, str(path), overrides, where, seeds, limit, plugins, file.parent)


def _text_of(file: Path, called: str) -> str:
    try:
        with file.open("rb") as opened:
            raw = opened.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise StudyError([f"{called}: too long for a study: more than {MAX_BYTES} bytes"])
        return raw.decode("utf-8-sig")
    except OSError as error:
        raise StudyError([f"{called}: cannot be read: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise StudyError([f"{called}: no valid YAML: no UTF-8 text (byte {error.start})"]) from error


def read_study(
    text: str,
    source: str,
    overrides: Sequence[str] = (),
    where: str | None = None,
    seeds: int | None = None,
    limit: int | None = None,
    plugins: Sequence[str] = (),
    folder: Path = Path(),
) -> Study:
    """As `load_study`, from the text of a study; `source` stands before each problem, and the paths of its
    plugins are relative to `folder`."""
    problems = Problems(source)
    data = parse(text, problems)
    problems.check()
    if not isinstance(data, dict):
        what = "empty" if data is None else f"{show(data)[:60]}"
        raise StudyError([f"{source}: no study: expected keys such as name, base, grid; the file is {what}"])
    top = tuple(StudyFile.model_fields)
    changed = override(data, overrides, top, problems)
    problems.overridden = changed
    file = read_shape(data, problems)
    loaded = _load_plugins(file.plugins, plugins, folder, problems)
    base = read_settings(file.base, "base", problems)
    axes = read_axes(file.grid, problems)
    all_seeds = _seeds(file.seeds, problems)
    evaluation = _evaluation(file.evaluate, problems)
    grid = build(base, axes, file.include, file.exclude, evaluation, len(all_seeds), problems)
    if file.claims or file.published or file.positive_control:
        sound: tuple[Cell, ...] = ()
        is_known = len(axes) == len(file.grid) and bool(axes or not problems.lines)
        if is_known:  # else every name of an axis would be told as unknown
            refused = _refused(axes, grid.cells)
            sound = _sound_cells(file, refused, axes, grid.cells)
            places = _places(file.claims, data.get("claims"))
            with problems.muting(refused):
                check_published(file.published, axes, sound, problems)
                check_claims(file.claims, places, file.positive_control, axes, sound, problems)
        if not sound:
            problems.hide("the grid")
    chosen = _chosen_seeds(file.seeds, all_seeds, seeds, len(grid.cells), problems)
    cells = _selected(grid, where, problems)
    if limit is not None and limit < 1:
        problems.add("--limit", f"expected at least 1, got {limit}")
    problems.check()
    partial = [f"--where {where}"] if len(cells) < len(grid.cells) else []
    if len(chosen) < len(all_seeds):
        partial.append(f"--seeds {seeds}")
    if limit is not None and limit < len(cells) * len(chosen):
        partial.append(f"--limit {limit}")
    return Study(
        name=file.name,
        seed=file.seed,
        axes=axes,
        cells=cells,
        product=grid.product,
        excluded=grid.excluded,
        included=grid.included,
        seeds=chosen,
        limit=limit,
        partial=tuple(partial),
        whole_cells=grid.cells,
        whole_seeds=all_seeds if len(chosen) < len(all_seeds) else chosen,
        evaluation=evaluation,
        checkpoint=file.checkpoint,
        resources=file.resources,
        plugins=loaded,
        claims=tuple(file.claims),
        positive_control=file.positive_control,
        document={**data, "seeds": list(chosen)},
        source=source,
    )


def _load_plugins(
    named: Sequence[str], given: Sequence[str], folder: Path, problems: Problems
) -> tuple[Plugin, ...]:
    """The plugins of the study and of the command line; one that fails ends the checks."""
    texts = [(f"plugins[{i}]", text, folder) for i, text in enumerate(named)]
    texts += [("--plugin", text, Path()) for text in given]
    files: list[tuple[str, Path]] = []
    found: dict[str, Plugin] = {}
    before = len(problems.lines)
    for path, text, base in texts:
        try:
            files.append((path, find(text, base)))
        except PluginError as error:
            problems.add(path, str(error))
    forget_all_but(file for _, file in files)
    for path, file in files:
        try:
            plugin = load_plugin(file)
            found.setdefault(plugin.sha256, plugin)
        except PluginError as error:
            problems.add(path, str(error))
    if len(problems.lines) > before:
        problems.check()
    return tuple(found.values())


def _refused(axes: Sequence[Axis], cells: Sequence[Cell]) -> set[str]:
    """Keys of which a value was refused: what a claim says of them tells nothing new."""
    empty = {axis.name for axis in axes if not axis.points}
    return empty | {key for cell in cells for key, each in cell.settings.items() if each.value is BAD}


def _sound_cells(
    file: StudyFile, refused: set[str], axes: Sequence[Axis], cells: tuple[Cell, ...]
) -> tuple[Cell, ...]:
    """The cells against which claims and published numbers can be checked; none where a refused value decides
    which cells those are, or what is measured in them."""
    said = [file.positive_control]
    said += [part for each in file.claims for part in (each.where, each.compare or {})]
    said += [part for each in file.published for part in (each.where, each.lower_than or {})]
    deciding = {axis.name for axis in axes} | {key for each in said for key in to_where(each)}
    measured = all(cell.fields["evaluate"] is not None for cell in cells)
    return cells if measured and not refused & deciding else ()


def _seeds(given: int | list[int], problems: Problems) -> tuple[int, ...]:
    if isinstance(given, int) and given > MAX_TRIALS:
        problems.add("seeds", f"{given} seeds are more than {MAX_TRIALS} trials")
        return (0,)
    seeds = tuple(range(given)) if isinstance(given, int) else tuple(given)
    if not seeds:
        problems.add("seeds", f"expected at least one seed, got {show(given)}")
    for seed in seeds:
        if not 0 <= seed < 2**63:
            problems.add("seeds", f"a seed is a whole number from 0, got {seed}")
    if len(set(seeds)) < len(seeds):
        problems.add("seeds", f"lists a seed twice: {show(given)}")
    return seeds


def _chosen_seeds(
    given: int | list[int], seeds: tuple[int, ...], number: int | None, cells: int, problems: Problems
) -> tuple[int, ...]:
    if number is None:
        return seeds
    if number < 1:
        problems.add("--seeds", f"expected at least 1, got {number}")
    if isinstance(given, int):
        if number * max(1, cells) > MAX_TRIALS:
            problems.add("--seeds", f"{number} seeds of {cells} cells are more than {MAX_TRIALS} trials")
            return seeds
        return tuple(range(number))
    if number > len(seeds):
        problems.add(
            "--seeds", f"the study lists {len(seeds)} seeds; add to the list, or --set seeds={number}"
        )
    return seeds[:number]


def _evaluation(block: EvaluateBlock, problems: Problems) -> Evaluation:
    if block.metrics is None:
        return Evaluation(block.every, block.samples, None)
    metrics: list[Component] = []
    if not block.metrics:
        problems.add("evaluate.metrics", "has no metrics; leave the key out for those of the data set")
    for position, each in enumerate(block.metrics):
        path = f"evaluate.metrics[{position}]"
        name, keys = (each, {}) if isinstance(each, str) else (each.get("name"), dict(each))
        keys.pop("name", None)
        try:
            found = metric(str(name), {})
            entry = METRICS.get("metric", str(name))
        except CatalogError as error:
            problems.add(path, str(error))
            continue
        checked = {k: check_key(entry, str(k), v, f"{path}.{k}", problems) for k, v in keys.items()}
        if all(k in entry.keys for k in checked):
            found = metric(entry.name, {k: v for k, v in checked.items() if v is not BAD})
        if found.name in [other.name for other in metrics]:
            problems.add(path, f"{found.name} is listed twice")
        metrics.append(found)
    return Evaluation(block.every, block.samples, tuple(metrics))


def _places(claims: Sequence[ClaimBlock], written: Any) -> list[int]:
    """The place of each claim in the file, which may hold others that were refused."""
    found, start = [], 0
    for claim in claims:
        while not (isinstance(written[start], dict) and written[start].get("id") == claim.id):
            start += 1
        found.append(start)
        start += 1
    return found


def _selected(grid: Grid, where: str | None, problems: Problems) -> tuple[Cell, ...]:
    """The cells that `--where` leaves."""
    if where is None or not grid.cells:
        return grid.cells
    before = len(problems.lines)
    conditions = read_where(where, [axis.name for axis in grid.axes], problems)
    if before or len(problems.lines) > before:
        return grid.cells

    def holds(cell: Cell, conditions: Sequence[Callable[[Callable[[str], Any]], bool]]) -> bool:
        return all(condition(cell.value) for condition in conditions)

    try:
        cells = tuple(cell for cell in grid.cells if holds(cell, conditions))
    except TypeError as error:
        problems.add(f"--where {where!r}", str(error))
        return grid.cells
    if not cells:
        problems.add(f"--where {where!r}", "selects no cell")
    return cells
