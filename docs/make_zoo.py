"""Writes docs/zoo.md from the catalogues: every component with formula, paper, keys, and when it fails.

Run it after a change of a catalogue: `make docs`. A test checks that the page is current.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path

from bench.data.catalog import DATA, MODALITIES
from bench.metrics.catalog import METRICS
from bench.study.keys import FIELDS
from bench.study.problems import show
from bench.study.recipes import RECIPES, Recipe
from ganzoo.catalog import ZOO, Entry, Key

PAGE = Path(__file__).with_name("zoo.md")

HEAD = """# The zoo

Every part and every setting that a study may name, from the catalogues. Made by `make docs`, not by hand.

Parts compose freely: network × loss × penalty × update × optimizer; what cannot be combined is refused by
`ganbench validate` with a reason. A key of a component is written with a dot (`model.width`) or beside its
name (`model: {name: mlp, width: 64}`). All losses and penalties are functions of ordinary tensors:
`from ganzoo import losses` works in any PyTorch script.
"""

SECTIONS = {
    "model": ("Networks", "`G` is the generator, `D` the discriminator (or critic)."),
    "loss": (
        "Losses",
        "`D(x)` is the output of D, a logit or a score; softplus(t) = log(1 + e^t). Each player minimises"
        " the mean of its term.",
    ),
    "penalty": (
        "Penalties",
        "What is added to D's loss, or done to its weights; `grad D` is the slope at its input.",
    ),
    "update": ("Updates", "How one step is taken: `v` is the gradient of both players, `h` the rate."),
    "optimizer": ("Optimizers", "What turns a gradient `g` into a change of the weights `w`."),
}


def page() -> str:
    """The whole page."""
    blocks = [HEAD, _settings()]
    for kind, (title, text) in SECTIONS.items():
        entries = ZOO.entries(kind)
        blocks.append(f"## {title}\n\n{text}\n")
        blocks += [_entry(entry) for entry in entries]
    blocks.append(
        "## Data sets\n\nWhat is known of each is what a run is judged by: its modes and its floor.\n"
    )
    blocks += [_entry(entry) for entry in DATA.entries("dataset")]
    blocks.append(
        "## Metrics\n\nWhat `evaluate.metrics` may name; their columns are in [results.md](results.md). Times"
        " are on one core, by `.venv/bin/python benchmarks/metrics.py`, without the classifier's pass over"
        " images, which all metrics of an evaluation share.\n"
    )
    blocks += [_entry(entry) + _measured(entry) for entry in METRICS.entries("metric")]
    blocks.append(
        "## Recipes\n\nPublished configurations as a whole: `model: {recipe: wgan}`. A recipe is the lowest"
        " layer of a cell: any key that the study gives wins. Keys of the model, and another"
        " model's name, stand beside it: `model: {recipe: wgan, width: 16}`.\n"
    )
    blocks += [_recipe(each) for each in RECIPES.values()]
    return "\n".join(blocks)


def _settings() -> str:
    lines = [
        "## Settings of a cell",
        "",
        "Keys of `base` and of axes. A study must give `dataset`, `model` (or a recipe), `loss` and `steps`.",
        "",
        "| key | type | default | legal | meaning |",
        "|---|---|---|---|---|",
        *(f"| {' | '.join(map(_cell, _key(name, key)))} |" for name, key in FIELDS.items()),
        "",
    ]
    return "\n".join(lines)


def _entry(entry: Entry) -> str:
    lines = [f"### {entry.name}", "", f"`{entry.formula}`", ""]
    if entry.paper:
        lines += [f"Paper: {_link(entry.paper)}", ""]
    if entry.aliases:
        lines += [f"Elsewhere called: {', '.join(entry.aliases)}", ""]
    if entry.known_for:
        lines += [f"Known for: {entry.known_for}", ""]
    if entry.fails_when:
        lines += [f"Fails when: {entry.fails_when}", ""]
    if entry.keys:
        lines += ["| key | type | default | legal | meaning |", "|---|---|---|---|---|"]
        lines += [f"| {' | '.join(map(_cell, _key(name, key)))} |" for name, key in entry.keys.items()]
        lines.append("")
    return "\n".join(lines)


def _measured(entry: Entry) -> str:
    """How a metric is taken, and what it costs."""
    facts = entry.facts
    words = {
        "lower": "lower is better",
        "higher": "higher is better",
        "one": "1 is best",
        "": "no direction is better",
    }
    best = words[facts["direction"]]
    floor = "real held-out data give its floor" if facts["floor"] else "without a floor"
    lines = [
        f"- Data: {', '.join(MODALITIES[each].plural for each in facts['modalities'])}.",
        f"- `{facts['columns'][0].name}`: {facts['unit']}, {best}; {floor}.",
        f"- Protocol: {facts['protocol']}",
        f"- Cost: {facts['cost']}.",
    ]
    return "\n".join(["", *lines, ""])


def _key(name: str, key: Key) -> Iterator[str]:
    names = {int: "whole number", float: "number", str: "text", bool: "true or false"}
    yield f"`{name}`"
    yield names[key.type]
    absent = {"": "empty", None: "–"}
    yield absent[key.default] if key.default in ("", None) else f"`{show(key.default)}`"
    yield _legal(key)
    yield key.doc


def _legal(key: Key) -> str:
    if key.choices:
        return ", ".join(f"`{show(each)}`" for each in key.choices)
    if key.type not in (int, float):
        return "any"
    if math.isinf(key.low) and math.isinf(key.high):
        return "any"
    if math.isinf(key.high):
        return f"from {show(key.low)}"
    return f"{show(key.low)} to {show(key.high)}"


def _recipe(recipe: Recipe) -> str:
    settings = "\n".join(f"{key}: {show(value)}" for key, value in recipe.settings.items())
    return f"### {recipe.name}\n\nPaper: {_link(recipe.paper)}\n\n```yaml\n{settings}\n```\n\n{recipe.note}\n"


def _link(paper: str) -> str:
    """`arXiv:1406.2661` as a link to it."""
    for head, address in (("arXiv:", "https://arxiv.org/abs/"), ("doi:", "https://doi.org/")):
        if paper.startswith(head):
            return f"[{paper}]({address}{paper.removeprefix(head)})"
    return f"<{paper}>" if paper.startswith("https://") else paper


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def missing(entries: Iterable[Entry]) -> list[str]:
    """The entries that do not say what they are known for, or when they fail."""
    return [f"{each.kind} {each.name}" for each in entries if not (each.known_for and each.fails_when)]


if __name__ == "__main__":
    PAGE.write_text(page())
