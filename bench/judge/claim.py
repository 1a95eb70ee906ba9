"""What a claim is, and what is said of it: plain records. How they are judged: `claims.py`."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.judge.stats import Estimate

SUPPORTED, REFUTED, NO_EFFECT = "supported", "refuted", "no_effect"
INCONCLUSIVE, UNTESTABLE = "inconclusive", "untestable"
VERDICTS = (SUPPORTED, REFUTED, NO_EFFECT, INCONCLUSIVE, UNTESTABLE)

FLAG, OUTCOME, METRIC, MONITOR = "flag", "outcome", "metric", "monitor"
FAILURE = "failure"
"""Stands for every outcome that is a failure."""

DIFFERENCE, LOG_RATIO = "difference", "log_ratio"

LESS, MORE = "less", "more"
CONTROL, TREATMENT = "control", "treatment"

_SIGNS = {"above": ">", "below": "<", "at_least": "≥", "at_most": "≤"}
_HOLDS: Mapping[str, Callable[[Any, float], Any]] = {
    "above": operator.gt, "below": operator.lt, "at_least": operator.ge, "at_most": operator.le,
}  # fmt: skip

Where = Mapping[str, tuple[Any, ...]]
"""Axis or key -> the values that are meant."""


@dataclass(frozen=True)
class Bound:
    """A side of a number: above, below, at_least or at_most `value`."""

    side: str
    value: float

    def holds(self, seen: Any) -> Any:
        """Whether a value is on the side, or of an array which are; NaN is not."""
        return _HOLDS[self.side](seen, self.value)


@dataclass(frozen=True)
class Quantity:
    """What of a trial is looked at.

    kind: flag, outcome, metric or monitor. names: one name; of outcomes several, any of which counts.
    scale: `difference` or `log_ratio` for numbers; None: by what is measured, see `claim_values.scale_of`.
    bound: of a metric or a monitor, the side on which a trial counts; without one, its number does.
    """

    kind: str
    names: tuple[str, ...]
    scale: str | None = None
    bound: Bound | None = None

    @property
    def is_share(self) -> bool:
        """Whether a trial has it or not, so that its mean is a rate."""
        return self.kind in (FLAG, OUTCOME) or self.bound is not None

    @property
    def says(self) -> str:
        """In words: `vanishing gradient`, `failure`, `final sw1`, `d_auc over W`; with a bound
        `median d_auc over W below 0.6`."""
        name = " or ".join(self.names)
        if self.kind in (FLAG, OUTCOME):
            return name.replace("_", " ")
        name = f"final {name}" if self.kind == METRIC else f"{name} over W"
        if self.bound is None:
            return name
        side = f"{self.bound.side.replace('_', ' ')} {self.bound.value:g}"
        return f"{name if self.kind == METRIC else f'median {name}'} {side}"


@dataclass(frozen=True)
class Premise:
    """What must hold of an arm: `quantity` above, below, at_least or at_most `value`."""

    quantity: Quantity
    arm: str
    bound: str
    value: float

    @property
    def says(self) -> str:
        """`d_auc over W > 0.99 in the control`"""
        return f"{self.quantity.says} {_SIGNS[self.bound]} {self.value:g} in the {self.arm}"

    def holds(self, seen: float) -> bool:
        """Whether a value is on the right side; NaN is not."""
        return bool(Bound(self.bound, self.value).holds(seen))


@dataclass(frozen=True)
class Claim:
    """A claim of a study, names checked.

    An effect has compare (axis -> (treatment, control); several change together), expect and margin; a value
    has `within` and, maybe, `among`: the outcomes of the trials that it is claimed of.
    """

    id: str
    text: str
    quantity: Quantity
    where: Where = field(default_factory=dict)
    compare: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    premises: tuple[Premise, ...] = ()
    expect: str | None = None
    margin: float | None = None
    within: tuple[float, float] | None = None
    among: tuple[str, ...] = ()
    belief: int | None = None

    @property
    def is_value(self) -> bool:
        return self.within is not None


@dataclass(frozen=True)
class Cell:
    """The effect in one cell: its other axes as text, and the estimate at 95 %, signed as the claim's."""

    name: str
    estimate: Estimate


@dataclass(frozen=True)
class Seen:
    """A premise beside what was seen of it; n seeds. `value` is NaN where it is not known."""

    says: str
    value: float
    holds: bool
    n: int


@dataclass(frozen=True)
class Judged:
    """A claim with its verdict and all that decided it.

    estimate: of an effect signed so that positive is what was expected, of a value as it is; its interval
    has the confidence `confidence`. With undecided trials it is that with none of them failed, and
    `all_failed` is the other one; the verdict needs both to agree.
    treatment, control: the levels of the two arms (rates; medians over seeds of numbers).
    failure: the effect on failures of any kind, signed so that positive is fewer, twice: with no undecided
    trial failed and with all. level: error rate of the whole family of `family` claims at this look.
    seeds: how many would settle it; None where that is not known, or it is settled.
    short: of a claim that cannot be tested, the first of its reasons, without the numbers behind it.
    """

    id: str
    text: str
    verdict: str
    reason: str
    estimate: Estimate
    confidence: float
    unit: str
    margin: float | None
    pairs: int
    claim: Claim
    all_failed: Estimate | None = None
    treatment: float | None = None
    control: float | None = None
    correlation: float | None = None
    unpaired: int = 0
    failure: tuple[Estimate, Estimate] | None = None
    cells: tuple[Cell, ...] = ()
    depends: str = ""
    premises: tuple[Seen, ...] = ()
    p: float | None = None
    family: int = 1
    look: int = 1
    level: float = 0.025
    seeds: int | None = None
    changed: str = ""
    short: str = ""

    @property
    def belief(self) -> int | None:
        return self.claim.belief

    @property
    def readings(self) -> tuple[Estimate, ...]:
        """The estimates that the verdict needs to agree: one, or with undecided trials both."""
        return (self.estimate,) if self.all_failed is None else (self.estimate, self.all_failed)
