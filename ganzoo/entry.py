"""What a catalogue is made of: keys with types and ranges, entries, and the catalogue that finds them."""

from __future__ import annotations

import difflib
import importlib
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


class CatalogError(ValueError):
    """A name or key that no catalogue entry knows, or a value outside its range."""


@dataclass(frozen=True)
class Key:
    """One keyword of a component: type, default and legal values."""

    type: type
    default: Any
    doc: str
    low: float = -math.inf
    high: float = math.inf
    choices: tuple[Any, ...] = ()

    def check(self, value: Any) -> Any:
        """Return `value` in the key's type, or raise CatalogError with the legal values."""
        if self.type is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if not isinstance(value, self.type) or (isinstance(value, bool) and self.type is not bool):
            hint = number_hint(value, self.type)
            raise CatalogError(f"expected {_TYPE_NAMES[self.type]}, got {value!r}{hint}")
        if self.choices and value not in self.choices:
            raise CatalogError(
                f"got {value!r}{suggest(value, self.choices)}; legal: {', '.join(map(str, self.choices))}"
            )
        if isinstance(value, (int, float)) and not self.low <= value <= self.high:
            raise CatalogError(f"got {value!r}; legal: {self.low:g} to {self.high:g}")
        return value


_EXPONENT = re.compile(r"([-+]?)(\d+\.?\d*|\.\d+)[eE]([-+]?)(\d+)")


def number_hint(value: Any, wanted: type) -> str:
    """How to write a number that YAML reads as text (1e6 lacks the dot and the sign); else empty."""
    found = _EXPONENT.fullmatch(value) if isinstance(value, str) else None
    if found is None or wanted not in (int, float):
        return ""
    minus, digits, sign, exponent = found.groups()
    number = float(value)
    if wanted is int:
        is_short = number.is_integer() and abs(number) < 1e15
        return f" (YAML reads {value} as text: write {number:.0f})" if is_short else ""
    dotted = digits if "." in digits else f"{digits}.0"
    return f" (YAML reads {value} as text: write {minus}{dotted}e{sign or '+'}{exponent})"


_TYPE_NAMES: Mapping[type, str] = {
    int: "a whole number",
    float: "a number",
    str: "text",
    bool: "true or false",
}


@dataclass(frozen=True)
class Entry:
    """One component.

    `target` is `module:attribute`; `facts` are what a validator needs to know of it; `known_for` and
    `fails_when` are a sentence each, for docs/zoo.md. `aliases` are names that others use for it: they are
    not legal, but whoever writes one is told the right one.
    """

    kind: str
    name: str
    target: str
    formula: str
    keys: Mapping[str, Key] = field(default_factory=dict)
    paper: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    known_for: str = ""
    fails_when: str = ""
    aliases: tuple[str, ...] = ()

    def load(self) -> Any:
        """Import and return the target."""
        module, _, attribute = self.target.partition(":")
        return getattr(importlib.import_module(module), attribute)

    def resolve(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """All keys of the component, `given` over the defaults; raises CatalogError for what is not legal."""
        problems = []
        for key in given:
            if key not in self.keys:
                legal = ", ".join(self.keys) or "it has no keys"
                problems.append(
                    f"{key}: {self.name} has no such key{suggest(key, self.keys)}; legal: {legal}"
                )
        values = {name: key.default for name, key in self.keys.items()}
        for name, value in given.items():
            if name in self.keys:
                try:
                    values[name] = self.keys[name].check(value)
                except CatalogError as error:
                    problems.append(f"{name}: {error}")
        if problems:
            raise CatalogError("; ".join(problems))
        return values


class Catalog:
    """Entries by kind and name."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._entries: dict[str, dict[str, Entry]] = {}
        for entry in entries:
            self.register(entry)

    def register(self, entry: Entry) -> None:
        """Add an entry; a name that is taken is an error."""
        names = self._entries.setdefault(entry.kind, {})
        if entry.name in names:
            raise CatalogError(f"{entry.kind} {entry.name!r} is registered twice")
        names[entry.name] = entry

    def remove(self, kind: str, name: str) -> None:
        """Take an entry out again."""
        del self._entries[kind][name]
        if not self._entries[kind]:
            del self._entries[kind]

    def kinds(self) -> tuple[str, ...]:
        return tuple(self._entries)

    def names(self, kind: str) -> tuple[str, ...]:
        return tuple(self._entries[kind])

    def entries(self, kind: str) -> tuple[Entry, ...]:
        return tuple(self._entries[kind].values())

    def get(self, kind: str, name: str) -> Entry:
        """The entry, or CatalogError with "did you mean" and the legal names."""
        names = self._entries[kind]
        if name not in names:
            hint = self._called(kind, name) or suggest(name, names)
            raise CatalogError(f"unknown {kind} {name!r}{hint}; legal: {', '.join(names)}")
        return names[name]

    def _called(self, kind: str, name: str) -> str:
        """`, did you mean ...?` for an alias, in any spelling; and of which kind else there is this name."""
        spelt = _letters(name)
        known = [
            repr(each.name)
            for each in self.entries(kind)
            if spelt in map(_letters, (each.name, *each.aliases))
        ]
        others = [other for other in self.kinds() if other != kind and name in self._entries[other]]
        hint = f", did you mean {' or '.join(known)}?" if known else ""
        return hint + (f" ({name} is the name of a {others[0]})" if others else "")


def _letters(name: str) -> str:
    """A name without what spellings differ in: `LSGAN`, `ls-gan` and `ls_gan` are one."""
    return re.sub(r"[\W_]", "", str(name).lower())


def suggest(name: Any, legal: Iterable[Any]) -> str:
    """The tail `, did you mean 'x'?` for the nearest legal name, or an empty string."""
    close = difflib.get_close_matches(str(name), [str(each) for each in legal], n=1, cutoff=0.6)
    return f", did you mean {close[0]!r}?" if close else ""
