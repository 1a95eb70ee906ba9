"""Does the game turn, and does it converge? Extreme eigenvalues of its vector field at the current weights.

Of w' = v(w) with v = (-dL_G/dw_G, -dL_D/dw_D) near an equilibrium, a distance along an eigenvector changes
like e^(Re(l) t) and turns with Im(l) (Mescheder et al., arXiv:1705.10461, arXiv:1801.04406).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from bench.data.order import philox
from bench.metrics.batch import Value
from bench.metrics.game import GameMeasure
from ganzoo.arnoldi import Ritz, ritz
from ganzoo.field import Field
from ganzoo.objective import DISC, GEN
from ganzoo.updates import Play, simultaneous


def game_jacobian(*, vectors: int = 40, tolerance: float = 0.01, batch: int = 0) -> GameMeasure:
    """A measure of the Jacobian J of `ganzoo.field.Field`, by Arnoldi's method on products with J^T.

    vectors: Krylov vectors, one double backward pass each; tolerance: largest residual |A x - l x| of a
    value that is reported, over the leading eigenvalue's size; batch: samples of the field, 0: the
    training's. The same batch at every evaluation of a trial, in no stream of training.
    """

    def measure(play: Play) -> list[dict[str, Value]]:
        field = Field(play.game, play.beside("game_jacobian", batch=batch)(0))
        like = field.value
        found = ritz(field.transposed, lambda i: _fresh(i, like), like.shape[0], vectors)
        rates = _plain_rates(play)
        return [_row(each, rate, tolerance) for each, rate in zip(found, rates, strict=True)]

    return measure


def _fresh(i: int, like: Tensor) -> Tensor:
    normals = np.random.Generator(philox(f"arnoldi 1 {i}")).standard_normal(like.shape[1])
    return torch.from_numpy(normals).to(like)


def _plain_rates(play: Play) -> list[float | None]:
    """The rate h of each member whose step is w + h v: both players at once, one update each at one rate,
    optimizers without memory, weights that are not clipped, and a penalty in every update."""
    game, columns = play.game, play.game.columns
    remembers = bool(game.gen.optimizer.slots or game.disc.optimizer.slots)
    at_once = play.update == simultaneous() and sorted(play.players) == sorted((DISC, GEN))
    if remembers or not at_once or game.penalty.after_step is not None or game.penalty.every > 1:
        return [None] * game.gen.stack.width
    rates = columns.lr_g.where(columns.lr_g == columns.lr_d, torch.nan) * game.rates_left()
    return [None if rate != rate else rate for rate in rates[:, 0].tolist()]


def _row(found: Ritz | None, rate: float | None, tolerance: float) -> dict[str, Value]:
    if found is None:
        return {"game_jacobian_status": "nonfinite"}
    leading, residual = found.extreme(np.abs)
    right, right_residual = found.extreme(np.real)
    top, top_residual = found.extreme(np.imag)
    row: dict[str, Value] = {
        "game_jacobian.leading_residual": residual,
        "game_jacobian.rate_residual": right_residual,
        "game_jacobian.turn_residual": top_residual,
        "game_jacobian_status": "ok",
    }
    enough = tolerance * abs(leading)
    if residual > enough:
        return row | {"game_jacobian_status": "unconverged"}
    row |= {"game_jacobian.leading_re": leading.real, "game_jacobian.leading_im": leading.imag}
    if right_residual <= enough:
        row["game_jacobian.rate"] = right.real
    if top_residual <= enough:
        row["game_jacobian.turn"] = top.imag
        row["game_jacobian.rotation"] = top.imag / abs(top) if top.imag else 0.0
    if rate is not None:
        farthest, far_residual = found.extreme(lambda values: np.abs(1.0 + rate * values))
        if far_residual <= enough:
            row["game_jacobian.step_radius"] = abs(1.0 + rate * farthest)
    return row
