"""What each player minimises: losses of K pairs of players as functions of the weights they are taken at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganzoo import noise
from ganzoo.layers import MinibatchStd
from ganzoo.losses import Loss
from ganzoo.penalties import Look, Penalty
from ganzoo.stack import Stack, Uniforms

GEN, DISC = "gen", "disc"


@dataclass(frozen=True)
class Columns:
    """Hyper-parameters that may differ between members, each [K, 1]."""

    lr_g: Tensor
    lr_d: Tensor
    lr_decay: Tensor
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
    aux_weight: Tensor


@dataclass(frozen=True)
class Draws:
    """The random inputs of one update of one player; what is None is not needed by any member.

    latent [K, B, L]; real [K, B, *shape]; real_class, fake_class [K, B, classes] one-hot; label [K, N] and
    jitter [K, 2, N] uniforms for D's N outputs a half; dropout: per layer uniforms [K, M, ...] and instance
    normals [K, M', *shape], both halves for D (real first), one for G; mix [K, B], noise [K, B, *shape]: the
    penalty's. opponent: in G's draws, D's inputs of the same kind, for what compares or looks ahead.
    """

    latent: Tensor
    real: Tensor | None = None
    real_class: Tensor | None = None
    fake_class: Tensor | None = None
    label: Tensor | None = None
    jitter: Tensor | None = None
    dropout: Mapping[str, Tensor] | None = None
    instance: Tensor | None = None
    mix: Tensor | None = None
    noise: Tensor | None = None
    opponent: Draws | None = None


@dataclass(frozen=True)
class At:
    """The weights and buffers of D that a loss is taken at; None: its own. Own buffers move."""

    params: Mapping[str, Tensor] | None = None
    buffers: dict[str, Tensor] | None = None


OWN = At()


@dataclass(frozen=True)
class Value:
    """total [K]: what the player minimises; loss [K]: its adversarial part; real, fake [K, N]: D's answers,
    all but the first detached."""

    total: Tensor
    loss: Tensor
    real: Tensor | None
    fake: Tensor


@dataclass(frozen=True)
class Objective:
    """Both players' losses. `losses` gives each loss with the slice of members that it applies to."""

    gen: Stack
    disc: Stack
    losses: Sequence[tuple[Loss, slice]]
    columns: Columns
    penalty: Penalty = field(default_factory=Penalty)
    joint_batch: bool = False

    @property
    def compares(self) -> bool:
        """Whether G's loss reads D's answers to real samples."""
        return any(loss.compares for loss, _ in self.losses)

    def answers(
        self, x: Tensor, label: Tensor | None, uniforms: Uniforms | None = None, at: At = OWN
    ) -> tuple[Tensor, Tensor | None]:
        """D's outputs [K, N] and, of an auxiliary classifier, its logits [K, N, classes]."""
        label = label if self.disc.takes_label else None
        out = self.disc(x, label=label, uniforms=uniforms, params=at.params, buffers=at.buffers)
        return out[..., 0], out[..., 1:] if out.shape[-1] > 1 else None

    def d_value(self, draws: Draws, fake_x: Tensor, step: int, at: At = OWN, penalised: int = 1) -> Value:
        """D's loss on draws.real and fake_x [K, B, *shape]; its penalty counts `penalised` times."""
        assert draws.real is not None
        batch = fake_x.shape[1]
        x = self._noisy(torch.cat([draws.real, fake_x], 1), draws.instance, step)
        real_x, fake_x = x[:, :batch], x[:, batch:]
        term = self.penalty.term if penalised else None
        if term is not None:
            real_x.requires_grad_()
            fake_x.requires_grad_()
        halves = [_half(draws.dropout, part) for part in (0, 1)]
        if self._in_one_pass(term is not None):
            out, logits = self.answers(
                torch.cat([real_x, fake_x], 1) if term else x,
                _cat(draws.real_class, draws.fake_class),
                draws.dropout,
                at,
            )
            (real, fake), logits_of = out.chunk(2, 1), _halves(logits)
        else:
            real, real_logits = self.answers(real_x, draws.real_class, halves[0], at)
            fake, fake_logits = self.answers(fake_x, draws.fake_class, halves[1], at)
            logits_of = (real_logits, fake_logits)
        loss = self._d_loss(real, fake, draws)
        total = loss
        for logits, label in zip(logits_of, (draws.real_class, draws.fake_class), strict=True):
            total = total + self._aux_loss(logits, label)
        if term is not None:

            def again(x: Tensor) -> Tensor:
                return self.answers(x, draws.real_class, halves[0], at)[0]

            params = self.disc.params if at.params is None else at.params
            look = Look(real_x, fake_x, real, fake, again, params, draws.mix, draws.noise)
            total = total + penalised * term(look)
        return Value(total, loss.detach(), real.detach(), fake.detach())

    def g_value(self, draws: Draws, step: int, at: At = OWN) -> Value:
        """G's loss; gradients flow to G's weights through its samples (and through `at`, if it does)."""
        x = self._noisy(self.gen(draws.latent, label=self.gen_label(draws)), draws.instance, step)
        fake, logits = self.answers(x, draws.fake_class, draws.dropout, at)
        real = None
        if self.compares:
            other = draws.opponent
            assert other is not None
            assert other.real is not None
            real_x = other.real
            if other.instance is not None:
                real_x = self._noisy(real_x, other.instance[:, : real_x.shape[1]], step)
            # On clones: whether a neighbour compares must not decide how a member's statistics move.
            aside = At(at.params, self.disc.cloned_buffers() if at.buffers is None else at.buffers)
            real, _ = self.answers(real_x, other.real_class, _half(other.dropout, 0), aside)
        loss = self.g_loss(real, fake).mean(1)
        total = loss + self._aux_loss(logits, draws.fake_class)
        return Value(total, loss.detach(), None if real is None else real.detach(), fake.detach())

    def fakes(self, draws: Draws) -> Tensor:
        """G's samples for the latents and classes of `draws`."""
        return self.gen(draws.latent, label=self.gen_label(draws))

    def field_size(self, draws: Draws) -> Tensor:
        """||v||^2 / 2 [K] with v = (d L_G / d G's weights, d L_D / d D's weights), differentiable.

        On the batch of `draws` without noise and dropout, at batch statistics; no buffer moves.
        """
        clean = replace(draws, label=None, jitter=None, dropout=None, instance=None, opponent=None)
        buffers = {GEN: self.gen.cloned_buffers(), DISC: self.disc.cloned_buffers()}
        fake_x = self.gen(clean.latent, label=self.gen_label(clean), buffers=buffers[GEN])
        at = At(buffers=buffers[DISC])
        d = self.d_value(clean, fake_x, 0, at, penalised=0).total
        fake, logits = self.answers(fake_x, clean.fake_class, None, at)
        real = None
        if self.compares:
            assert clean.real is not None
            real, _ = self.answers(clean.real, clean.real_class, None, at)
        g = self.g_loss(real, fake).mean(1) + self._aux_loss(logits, clean.fake_class)
        v = [
            *torch.autograd.grad(g.sum(), list(self.gen.params.values()), create_graph=True),
            *torch.autograd.grad(d.sum(), list(self.disc.params.values()), create_graph=True),
        ]
        return 0.5 * torch.stack([part.flatten(1).square().sum(1) for part in v]).sum(0)

    def per_loss(self, value: Callable[[Loss, slice], Tensor]) -> Tensor:
        """value(loss, members) of each slice, put together again: no loss ever sees another's members."""
        parts = [value(loss, members) for loss, members in self.losses]
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def g_loss(self, real: Tensor | None, fake: Tensor) -> Tensor:
        """G's loss of every sample, [K, N]."""
        return self.per_loss(lambda loss, m: loss.g_loss(None if real is None else real[m], fake[m]))

    def _d_loss(self, real: Tensor, fake: Tensor, draws: Draws) -> Tensor:
        columns = self.columns
        if draws.label is not None:
            real, fake = noise.flip_labels(real, fake, draws.label, columns.label_noise)

        def value(loss: Loss, m: slice) -> Tensor:
            jitter = (None, None) if draws.jitter is None else (columns.label_jitter[m], draws.jitter[m])
            return loss.d_loss(real[m], fake[m], noise.targets(columns.label_smoothing[m], *jitter))

        return self.per_loss(value).mean(1)

    def _aux_loss(self, logits: Tensor | None, label: Tensor | None) -> Tensor | float:
        """aux_weight * cross-entropy of the classes [K]; 0 without an auxiliary classifier."""
        if logits is None or label is None:
            return 0.0
        return self.columns.aux_weight[:, 0] * -(F.log_softmax(logits, -1) * label).sum(-1).mean(1)

    def gen_label(self, draws: Draws) -> Tensor | None:
        """The classes that a conditional G is asked for."""
        return draws.fake_class if self.gen.takes_label else None

    def _in_one_pass(self, has_term: bool) -> bool:
        """Whether real and fake samples go through D together.

        They must in a joint batch. Where the samples of a batch never meet in D it is the same and faster,
        unless a slope is asked for, whose backward pass need not see the other half.
        """
        if self.joint_batch:
            return True
        return not has_term and not self.batch_meets

    @cached_property
    def batch_meets(self) -> bool:
        """Whether D's answer to a sample depends on the others of its batch."""
        kinds = (nn.modules.batchnorm._BatchNorm, MinibatchStd)
        return any(isinstance(module, kinds) for module in self.disc.template.modules())

    def _noisy(self, x: Tensor, normals: Tensor | None, step: int) -> Tensor:
        if normals is None:
            return x
        columns = self.columns
        sigma = noise.anneal(step, columns.instance_noise, columns.instance_noise_until)
        return x + sigma.view(-1, *[1] * (x.dim() - 1)) * normals


def _half(uniforms: Uniforms | None, part: int) -> dict[str, Tensor] | None:
    return None if uniforms is None else {name: u.chunk(2, 1)[part] for name, u in uniforms.items()}


def _halves(x: Tensor | None) -> tuple[Tensor | None, Tensor | None]:
    return (None, None) if x is None else (x.chunk(2, 1)[0], x.chunk(2, 1)[1])


def _cat(real: Tensor | None, fake: Tensor | None) -> Tensor | None:
    return None if real is None or fake is None else torch.cat([real, fake], 1)
