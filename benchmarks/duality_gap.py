"""The duality gap of three regimes on a ring: balanced, D ahead, G ahead (Sidheekh et al., arXiv:2012.06723).

    .venv/bin/python benchmarks/duality_gap.py [--scale 1.0]

Radius 2 and sigma 0.02, both over 1.414; mlp 2 x 128 with ReLU, latent 100; Adam 5e-4, beta1 0.5; batch 128;
two seeds. Steps: 10,000 at 1:1, 200 at 15 D updates to one of G, 200 at 15 of G to one of D, times `scale`.
Two minutes on an idle machine.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import torch

from bench.data.fingerprint import fingerprint
from bench.data.load import load
from bench.metrics.duality_gap import duality_gap
from bench.study.spec import load_study
from bench.study.trials import trials
from bench.train.build import build_beside, build_game, build_streams, build_update
from bench.trial import Pack
from ganzoo.objective import DISC, GEN, Draws
from ganzoo.updates import Draw, Play, turns

REGIMES = {"1:1": ({}, (1000, 10_000)), "15:1": ({"n_critic": 15}, (200,)), "1:15": ({"g_steps": 15}, (200,))}


def play_of(changes: dict[str, int]) -> Play:
    """Two seeds of a regime, untrained."""
    base = {
        "dataset": {"name": "ring8", "radius": 2 / 1.414, "sigma": 0.02 / 1.414},
        "model": {"name": "mlp", "width": 128, "depth": 2, "latent_dim": 100, "activation": "relu"},
        "loss": "non_saturating",
        "lr_g": 5e-4,
        "beta1": 0.5,
        "batch": 128,
        "steps": 20,
    }
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "study.yaml"
        file.write_text(json.dumps({"name": "gap", "base": base | changes, "grid": {}, "seeds": 2}))
        pack = Pack(tuple(trials(load_study(file), fingerprint)))
    first = pack.trials[0]
    data = load(first.dataset)
    game = build_game(pack, data)
    streams = build_streams(pack, data, game)

    def coming() -> Draw:
        drawn = {DISC: game.disc.updates, GEN: game.gen.updates}

        def draw(player: str) -> Draws:
            drawn[player] += 1
            return streams.draws(player, drawn[player] - 1)

        return draw

    players = turns(first.n_critic, first.g_steps, first.order)
    return Play(game, build_update(first), players, coming, build_beside(pack, data, streams))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scale", type=float, default=1.0, help="of the numbers of steps")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    measure = duality_gap()
    for name, (changes, marks) in REGIMES.items():
        play = play_of(changes)
        draw = play.coming()
        for mark in marks:
            while play.game.step < mark * arguments.scale:
                play.update.step(play.game, draw, play.players)
            gaps = "  ".join(f"{row['duality_gap']:9.2f}" for row in measure(play))
            print(f"{name:5} D:G  {play.game.step:6} steps  gap {gaps}", flush=True)


if __name__ == "__main__":
    main()
