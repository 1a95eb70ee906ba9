"""Random streams without state: every draw is a function of what it is for.

A stream is a numpy Philox generator keyed by 128 bits of sha256(study seed, trial seed, purpose, index...).
Cells with the same seed see the same start, data order, latents and noise, so they are paired; resuming needs
no state.
"""

from __future__ import annotations

import copy
import hashlib
import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from ganzoo.objective import DISC, GEN, Draws

BLOCK = 32
"""Updates whose small draws are made in one go. Part of the protocol: changing it changes every number."""

OPPONENT = "opponent"
"""Name, in streams, of the D update that G's own update reads or looks ahead to."""


def stream(study_seed: int, seed: int, purpose: str, *index: int | str) -> np.random.Generator:
    """The generator of one purpose. Seeds may be any integers; equal arguments give equal draws."""
    text = "\x1f".join(map(str, (study_seed, seed, purpose, *index)))
    digest = hashlib.sha256(text.encode()).digest()
    key = np.frombuffer(digest[:16], dtype="<u8").astype(np.uint64)
    return np.random.Generator(np.random.Philox(key=key))


def latents(kind: str, generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """N(0, 1) or U(-1, 1), float32."""
    if kind == "uniform":
        return generator.random(shape, dtype=np.float32) * np.float32(2) - np.float32(1)
    return generator.standard_normal(shape, dtype=np.float32)


def coarse_uniforms(generator: np.random.Generator, shape: tuple[int, ...]) -> Tensor:
    """U[0, 1) in steps of 2^-16, float32: four of each raw draw. A third of the cost of 24 bits, and a
    dropout rate is met to 1.5e-5."""
    count = math.prod(shape)
    raw = generator.bit_generator.random_raw(-(-count // 4)).view(np.int16)[:count]
    return torch.from_numpy(raw).float().add_(32768.0).mul_(2.0**-16).view(shape)


class PackStreams:
    """The draws of every update of a pack, made once per distinct seed and shared by its members."""

    def __init__(
        self,
        *,
        study_seed: int,
        seeds: Sequence[int],
        data: Tensor,
        labels: Tensor | None,
        batch: int,
        pac: int,
        latent: tuple[str, int],
        dropout: dict[str, tuple[int, ...]],
        shared_latents: tuple[int, int] | None,
        needs: frozenset[str],
        dtype: torch.dtype,
        device: str,
    ) -> None:
        """`data` [N, *shape] is what real batches are drawn from, with replacement; `labels` [N, classes]
        one-hot, for conditional models; `pac`: samples of one of D's outputs; `dropout` gives each layer's
        per-output shape; `shared_latents`: (n_critic, g_steps) where G learns from the latents of D's last
        batches; `needs` names what is used of label, jitter, dropout, instance, mix, noise, opponent.
        """
        self._study_seed = study_seed
        self._seeds = sorted(set(seeds))
        self._member = torch.tensor([self._seeds.index(s) for s in seeds], device=device)
        self._paired = len(self._seeds) == len(seeds) and list(seeds) == self._seeds
        self.data, self._labels, self._latent, self._dropout = data, labels, latent, dropout
        self._batch, self._outputs, self._shared = batch, batch // pac, shared_latents
        self._needs, self._dtype, self._device = needs, dtype, device
        self._pac = pac
        self._scope: tuple[str, ...] = ()
        self._block = BLOCK
        self._blocks: dict[tuple[str, str], tuple[int, Tensor]] = {}

    def beside(self, purpose: str, data: Tensor, labels: Tensor | None, batch: int = 0) -> PackStreams:
        """Streams like these for another purpose, which share no number with them. data, labels: other rows;
        batch: 0 is that of training; of another size, which may be large, one update is drawn at a time."""
        other = copy.copy(self)
        other.data, other._labels, other._scope = data, labels, ("beside", purpose)
        other._batch, other._block = (batch, 1) if batch else (self._batch, BLOCK)
        other._outputs, other._blocks = other._batch // self._pac, {}
        return other

    def draws(self, player: str, update: int) -> Draws:
        """The inputs of one player's `update`-th update (from 0)."""
        if player == DISC:
            return self._of_disc(DISC, update, *self._fakes(DISC, update))
        source = (GEN, update)
        if self._shared is not None:
            n_critic, g_steps = self._shared
            step, turn = divmod(update, g_steps)
            source = (DISC, step * n_critic + n_critic - 1 - turn % n_critic)
        latent, classes = self._fakes(*source)
        opponent = self._of_disc(OPPONENT, update, latent, classes) if "opponent" in self._needs else None
        return Draws(
            latent=latent,
            fake_class=classes,
            dropout=self._masks(GEN, update, self._outputs),
            instance=self._normals("instance", GEN, update, self._batch),
            opponent=opponent,
        )

    def _fakes(self, player: str, update: int) -> tuple[Tensor, Tensor | None]:
        """Latents [K, B, L] and, for a conditional model, one-hot classes [K, B, classes]."""
        kind, size = self._latent
        z = self._small("latent", player, update, lambda g, n: latents(kind, g, (n, self._batch, size)))
        if self._labels is None:
            return z.to(self._dtype), None
        count = self._labels.shape[1]
        asked = self._small("class", player, update, lambda g, n: g.integers(0, count, (n, self._batch)))
        return z.to(self._dtype), one_hot(asked, count).to(self._dtype)

    def _of_disc(self, player: str, update: int, latent: Tensor, classes: Tensor | None) -> Draws:
        count, outputs = self.data.shape[0], self._outputs
        picks = self._small("data", player, update, lambda g, n: g.integers(0, count, (n, self._batch)))
        real_class = None if self._labels is None else self._labels[picks].to(self._dtype)
        if "mix" in self._needs and player == DISC:
            classes = real_class  # what is mixed is of one class
        label = self._uniforms("label", player, update, (outputs,))
        jitter = self._uniforms("jitter", player, update, (2, outputs))
        return Draws(
            latent=latent,
            real=self.data[picks],
            real_class=real_class,
            fake_class=classes,
            label=label,
            jitter=None if jitter is None else jitter.to(self._dtype),
            dropout=self._masks(player, update, 2 * outputs),
            instance=self._normals("instance", player, update, 2 * self._batch),
            mix=self._uniforms("mix", player, update, (outputs,)),
            noise=self._normals("noise", player, update, self._batch),
        )

    def _uniforms(self, purpose: str, player: str, update: int, shape: tuple[int, ...]) -> Tensor | None:
        if purpose not in self._needs:
            return None
        return self._small(purpose, player, update, lambda g, n: g.random((n, *shape), dtype=np.float32))

    def _masks(self, player: str, update: int, rows: int) -> dict[str, Tensor] | None:
        if "dropout" not in self._needs:
            return None
        return {
            name: self._large("dropout", player, update, name, (rows, *shape))
            for name, shape in self._dropout.items()
        }

    def _normals(self, purpose: str, player: str, update: int, rows: int) -> Tensor | None:
        if purpose not in self._needs:
            return None
        shape = (rows, *self.data.shape[1:])
        return self._large(purpose, player, update, "", shape, normal=True)

    def _small(
        self, purpose: str, player: str, update: int, make: Callable[[np.random.Generator, int], np.ndarray]
    ) -> Tensor:
        """[K, ...]: drawn on the CPU, a block of updates at a time."""
        block, offset = divmod(update, self._block)
        held = self._blocks.get((purpose, player))
        if held is None or held[0] != block:
            index: tuple[int | str, ...] = (player, block, *self._scope)
            parts = [make(stream(self._study_seed, s, purpose, *index), self._block) for s in self._seeds]
            held = (block, torch.from_numpy(np.stack(parts, axis=1)).to(self._device))
            self._blocks[purpose, player] = held
        return self._spread(held[1][offset])

    def _large(
        self, purpose: str, player: str, update: int, name: str, shape: tuple[int, ...], normal: bool = False
    ) -> Tensor:
        """[K, ...]: drawn per update, on the device that trains."""
        parts = []
        for seed in self._seeds:
            generator = stream(self._study_seed, seed, purpose, player, update, name, *self._scope)
            if self._device.startswith("cuda"):
                own = torch.Generator(self._device)
                own.manual_seed(int(generator.integers(0, 2**63)))
                draw = torch.randn if normal else torch.rand
                parts.append(draw(shape, generator=own, device=self._device))
            elif normal:
                parts.append(torch.from_numpy(generator.standard_normal(shape, dtype=np.float32)))
            else:
                parts.append(coarse_uniforms(generator, shape))
        drawn = torch.stack(parts)
        return self._spread(drawn.to(self._dtype) if normal else drawn)

    def _spread(self, per_seed: Tensor) -> Tensor:
        """[seeds, ...] -> [K, ...]."""
        if len(self._seeds) == 1:
            return per_seed.expand(len(self._member), *per_seed.shape[1:])
        return per_seed if self._paired else per_seed[self._member]
