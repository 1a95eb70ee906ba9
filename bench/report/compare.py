"""Methods compared, as a page of its own and as a part of the report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.errors import UserError
from bench.judge.comparison import FIRST, SECOND, Contrast, Standing
from bench.judge.effects import LOWER
from bench.report import compare_figures, template
from bench.report.arms import STUDY, Question, of_axis, of_studies
from bench.report.compare_text import (
    brief,
    ends,
    failed_text,
    fresh_text,
    middle_text,
    p_text,
    points_text,
    r_text,
    ratio_text,
    share_text,
    winner,
)
from bench.report.compared import Compared, answer, how, tidy, why_no_r
from bench.report.words import brief_cell, clean, csv_uri, number, percent, slug
from bench.store.atomic import write_text
from bench.store.tables import Results, load

PAIRS_SHOWN = 10
"""Pairs in sight; the rest of many is folded."""


def ask(
    several: Sequence[Results], by: str | None = None, metric: str | None = None, where: str | None = None
) -> Question:
    """The question that the command line asks: values of an axis of one study, or several studies.

    Raises:
        UserError: one study without an axis, several with one, or what `of_axis` and `of_studies` refuse.
    """
    if len(several) > 1 and by is not None:
        raise UserError(
            "--by compares the values of an axis within one study; several studies are compared as they are"
        )
    if len(several) > 1:
        return of_studies(several, metric, where)
    if by is None:
        axes = ", ".join(map(str, several[0].study.get("grid") or several[0].meta.get("axes") or ()))
        raise UserError(
            "one study alone: say by which axis to compare, as --by AXIS"
            + (f" (its axes: {axes})" if axes else "; it has no axes, so give another study")
        )
    return of_axis(several[0], by, metric, where)


def load_all(paths: Sequence[Path]) -> list[Results]:
    """The results of every path; all that cannot be read are said at once."""
    found, problems = [], []
    for path in paths:
        try:
            found.append(load(path))
        except UserError as error:
            problems.append(str(error))
    if problems:
        raise UserError("\n".join(problems))
    return found


def write(it: Compared, several: Sequence[Results], path: Path) -> Path:
    """Write the page: one file that needs no network."""
    write_text(path, page(it, several))
    return path


def page(it: Compared, several: Sequence[Results]) -> str:
    """The page as text."""
    asked, names = it.asked, [arm.name for arm in it.asked.arms]
    title = " against ".join(names) if len(names) < 4 else f"{len(names)} compared"
    if asked.by != STUDY:
        name = clean(several[0].study.get("name") or several[0].path.name)
        title = f"{name}: {clean(asked.by)} compared"
    facts = [
        ("data", asked.data),
        ("samples", asked.samples),
        ("metric", f"{asked.metric}, {'lower' if asked.better == LOWER else 'higher'} is better"),
        ("floor", number(asked.floor[0])),
        ("trials", str(sum(len(arm) for arm in asked.arms))),
    ]
    sources = [(clean(each.study.get("name") or each.path.name), clean(each.path)) for each in several]
    return template.render(
        "compare.html.j2", f"{title} – ganbench", heading=title, block=block(it), facts=facts, sources=sources
    )


def block(it: Compared, group: str = "") -> dict[str, Any]:
    """What the templates show of one comparison."""
    rows = tidy(it)
    header = list(rows[0])
    return {
        "refused": "",
        "group": group,
        "by": clean(it.asked.by),
        "metric": clean(it.asked.metric),
        "ratio": it.is_ratio,
        "tests": it.found.family,
        "no_r": why_no_r(it),
        "answer": answer(it),
        "rates": compare_figures.rates(it),
        "profile": compare_figures.profile(it),
        "profile_note": compare_figures.profile_note(it),
        **_table(it),
        **_pairs(it),
        "how": [_sentence(each) for each in how(it)],
        "csv_href": csv_uri(header, ([brief_cell(row[key]) for key in header] for row in rows)),
        "csv_name": f"{slug(f'compared-by-{it.asked.by}-{group}')}.csv",
    }


def _table(it: Compared) -> dict[str, Any]:
    """`methods`: rows; `columns`: (heading, key, raw key, class), without counts that are equal in all rows.

    `same` says these in a sentence. What was measured on fresh seeds stands first: it flatters nobody.
    """
    rows = [_standing(each) for each in it.found.standings]
    metric = clean(it.asked.metric)
    counts = [("trials", "trials"), ("cells", "cells"), ("seeds", "seeds"), ("diverged", "diverged")]
    equal = [key for _, key in counts if len(rows) > 1 and len({row[key] for row in rows}) == 1]
    columns = [
        ("failed, fresh", "fresh", "fresh_v", "n"),
        (f"{metric}, fresh", "value", "value_v", "n"),
        ("failed", "failed", "failed_v", "n"),
        (metric, "middle", "middle_v", "n"),
        ("chosen cell", "cell", "", "cell"),
        ("failed, odd", "seen", "seen_v", "n"),
        *((name, key, key, "n") for name, key in counts if key not in equal),
    ]
    told = [f"{rows[0][key]} {name}" for name, key in counts if key in equal]
    return {"methods": rows, "columns": columns, "same": f"Each has {', '.join(told)}." if told else ""}


def refused(by: str, group: str, why: str) -> dict[str, Any]:
    """A comparison that could not be made, for the templates."""
    return {"refused": clean(why), "group": group, "by": clean(by)}


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def _standing(each: Standing) -> dict[str, Any]:
    cell, fresh = fresh_text(each.choice)
    row = {
        "name": each.name,
        "trials": each.trials,
        "cells": each.cells,
        "seeds": each.seeds,
        "failed": failed_text(each.failure),
        "failed_v": (each.failure.low.mean + each.failure.high.mean) / 2,
        "diverged": each.diverged,
        "middle": middle_text(each.middle),
        "middle_v": each.middle.mean,
        "cell": cell,
        **dict.fromkeys(("seen_v", "fresh_v", "value_v")),
        **dict.fromkeys(("seen", "fresh", "value"), "–"),
    }
    if each.choice is None:
        return row
    low, high = each.choice.failure.low, each.choice.failure.high
    return row | {
        "seen": percent(each.choice.seen),
        "seen_v": each.choice.seen,
        "fresh": fresh + ends(low.low, high.high, 100),
        "fresh_v": (low.mean + high.mean) / 2,
        "value": brief(each.choice.value),
        "value_v": each.choice.value,
    }


def _pairs(it: Compared) -> dict[str, Any]:
    """`pairs`: rows, those that differ in failures first, then by how far; `more`: the rest of many."""
    firm = (FIRST, SECOND)
    rows = [(each.verdict_failure not in firm, _pair(it, each)) for each in it.found.contrasts]
    ranked = [row for _, row in sorted(rows, key=lambda each: (each[0], -abs(each[1]["failure_v"])))]
    shown = PAIRS_SHOWN if len(ranked) > PAIRS_SHOWN + 2 else len(ranked)
    return {"pairs": ranked[:shown], "more": ranked[shown:]}


def _pair(it: Compared, each: Contrast) -> dict[str, Any]:
    firm = (FIRST, SECOND)
    return {
        "first": each.first,
        "second": each.second,
        "less": winner(each, each.verdict_failure),
        "failure_css": "firm" if each.verdict_failure in firm else "open",
        "failure": points_text(each),
        "failure_v": (each.failure[0].estimate.mean + each.failure[1].estimate.mean) / 2,
        "failure_p": p_text(each.adjusted_failure),
        "failure_p_v": each.adjusted_failure,
        "better": winner(each, each.verdict_value),
        "value_css": "firm" if each.verdict_value in firm else "open",
        "effect": ratio_text(it, each.value),
        "effect_v": each.value.estimate.mean,
        "effect_p": p_text(each.adjusted_value),
        "effect_p_v": each.adjusted_value,
        "improvement": share_text(each.improvement),
        "improvement_v": each.improvement.mean,
        "r": r_text(each.value.correlation),
        "r_v": each.value.correlation,
        "pairs": each.pairs,
        "seeds": each.seeds,
    }
