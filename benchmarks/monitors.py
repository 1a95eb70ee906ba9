"""What the monitors cost: the same pack trained with and without them, in turns.

    .venv/bin/python benchmarks/monitors.py [--repeats 5] [--only ring8 digits] [--json OUT]

ring8: eight members, mlp 2 x 128, batch 128, 1,000 steps; digits: four members, dcgan of width 16, batch 64,
500 steps; otherwise the defaults of a study. The monitors are those of every training: statistics of each
step, and the closer look at each evaluation of the default schedule (every 20th part, and two early ones).
Metrics, their samples and previews are made on neither side.

Both sides start alike and train the same steps, from evaluation to evaluation in turns, and swap their order
each time, so that a machine that slows down slows both. Times are the process's own, on one thread. A repeat
is a whole training of both; printed are (with - without) / without of each, their median, and the bar of 3 %.
Nine minutes on an idle machine.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from bench.data.fingerprint import fingerprint
from bench.data.load import Dataset, load
from bench.metrics.evaluate import build
from bench.study.spec import load_study
from bench.study.trials import trials
from bench.train.build import build_beside, build_game, build_streams, build_update
from bench.train.loop import Look
from bench.train.monitors import Steps, thresholds
from bench.trial import Pack, evaluation_steps
from ganzoo.objective import DISC, GEN, Draws
from ganzoo.updates import Draw, Play, turns

BAR = 0.03

CASES: dict[str, dict[str, Any]] = {
    "ring8": {
        "base": {
            "dataset": "ring8",
            "model": {"name": "mlp", "width": 128, "depth": 2},
            "loss": "non_saturating",
            "steps": 1000,
            "batch": 128,
        },
        "seeds": 8,
    },
    "digits": {
        "base": {
            "dataset": "digits",
            "model": {"name": "dcgan", "width": 16},
            "loss": "non_saturating",
            "steps": 500,
            "batch": 64,
        },
        "seeds": 4,
    },
}


def pack_of(case: str) -> Pack:
    """All seeds of one cell."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "study.yaml"
        file.write_text(json.dumps({"name": case, "grid": {}, **CASES[case]}))  # JSON is YAML
        return Pack(tuple(trials(load_study(file), fingerprint)))


def side(pack: Pack, data: Dataset, monitored: bool) -> Callable[[int], float]:
    """A training of its own: told a step, it trains until there and says how many seconds that took."""
    first = pack.trials[0]
    game, update = build_game(pack, data), build_update(first)
    streams = build_streams(pack, data, game)
    players = turns(first.n_critic, first.g_steps, first.order)

    def coming() -> Draw:
        drawn = {DISC: game.disc.updates, GEN: game.gen.updates}

        def draw(player: str) -> Draws:
            drawn[player] += 1
            return streams.draws(player, drawn[player] - 1)

        return draw

    play = Play(game, update, players, coming, build_beside(pack, data, streams))
    evaluator = build(data, first.evaluate.metrics, first.evaluate.samples, None)
    look = Look(pack, data, evaluator, play, streams.data)
    threshold, draw = thresholds(game), coming()

    def until(step: int) -> float:
        start = time.process_time()
        steps = Steps(threshold)
        while game.step < step:
            update.step(game, draw, players)
            if monitored:
                steps.add(game)
        if monitored:
            steps.columns()
            look.points()
        return time.process_time() - start

    return until


def repeat(pack: Pack, data: Dataset) -> tuple[float, float]:
    """Seconds with and without monitors of one whole training."""
    sides = {monitored: side(pack, data, monitored) for monitored in (True, False)}
    seconds = {True: 0.0, False: 0.0}
    schedule = evaluation_steps(pack.trials[0].steps, pack.trials[0].evaluate.every)
    for i, step in enumerate(schedule):
        for monitored in (True, False) if i % 2 else (False, True):
            seconds[monitored] += sides[monitored](step)
    return seconds[True], seconds[False]


def measure(case: str, repeats: int) -> dict[str, Any]:
    """Overheads of a case, after one short training that is not counted."""
    pack = pack_of(case)
    data = load(pack.trials[0].dataset)
    for monitored in (True, False):
        side(pack, data, monitored)(10)
    times = [repeat(pack, data) for _ in range(repeats)]
    overheads = [with_them / without - 1.0 for with_them, without in times]
    return {
        "case": case,
        "members": pack.width,
        "step_ms": 1e3 * min(without for _, without in times) / pack.trials[0].steps,
        "overheads": overheads,
        "median": statistics.median(overheads),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", choices=tuple(CASES), nargs="+", default=tuple(CASES))
    parser.add_argument("--json", type=Path, help="write the result here as well")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    results = [measure(case, arguments.repeats) for case in arguments.only]
    print(f"{'':8}{'members':>8}{'ms a step':>11}{'median':>9}   each repeat")
    for each in results:
        spread = "  ".join(f"{100 * value:.1f} %" for value in each["overheads"])
        share = f"{100 * each['median']:.1f} %"
        print(f"{each['case']:8}{each['members']:8}{each['step_ms']:11.1f}{share:>9}   {spread}")
    worst = max(each["median"] for each in results)
    print(f"{'within' if worst < BAR else 'ABOVE'} the bar of {100 * BAR:g} %")
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
