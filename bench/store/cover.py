"""Which cells a table of trials holds, told by their values on the axes: as a study counts them."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


def key(axes: Mapping[str, Any]) -> str:
    """A short hash of a cell's value on each axis, the same for the study's value and for the table's.

    A column of mixed types holds texts, one of whole and other numbers holds floats.
    """
    return digest(f"{axis}={_text(value)}" for axis, value in axes.items())


def digest(texts: Iterable[str]) -> str:
    """A short hash of texts in any order."""
    return hashlib.sha256(json.dumps(sorted(texts)).encode()).hexdigest()[:12]


def _text(value: Any) -> str:
    if value is None or value != value:
        return "none"
    text = str(value)
    if text in ("True", "False"):
        return text.lower()
    try:
        return repr(float(text))
    except ValueError:
        return text


def keys(trials: pd.DataFrame, axes: Mapping[str, str]) -> list[str]:
    """The key of each trial's cell, [N]; `axes`: axis -> its column."""
    columns = [trials[column].tolist() for column in axes.values()]
    rows = zip(*columns, strict=True) if columns else [()] * len(trials)
    known: dict[tuple[Any, ...], str] = {}
    return [known.setdefault(row, key(dict(zip(axes, row, strict=True)))) for row in rows]


def is_covered(
    cells: Sequence[str], seeds: Sequence[int], trials: pd.DataFrame, axes: Mapping[str, str]
) -> bool:
    """Whether each of these cells (by key) is done with each of these seeds."""
    if not cells or not seeds:
        return False
    done: dict[tuple[str, str], set[int]] = {}
    rows = zip(trials["cell"], keys(trials, axes), trials["seed"], trials["status"], strict=True)
    for cell, its_key, seed, status in rows:
        if status == "done":
            done.setdefault((str(cell), its_key), set()).add(int(seed))
    wanted = set(seeds)
    # Included cells may share their values on all axes, so cells are counted.
    return not Counter(cells) - Counter(its_key for (_, its_key), have in done.items() if wanted <= have)
