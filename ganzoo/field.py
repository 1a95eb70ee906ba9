"""The vector field that a game follows, and products with its Jacobian, without the matrix."""

from __future__ import annotations

from dataclasses import fields, replace

import torch
from torch import Tensor

from ganzoo.game import Game
from ganzoo.objective import DISC, GEN, Draws
from ganzoo.tape import Point, Tape


class Field:
    """v(w) = (-dL_G/dw_G, -dL_D/dw_D) at the weights of a game, on one batch for both players, in float64.

    L is what each player descends: noises, auxiliary loss and penalty included, a penalty of every so many
    updates at its mean; weight decay counts as -decay w_D, which it is under plain steps. What is done to
    weights after a step (clipping) and what an optimizer makes of gradients is no part of it. The singular
    vectors of spectral norms are constants here, as they are in training's gradients. The Jacobian is that of
    the smooth piece that w lies on: a kink (ReLU, hinge, the norm of a one-centred penalty at 0) has no slope
    of its own.

    draws: D's; G gets their latents, and their real half where it compares. The game stays as it is.
    """

    def __init__(self, game: Game, draws: Draws) -> None:
        draws = _double(draws)
        self._weights = [
            game.player(name).stack.weights.detach().double().requires_grad_() for name in (GEN, DISC)
        ]
        start: Point = {f"{name}.weights": w for name, w in zip((GEN, DISC), self._weights, strict=True)}
        tape = Tape(game, start)
        gen = tape.gradient(GEN, as_g_draws(draws)).flat
        disc = tape.gradient(DISC, draws, penalised=1).flat
        disc = disc + game.columns.weight_decay * self._weights[1]
        self._value = -torch.cat([gen, disc], 1)

    @property
    def value(self) -> Tensor:
        """v [K, n], G's weights first."""
        return self._value.detach()

    def transposed(self, vector: Tensor) -> Tensor:
        """J^T u of every member, [K, n] -> [K, n], J = dv/dw: one backward pass. J^T has J's eigenvalues."""
        parts = torch.autograd.grad(
            self._value, self._weights, vector, retain_graph=True, materialize_grads=True
        )
        return torch.cat(parts, 1)


def as_g_draws(draws: Draws) -> Draws:
    """D's draws as G's update on the same batch would have them: the fake half of masks and noises."""
    half = None if draws.dropout is None else {k: u.chunk(2, 1)[1] for k, u in draws.dropout.items()}
    noise = None if draws.instance is None else draws.instance.chunk(2, 1)[1]
    return Draws(
        latent=draws.latent, fake_class=draws.fake_class, dropout=half, instance=noise, opponent=draws
    )


def _double(draws: Draws) -> Draws:
    """The inputs of the networks in float64; uniforms are only compared and stay."""
    names = {each.name for each in fields(draws)} - {"label", "jitter", "dropout", "opponent"}
    given = {name: getattr(draws, name) for name in names}
    return replace(draws, **{name: x.double() for name, x in given.items() if x is not None})
