"""Every component of the zoo: its name, where its code is, its keys, its formula and its paper.

The catalogue is the only schema of a component. It imports neither torch nor numpy, so that a study can be
checked on any machine. Each key is a keyword-only argument of the target; a test binds every entry to the
signature of its target.
"""

from __future__ import annotations

import difflib
import importlib
import math
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
            hint = ""
            if isinstance(value, str) and self.type is float:
                hint = " (YAML reads 1e-4 as text: write 1.0e-4)"
            raise CatalogError(f"expected {_TYPE_NAMES[self.type]}, got {value!r}{hint}")
        if self.choices and value not in self.choices:
            raise CatalogError(
                f"got {value!r}{suggest(value, self.choices)}; legal: {', '.join(map(str, self.choices))}"
            )
        if isinstance(value, (int, float)) and not self.low <= value <= self.high:
            raise CatalogError(f"got {value!r}; legal: {self.low:g} to {self.high:g}")
        return value


_TYPE_NAMES: Mapping[type, str] = {
    int: "a whole number",
    float: "a number",
    str: "text",
    bool: "true or false",
}


@dataclass(frozen=True)
class Entry:
    """One component. `target` is `module:attribute`; `facts` are what a validator needs to know of it."""

    kind: str
    name: str
    target: str
    formula: str
    keys: Mapping[str, Key] = field(default_factory=dict)
    paper: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

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
            raise CatalogError(f"unknown {kind} {name!r}{suggest(name, names)}; legal: {', '.join(names)}")
        return names[name]


def suggest(name: Any, legal: Iterable[Any]) -> str:
    """The tail `, did you mean 'x'?` for the nearest legal name, or an empty string."""
    close = difflib.get_close_matches(str(name), [str(each) for each in legal], n=1, cutoff=0.6)
    return f", did you mean {close[0]!r}?" if close else ""


_WIDTH = Key(int, 16, "channels of the widest-resolution layer", low=1, high=1024)
_LATENT = Key(
    str,
    "normal",
    "latent distribution: N(0, 1) or U(-1, 1) in each coordinate",
    choices=("normal", "uniform"),
)
_SATURATING = {"threshold": 0.0, "has_targets": True}

ZOO = Catalog(
    [
        Entry(
            "model",
            "mlp",
            "ganzoo.networks.mlp:mlp",
            "fully connected G and D, ReLU in G and LeakyReLU(0.2) in D",
            keys={
                "width": Key(int, 128, "units of each hidden layer", low=1, high=8192),
                "depth": Key(int, 2, "hidden layers", low=1, high=32),
                "latent": _LATENT,
                "latent_dim": Key(
                    int, 0, "dimensions of the latent; 0: 2 for points, 64 for images", low=0, high=4096
                ),
            },
            facts={"shapes": "any"},
        ),
        Entry(
            "model",
            "dcgan",
            "ganzoo.networks.dcgan:dcgan",
            "strided (transposed) 4x4 convolutions, BatchNorm but in G's output and D's input, no pooling",
            keys={
                "width": _WIDTH,
                "latent": _LATENT,
                "latent_dim": Key(int, 0, "dimensions of the latent; 0: 64", low=0, high=4096),
            },
            paper="arXiv:1511.06434",
            facts={"shapes": "image", "sizes": (28, 32), "batchnorm_d": True},
        ),
        Entry(
            "loss",
            "minimax",
            "ganzoo.losses:minimax",
            "D: softplus(-D(x)) + softplus(D(G(z))); G: -softplus(D(G(z))), the saturating form",
            paper="arXiv:1406.2661",
            facts=_SATURATING,
        ),
        Entry(
            "loss",
            "non_saturating",
            "ganzoo.losses:non_saturating",
            "D: softplus(-D(x)) + softplus(D(G(z))); G: softplus(-D(G(z)))",
            paper="arXiv:1406.2661",
            facts=_SATURATING,
        ),
        Entry(
            "loss",
            "wasserstein",
            "ganzoo.losses:wasserstein",
            "D: D(G(z)) - D(x); G: -D(G(z)); the critic needs a Lipschitz penalty",
            paper="arXiv:1701.07875",
            facts={"threshold": None, "has_targets": False},
        ),
        Entry(
            "loss",
            "least_squares",
            "ganzoo.losses:least_squares",
            "D: ((D(x) - 1)^2 + D(G(z))^2) / 2; G: (D(G(z)) - 1)^2 / 2",
            paper="arXiv:1611.04076",
            facts={"threshold": 0.5, "has_targets": True},
        ),
        Entry(
            "loss",
            "hinge",
            "ganzoo.losses:hinge",
            "D: relu(1 - D(x)) + relu(1 + D(G(z))); G: -D(G(z))",
            paper="arXiv:1705.02894",
            facts={"threshold": 0.0, "has_targets": False},
        ),
        Entry(
            "penalty",
            "weight_clip",
            "ganzoo.penalties:weight_clip",
            "after each D step every weight of D is clipped to [-value, value]",
            keys={"value": Key(float, 0.01, "bound of each weight", low=1e-12, high=1e6)},
            paper="arXiv:1701.07875",
        ),
        Entry(
            "update",
            "alternating",
            "ganzoo.updates:alternating",
            "n_critic steps of D and g_steps of G in turn, each on fresh batches",
            paper="arXiv:1406.2661",
        ),
        Entry(
            "optimizer",
            "adam",
            "ganzoo.optimizers:adam",
            "m, v: moving averages of g, g^2; w -= lr * m_hat / (sqrt(v_hat) + eps)",
            keys={
                "eps": Key(float, 1e-8, "added to the root", low=0.0, high=1.0),
            },
            paper="arXiv:1412.6980",
            facts={"betas": True},
        ),
        Entry(
            "optimizer",
            "rmsprop",
            "ganzoo.optimizers:rmsprop",
            "v: moving average of g^2; w -= lr * g / (sqrt(v) + eps)",
            keys={
                "alpha": Key(float, 0.99, "decay of the average", low=0.0, high=1.0),
                "eps": Key(float, 1e-8, "added to the root", low=0.0, high=1.0),
            },
        ),
        Entry(
            "optimizer",
            "sgd",
            "ganzoo.optimizers:sgd",
            "u = momentum * u + g; w -= lr * u",
            keys={"momentum": Key(float, 0.0, "decay of the velocity", low=0.0, high=1.0)},
        ),
    ]
)
