"""How one training step is taken: which player moves when, and at which weights its gradient is taken."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ganzoo.game import DISC, GEN, Draws, Game

Draw = Callable[[str], Draws]
"""player -> the random inputs of its next update."""

Update = Callable[[Game, Draw, Sequence[str]], None]


def turns(n_critic: int, g_steps: int, order: str) -> tuple[str, ...]:
    """The players of one step in turn: n_critic updates of D and g_steps of G, D first or G first."""
    d, g = (DISC,) * n_critic, (GEN,) * g_steps
    return d + g if order == "d_first" else g + d


def alternating() -> Update:
    """Each update is taken at the weights that the one before it left, on a batch of its own
    (arXiv:1406.2661)."""

    def update(game: Game, draw: Draw, players: Sequence[str]) -> None:
        for player in players:
            game.apply(game.gradient(player, draw(player)))
        game.end_step()

    return update
