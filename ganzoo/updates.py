"""How one training step is taken: which player moves when, and at which weights its gradient is taken."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from ganzoo.game import Game
from ganzoo.objective import DISC, GEN, Draws
from ganzoo.optimizers import Optimizer, optimistic

Draw = Callable[[str], Draws]
"""player -> the random inputs of its next update."""


@dataclass(frozen=True)
class Update:
    """step(game, draw, players) takes one step. wrap: what it makes of each player's optimizer.

    opponent: G's update reads the inputs of a D update too (`Draws.opponent`).
    """

    step: Callable[[Game, Draw, Sequence[str]], None]
    wrap: Callable[[Optimizer], Optimizer] = lambda optimizer: optimizer
    opponent: bool = False


class Beside(Protocol):
    """Random inputs for who looks at a game, from streams of their own: training draws none of them."""

    def __call__(
        self, purpose: str, split: str = "train", half: int | None = None, batch: int = 0
    ) -> Callable[[int], Draws]:
        """What D's update i = 0, 1, ... would read; equal arguments give equal draws, whatever the step.

        Reals are rows of the split "train" or "heldout": all, or its half 0 or 1. batch: 0 is that of
        training.
        """
        ...


@dataclass(frozen=True)
class Play:
    """A game and how it is played. coming(): the random inputs of the updates to come, again from the next
    one whenever it is called; beside: inputs that training never sees."""

    game: Game
    update: Update
    players: Sequence[str]
    coming: Callable[[], Draw]
    beside: Beside


def turns(n_critic: int, g_steps: int, order: str) -> tuple[str, ...]:
    """The players of one step in turn: n_critic updates of D and g_steps of G, D first or G first."""
    d, g = (DISC,) * n_critic, (GEN,) * g_steps
    return d + g if order == "d_first" else g + d


def alternating() -> Update:
    """Each update is taken at the weights that the one before it left, on a batch of its own
    (arXiv:1406.2661)."""

    def step(game: Game, draw: Draw, players: Sequence[str]) -> None:
        for player in players:
            game.apply(game.gradient(player, draw(player)))
        game.end_step()

    return Update(step)


def simultaneous() -> Update:
    """w <- w + change(v(w)): both gradients are taken at the same weights (arXiv:1801.04406)."""
    return Update(_simultaneous)


def _simultaneous(game: Game, draw: Draw, players: Sequence[str]) -> None:
    for gradient in [game.gradient(player, draw(player)) for player in players]:
        game.apply(gradient)
    game.end_step()


def extragradient() -> Update:
    """w' = w + change(v(w)); w <- w + change(v(w')), both on one batch (arXiv:1802.10551).

    The look ahead leaves nothing behind: moments and averages are those of one step from w, and running
    statistics have seen the batch once, at w.
    """

    def step(game: Game, draw: Draw, players: Sequence[str]) -> None:
        draws = {player: draw(player) for player in players}
        here = [game.gradient(player, draws[player]) for player in players]
        kept = game.snapshot()
        for gradient in here:
            game.apply(gradient)
        game.recount(kept)  # a look ahead is no update: a penalty of every so many keeps its beat
        ahead = [game.gradient(player, draws[player]) for player in players]
        game.restore(kept)
        for gradient in ahead:
            game.apply(gradient)
        game.end_step()

    return Update(step)


def optimistic_update() -> Update:
    """w <- w + 2 change(v(w_t)) - change(v(w_(t-1))), simultaneously (arXiv:1711.00141): one gradient a step
    where extragradient takes two."""
    return Update(_simultaneous, wrap=optimistic)


def unrolled(*, k: int = 5) -> Update:
    """As `alternating`, but G's gradient is taken at the D that k further steps of D's own optimizer on this
    batch would give, and through those steps (Metz et al., arXiv:1611.02163).

    D is left bit for bit as it was. k = 0 is `alternating`.
    """

    def step(game: Game, draw: Draw, players: Sequence[str]) -> None:
        for player in players:
            game.apply(game.gradient(player, draw(player), lookahead=k if player == GEN else 0))
        game.end_step()

    return Update(step, opponent=k > 0)
