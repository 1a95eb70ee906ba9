"""K pairs of players: what each player's gradient is, and how it is applied.

Everything is per member: hyper-parameters are columns [K, 1], losses are contiguous slices of members, and a
member that turns non-finite is frozen while its neighbours train on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from ganzoo import noise
from ganzoo.losses import Loss
from ganzoo.optimizers import Optimizer, State
from ganzoo.penalties import Penalty
from ganzoo.stack import Stack

GEN, DISC = "gen", "disc"


@dataclass(frozen=True)
class Columns:
    """Hyper-parameters that may differ between members, each [K, 1]."""

    lr_g: Tensor
    lr_d: Tensor
    beta1: Tensor
    beta2: Tensor
    dropout: Tensor
    label_noise: Tensor
    label_smoothing: Tensor
    label_jitter: Tensor
    instance_noise: Tensor
    instance_noise_until: Tensor
    weight_decay: Tensor
    ema: Tensor
    penalty: Tensor


@dataclass(frozen=True)
class Draws:
    """The random inputs of one update of one player; what is None is not needed by any member.

    real [K, B, *shape]; latent [K, B, L]; label [K, B] uniforms; jitter [K, 2, B] uniforms; dropout: per
    layer [K, N, ...] uniforms and instance [K, N, *shape] normals, N = 2B for D (real first), B for G.
    """

    latent: Tensor
    real: Tensor | None = None
    label: Tensor | None = None
    jitter: Tensor | None = None
    dropout: Mapping[str, Tensor] | None = None
    instance: Tensor | None = None


@dataclass(frozen=True)
class Gradient:
    """One player's gradient [K, P] and what it came from: loss [K], D's outputs [K, B], detached."""

    player: str
    flat: Tensor
    loss: Tensor
    real: Tensor | None
    fake: Tensor


@dataclass(frozen=True)
class Measured:
    """What an update did: loss, gradient norm, ||change|| / ||weights|| [K]; D's outputs [K, B]."""

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


@dataclass
class Game:
    """Generators against discriminators. `losses` gives each loss with the slice of members it applies to."""

    gen: Player
    disc: Player
    losses: Sequence[tuple[Loss, slice]]
    columns: Columns
    penalty: Penalty | None = None
    joint_batch: bool = False
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
        self._kept = self._buffers()
        # Without BatchNorm the samples of a batch never meet in D: one pass over both halves is the same.
        has_norm = any(
            isinstance(m, nn.modules.batchnorm._BatchNorm) for m in self.disc.stack.template.modules()
        )
        self._one_pass = self.joint_batch or not has_norm

    def player(self, name: str) -> Player:
        return self.gen if name == GEN else self.disc

    def gradient(self, player: str, draws: Draws) -> Gradient:
        """The gradient of one player's loss at the current weights; only BatchNorm's statistics move."""
        return self._d_gradient(draws) if player == DISC else self._g_gradient(draws)

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
        if gradient.player == DISC:
            change = change - (columns.lr_d * columns.weight_decay) * weights
        size = torch.linalg.vector_norm(change, dim=1)
        alive = alive & torch.isfinite(size).unsqueeze(1)
        self._note_deaths(alive)
        ratio = size / torch.linalg.vector_norm(weights, dim=1)
        weights.add_(change.where(alive, _zero(weights)))
        if gradient.player == DISC and self.penalty is not None:
            self.penalty.after_step(weights, columns.penalty)
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

    def per_loss(self, value: Callable[[Loss, slice], Tensor]) -> Tensor:
        """value(loss, members) of each slice, put together again: no loss ever sees another's members."""
        parts = [value(loss, members) for loss, members in self.losses]
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def g_loss(self, real: Tensor | None, fake: Tensor) -> Tensor:
        """G's loss of every sample, [K, B]."""
        return self.per_loss(lambda loss, m: loss.g_loss(None if real is None else real[m], fake[m]))

    def _d_gradient(self, draws: Draws) -> Gradient:
        assert draws.real is not None
        columns, stack, batch = self.columns, self.disc.stack, draws.latent.shape[1]
        with torch.no_grad():
            fake_x = self.gen.stack(draws.latent)
            x = self._noisy(torch.cat([draws.real, fake_x], 1), draws)
        if self._one_pass:
            out = stack(x, uniforms=draws.dropout).squeeze(-1)
            real, fake = out[:, :batch], out[:, batch:]
        else:
            halves = [_half(draws.dropout, part, batch) for part in (0, 1)]
            real = stack(x[:, :batch], uniforms=halves[0]).squeeze(-1)
            fake = stack(x[:, batch:], uniforms=halves[1]).squeeze(-1)
        seen = (real.detach(), fake.detach())
        if draws.label is not None:
            real, fake = noise.flip_labels(real, fake, draws.label, columns.label_noise)
        jitter = columns.label_jitter if draws.jitter is not None else None

        def value(loss: Loss, m: slice) -> Tensor:
            j, u = (None, None) if jitter is None or draws.jitter is None else (jitter[m], draws.jitter[m])
            return loss.d_loss(real[m], fake[m], noise.targets(columns.label_smoothing[m], j, u))

        losses = self.per_loss(value).mean(1)
        return Gradient(DISC, stack.gradient(losses), losses.detach(), *seen)

    def _g_gradient(self, draws: Draws) -> Gradient:
        x = self._noisy(self.gen.stack(draws.latent), draws)
        fake = self.disc.stack(x, uniforms=draws.dropout).squeeze(-1)
        losses = self.g_loss(None, fake).mean(1)
        return Gradient(GEN, self.gen.stack.gradient(losses), losses.detach(), None, fake.detach())

    def _noisy(self, x: Tensor, draws: Draws) -> Tensor:
        if draws.instance is None:
            return x
        columns = self.columns
        sigma = noise.anneal(self.step, columns.instance_noise, columns.instance_noise_until)
        return x + sigma.view(-1, *[1] * (x.dim() - 1)) * draws.instance

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


def _zero(like: Tensor) -> Tensor:
    return like.new_zeros(())


def _half(uniforms: Mapping[str, Tensor] | None, part: int, batch: int) -> dict[str, Tensor] | None:
    if uniforms is None:
        return None
    return {name: u[:, part * batch : (part + 1) * batch] for name, u in uniforms.items()}
