"""Are trials measured alike? Only then may their numbers stand beside each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from bench.errors import UserError
from bench.report.words import clean, label
from bench.trial import canonical_json

DIGITS = 12
"""Of a sha256: enough to tell two apart."""

Measured = tuple[str, pd.DataFrame, list[tuple[Mapping[str, Any], pd.DataFrame]]]
"""A study's name, its trials, and each way of measuring with the trials so measured."""

Found = dict[str, pd.Index]
"""What a fact says -> the trials of which it says so."""


def check(several: Sequence[Measured], metric: str, axes: Mapping[str, Mapping[str, str]]) -> None:
    """Raise a UserError with one sentence for each thing in which trials were not measured alike.

    Data (sha256), samples per evaluation, feature extractor, the keys and the provenance of the metric and of
    those that outcomes rest on, protocol, rules.

    Args:
        axes: of each study, axis -> column, for the `--where` that would make them alike.
    """
    problems = []
    keys = _differing([trials for _, trials, _ in several])
    facts = [(name, trials, _facts(trials, measures, metric, keys)) for name, trials, measures in several]
    for fact in dict.fromkeys(key for _, _, found in facts for key in found):
        each = [(name, trials, found.get(fact, {})) for name, trials, found in facts]
        if len({text for _, _, texts in each for text in texts}) > 1:
            problems.append(_sentence(fact, each, axes) + _unexplained(fact, each))
    if problems:
        raise UserError("\n".join(("not to be compared:", *(f"  {each}" for each in problems))))


def data_name(trials: pd.DataFrame) -> str:
    """`ring8`, or several names joined."""
    return " and ".join(map(clean, trials["dataset"].unique())) if "dataset" in trials else "data"


def _facts(
    trials: pd.DataFrame,
    measures: Sequence[tuple[Mapping[str, Any], pd.DataFrame]],
    metric: str,
    keys: Sequence[str],
) -> dict[str, Found]:
    found: dict[str, Found] = {}

    def add(fact: str, text: str, of: pd.DataFrame) -> None:
        texts = found.setdefault(fact, {})
        texts[text] = texts[text].union(of.index) if text in texts else of.index

    for sha, of in _by(trials, "data_sha256"):
        add("data", f"{data_name(of)} ({_settings(of, keys)}sha256 {clean(sha)[:DIGITS]})", of)
    for record, of in measures:
        if record.get("samples") is not None:
            add("samples per evaluation", label(record["samples"]), of)
        add("feature extractor", clean(record.get("extractor") or "none"), of)
        for name, text in _protocols(record, metric).items():
            add(f"metric {clean(name)}", text, of)
    for column, fact in (("protocol", "protocol"), ("rules_version", "rules")):
        for value, of in _by(trials, column):
            add(fact, label(value), of)
    return found


_DATASET = "dataset."
"""Columns with the keys of a data set begin so."""


def _differing(tables: Sequence[pd.DataFrame]) -> list[str]:
    """The columns with keys of data sets in which trials differ; a table without one says nothing of it."""
    names = dict.fromkeys(str(c) for each in tables for c in each.columns if str(c).startswith(_DATASET))
    return [c for c in names if len({label(v) for t in tables if c in t for v in t[c].unique()}) > 1]


def _settings(trials: pd.DataFrame, keys: Sequence[str]) -> str:
    """`radius 10, sigma 0.5; `: those keys of the data set, as these trials have them."""
    there = [key for key in keys if key in trials and trials[key].notna().any()]
    told = [f"{clean(k.removeprefix(_DATASET))} {' or '.join(map(label, trials[k].unique()))}" for k in there]
    return f"{', '.join(told)}; " if told else ""


def _unexplained(fact: str, each: Sequence[tuple[str, pd.DataFrame, Found]]) -> str:
    """That data of one name and the same settings are none the less others, where only the hash tells."""
    said = {text.partition("sha256 ")[0] for _, _, texts in each for text in texts}
    if fact != "data" or len(said) > 1:
        return ""
    return "; name and settings are the same, so the files differ, or the version that made them"


def _by(trials: pd.DataFrame, column: str) -> list[tuple[Any, pd.DataFrame]]:
    return list(trials.groupby(column, sort=True)) if column in trials else []


def _protocols(record: Mapping[str, Any], metric: str) -> dict[str, str]:
    """Metric -> its keys and provenance, of those that the comparison rests on: the metric asked for, the
    primary distance, and what outcomes are judged by. Records of before hold none."""
    keys = {str(each.get("name")): dict(each) for each in record.get("metrics") or ()}
    provenance = record.get("provenance") or {}
    asked = metric.removeprefix("ema.").partition(".")[0]
    said = {}
    for name in dict.fromkeys((str(record.get("primary")), asked, "modes", "prdc")):
        if not keys:
            continue
        if name not in keys:
            if name in ("modes", "prdc"):
                said[name] = "not measured"
            continue
        parts = {k: v for k, v in keys[name].items() if k != "name"} | dict(provenance.get(name) or {})
        text = canonical_json(parts).replace('"', "").strip("{}")
        said[name] = clean(text.replace(",", ", ").replace(":", " ")) or "no keys"
    return said


def _sentence(
    fact: str,
    each: Sequence[tuple[str, pd.DataFrame, Found]],
    axes: Mapping[str, Mapping[str, str]],
) -> str:
    if fact == "rules":
        tail = "; `ganbench judge RESULTS` judges anew by today's rules"
    elif fact == "protocol":
        tail = "; numbers of another protocol are drawn otherwise: run one of them anew"
    else:
        tail = ""
    if len(each) == 1:
        _, trials, texts = each[0]
        counts = ", ".join(f"{text} in {len(of)} trials" for text, of in texts.items())
        return f"{fact}: {counts}{tail or _where(trials, texts, axes[each[0][0]])}"
    sides = ", ".join(f"{name} has {' and '.join(texts) or 'none'}" for name, _, texts in each)
    return f"{fact}: {sides}{tail or _shared(fact, each)}"


def _shared(fact: str, each: Sequence[tuple[str, pd.DataFrame, Found]]) -> str:
    """The `--where` that takes the data set that all have."""
    texts = [set(found) for _, _, found in each]
    both = [text for text in each[0][2] if all(text in others for others in texts)]
    if fact != "data" or not both:
        return ""
    _, trials, found = each[0]
    return f'; take what both have: --where "dataset == {data_name(trials.loc[found[both[0]]])}"'


def _where(trials: pd.DataFrame, texts: Found, axes: Mapping[str, str]) -> str:
    """`; take one: --where "data == ring8"` for the first axis whose values decide which it is."""
    owner = pd.Series("", index=trials.index)
    for text, of in texts.items():
        owner.loc[of] = text
    for axis, column in axes.items():
        if owner.groupby(trials[column], dropna=False).nunique().le(1).all():
            value = label(trials[column].iloc[0])
            quoted = f"'{value}'" if " " in value else value
            return f'; take one of them, as with --where "{clean(axis)} == {quoted}"'
    return ""
