"""The page of one run that was watched in a loop of the user's own: one HTML file that needs no network."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from bench.judge.outcomes import OUTCOMES
from bench.report import template
from bench.report.examples import examples
from bench.report.samples import floor_text
from bench.report.svg import INK, MUTED, figure, style, to_svg
from bench.report.traces import reasons
from bench.report.view import Group, View
from bench.report.words import clean, label, number
from bench.store.atomic import write_text
from bench.store.tables import Results, load

WIDTH, HEIGHT = 10.2, 2.35  # inches: the page's width, and a row of panels
LINES = ("#0072B2", "#D55E00", "#666666")
ROWS = 40
"""Evaluations in the page's table; all are in the file."""


@dataclass(frozen=True)
class Panel:
    """Columns that share an axis, each with its name; `log` where all of them are positive."""

    title: str
    lines: Mapping[str, str]
    log: bool = False
    top: float | None = None


PANELS = (
    Panel("D's AUC, real against fake", {"d_auc_train": "training", "d_auc_heldout": "held out"}, top=1.0),
    Panel("G's signal", {"g_saturation": "g_saturation", "d_slope": "d_slope"}, log=True),
    Panel("spread and RMS, fake / real", {"spread": "spread", "sample_rms": "RMS"}),
    Panel("gradient norms", {"d_grad.mean": "D", "g_grad.mean": "G"}, log=True),
    Panel("update / weights", {"d_update.mean": "D", "g_update.mean": "G"}, log=True),
    Panel("weight norms", {"d_weight": "D", "g_weight": "G"}, log=True),
    Panel("losses", {"d_loss.mean": "D", "g_loss.mean": "G"}),
    Panel("largest logit", {"logit_max": "D"}, log=True),
)


def write(path: Path) -> Path:
    """Write the page of a run's file beside it, as NAME.html; returns its path."""
    page = path.with_suffix(".html")
    write_text(page, render(load(path)))
    return page


def render(results: Results) -> str:
    """The page as text."""
    view = View(results)
    group = view.groups[0]
    trial = {str(name): value for name, value in group.trials.iloc[0].to_dict().items()}
    curve = results.curves
    outcome = trial["outcome"] if isinstance(trial["outcome"], str) else None
    reason = trial["outcome_reason"]
    return template.render(
        "run.html.j2",
        f"{view.name} – how the run went",
        name=view.name,
        outcome=outcome,
        since=None if outcome is None or pd.isna(trial["outcome_step"]) else number(trial["outcome_step"]),
        reason=clean(reason) if isinstance(reason, str) else "No evaluation was stored.",
        facts=_facts(trial, group, curve),
        curves=Markup(curves(curve, group, trial)) if len(curve) > 1 else None,
        why=next(iter(examples(view)), None),
        signs=_signs(trial, reasons(view, group, str(trial["trial"]))),
        header=(header := _columns(curve, group)),
        rows=_rows(curve, header),
        hidden=max(0, len(curve) - ROWS),
        protocol=_protocol(trial, group, results.meta),
        legend=[(each.name, each.meaning, each.folklore) for each in OUTCOMES.values()],
    )


def _facts(trial: Mapping[str, Any], group: Group, curve: pd.DataFrame) -> list[tuple[str, str]]:
    last = number(curve["step"].max()) if len(curve) else "–"
    return [
        ("data", clean(group.name)),
        ("loss", label(trial.get("loss"))),
        ("evaluations", str(len(curve))),
        ("last step", last),
        ("distance", clean(group.primary or "none")),
        ("rules", clean(trial["rules_version"])),
    ]


def _signs(trial: Mapping[str, Any], why: Mapping[str, str]) -> list[dict[str, str]]:
    """A record for each outcome: whether its sign holds, since when, and why that is not known."""
    found = []
    for name in OUTCOMES:
        holds = trial.get(f"flag.{name}")
        word = "unknown" if holds is None or pd.isna(holds) else "holds" if holds else "no"
        steps = {each: trial.get(f"flag.{name}.{each}") for each in ("onset", "recovery")}
        found.append(
            {"name": name, "word": word, "why": clean(why.get(name, ""))}
            | {each: number(None if step is None or pd.isna(step) else step) for each, step in steps.items()}
        )
    return found


def _columns(curve: pd.DataFrame, group: Group) -> list[str]:
    wanted = [
        "step", group.primary, f"{group.primary}.noise", "modes.covered", "modes.hq", "spread", "sample_rms",
        "d_auc_train", "g_saturation", "d_slope", "logit_max", "d_grad.mean", "g_grad.mean",
    ]  # fmt: skip
    return [name for name in wanted if name in curve and curve[name].notna().any()]


def _rows(curve: pd.DataFrame, header: list[str]) -> list[list[float]]:
    picks = np.unique(np.linspace(0, len(curve) - 1, min(ROWS, len(curve))).round().astype(int))
    return [list(row) for row in curve.iloc[picks][header].to_numpy(dtype=float).tolist()]


def _protocol(trial: Mapping[str, Any], group: Group, meta: Mapping[str, Any]) -> list[tuple[str, str]]:
    measure = meta["measures"][0]
    facts = [
        ("data", group.name),
        ("sha256 of the real samples", clean(trial.get("data_sha256", "–"))),
        ("samples per evaluation", label(measure.get("samples"))),
        ("primary distance", floor_text(group) if group.primary else "none"),
        ("feature extractor", clean(measure.get("extractor") or "none")),
        ("modes", label(group.n_modes)),
        ("protocol version", label(meta.get("protocol"))),
    ]
    for name, floor in sorted(group.floors.items()):
        if name != group.primary:
            text = f"{number(floor.get('mean'))} (SD {number(floor.get('sd'))}, n = {number(floor.get('n'))})"
            facts.append((f"floor of {clean(name)}", text))
    return facts


def curves(curve: pd.DataFrame, group: Group, trial: Mapping[str, Any]) -> str:
    """Every measured quantity over the steps, as inline SVG; a dotted line where the outcome began."""
    panels = [each for each in (*_of_metrics(group), *PANELS) if _known(curve, each)]
    since = trial["outcome_step"] if isinstance(trial["outcome"], str) else None
    with style():
        made = figure(WIDTH, HEIGHT * math.ceil(len(panels) / 3))
        grid = np.atleast_1d(made.subplots(math.ceil(len(panels) / 3), min(3, len(panels)))).ravel()
        for axes, panel in zip(grid, panels, strict=False):
            _draw(axes, curve, panel, group)
            if since is not None and not pd.isna(since):
                axes.axvline(float(since), color=INK, linewidth=0.9, linestyle=":")
        for spare in grid[len(panels) :]:
            spare.set_axis_off()
        return to_svg(made, f"{', '.join(each.title for each in panels)} over the steps of the run.")


def _of_metrics(group: Group) -> list[Panel]:
    found = [Panel("modes covered", {"modes.covered": "covered"}, top=group.n_modes)]
    found.append(Panel("share of good samples", {"modes.hq": "good"}, top=1.0))
    if group.primary:
        found.insert(0, Panel(f"{group.primary} (lower is better)", {group.primary: group.primary}, log=True))
    return found


def _known(curve: pd.DataFrame, panel: Panel) -> bool:
    return any(name in curve and curve[name].notna().any() for name in panel.lines)


def _draw(axes: Axes, curve: pd.DataFrame, panel: Panel, group: Group) -> None:
    steps, drawn = curve["step"].to_numpy(dtype=float), []
    for (name, text), colour in zip(panel.lines.items(), LINES, strict=False):
        if name in curve and curve[name].notna().any():
            values = curve[name].to_numpy(dtype=float)
            axes.plot(steps, values, color=colour, linewidth=1.4, marker=".", markersize=3.5, label=text)
            drawn.append(values[np.isfinite(values)])
    floor = group.floors.get(next(iter(panel.lines)), {}).get("mean", math.nan)
    if math.isfinite(floor):
        axes.axhline(floor, color=MUTED, linewidth=1, linestyle=(0, (4, 3)), label=f"floor {number(floor)}")
    if len(axes.get_lines()) > 1:
        axes.legend(fontsize=7.5, handlelength=1.4)
    if panel.log and all((values > 0).all() for values in drawn):
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=6))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
        axes.yaxis.set_minor_locator(NullLocator())
    if panel.top:
        axes.set_ylim(-0.03 * panel.top, 1.06 * panel.top)
    axes.set_title(panel.title)
    axes.set_xlabel("step")
    sns.despine(ax=axes)
