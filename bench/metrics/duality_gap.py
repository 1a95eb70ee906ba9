"""How much could either player still gain alone? The duality gap of the zero-sum game of D's loss.

DG(G, D) = max_D' M(G, D') - min_G' M(G', D), 0 at an equilibrium and nowhere below (Grnarova et al.,
arXiv:1811.05512). The optima are what copies reach in a fixed number of Adam steps from perturbed weights
(Sidheekh et al., arXiv:2012.06723), so that the number is an estimate, and may be negative.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from bench.data.order import philox
from bench.metrics.batch import Value
from bench.metrics.game import GameMeasure
from ganzoo import spectral
from ganzoo.game import Game
from ganzoo.objective import DISC, GEN, At, Draws, Objective
from ganzoo.optimizers import adam
from ganzoo.penalties import Penalty
from ganzoo.stack import Stack
from ganzoo.updates import Play

BETAS = (0.5, 0.999)


def duality_gap(
    *, steps: int = 100, rate: float = 1e-3, perturbation: float = 0.01, samples: int = 1024
) -> GameMeasure:
    """A measure of M(G, D') and M(G', D), M = -E L_D(D(x), D(G(z))) with hard targets and without noise.

    For the log loss that is E log D(x) + E log(1 - D(G(z))), whatever G's own loss is. D' keeps its
    constraint: its penalty is in its loss (not in M), clipped weights are clipped, normalised ones stay so;
    consensus, which is of both players, is left out. Copies train on one half of the held-out rows and are
    valued on the other, in batches of training's size, at batch statistics. steps, rate: of each copy;
    perturbation: SD of the normals that are added to its weights first; samples: pairs that M is a mean over.
    """

    def measure(play: Play) -> list[dict[str, Value]]:
        search = play.beside("duality_gap", "heldout", 0)
        judge = play.beside("duality_gap", "heldout", 1)
        contest = _Contest.of(play.game)
        copies = {
            name: contest.best(name, lambda i: _clean(search(i)), steps, rate, perturbation)
            for name in (DISC, GEN)
        }
        batches = -(-samples // judge(0).latent.shape[1])
        high, low, here = contest.payoffs(
            [copies[DISC], copies[GEN], {}], lambda i: _clean(judge(i)), batches
        )
        table = torch.stack([high - low, high, low, here], 1).double().cpu()
        names = ("duality_gap", "duality_gap.max", "duality_gap.min", "duality_gap.here")
        return [{**dict(zip(names, row, strict=True)), "duality_gap_status": "ok"} for row in table.tolist()]

    return measure


Weights = dict[str, Tensor]
"""Flat weights [K, P] of the players that play with others than their own."""


@dataclass(frozen=True)
class _Contest:
    """Copies of a game's players, each against the other one as it is. Nothing of the game is written to.

    constrained: D's loss with its penalty; plain: without it, which is -M.
    """

    game: Game
    constrained: Objective
    plain: Objective

    @classmethod
    def of(cls, game: Game) -> _Contest:
        none = torch.zeros_like(game.columns.aux_weight)
        columns = replace(game.columns, label_smoothing=none, aux_weight=none)
        constrained = replace(game.objective, columns=columns)
        return cls(game, constrained, replace(constrained, penalty=Penalty()))

    def best(
        self, player: str, draw: Callable[[int], Draws], steps: int, rate: float, perturbation: float
    ) -> Weights:
        """The player's weights after so many Adam steps from perturbed ones, against the other's own."""
        stack = self.game.player(player).stack
        weights = stack.weights + perturbation * _normals(player, stack)
        weights = self._allowed(player, weights)
        column = weights.new_full((stack.width, 1), rate)
        optimizer = adam(column, *(torch.full_like(column, beta) for beta in BETAS))
        state = optimizer.init(weights)
        buffers = self._buffers({player: weights})
        for i in range(steps):
            weights.requires_grad_()
            loss = self._loss(player, weights, draw(i), buffers)
            (gradient,) = torch.autograd.grad(loss.sum(), weights)
            weights = weights.detach()
            weights = self._allowed(player, weights + optimizer.step(state, gradient, i + 1))
        return {player: weights.detach()}

    @torch.no_grad()
    def payoffs(self, choices: Sequence[Weights], draw: Callable[[int], Draws], batches: int) -> list[Tensor]:
        """M [K] of each choice: the mean over the batches, by whose statistics both players' BatchNorm works.

        One batch is held at a time.
        """
        starts = [self._buffers(weights) for weights in choices]
        totals = [torch.zeros_like(self.game.gen.stack.weights[:, 0]) for _ in choices]
        for i in range(batches):
            draws = draw(i)
            for total, weights, start in zip(totals, choices, starts, strict=True):
                buffers = {name: {k: u.clone() for k, u in each.items()} for name, each in start.items()}
                total -= self._d_loss(self.plain, weights, draws, buffers)
        return [total / batches for total in totals]

    def _buffers(self, weights: Weights) -> dict[str, dict[str, Tensor]]:
        """Both players' buffers. Singular vectors are those of the weights that they go with: the game's own
        would let a copy's norms exceed 1."""
        buffers = {name: self.game.player(name).stack.cloned_buffers() for name in (GEN, DISC)}
        for name, given in weights.items():
            stack = self.game.player(name).stack
            views, own = stack.views(given), buffers[name]
            for key in stack.spectral:
                own[key + spectral.VECTOR] = spectral.start(views[key], own[key + spectral.VECTOR])
        return buffers

    def _loss(
        self, player: str, weights: Tensor, draws: Draws, buffers: dict[str, dict[str, Tensor]]
    ) -> Tensor:
        """What the copy descends, [K]: D's own loss with its penalty, and for G the value M."""
        if player == GEN:
            return -self._d_loss(self.plain, {GEN: weights}, draws, buffers)
        return self._d_loss(self.constrained, {DISC: weights}, draws, buffers)

    def _d_loss(
        self, objective: Objective, weights: Weights, draws: Draws, buffers: dict[str, dict[str, Tensor]]
    ) -> Tensor:
        """D's loss [K] on one batch, which a copy of G raises and one of D lowers."""
        params = {name: self.game.player(name).stack.views(given) for name, given in weights.items()}
        gen = objective.gen
        label = objective.gen_label(draws)
        with torch.set_grad_enabled(GEN in weights and torch.is_grad_enabled()):
            fake_x = gen(draws.latent, label=label, params=params.get(GEN), buffers=buffers[GEN])
        at = At(params.get(DISC), buffers[DISC])
        return objective.d_value(draws, fake_x, self.game.step, at).total

    def _allowed(self, player: str, weights: Tensor) -> Tensor:
        """Where D's weights may be."""
        after = self.game.penalty.after_step
        return after(weights) if player == DISC and after is not None else weights


def _clean(draws: Draws) -> Draws:
    """Without what only training does to D's inputs and targets."""
    return replace(draws, label=None, jitter=None, dropout=None, instance=None)


def _normals(player: str, stack: Stack) -> Tensor:
    """[K, P], the same for every member: cells are paired."""
    normals = np.random.Generator(philox(f"perturbation 1 {player}")).standard_normal(stack.weights.shape[1])
    return torch.from_numpy(normals).to(stack.weights)
