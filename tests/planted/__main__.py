"""Make the planted runs, judge them and the natural ones, write docs/planted.md: `python -m tests.planted`.

Exits with 1 when a bar is missed. Two processes of one thread each.
"""

from __future__ import annotations

import argparse
import inspect
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.planted import held_out, tune
from tests.planted.confusion import BEGIN, END, judge_natural, judge_runs, page, problems
from tests.planted.natural import natural
from tests.planted.plant import Plant, Run, play
from tests.planted.scripted import registered

PAGE = Path(__file__).parents[2] / "docs" / "planted.md"
HALVES: dict[str, dict[str, Callable[[], list[Plant]]]] = {"A": tune.RECIPES, "B": held_out.RECIPES}
Job = tuple[str, str, int]


def jobs(halves: Sequence[str]) -> list[Job]:
    """(half, recipe, number of the pack) of all packs, the longest first."""
    found = []
    with registered():
        for half in halves:
            for name, recipe in HALVES[half].items():
                found += [(plant.cost, (half, name, i)) for i, plant in enumerate(recipe())]
    return [job for _, job in sorted(found, key=lambda each: -each[0])]


def make(job: Job) -> list[Run]:
    half, name, number = job
    with registered():
        return play(HALVES[half][name]()[number], half, name, number)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--halves", default="AB", help="which halves: A, B or AB; the page needs both")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    started = time.monotonic()
    runs: list[Run] = []
    with ProcessPoolExecutor(options.workers) as pool:
        todo = jobs(options.halves)
        for done, made in enumerate(pool.map(make, todo), 1):
            runs += made
            if done % 20 == 0 or done == len(todo):
                sys.stderr.write(f"{done} of {len(todo)} packs, {time.monotonic() - started:.0f} s\n")
    # As the recipes stand in their files, whatever was made first.
    order = {(half, name): i for i, (half, name) in enumerate((h, n) for h in HALVES for n in HALVES[h])}
    runs.sort(key=lambda run: (order[run.half, run.recipe], run.name))
    judged = [*judge_runs(runs), *judge_natural(natural())]
    docs = {half: {name: _meaning(recipe) for name, recipe in HALVES[half].items()} for half in HALVES}
    text = page(judged, docs, time.monotonic() - started)
    if set(options.halves) == set(HALVES):
        before, _, rest = PAGE.read_text().partition(BEGIN)
        PAGE.write_text(before + text + rest.partition(END)[2])
    else:
        sys.stdout.write(text + "\n")
    left_out = set(HALVES) - set(options.halves)
    missed = [text for group, text in problems(judged) if group not in left_out]
    sys.stderr.write("".join(f"missed: {each}\n" for each in missed))
    return 1 if missed else 0


def _meaning(recipe: Callable[[], list[Plant]]) -> str:
    return " ".join((inspect.getdoc(recipe) or "").split())


if __name__ == "__main__":
    sys.exit(main())
