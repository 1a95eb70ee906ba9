"""The numbers in the texts of docs/beliefs.yaml: each is a fact, a name for what a study's tables say.

    study: strong_d
    where: {method: minimax, d: strong}
    facts:
      soon: {where: {d: dropout}, at: 200, count: g_signal < 0.01}
      ranks: {at: end, median: 100 * `d_auc.mean`}
    means: "{soon} of 60 runs are starved at step 200. D ranks {ranks:.0f} of 100 pairs right."

A fact has one of the FORMS: `count`, the runs that meet a condition, or `mean`, `median`, `min`, `max` over
runs of a column or of a formula. `where` picks the runs: column -> value, or list of values. With `at`, a
step, columns of the curves may be named, too, as they are there; with `at: end` they are medians over W, the
last fifth. A run without such a row meets no comparison. `study` and `where` of a belief hold for its facts;
one may change a column of `where`, and one that names a study starts anew. Expressions are those of
pandas.DataFrame.eval, columns those of docs/results.md (in backticks where the name has a dot), its computed
monitors, and one more:

    failed   the outcome is a failure; a run that is still improving is none

`{ranks:.0f}` is written as Python's `format` says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Any

import pandas as pd

from bench.errors import UserError
from bench.judge.claim_values import medians_over_window, monitor_values
from bench.judge.derived import DERIVED
from bench.judge.outcomes import FAILURES
from bench.judge.rules import RULES, Rules

COUNT, END = "count", "end"
FORMS = (COUNT, "mean", "median", "min", "max")
KEYS = {"study", "where", "at", *FORMS}
WRONG = (AttributeError, LookupError, NameError, NotImplementedError, SyntaxError, TypeError, ValueError)
"""What pandas raises where an expression is wrong."""


@dataclass(frozen=True)
class Tables:
    """The tables of a study with `failed` and the computed monitors; `rules` say how long W is."""

    trials: pd.DataFrame
    curves: pd.DataFrame
    rules: Rules


def tables(trials: pd.DataFrame, curves: pd.DataFrame, rules: Rules = RULES) -> Tables:
    """The tables of a study as they are stored, made ready for facts."""
    computed = {name: monitor_values(curves, name, rules) for name in DERIVED}
    failed = trials["outcome"].isin(FAILURES)
    return Tables(trials.assign(failed=failed), curves.assign(**computed), rules)


def filled(entry: Mapping[str, Any], tables_of: Callable[[str], Tables]) -> str:
    """The text `means` of a belief, with the value of the fact in place of each `{name}`.

    Raises:
        UserError: a fact is wrong or not used, or a name has no fact.
    """
    facts: Mapping[str, Any] = entry.get("facts") or {}
    left, text = set(facts), ""
    for words, name, spec, _ in Formatter().parse(entry.get("means") or ""):
        text += words
        if name is None:
            continue
        if name not in facts:
            raise UserError(f"{{{name}}} in `means` has no fact")
        try:
            text += format(value(_whole(facts[name], entry), tables_of), spec or "")
        except (UserError, ValueError) as error:
            raise UserError(f"fact {name}: {error}") from error
        left.discard(name)
    if left:
        raise UserError(f"fact {min(left)}: `means` does not use it")
    return text


def _whole(fact: Mapping[str, Any], entry: Mapping[str, Any]) -> dict[str, Any]:
    """A fact with what it shares with the others of its belief."""
    shared = {} if "study" in fact else {key: entry[key] for key in ("study", "where") if key in entry}
    return {**shared, **fact, "where": {**shared.get("where", {}), **fact.get("where", {})}}


def value(fact: Mapping[str, Any], tables_of: Callable[[str], Tables]) -> float:
    """What the tables say; a count is an int.

    Raises:
        UserError: a key, a column, a value, a step or the expression is wrong, or a run has no number.
    """
    forms = [form for form in FORMS if form in fact]
    if len(forms) != 1 or "study" not in fact or not fact.keys() <= KEYS:
        raise UserError(f"takes a study, one of {', '.join(FORMS)}, and if need be `where` and `at`")
    (form,), of_study = forms, tables_of(fact["study"])
    expression = str(fact[form])
    runs = _beside(_chosen(of_study.trials, fact.get("where", {})), of_study, fact.get("at"), expression)
    try:
        found = runs.eval(expression, engine="python")
    except WRONG as error:
        raise UserError(f"{expression}: {error}") from error
    if not isinstance(found, pd.Series):
        raise UserError(f"{expression}: names no column")
    if (found.dtype == bool) != (form == COUNT):
        raise UserError(f"{expression}: {form} takes {'a condition' if form == COUNT else 'numbers'}")
    if form == COUNT:
        return int(found.sum())
    if found.isna().any():
        raise UserError(f"{expression}: {found.isna().sum()} of {len(found)} runs have no number")
    return float(found.agg(form))


def _chosen(trials: pd.DataFrame, where: Mapping[str, Any]) -> pd.DataFrame:
    for column, wanted in where.items():
        if column not in trials:
            raise UserError(f"where: no column {column}")
        values = wanted if isinstance(wanted, list) else [wanted]
        for each in values:
            if not (trials[column] == each).any():
                raise UserError(f"where: no such run has {column} = {each}")
        trials = trials[trials[column].isin(values)]
    return trials


def _beside(runs: pd.DataFrame, of_study: Tables, at: int | str | None, expression: str) -> pd.DataFrame:
    """The runs with those columns of the curves that an expression names, as they are at a step."""
    if at is None:
        return runs
    curves = of_study.curves
    named = [each for each in curves if each in expression and each not in runs]
    if at == END:
        columns = {each: medians_over_window(curves, each, of_study.rules) for each in named}
    else:
        rows = curves[curves["step"] == at].set_index("trial")
        if rows.empty:
            raise UserError(f"at: nothing was evaluated at step {at}")
        columns = {each: rows[each] for each in named}
    return runs.assign(**{each: runs["trial"].map(column) for each, column in columns.items()})
