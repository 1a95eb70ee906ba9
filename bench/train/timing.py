"""How long a step of a pack takes on this machine, for `ganbench plan --probe`."""

from __future__ import annotations

import time

import torch

from bench.data.load import load
from bench.train.build import build_game, build_streams, build_update
from bench.trial import Pack
from ganzoo.objective import DISC, GEN, Draws
from ganzoo.updates import turns

WARM_UP, STEPS = 3, 15


def step_s(pack: Pack) -> float:
    """Seconds a step (n_critic D and g_steps G updates of all members), from a few steps after a warm-up."""
    first = pack.trials[0]
    torch.set_num_threads(pack.threads)
    data = load(first.dataset)
    game = build_game(pack, data)
    streams = build_streams(pack, data, game)
    update, players = build_update(first), turns(first.n_critic, first.g_steps, first.order)
    drawn = {DISC: 0, GEN: 0}

    def draw(player: str) -> Draws:
        drawn[player] += 1
        return streams.draws(player, drawn[player] - 1)

    start = 0.0
    for step in range(WARM_UP + STEPS):
        if step == WARM_UP:
            start = _now(pack.device)
        update.step(game, draw, players)
    return (_now(pack.device) - start) / STEPS


def _now(device: str) -> float:
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    return time.perf_counter()
