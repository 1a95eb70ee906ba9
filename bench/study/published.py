"""A study's `published` block against its grid and its metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.metrics.catalog import columns_of
from bench.study.axes import Axis
from bench.study.grid import Cell
from bench.study.problems import Problems, show
from bench.study.shape import PublishedBlock
from bench.trial import evaluation_steps
from ganzoo.catalog import suggest


def check_published(
    blocks: Sequence[PublishedBlock], axes: Sequence[Axis], cells: Sequence[Cell], problems: Problems
) -> None:
    """A statement about what the grid lacks, or about what no evaluation measures, is a mistake.

    `cells` are empty where the study has other problems; then only the axes are looked at.
    """
    values = {axis.name: [point.label for point in axis.points] for axis in axes}
    columns = _columns(cells) if blocks and cells else None
    for position, block in enumerate(blocks):
        path = f"published[{position}]"
        before = len(problems.lines)
        groups = {"where": block.where}
        if block.lower_than is not None:
            groups["lower_than"] = block.lower_than
        for name, cells_of in groups.items():
            _check_where(cells_of, values, f"{path}.{name}", problems)
        if columns is not None and block.metric not in columns:
            hint = suggest(block.metric, columns) or "; name one of its metrics or monitors"
            problems.add(f"{path}.metric", f"{block.metric!r} is no number that this study measures{hint}")
        if cells and len(problems.lines) == before:
            for name, cells_of in groups.items():
                _check_cells(block, name, cells_of, cells, path, problems)


def _check_where(
    where: Mapping[str, Any], values: Mapping[str, Sequence[Any]], path: str, problems: Problems
) -> None:
    for axis, wanted in where.items():
        if axis not in values:
            has = f"it has {', '.join(values)}" if values else "it has none"
            problems.add(f"{path}.{axis}", f"no axis of the grid{suggest(axis, values)}; {has}")
        elif wanted not in values[axis]:
            hint = suggest(wanted, values[axis])
            legal = ", ".join(show(each) for each in values[axis])
            problems.add(f"{path}.{axis}", f"{show(wanted)} is no value of the axis{hint}; {legal}")


def _check_cells(
    block: PublishedBlock,
    name: str,
    where: Mapping[str, Any],
    cells: Sequence[Cell],
    path: str,
    problems: Problems,
) -> None:
    found = [cell for cell in cells if where.items() <= dict(cell.axes).items()]
    if not found:
        problems.add(f"{path}.{name}", "no cell of the grid is there: all such cells are excluded")
        return
    measured = {
        step
        for cell in found
        for step in evaluation_steps(cell.fields["steps"], cell.fields["evaluate"].every)
    }
    if block.at is not None and block.at not in measured:
        nearest = min(sorted(measured), key=lambda step: abs(step - (block.at or 0)))
        problems.add(
            f"{path}.at", f"these cells are not measured at step {block.at}; the nearest is {nearest}"
        )


def _columns(cells: Sequence[Cell]) -> list[str]:
    """The columns of the curves that hold numbers: monitors and the metrics of any cell."""
    # Its pyarrow takes a moment to import, which a study without published numbers need not wait for.
    from bench.store import schema

    metrics = dict.fromkeys(
        column.name
        for each in dict.fromkeys(cell.fields["evaluate"].metrics for cell in cells)
        for column in columns_of(each)
        if column.unit != "text"
    )
    monitors = [name for name in schema.curves_core() if name not in ("trial", "step", "alive", *metrics)]
    averaged = [f"ema.{name}" for name in metrics] if any(cell.fields["ema"] for cell in cells) else []
    return [*metrics, *averaged, *monitors]
