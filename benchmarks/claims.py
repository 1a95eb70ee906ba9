"""How often claims of known truth get which verdict: `make claims`, which writes tables of docs/claims.md.

Each study is a pair of tables that goes through `judge_claims`, as a finished study does. Exit code 1 where
a promise is broken: a planted effect of twice the margin is supported in 90 %, a true null is called an
effect in at most 6 %, and the seeds that would settle a claim settle 80 %.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from bench.data.order import philox
from bench.judge.claim import FLAG, INCONCLUSIVE, METRIC, REFUTED, SUPPORTED, VERDICTS, Claim, Quantity
from bench.judge.claims import Evidence, Judged, judge_claims

PAGE = Path(__file__).resolve().parent.parent / "docs" / "claims.md"
MARGIN = 0.15
NULLS = 2000
MOST_FALSE, LEAST_FOUND, LEAST_SETTLED = 0.06, 0.9, 0.8

Values = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], Values]
"""Draws the values of n seeds: [2 (control, treatment), cells, n]."""


def stream(*what: object) -> np.random.Generator:
    return np.random.Generator(philox("claims " + " ".join(map(str, what))))


@dataclass(frozen=True)
class Kind:
    """A kind of study: how its values are drawn, and what is claimed of them."""

    name: str
    draw: Draw
    claim: Claim

    def judged(self, values: Values, look: int = 1) -> Judged:
        """The verdict on these values, through the tables."""
        return judge_claims([self.claim], evidence(values, self.claim.quantity), look=look)[0]


def evidence(values: Values, *quantities: Quantity) -> Evidence:
    """Tables of a study whose trials have these values, [2, cells, n] or one such array for each quantity."""
    several = values[None] if values.ndim == 3 else values
    _, cells, n = several[0].shape
    arm, cell, seed = (each.ravel() for each in np.indices((2, cells, n)))
    frame = {
        "trial": [f"t{i}" for i in range(arm.size)],
        "seed": seed,
        "status": "done",
        "outcome": "stalled",
        "arm": np.array(["off", "on"], dtype=object)[arm],
        "width": cell,
    }
    for quantity, own in zip(quantities, several, strict=True):
        column = f"{'final' if quantity.kind == METRIC else 'flag'}.{quantity.names[0]}"
        frame[column] = own.ravel() if quantity.kind == METRIC else own.ravel() == 1
    curves = pd.DataFrame({"trial": pd.Series([], dtype=object), "step": pd.Series([], dtype=np.int64)})
    return Evidence(pd.DataFrame(frame), curves, {"arm": "arm", "width": "width"}, {})


def claim(kind: str, name: str, expect: str = "more") -> Claim:
    return Claim(
        name, name, Quantity(kind, (name,)), compare={"arm": ("on", "off")}, expect=expect, margin=MARGIN
    )


def gaussian(effect: float, sd: float, cells: int = 1) -> Kind:
    """Differences of the two arms are N(effect, sd^2) over seeds; a seed moves both arms by N(0, 1)."""

    def draw(rng: np.random.Generator, n: int) -> Values:
        base = rng.normal(size=(1, cells, n)) + rng.normal(size=(1, 1, n))
        # Half of the variance is a seed's own, which does not average out over cells.
        shared = np.sqrt(0.5) * rng.normal(size=(1, n)) + np.sqrt(0.5 * cells) * rng.normal(size=(cells, n))
        return np.concatenate([base, base + effect + sd * shared])

    name = f"Gaussian, effect {effect / MARGIN:g} margins, SD {sd / MARGIN:g} margins"
    return Kind(name, draw, claim(METRIC, "score"))


def bernoulli(control: float, treatment: float, cells: int = 1) -> Kind:
    """Trials fail with these rates; those of a seed are alike (correlation 0.2 of what decides)."""

    def draw(rng: np.random.Generator, n: int) -> Values:
        # A uniform number per trial, correlated within a seed: the rates stay what they are.
        own, common = rng.normal(size=(2, cells, n)), rng.normal(size=(1, 1, n))
        uniform = special.ndtr(np.sqrt(0.8) * own + np.sqrt(0.2) * common)
        return (uniform < np.array([control, treatment])[:, None, None]).astype(np.float64)

    name = f"rates {control:g} and {treatment:g}, {cells} cell{'s' if cells > 1 else ''}"
    return Kind(name, draw, claim(FLAG, "degraded", "more" if treatment >= control else "less"))


def verdicts(kind: Kind, n: int, studies: int, key: str = "") -> Counter[str]:
    """How often each verdict is given to studies of n seeds."""
    rng = stream(key or kind.name, n)
    return Counter(kind.judged(kind.draw(rng, n)).verdict for _ in range(studies))


def false_alarms(kind: Kind, n: int, studies: int) -> float:
    """The share of true nulls that is called supported or refuted."""
    found = verdicts(kind, n, studies)
    return (found[SUPPORTED] + found[REFUTED]) / studies


def family_alarms(claims: int, n: int, studies: int) -> float:
    """The share of studies with several claims, none of them true, in which any is called an effect."""
    kind = bernoulli(0.5, 0.5, 2)
    rng, hits = stream("family", claims, n), 0
    for _ in range(studies):
        values = np.stack([kind.draw(rng, n) for _ in range(claims)])
        asked = [claim(FLAG, f"flag{i}") for i in range(claims)]
        made = judge_claims(asked, evidence(values, *(each.quantity for each in asked)))
        hits += any(each.verdict in (SUPPORTED, REFUTED) for each in made)
    return hits / studies


@dataclass(frozen=True)
class Settled:
    """Of studies that were inconclusive: how many, the median of the seeds named, the share settled there."""

    studies: int
    seeds: float
    share: float


def settled(kind: Kind, n: int, studies: int, most: int = 3000) -> Settled:
    """Studies of n seeds that are inconclusive go on, at a second look, to as many seeds as they name."""
    rng = stream("settle", kind.name, n)
    named, hits = [], 0
    for _ in range(studies):
        first = kind.draw(rng, n)
        made = kind.judged(first)
        if made.verdict != INCONCLUSIVE or made.seeds is None or made.seeds > most:
            continue
        named.append(made.seeds)
        whole = np.concatenate([first, kind.draw(rng, made.seeds - n)], axis=-1)
        hits += kind.judged(whole, look=2).verdict != INCONCLUSIVE
    return Settled(len(named), float(np.median(named)) if named else 0.0, hits / max(1, len(named)))


def found_table(studies: int) -> Iterator[tuple[str, bool]]:
    kind = gaussian(2 * MARGIN, MARGIN)
    share = verdicts(kind, 20, studies)[SUPPORTED] / studies
    yield f"| {kind.name}, 20 seeds | supported | {100 * share:.1f} % | {studies:,} |", share >= LEAST_FOUND
    room = bernoulli(0.05, 0.05)
    room = Kind("a control of 0.05 that should become less", room.draw, claim(FLAG, "degraded", "less"))
    share = verdicts(room, 60, 200)["untestable"] / 200
    yield f"| {room.name}, 60 seeds | untestable | {100 * share:.1f} % | 200 |", share >= 0.95


def null_table(studies: int) -> Iterator[tuple[str, bool]]:
    few = studies // 4
    kinds = [(gaussian(0.0, MARGIN), 20, studies), (bernoulli(0.5, 0.5), 20, studies)]
    kinds += [(gaussian(0.0, 3 * MARGIN, 4), 20, few), (bernoulli(0.2, 0.2, 4), 20, few)]
    kinds += [(bernoulli(0.2, 0.2), 60, few)]
    for kind, n, count in kinds:
        share = false_alarms(kind, n, count)
        told = f"| {kind.name}, {n} seeds | supported or refuted | {100 * share:.1f} % | {count:,} |"
        yield told, share <= MOST_FALSE
    count = studies // 10
    share = family_alarms(5, 20, count)
    told = f"| five nulls in one study, 20 seeds | any of them | {100 * share:.1f} % | {count:,} |"
    yield told, share <= MOST_FALSE


def power_table(studies: int) -> Iterator[tuple[str, bool]]:
    for cells in (1, 4):
        for effect in (0.0, 0.05, 0.15, 0.25, 0.35):
            row = []
            for n in (20, 60, 120):
                found = verdicts(bernoulli(0.5, 0.5 - effect, cells), n, studies, f"power {cells} {effect}")
                shares = [100 * found[name] / studies for name in VERDICTS[:4]]
                row.append(" / ".join(f"{share:.0f}" for share in shares))
            yield f"| {cells} | {effect:g} | {' | '.join(row)} |", True


def settle_table(studies: int) -> Iterator[tuple[str, bool]]:
    kinds = [gaussian(effect * MARGIN, 2 * MARGIN) for effect in (0.0, 0.5, 1.0)]
    kinds += [bernoulli(0.5, 0.5 - effect, cells) for cells in (1, 4) for effect in (0.0, 0.075, 0.15)]
    for kind in kinds:
        found = settled(kind, 20, studies)
        told = (
            f"| {kind.name} | {found.studies} of {studies} | {found.seeds:.0f} | {100 * found.share:.0f} % |"
        )
        yield told, found.share >= LEAST_SETTLED


TABLES: tuple[tuple[tuple[str, ...], Callable[[], Iterator[tuple[str, bool]]]], ...] = (
    (("study", "verdict", "how often", "studies"), lambda: chain(found_table(500), null_table(NULLS))),
    (("cells", "effect", "20 seeds", "60 seeds", "120 seeds"), lambda: power_table(60)),
    (("study, 20 seeds at first", "inconclusive", "seeds named", "settled"), lambda: settle_table(60)),
)


def main() -> int:
    texts, is_kept = [], True
    for head, lines in TABLES:
        text = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
        for line, kept in lines():
            print(line, "" if kept else "BROKEN", file=sys.stderr, flush=True)
            text.append(line)
            is_kept &= kept
        texts.append("\n".join(text))
    print(made := "\n\n".join(texts))
    head_of, rest = PAGE.read_text().split("<!-- simulated -->\n", 1)
    _, tail = rest.split("<!-- /simulated -->", 1)
    PAGE.write_text(f"{head_of}<!-- simulated -->\n{made}\n<!-- /simulated -->{tail}")
    return 0 if is_kept else 1


if __name__ == "__main__":
    sys.exit(main())
