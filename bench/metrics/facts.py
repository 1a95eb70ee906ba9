"""What the entries of metrics share: columns, facts, the columns and the protocol of a distance."""

from __future__ import annotations

from typing import Any, NamedTuple

from bench.data.catalog import MODALITIES


class Column(NamedTuple):
    """A column of the curves. A unit of "text" means strings; a direction of "" means that none is better."""

    name: str
    unit: str
    direction: str


def facts(
    modalities: tuple[str, ...],
    columns: tuple[Column, ...],
    *,
    protocol: str,
    cost: str,
    floor: bool = True,
    needs_modes: bool = False,
    check: str | None = None,
    **more: Any,
) -> dict[str, Any]:
    """The facts of an entry, as the head of bench/metrics/catalog.py explains them."""
    return {
        "modalities": modalities,
        "unit": columns[0].unit,
        "direction": columns[0].direction,
        "columns": columns,
        "needs_modes": needs_modes,
        "check": check,
        "protocol": protocol,
        "floor": floor,
        "cost": cost,
        **more,
    }


ANY = tuple(MODALITIES)


def distance(name: str, unit: str) -> tuple[Column, ...]:
    """The columns of a distance to both splits, with its evaluation noise."""
    return (
        Column(name, unit, "lower"),
        Column(f"{name}.heldout", unit, "lower"),
        Column(f"{name}.noise", unit, ""),
        Column(f"{name}_status", "text", ""),
    )


DISTANCE = (
    "n samples against the first n train rows (`.heldout`: the first n held-out rows; `.noise`: the two"
    " halves of the sample against the train rows); nothing is drawn; "
)
