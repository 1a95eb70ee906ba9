"""Where a game of two numbers goes: its point, and how fast it turns inwards or outwards.

Meant for Dirac-GAN (arXiv:1801.04406), whose G and D have one weight each and whose rates are known.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from bench.metrics.batch import Value
from bench.metrics.game import GameMeasure
from ganzoo.tape import spectral_radius, update_jacobian
from ganzoo.updates import Play

STEPS = 10
"""Steps of the trial's own training that the multiplier is fitted to, played ahead and taken back."""


def orbit() -> GameMeasure:
    """A measure of games whose players have one weight each; it is "unavailable" for all others."""
    return _measure


def _measure(play: Play) -> list[dict[str, Value]]:
    stacks = (play.game.gen.stack, play.game.disc.stack)
    if any(stack.weights.shape[1] != 1 for stack in stacks):
        return [{"orbit_status": "unavailable"}] * stacks[0].width
    # Of a lazy penalty a single step says nothing: its cycle has several.
    is_lazy = play.game.penalty.every > 1
    radius = spectral_radius(update_jacobian(play.game, play.update, play.players, play.coming()))
    path = _path_ahead(play)
    rows: list[dict[str, Value]] = []
    for k in range(path.shape[0]):
        theta, psi = path[k, 0].tolist()
        rows.append(
            {
                "orbit.theta": theta,
                "orbit.psi": psi,
                "orbit.radius": math.hypot(theta, psi),
                "orbit.multiplier": multiplier(path[k]),
                "orbit.spectral_radius": None if is_lazy else float(radius[k]),
                "orbit_status": "ok",
            }
        )
    return rows


def multiplier(path: Tensor) -> float | None:
    """The factor by which a linear map changes the distance to 0 in a step, fitted to a path [n, 2] of it.

    The spectral radius of the A that fits z_(t+1) = A z_t best in least squares, each z_t over its size so
    that all steps count alike; where all z_t point one way, the mean factor. None for a path that touches 0
    or leaves the numbers.
    """
    size = path.abs().amax(dim=1, keepdim=True)  # no squares: they end long before the numbers do
    if not bool(((size > 0) & size.isfinite()).all()):
        return None
    before, after = path[:-1] / size[:-1], path[1:] / size[:-1]
    if torch.linalg.matrix_rank(before, rtol=1e-9) < 2:
        return float(after.abs().amax(dim=1).log().mean().exp())
    matrix = torch.linalg.lstsq(before, after).solution
    return float(torch.linalg.eigvals(matrix).abs().max())


def _path_ahead(play: Play) -> Tensor:
    """[K, STEPS + 1, 2]: (theta, psi) now and after each of the next steps, which are then taken back."""
    game, draw = play.game, play.coming()
    kept = game.snapshot()
    path = [torch.cat([game.gen.stack.weights, game.disc.stack.weights], 1).double().cpu()]
    for _ in range(STEPS):
        play.update.step(game, draw, play.players)
        path.append(torch.cat([game.gen.stack.weights, game.disc.stack.weights], 1).double().cpu())
    game.restore(kept)
    return torch.stack(path, 1)
