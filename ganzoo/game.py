"""K pairs of players: whose gradient is taken where, and how it is applied.

Everything is per member: a member that turns non-finite is frozen while its neighbours train on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from ganzoo.objective import DISC, GEN, OWN, At, Columns, Draws, Objective
from ganzoo.optimizers import Optimizer, State
from ganzoo.penalties import Penalty
from ganzoo.stack import Stack


@dataclass(frozen=True)
class Gradient:
    """One player's gradient [K, P] and what it came from: loss [K], D's outputs [K, N], detached."""

    player: str
    flat: Tensor
    loss: Tensor
    real: Tensor | None
    fake: Tensor


@dataclass(frozen=True)
class Measured:
    """What an update did: loss, gradient norm, ||change|| / ||weights|| [K]; D's outputs [K, N]."""

    loss: Tensor
    grad_norm: Tensor
    update_ratio: Tensor
    real: Tensor | None
    fake: Tensor


@dataclass
class Player:
    """A stack and what trains it."""

    stack: Stack
    optimizer: Optimizer
    state: State
    updates: int = 0


@dataclass(frozen=True)
class Snapshot:
    """What a game was, to go back to."""

    state: Mapping[str, Tensor]
    kept: Mapping[tuple[str, str], Tensor]
    updates: Mapping[str, int]
    step: int
    last: Mapping[str, Measured]


@dataclass
class Game:
    """Generators against discriminators. `steps`: how many there will be, for rates that fall."""

    gen: Player
    disc: Player
    objective: Objective
    steps: int = 1
    step: int = 0
    alive: Tensor = field(init=False)
    first_bad_step: Tensor = field(init=False)
    ema: Tensor | None = field(init=False)
    last: dict[str, Measured] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        weights = self.gen.stack.weights
        width, device = self.gen.stack.width, weights.device
        self.alive = torch.ones(width, 1, dtype=torch.bool, device=device)
        self.first_bad_step = torch.full((width,), -1, dtype=torch.int64, device=device)
        self.ema = weights.clone() if bool((self.columns.ema > 0).any()) else None
        self.disc.stack.set_dropout(self.columns.dropout[:, 0])
        self._rates_fall = bool((self.columns.lr_decay > 0).any())
        self._kept = self._buffers()

    @property
    def columns(self) -> Columns:
        return self.objective.columns

    @property
    def penalty(self) -> Penalty:
        return self.objective.penalty

    def player(self, name: str) -> Player:
        return self.gen if name == GEN else self.disc

    def gradient(self, player: str, draws: Draws, lookahead: int = 0) -> Gradient:
        """The gradient of one player's loss at the current weights; only buffers move.

        lookahead: G's is taken behind so many further steps of D, and through them.
        """
        stack = self.player(player).stack
        if player == DISC:
            with torch.no_grad():
                fake_x = self.objective.fakes(draws)
            times = self.penalised(self.disc.updates)
            value = self.objective.d_value(draws, fake_x, self.step, penalised=times)
        else:
            at = OWN
            if lookahead:
                weights = self.disc.stack.weights.detach().clone().requires_grad_()
                at = self.ahead(draws, lookahead, weights, self.disc.state, self.disc.updates)
            value = self.objective.g_value(draws, self.step, at)
        flat = stack.gradient(value.total)
        if self.penalty.shifts_both:
            both = draws if player == DISC else as_d_draws(draws)
            flat = flat + self.penalty.field_weight * stack.gradient(self.objective.field_size(both))
        return Gradient(player, flat, value.loss, value.real, value.fake)

    def apply(self, gradient: Gradient) -> Measured:
        """Take the step. A member whose loss, gradient or change is not finite stays put for good."""
        columns, player = self.columns, self.player(gradient.player)
        weights = player.stack.weights
        norm = torch.linalg.vector_norm(gradient.flat, dim=1)
        alive = self.alive & (torch.isfinite(norm) & torch.isfinite(gradient.loss)).unsqueeze(1)
        player.updates += 1
        change = player.optimizer.step(
            player.state, gradient.flat.where(alive, _zero(weights)), player.updates
        )
        change = self._full_change(gradient.player, weights, change)
        size = torch.linalg.vector_norm(change, dim=1)
        alive = alive & torch.isfinite(size).unsqueeze(1)
        self._note_deaths(alive)
        ratio = size / torch.linalg.vector_norm(weights, dim=1)
        weights.add_(change.where(alive, _zero(weights)))
        if gradient.player == DISC and self.penalty.after_step is not None:
            weights.copy_(self.penalty.after_step(weights).where(alive, weights))
        if gradient.player == GEN and self.ema is not None:
            self.ema.lerp_(weights, 1.0 - columns.ema)
        measured = Measured(gradient.loss, norm, ratio, gradient.real, gradient.fake)
        self.last[gradient.player] = measured
        return measured

    def end_step(self) -> None:
        """Count the step and give dead members back the buffers they died with."""
        self.step += 1
        for name, kept in self._kept.items():
            buffer = self._buffer(name)
            mask = self.alive.view(-1, *[1] * (buffer.dim() - 1))
            kept.copy_(buffer.where(mask, kept))
            buffer.copy_(kept)

    def state(self) -> dict[str, Tensor]:
        """Everything that going on needs, as live tensors by flat name."""
        out = {"alive": self.alive, "first_bad_step": self.first_bad_step}
        for name in (GEN, DISC):
            player = self.player(name)
            out[f"{name}.weights"] = player.stack.weights
            out |= {f"{name}.buffer.{k}": v for k, v in player.stack.buffers.items()}
            out |= {f"{name}.optimizer.{k}": v for k, v in player.state.items()}
        if self.ema is not None:
            out["ema"] = self.ema
        return out

    def load(self, state: Mapping[str, Tensor], step: int, updates: Mapping[str, int]) -> None:
        """Continue from `state`, copied into the tensors that are here: alignment can change bits."""
        mine = self.state()
        if mine.keys() != state.keys():
            raise ValueError(f"the saved state differs in {sorted(mine.keys() ^ state.keys())}")
        for name, tensor in mine.items():
            tensor.copy_(state[name])
        self.step = step
        self.gen.updates, self.disc.updates = updates[GEN], updates[DISC]
        self._kept = self._buffers()

    def snapshot(self) -> Snapshot:
        """A copy of all that steps change, for `restore`."""
        state = {name: tensor.clone() for name, tensor in self.state().items()}
        kept = {name: buffer.clone() for name, buffer in self._kept.items()}
        updates = {GEN: self.gen.updates, DISC: self.disc.updates}
        return Snapshot(state, kept, updates, self.step, dict(self.last))

    def restore(self, kept: Snapshot) -> None:
        """Go back to a snapshot."""
        for name, tensor in self.state().items():
            tensor.copy_(kept.state[name])
        self._kept = {name: buffer.clone() for name, buffer in kept.kept.items()}
        self.recount(kept)
        self.step, self.last = kept.step, dict(kept.last)

    def recount(self, kept: Snapshot) -> None:
        """Go back in the counts of updates alone."""
        self.gen.updates, self.disc.updates = kept.updates[GEN], kept.updates[DISC]

    def penalised(self, updates: int) -> int:
        """How many times the penalty counts in D's update after so many: `every` times, every so often."""
        return self.penalty.every if updates % self.penalty.every == 0 else 0

    def moved(self, player: str, weights: Tensor, change: Tensor) -> Tensor:
        """A player's weights [K, P] after a step, as a function of them and the optimizer's change."""
        weights = weights + self._full_change(player, weights, change)
        if player == DISC and self.penalty.after_step is not None:
            weights = self.penalty.after_step(weights)
        return weights

    def ahead(self, draws: Draws, k: int, weights: Tensor, state: State, updates: int) -> At:
        """D after k more steps on G's own batch, as a function of `weights` [K, P] and of G's.

        state, updates: of D's optimizer, which stays as it is; buffers are clones.
        """
        stack, inputs = self.disc.stack, as_d_draws(draws)
        buffers = stack.cloned_buffers()
        fake_x = self.objective.gen(
            inputs.latent, label=self.objective.gen_label(inputs), buffers=self.gen.stack.cloned_buffers()
        )
        for i in range(k):
            at = At(stack.views(weights), buffers)
            times = self.penalised(updates + i)
            value = self.objective.d_value(inputs, fake_x, self.step, at, times)
            (flat,) = torch.autograd.grad(value.total.sum(), weights, create_graph=True)
            change, state = self.disc.optimizer.pure(state, flat, updates + i + 1)
            weights = self.moved(DISC, weights, change)
        return At(stack.views(weights), buffers)

    def _full_change(self, player: str, weights: Tensor, change: Tensor) -> Tensor:
        """The optimizer's change with weight decay, at what is left of the rates: they fall linearly, by
        `lr_decay` in all."""
        columns = self.columns
        if player == DISC:
            change = change - (columns.lr_d * columns.weight_decay) * weights
        return change * self.rates_left() if self._rates_fall else change

    def rates_left(self) -> Tensor:
        """What is left of the rates at this step, as a factor [K, 1]."""
        return 1.0 - self.columns.lr_decay * min(1.0, self.step / self.steps)

    def _note_deaths(self, alive: Tensor) -> None:
        died = (self.alive & ~alive).squeeze(1)
        self.first_bad_step.masked_fill_(died, self.step + 1)
        self.alive.copy_(alive)

    def _buffers(self) -> dict[tuple[str, str], Tensor]:
        return {
            (name, key): buffer.clone()
            for name in (GEN, DISC)
            for key, buffer in self.player(name).stack.buffers.items()
            if not key.endswith("rate")
        }

    def _buffer(self, name: tuple[str, str]) -> Tensor:
        return self.player(name[0]).stack.buffers[name[1]]


def as_d_draws(draws: Draws) -> Draws:
    """G's batch as D sees it: its latents and classes beside the opponent's reals and noises."""
    assert draws.opponent is not None
    return replace(draws.opponent, latent=draws.latent, fake_class=draws.fake_class)


def _zero(like: Tensor) -> Tensor:
    return like.new_zeros(())
