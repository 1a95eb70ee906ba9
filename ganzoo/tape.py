"""One step of training as a differentiable map of the players' weights, and its Jacobian.

The map is the update's own code (`ganzoo.updates`), played on a twin of the game that keeps the graph.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from ganzoo.game import Game, Gradient, as_d_draws
from ganzoo.objective import DISC, GEN, OWN, Draws

if TYPE_CHECKING:
    from ganzoo.updates import Update

Point = dict[str, Tensor]
"""Weights and optimizer slots of both players by flat name, each [K, n]."""


class Tape:
    """A game whose updates are pure functions of a Point; the game itself stays as it is.

    What a step keeps beside the point (running statistics, moving averages) is that of the game, on clones.
    """

    def __init__(self, game: Game, point: Point) -> None:
        self._game, self.point = game, dict(point)
        # The second update of an optimizer stands for all later ones: its first may start a memory.
        self._updates = {name: max(1, game.player(name).updates) for name in (GEN, DISC)}

    def gradient(
        self, player: str, draws: Draws, lookahead: int = 0, penalised: int | None = None
    ) -> Gradient:
        """As Game.gradient, with a gradient that can be differentiated; D's penalty counts `penalised` times,
        None: as often as in the update to come."""
        game, objective = self._game, self._game.objective
        # Copies, so that a gradient is partial: the other player may have moved as a function of these.
        at_weights = {name: self.point[f"{name}.weights"].clone() for name in (GEN, DISC)}
        weights = at_weights[player]
        with self._at(at_weights):
            if player == DISC:
                times = game.penalised(self._updates[DISC]) if penalised is None else penalised
                value = objective.d_value(draws, objective.fakes(draws), game.step, penalised=times)
            else:
                at = OWN
                if lookahead:
                    disc = at_weights[DISC], self._slots(DISC), self._updates[DISC]
                    at = game.ahead(draws, lookahead, *disc)
                value = objective.g_value(draws, game.step, at)
            flat = _grad(value.total, weights)
            if game.penalty.shifts_both:
                both = draws if player == DISC else as_d_draws(draws)
                flat = flat + game.penalty.field_weight * _grad(objective.field_size(both), weights)
        return Gradient(player, flat, value.loss, value.real, value.fake)

    def apply(self, gradient: Gradient) -> None:
        """As Game.apply."""
        name = gradient.player
        player, weights = self._game.player(name), self.point[f"{name}.weights"]
        self._updates[name] += 1
        change, slots = player.optimizer.pure(self._slots(name), gradient.flat, self._updates[name])
        weights = self._game.moved(name, weights, change)
        self.point = self.point | {f"{name}.weights": weights}
        self.point |= {f"{name}.{slot}": value for slot, value in slots.items()}

    def end_step(self) -> None:
        """Nothing: a tape holds one step."""

    def snapshot(self) -> tuple[Point, dict[str, int]]:
        return dict(self.point), dict(self._updates)

    def restore(self, kept: tuple[Point, dict[str, int]]) -> None:
        self.point = dict(kept[0])
        self.recount(kept)

    def recount(self, kept: tuple[Point, dict[str, int]]) -> None:
        self._updates = dict(kept[1])

    def _slots(self, player: str) -> Point:
        names = self._game.player(player).optimizer.slots
        return {slot: self.point[f"{player}.{slot}"] for slot in names}

    @contextmanager
    def _at(self, weights: Point) -> Iterator[None]:
        """The stacks compute at these weights of the players; their own buffers are set aside."""
        stacks = {name: self._game.player(name).stack for name in (GEN, DISC)}
        kept = {name: (stack.params, stack.buffers) for name, stack in stacks.items()}
        try:
            for name, stack in stacks.items():
                stack.params = stack.views(weights[name])
                stack.buffers = _like(weights[name], stack.cloned_buffers())
            yield
        finally:
            for name, stack in stacks.items():
                stack.params, stack.buffers = kept[name]


def update_jacobian(
    game: Game, update: Update, players: Sequence[str], draw: Callable[[str], Draws]
) -> Tensor:
    """d(state after one step) / d(state before it) of every member, [K, n, n], by autograd.

    The state holds both players' weights and their optimizers' memory. `draw` gives the random inputs of
    each update, the same whenever it is asked for the same one. Meant for small games: n backward passes.
    """
    start: Point = {}
    for name in (GEN, DISC):
        player = game.player(name)
        start[f"{name}.weights"] = player.stack.weights.detach().clone().requires_grad_()
        start |= {f"{name}.{s}": player.state[s].detach().clone().requires_grad_() for s in player.state}
    tape = Tape(game, start)
    update.step(cast(Any, tape), draw, players)
    inputs = list(start.values())
    after = torch.cat([tape.point[name] for name in start], 1)
    rows = []
    for i in range(after.shape[1]):
        parts = torch.autograd.grad(after[:, i].sum(), inputs, retain_graph=True, materialize_grads=True)
        rows.append(torch.cat(parts, 1))
    return torch.stack(rows, 1)


def spectral_radius(matrices: Tensor) -> Tensor:
    """max |eigenvalue| of each of [K, n, n]: below 1, the map contracts linearly.

    NaN for a matrix that is not finite.
    """
    finite = matrices.isfinite().flatten(1).all(1)
    # LAPACK refuses what is not finite, for all members alike.
    radius: Tensor = torch.linalg.eigvals(matrices.where(finite.view(-1, 1, 1), 0.0)).abs().amax(-1)
    return radius.where(finite, torch.nan)


def _like(weights: Tensor, buffers: dict[str, Tensor]) -> dict[str, Tensor]:
    """The buffers in the weights' precision, counters as they are."""
    return {name: b.to(weights.dtype) if b.is_floating_point() else b for name, b in buffers.items()}


def _grad(value: Tensor, weights: Tensor) -> Tensor:
    return torch.autograd.grad(value.sum(), weights, create_graph=True, materialize_grads=True)[0]
