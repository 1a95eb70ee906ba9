"""Writes docs/outcomes.md and its pictures: each outcome in words, as a formula and from a curve.

Words, formulas and thresholds are those of `bench/judge`; the pictures are planted curves with a known
ending, drawn as a report draws its examples. Run it after a rule has changed: `make docs`. A test checks
that the page is current.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests" / "fixtures"))

from planted_curves import CONTEXT, planted

from bench.judge.outcomes import OUTCOMES, judge_trace
from bench.judge.rules import RANGES, RULES
from bench.judge.trace import Trace
from bench.judge.words import WINDOW, WORDING, said
from bench.report.evidence import alternative, evidence
from bench.report.svg import standalone, style

PAGE = Path(__file__).with_name("outcomes.md")
PICTURES = PAGE.with_suffix("")

HEAD = """# Outcomes

Every finished trial gets one outcome, the step from which it held, and a reason in one sentence with its
numbers; one whose end cannot be judged gets none, and a reason that says what is missing. All of it is
made from `curves.parquet` alone: `ganbench judge results/<study>` does it again after a rule has
changed, without training. Made by `make docs` from the rules themselves; do not edit it by hand.

The rules have a version: these are the rules of version {version}. They live in `bench/judge/rules.py`
(thresholds, and why), and `failures.py`, `oscillation.py` and `quality.py` beside it (conditions).

## Words

- **q** is the data set's primary distance (`fd` for images, `sw1` for points and signals), **f** and **s**
  are mean and SD of its floor: real held-out data against the same reference. **q₀** is the distance at
  step 0.
- The **relative distance** q̃ = (q - f) / (q₀ - f) is 1 at the start and 0 at the floor. Nothing is judged
  by absolute numbers of one data set.
- **σ** is the noise of one evaluation, from two disjoint sample sets (`<q>.noise`; the median over the
  run).
- {window} The evaluation at step 0 never belongs to it.
- A **flag** holds when its condition is true at the end: for most throughout W. Its *onset* is the first
  step of the unbroken run that reaches the end. A condition that held, but was over before the end, leaves
  onset and *recovery*.
- A rule that lacks the evaluations or columns that it needs gives null, never false. A trial whose end
  cannot be judged has no outcome, and its reason says what is missing. Rows may stand in any order and more
  than once; what is no number counts as null.

## The outcomes, in order of precedence

Several flags may hold. The outcome is the first of this table that holds at the end.

"""

RULES_TEXT = """
All but `converged` and `undertrained` are **failures**. `undertrained` is undecided: a failure rate is
given twice, with all undecided trials failed and with none. Trials that are pending or crashed are in no
denominator.

The pictures below are curves that were made with a known ending. Grey: W. Dots: the onset. Dashed: what the
rule compares with. A report shows the same of a typical trial for each outcome that it finds, and `ganbench
show RESULTS TRIAL` prints rule and thresholds of any trial.
"""

TAIL = """
## Thresholds of your own

`ganbench judge RESULTS --rules FILE` judges by thresholds of your own. The file names those that differ:

```yaml
# my_rules.yaml
version: {version}               # optional: refused by rules of another version
converged_distance: 0.1
window_least: 7
```

Everything that is wrong with it is said at once. The tables then name rules `{version}+` and eight digits
of the hash of what was changed, the metadata of `trials.parquet` holds every threshold, report and `show`
print those that were used, and `judge` lists the trials that have another outcome and counts them. Nothing is
lost: `ganbench judge RESULTS` without a file restores the tables byte for byte.

"""


def picture(outcome: str) -> str:
    """The picture of an outcome: a planted curve, as a file of SVG."""
    trace = Trace.of(planted(outcome), CONTEXT, RULES)
    verdict = judge_trace(trace)
    if verdict.outcome != outcome:
        raise ValueError(f"the curve planted as {outcome} is judged {verdict.outcome}: {verdict.reason}")
    with style():
        made = evidence(trace, outcome, verdict.step, width=9.0, height=2.2)
        return standalone(made, f"{outcome}. {alternative(trace, outcome)}")


def page() -> str:
    """The whole page."""
    head = HEAD.format(version=RULES.version, window=said(WINDOW).replace("W is", "**W** is"))
    rows = [
        f"| [`{name}`](#{name}) | {said(WORDING[name].rule)} | {each.folklore} |"
        for name, each in OUTCOMES.items()
    ]
    table = "\n".join(["| outcome | holds when | folklore |", "|---|---|---|", *rows])
    parts = [
        head + table + "\n" + RULES_TEXT,
        *map(_section, OUTCOMES),
        TAIL.format(version=RULES.version) + _thresholds(),
    ]
    return "\n".join(parts)


def _section(name: str) -> str:
    formula = "\n".join(said(line) for line in WORDING[name].formula)
    notes = "\n".join(f"- {said(note)}" for note in WORDING[name].notes)
    meaning = OUTCOMES[name].meaning
    reason = judge_trace(Trace.of(planted(name), CONTEXT, RULES)).reason
    return (
        f"### {name}\n\n{meaning}\n\n```text\n{formula}\n```\n\n![{name}](outcomes/{name}.svg)\n\n"
        f"> {reason}\n\n{notes}\n"
    )


def _thresholds() -> str:
    lines = ["| threshold | value | unit | from | to | decides |", "|---|---|---|---|---|---|"]
    for name, legal in RANGES.items():
        value = f"{getattr(RULES, name):.10g}"
        lines.append(
            f"| `{name}` | {value} | {legal.unit} | {legal.low:g} | {legal.high:g} | {legal.meaning} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
    PICTURES.mkdir(exist_ok=True)
    for outcome in OUTCOMES:
        (PICTURES / f"{outcome}.svg").write_text(picture(outcome))
