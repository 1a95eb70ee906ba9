"""Writes the table of verdicts into README.md, and docs/folklore.md: beliefs about GAN training on trial.

Words are those of docs/beliefs.yaml, claims those of studies/folklore/ (their key `belief` names the belief),
and verdicts, like the numbers between the words, are made from the tables in results/folklore/, which
`make folklore` makes anew. Run it after any of them has changed: `make docs`. A test checks that both pages
are current.
"""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parent))

import belief_facts
import yaml

from bench.errors import UserError
from bench.judge.claim import VERDICTS, Judged
from bench.judge.claim_reasons import is_torn
from bench.report import claim_sentences, claims
from bench.store.tables import load
from bench.study import examples

ROOT = Path(__file__).resolve().parent.parent
README, PAGE, BELIEFS = ROOT / "README.md", ROOT / "docs" / "folklore.md", ROOT / "docs" / "beliefs.yaml"
STUDIES, RESULTS = ROOT / "studies" / "folklore", ROOT / "results" / "folklore"
START, END = "<!-- verdicts: made by `make docs` -->", "<!-- end of verdicts -->"

NOT_RUN = "not run yet"
SHARE, FACTOR = "share of trials", "log-ratio"
NEAR_ZERO = 0.0005
"""Shares below it are written as 0."""
SHOWN = 3
"""Claims of a belief in the README, where docs/beliefs.yaml does not choose."""
HEAD = """# The folklore on trial

What people say about GAN training, as claims with a margin, judged on trials. Made by `make docs` from
[beliefs.yaml](beliefs.yaml), the studies in `studies/folklore` and their committed results; do not edit it by
hand. [claims.md](claims.md) says how a claim is judged. `make folklore STUDY=NAME` runs a study again.

An effect is signed so that positive is what was expected; seeds are counted, not trials. The verdicts of
a study hold together (Holm's rule), so its intervals are wider than 95 % ones would be. A verdict is about
the networks, data and ranges of its study, and no further: each file says at its top what it trains.
"""


@dataclass(frozen=True)
class Belief:
    """What people say, and its entry in docs/beliefs.yaml.

    `shown`: claims that the README shows -> a short name; all of them where empty.
    """

    number: int
    words: str
    shown: Mapping[str, str] = field(default_factory=dict)
    entry: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Ruling:
    """A claim of a study and its verdict; none where the study has no results yet."""

    study: str
    claim: str
    text: str
    judged: Judged | None


def beliefs() -> list[Belief]:
    """The beliefs in their order."""
    document = yaml.safe_load(BELIEFS.read_text())
    return [
        Belief(number, each["belief"], each.get("claims") or {}, each)
        for number, each in sorted(document.items())
    ]


def studies() -> dict[str, list[dict[str, Any]]]:
    """The studies by name, each with its claims as written."""
    found = {path.stem: yaml.safe_load(path.read_text()) for path in sorted(STUDIES.glob("*.yaml"))}
    return {name: list(study.get("claims") or []) for name, study in found.items()}


def rulings() -> dict[int, list[Ruling]]:
    """Belief -> its claims over all studies, judged where there are results."""
    found: dict[int, list[Ruling]] = {}
    for study, written in studies().items():
        judged: dict[str, Judged] = {}
        if (RESULTS / study / "trials.parquet").exists():
            judged = {each.id: each for each in claims.judged(load(RESULTS / study))}
        for claim in written:
            if "belief" in claim:
                ruling = Ruling(study, claim["id"], claim["text"], judged.get(claim["id"]))
                found.setdefault(claim["belief"], []).append(ruling)
    return found


# --- the table of the README


def readme(found: Mapping[int, Sequence[Ruling]]) -> str:
    """README.md with the table of today."""
    text = README.read_text()
    head, tail = text.split(START)[0], text.split(END)[1]
    return f"{head}{START}\n{table(beliefs(), found)}\n{END}{tail}"


def table(known: Iterable[Belief], found: Mapping[int, Sequence[Ruling]]) -> str:
    """A row for each claim that is shown; number, words and links stand in the first row of a belief."""
    lines = ["| | belief | claim | verdict | effect | seeds | study |", "|--:|---|---|---|---|--:|---|"]
    for belief in known:
        of_belief = found.get(belief.number, ())
        first = [f"[{belief.number}](docs/folklore.md#belief-{belief.number})", _cell(belief.words)]
        links = _links(of_belief, "")
        for row in _rows(belief, of_belief):
            lines.append("| " + " | ".join([*first, *row, links]) + " |")
            first, links = ["", ""], ""
    return "\n".join(lines)


def _rows(belief: Belief, found: Sequence[Ruling]) -> list[list[str]]:
    """The rows of a belief: the claims that are shown, and the verdicts of the others counted."""
    if not any(each.judged for each in found):
        return [["", NOT_RUN, "", ""]]
    names = belief.shown or {each.claim: each.claim for each in found[:SHOWN]}
    shown = [(name, each) for claim, name in names.items() for each in found if each.claim == claim]
    rest = Counter(
        each.judged.verdict.replace("_", " ") if each.judged else NOT_RUN
        for each in found
        if each.claim not in names
    )
    rows = [_row(name, each) for name, each in shown]
    counts = ", ".join(f"{count} {verdict}" for verdict, count in rest.most_common())
    return [*rows, *([[f"{rest.total()} more", counts, "", ""]] if rest else [])]


def _row(name: str, ruling: Ruling) -> list[str]:
    judged = ruling.judged
    if judged is None:
        return [_cell(name), NOT_RUN, "", ""]
    seeds = str(judged.estimate.n) if judged.estimate.n else "–"
    return [_cell(name), _verdict(judged), effect(judged), seeds]


def _verdict(judged: Judged) -> str:
    """Bold where it decides something; with what is left open: whether more steps would settle it, or whether
    the effect, which is there, reaches the margin."""
    word = judged.verdict.replace("_", " ")
    if is_torn(judged.verdict, judged.reason):
        return f"{word} (more steps)"
    if judged.verdict not in VERDICTS[:3]:
        return word
    return f"**{word}**{', size open' if claim_sentences.is_perhaps_small(judged) else ''}"


def effect(judged: Judged) -> str:
    """`62 points [53, 71]`, with all that undecided trials leave open; of a distance `× 1.4 [1.2, 1.7]`."""
    both = judged.readings
    means = sorted(each.mean for each in both if math.isfinite(each.mean))
    if not means:
        return "–"
    span = " to ".join(dict.fromkeys(_number(each, judged.unit) for each in (means[0], means[-1])))
    ends = [end for each in both for end in (each.low, each.high) if end is not None]
    is_whole = len(ends) == 2 * len(both)
    interval = f" [{_number(min(ends), judged.unit)}, {_number(max(ends), judged.unit)}]" if is_whole else ""
    if judged.claim.within is not None:
        claimed = " to ".join(_number(end, judged.unit) for end in judged.claim.within)
        percent = " %" if judged.unit == SHARE else ""
        return f"{span}{percent}{interval}, claimed {claimed}{percent}"
    if judged.unit == FACTOR:
        return f"× {span}{interval}"
    unit = judged.unit if judged.unit != SHARE else "point" if span in ("1", "−1") else "points"
    return f"{span} {unit}{interval}"


def _number(value: float, unit: str) -> str:
    if unit == FACTOR:
        factor = math.exp(min(value, 99.0))
        return f"{factor:.0f}" if factor >= 10 else f"{factor:#.2g}"
    text = f"{100 * value:.0f}" if unit == SHARE else f"{value:.2f}" if abs(value) < 100 else f"{value:.3g}"
    if unit == SHARE and float(text) == 0 and abs(value) >= NEAR_ZERO:
        text = f"{100 * value:.1f}"  # an end that leaves 0 out must not be written as 0
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "−")


def _links(found: Sequence[Ruling], up: str) -> str:
    """To each study of a belief and to its results, where there are any."""
    parts = []
    for study in dict.fromkeys(each.study for each in found):
        results = any(each.judged for each in found if each.study == study)
        kept = f", [results]({up}results/folklore/{study})" if results else ""
        parts.append(f"[{study}]({up}studies/folklore/{study}.yaml){kept}")
    return "; ".join(parts)


# --- docs/folklore.md


def page(found: Mapping[int, Sequence[Ruling]]) -> str:
    """The whole page."""
    return "\n".join([HEAD, *(_section(each, found.get(each.number, ())) for each in beliefs())])


def _section(belief: Belief, found: Sequence[Ruling]) -> str:
    lines = [f"## Belief {belief.number}", "", f"**{belief.words}.**", ""]
    if not found:
        return "\n".join([*lines, "Not run yet: no study names this belief.", ""])
    for study in dict.fromkeys(each.study for each in found):
        of_study = [each for each in found if each.study == study]
        lines += [f"{_links(of_study, '../')}: {examples.question(STUDIES / f'{study}.yaml')}", ""]
        lines += [_sentence(each) for each in of_study]
        lines.append("")
    if any(each.judged for each in found) and (means := _means(belief)):
        lines += [means, ""]
    return "\n".join(lines)


def _means(belief: Belief) -> str:
    try:
        return belief_facts.filled(belief.entry, lambda study: _tables(RESULTS / study)).strip()
    except UserError as error:
        raise UserError(f"{BELIEFS.name}, belief {belief.number}: {error}") from error


@cache
def _tables(folder: Path) -> belief_facts.Tables:
    results = load(folder)
    return belief_facts.tables(results.trials, results.curves, results.rules)


def _sentence(ruling: Ruling) -> str:
    judged, text = ruling.judged, ruling.text.rstrip(".")
    if judged is None:
        return f"- {NOT_RUN}: {text} (`{ruling.claim}`)."
    return f"- {_verdict(judged)}: {text} (`{ruling.claim}`). {' '.join(_numbers(judged))}"


def _numbers(judged: Judged) -> Iterator[str]:
    """The sentences behind a verdict, as the report gives them."""
    if measured := claim_sentences.sentence(judged):
        # A column keeps its spelling: `d_auc`, not `D_auc`.
        yield measured if "_" in measured.split()[0] else f"{measured[:1].upper()}{measured[1:]}"
    if others := claim_sentences.all_failed(judged):
        yield others
    if others := claim_sentences.failures(judged):
        yield others
    for each in judged.premises:
        yield f"Premise: {claim_sentences.premise(each)}."
    if judged.depends:
        yield f"It depends on {judged.depends}."
    if judged.changed:
        yield f"The claim was {judged.changed}."
    reason = judged.reason.rstrip(".")
    yield f"{reason[:1].upper()}{reason[1:]}."


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> None:
    found = rulings()
    README.write_text(readme(found))
    PAGE.write_text(page(found))


if __name__ == "__main__":
    main()
