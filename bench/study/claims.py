"""A study's claims against its grid, its metrics and the outcomes; and as the records that are judged."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.judge.claim import FAILURE, FLAG, METRIC, MONITOR, OUTCOME, Bound, Claim, Premise, Quantity, Where
from bench.judge.claim_values import SIGNED, same
from bench.judge.derived import DERIVED
from bench.judge.outcomes import OUTCOMES
from bench.metrics.catalog import columns_of
from bench.store import cover
from bench.study.axes import Axis
from bench.study.grid import Cell
from bench.study.keys import FIELDS, KINDS, RENAMED, is_key
from bench.study.problems import Problems, show
from bench.study.shape import ClaimBlock, PremiseBlock, QuantityBlock
from bench.trial import canonical_json
from ganzoo.catalog import suggest


@dataclass(frozen=True)
class Arms:
    """The cells that a claim compares, treated and control, each by the labels of all its other axes."""

    treated: Mapping[str, Cell]
    control: Mapping[str, Cell]

    @property
    def pairs(self) -> list[str]:
        """The cells in which both are there."""
        return [key for key in self.treated if key in self.control]


def to_claim(block: ClaimBlock) -> Claim:
    """A claim as it is judged."""
    said = block.effect or block.value
    assert said is not None  # the shape says so
    return Claim(
        id=block.id,
        text=block.text,
        quantity=_quantity(said),
        where=to_where(block.where),
        compare={axis: (pair[0], pair[1]) for axis, pair in (block.compare or {}).items()},
        premises=tuple(
            Premise(_quantity(each), each.arm, side, value)
            for each in block.given
            for side, value in each.bounds.items()
        ),
        expect=block.expect,
        margin=block.margin,
        within=None if block.value is None else (block.value.within[0], block.value.within[1]),
        among=tuple(block.value.among.outcome) if block.value and block.value.among else (),
        belief=block.belief,
    )


def to_where(where: Mapping[str, Any]) -> Where:
    """Axis -> values, of a block that may name one value without a list."""
    return {
        RENAMED.get(str(axis), str(axis)): tuple(value) if isinstance(value, list) else (value,)
        for axis, value in where.items()
    }


def _quantity(block: QuantityBlock) -> Quantity:
    scale = getattr(block, "scale", None)
    if block.outcome is not None:
        return Quantity(OUTCOME, tuple(block.outcome), scale)
    bound = None
    if not isinstance(block, PremiseBlock):  # whose bound is one of the arm
        bound = next((Bound(side, value) for side, value in block.bounds.items()), None)
    for kind in (FLAG, METRIC, MONITOR):
        if (name := getattr(block, kind)) is not None:
            return Quantity(kind, (name,), scale, bound)
    raise AssertionError("the shape has one of four")


def fingerprints(claims: Iterable[ClaimBlock], positive_control: Mapping[str, Any]) -> dict[str, str]:
    """Claim id -> hash of what is judged: all but its text and its place in a table of beliefs.

    The positive control decides over every claim, and so is part of each.
    """
    return {
        claim.id: hashlib.sha256(
            canonical_json(
                [claim.model_dump(exclude={"text", "belief"}, exclude_none=True), dict(positive_control)]
            ).encode()
        ).hexdigest()[:12]
        for claim in claims
    }


def scopes(
    claims: Iterable[ClaimBlock], positive_control: Mapping[str, Any], cells: Sequence[Cell]
) -> dict[str, str]:
    """Claim id -> hash of the cells that it is judged on, and of the positive control's: a value that the
    grid gets later changes what a claim says."""
    control = selected(positive_control, cells) if positive_control else []
    return {
        claim.id: scope_digest(map(_key, _paired(claim, selected(claim.where, cells))), map(_key, control))
        for claim in claims
    }


def scope_digest(cells: Iterable[str], control: Iterable[str]) -> str:
    """A hash of the keys of a claim's cells and of those of the positive control, in any order."""
    return cover.digest([*set(cells), *(f"control {each}" for each in set(control))])


def _paired(claim: ClaimBlock, cells: list[Cell]) -> list[Cell]:
    """Those of a claim's cells that have a partner in the other arm; all of a claim about a value."""
    if claim.compare is None:
        return cells
    compare = claim.compare
    treated, control = arms(compare, cells)
    shared = {others(cell, compare) for cell in treated} & {others(cell, compare) for cell in control}
    return [cell for cell in (*treated, *control) if others(cell, compare) in shared]


def _key(cell: Cell) -> str:
    return cover.key(dict(cell.axes))


def check_claims(
    claims: Sequence[ClaimBlock],
    positions: Sequence[int],
    positive_control: Mapping[str, Any],
    axes: Sequence[Axis],
    cells: Sequence[Cell],
    problems: Problems,
) -> None:
    """Whatever a claim names must be there: axes and values, cells to compare, metrics, monitors, outcomes.

    `positions`: the place of each claim in the file. `cells` are empty where the study has other problems;
    then only names of axes and outcomes are looked at.
    """
    _check_where(positive_control, axes, cells, "positive_control", problems)
    seen: set[str] = set()
    for block, position in zip(claims, positions, strict=True):
        path = f"claims[{position}]"
        if block.id in seen:
            problems.add(f"{path}.id", f"{block.id!r} is used twice")
        seen.add(block.id)
        _check_claim(block, path, axes, cells, problems)


def _check_claim(
    block: ClaimBlock, path: str, axes: Sequence[Axis], cells: Sequence[Cell], problems: Problems
) -> None:
    chosen = _check_where(block.where, axes, cells, f"{path}.where", problems)
    if block.compare is not None:
        before = len(problems.lines)
        _check_compare(block.compare, axes, f"{path}.compare", problems)
        if chosen and len(problems.lines) == before:
            chosen = _check_arms(block, chosen, path, problems)
    for part, name in _quantities(block):
        _check_quantity(part, f"{path}.{name}", chosen, problems)
    if block.effect is not None and _quantity(block.effect).is_share and (block.margin or 0.0) >= 1:
        problems.add(f"{path}.margin", f"no rate changes by {show(block.margin)}; 0.15 is 15 points")
    if block.value is not None:
        low, high = block.value.within
        if not low < high:
            problems.add(f"{path}.value.within", f"expected [lowest, highest], got [{low:g}, {high:g}]")
        if block.value.among is not None:
            for each in block.value.among.outcome:
                _check_outcome(each, f"{path}.value.among.outcome", problems)


def _quantities(block: ClaimBlock) -> list[tuple[QuantityBlock, str]]:
    found: list[tuple[QuantityBlock, str]] = []
    if block.effect is not None:
        found.append((block.effect, "effect"))
    if block.value is not None:
        found.append((block.value, "value"))
    return found + [(each, f"given[{i}]") for i, each in enumerate(block.given)]


def arms(compare: Mapping[str, Sequence[Any]], cells: Iterable[Cell]) -> tuple[list[Cell], list[Cell]]:
    """The cells of the treatment and those of the control."""
    found = list(cells)
    return (
        [c for c in found if all(same(dict(c.axes).get(axis), pair[0]) for axis, pair in compare.items())],
        [c for c in found if all(same(dict(c.axes).get(axis), pair[1]) for axis, pair in compare.items())],
    )


def others(cell: Cell, compare: Iterable[str]) -> str:
    """What tells the pairs of a claim apart: a cell's labels on all axes but those compared."""
    return ", ".join(f"{axis} {show(value)}" for axis, value in cell.axes if axis not in set(compare))


def selected(where: Mapping[str, Any], cells: Iterable[Cell]) -> list[Cell]:
    """The cells that a `where` means."""
    wanted = to_where(where)
    return [
        cell
        for cell in cells
        if all(any(same(cell.value(key), each) for each in values) for key, values in wanted.items())
    ]


def _check_where(
    where: Mapping[str, Any],
    axes: Sequence[Axis],
    cells: Sequence[Cell],
    path: str,
    problems: Problems,
) -> list[Cell]:
    """The cells that are meant; none where something is wrong."""
    before = len(problems.lines)
    labels = {axis.name: [point.label for point in axis.points] for axis in axes}
    for key, wanted in to_where(where).items():
        if key not in labels and not is_key(key):
            legal = (*labels, *FIELDS, *KINDS)
            has = f"axes: {', '.join(labels)}" if labels else "the grid has no axis"
            problems.add(f"{path}.{key}", f"no axis and no key of a cell{suggest(key, legal)}; {has}")
            continue
        values = list(dict.fromkeys(map(_shown, (cell.value(key) for cell in cells)))) or labels.get(key, [])
        for each in wanted if values else ():
            if not any(same(value, each) for value in values):
                legal_values = ", ".join(show(value) for value in values)
                sentence = f"{show(each)} is no value that cells have{_near(each, values)}"
                problems.add(f"{path}.{key}", f"{sentence}; {legal_values}")
        if not wanted:
            problems.add(f"{path}.{key}", "names no value")
    if len(problems.lines) > before or not cells:
        return []
    found = selected(where, cells)
    if not found:
        problems.add(path, "no cell of the grid is there: all such cells are excluded")
    return found


def _near(value: Any, legal: Sequence[Any]) -> str:
    """`, did you mean ...` of a text; numbers that look alike are no hint."""
    return suggest(value, legal) if isinstance(value, str) else ""


def _shown(value: Any) -> Any:
    return value if isinstance(value, (str, int, float, bool)) else "none" if value is None else show(value)


def _check_compare(compare: Mapping[str, Any], axes: Sequence[Axis], path: str, problems: Problems) -> None:
    labels = {axis.name: [point.label for point in axis.points] for axis in axes}
    if not compare:
        problems.add(path, "names no axis; expected axis: [treatment, control]")
    for axis, pair in compare.items():
        if axis not in labels:
            setting = [each.name for each in axes if any(axis in point.settings for point in each.points)]
            hint = (
                f"; the axis {setting[0]} sets it: compare its labels" if setting else suggest(axis, labels)
            )
            has = f"; it has {', '.join(labels)}" if labels else "; it has none"
            problems.add(f"{path}.{axis}", f"no axis of the grid{hint}{has}")
        elif not isinstance(pair, list) or len(pair) != 2:
            problems.add(f"{path}.{axis}", f"expected [treatment, control], got {show(pair)}")
        else:
            for each in pair:
                if not any(same(label, each) for label in labels[axis]):
                    legal = ", ".join(show(label) for label in labels[axis])
                    sentence = f"{show(each)} is no value of the axis{_near(each, labels[axis])}"
                    problems.add(f"{path}.{axis}", f"{sentence}; {legal}")
            if same(pair[0], pair[1]):
                problems.add(f"{path}.{axis}", f"compares {show(pair[0])} with itself")


def _check_arms(block: ClaimBlock, cells: Sequence[Cell], path: str, problems: Problems) -> list[Cell]:
    """The cells that stand in pairs."""
    compare = block.compare or {}
    treated, control = arms(compare, cells)
    keys = [Counter(others(cell, compare) for cell in arm) for arm in (treated, control)]
    shared = keys[0].keys() & keys[1].keys()
    if not shared:
        problems.add(
            f"{path}.compare",
            f"no pair: {len(treated)} cells of the treatment and {len(control)} of the control, none "
            "of which share all other axes",
        )
        return []
    twice = [key for arm in keys for key, count in arm.items() if count > 1 and key in shared]
    if twice:
        problems.add(
            f"{path}.compare",
            f"several cells of one arm share all other axes ({twice[0]}); narrow it by where",
        )
    found = [cell for cell in (*treated, *control) if others(cell, compare) in shared]
    effect = block.effect
    if effect is not None and (effect.metric or effect.monitor):
        _check_same_data(treated, control, compare, f"{path}.compare", problems)
    return found


def _check_same_data(
    treated: Sequence[Cell],
    control: Sequence[Cell],
    compare: Mapping[str, Any],
    path: str,
    problems: Problems,
) -> None:
    data = {others(cell, compare): cell.fields["dataset"] for cell in control}
    for cell in treated:
        key = others(cell, compare)
        if key in data and cell.fields["dataset"] != data[key]:
            problems.add(
                path, "treatment and control are of different data: their numbers are not comparable"
            )
            return


def _check_quantity(part: QuantityBlock, path: str, cells: Sequence[Cell], problems: Problems) -> None:
    scale = getattr(part, "scale", None)
    if part.flag is not None:
        if part.flag not in OUTCOMES:
            problems.add(f"{path}.flag", _unknown("flag", part.flag, list(OUTCOMES)))
    elif part.outcome is not None:
        if not part.outcome:
            problems.add(f"{path}.outcome", "names no outcome")
        for each in part.outcome:
            _check_outcome(each, f"{path}.outcome", problems)
    elif part.metric is not None:
        _check_metric(part.metric, path, cells, problems)
        if scale == "log_ratio" and part.metric.removesuffix(".heldout") in SIGNED:
            problems.add(f"{path}.scale", f"{part.metric} may be below 0, so it has no log-ratio")
    elif part.monitor is not None:
        names = monitors()
        if part.monitor not in names:
            hint = "; it is a metric" if cells and part.monitor in _metrics(cells) else ""
            shown = [name for name in names if "." not in name]
            problems.add(f"{path}.monitor", _unknown("monitor", part.monitor, names, shown) + hint)
    if scale is not None and _quantity(part).is_share:
        problems.add(f"{path}.scale", "a rate has no scale: rates are compared by their difference")
    for side, bound in part.bounds.items() if part.flag or part.outcome else ():
        if not isinstance(part, PremiseBlock):
            kind = "a flag" if part.flag else "an outcome"
            problems.add(f"{path}.{side}", f"{kind} is there or not; metrics and monitors take bounds")
        elif not 0 <= bound <= 1:
            problems.add(f"{path}.{side}", f"a rate is between 0 and 1, got {show(bound)}")


def _check_outcome(name: str, path: str, problems: Problems) -> None:
    if name not in OUTCOMES and name != FAILURE:
        problems.add(path, _unknown("outcome", name, [FAILURE, *OUTCOMES]))


def _check_metric(name: str, path: str, cells: Sequence[Cell], problems: Problems) -> None:
    if not cells:
        return
    known = _metrics(cells)
    if name not in known:
        hint = "; it is a monitor" if name in monitors() else ""
        problems.add(f"{path}.metric", _unknown("metric", name, known) + hint)
        return
    lacking = [cell for cell in cells if name not in _metrics([cell])]
    if lacking:
        where = others(lacking[0], ())
        problems.add(f"{path}.metric", f"{name} is not measured in {len(lacking)} of its cells ({where})")


def _metrics(cells: Iterable[Cell]) -> list[str]:
    """The metrics with numbers of any of the cells."""
    found = dict.fromkeys(
        f"{prefix}{column.name}"
        for each in dict.fromkeys(
            (cell.fields["evaluate"].metrics, bool(cell.fields["ema"])) for cell in cells
        )
        for prefix in (("", "ema.") if each[1] else ("",))
        for column in columns_of(each[0])
        if column.unit != "text"
    )
    return list(found)


def monitors() -> list[str]:
    """The monitors of every curve: by their own name (the mean over an interval), computed, and by column."""
    # Its pyarrow takes a moment to import, which a study without claims need not wait for.
    from bench.store import schema

    columns = [name for name in schema.curves_core() if name not in schema.IDENTITY]
    return list(dict.fromkeys([*schema.INTERVAL_MONITORS, *DERIVED, *columns]))


def _unknown(what: str, name: str, legal: Sequence[str], shown: Sequence[str] | None = None) -> str:
    return f"unknown {what} {name!r}{suggest(name, legal)}; legal: {', '.join(shown or legal)}"
