"""Random streams without state: every draw is a function of what it is for.

A stream is a numpy Philox generator keyed by 128 bits of sha256(study seed, trial seed, purpose, index...).
Cells with the same seed see the same start, data order, latents and noise, so they are paired; resuming needs
no state.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from ganzoo.game import DISC, Draws

BLOCK = 32
"""Updates whose small draws are made in one go. Part of the protocol: changing it changes every number."""


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
        batch: int,
        latent: tuple[str, int],
        dropout: dict[str, tuple[int, ...]],
        needs: frozenset[str],
        dtype: torch.dtype,
        device: str,
    ) -> None:
        """`data` [N, *shape] is what real batches are drawn from, with replacement; `dropout` gives each
        layer's per-sample shape; `needs` names the optional noises that some member uses: label, jitter,
        dropout, instance."""
        self._study_seed = study_seed
        self._seeds = sorted(set(seeds))
        self._member = torch.tensor([self._seeds.index(s) for s in seeds], device=device)
        self._paired = len(self._seeds) == len(seeds) and list(seeds) == self._seeds
        self._data, self._batch, self._latent, self._dropout = data, batch, latent, dropout
        self._needs, self._dtype, self._device = needs, dtype, device
        self._blocks: dict[tuple[str, str], tuple[int, Tensor]] = {}

    def draws(self, player: str, update: int) -> Draws:
        """The inputs of one player's `update`-th update (from 0)."""
        batch, rows = self._batch, self._batch * (2 if player == DISC else 1)
        kind, size = self._latent
        z = self._small("latent", player, update, lambda g, n: latents(kind, g, (n, batch, size)))
        dropout = instance = None
        if "dropout" in self._needs:
            dropout = {
                name: self._large("dropout", player, update, name, (rows, *shape))
                for name, shape in self._dropout.items()
            }
        if "instance" in self._needs:
            shape = tuple(self._data.shape[1:])
            instance = self._large("instance", player, update, "", (rows, *shape), normal=True)
        if player != DISC:
            return Draws(latent=z.to(self._dtype), dropout=dropout, instance=instance)
        count = self._data.shape[0]
        picks = self._small("data", player, update, lambda g, n: g.integers(0, count, (n, batch)))
        label = jitter = None
        if "label" in self._needs:
            label = self._small("label", player, update, lambda g, n: g.random((n, batch), dtype=np.float32))
        if "jitter" in self._needs:
            jitter = self._small(
                "jitter", player, update, lambda g, n: g.random((n, 2, batch), dtype=np.float32)
            )
        return Draws(
            latent=z.to(self._dtype),
            real=self._data[picks],
            label=label,
            jitter=None if jitter is None else jitter.to(self._dtype),
            dropout=dropout,
            instance=instance,
        )

    def _small(
        self, purpose: str, player: str, update: int, make: Callable[[np.random.Generator, int], np.ndarray]
    ) -> Tensor:
        """[K, ...]: drawn on the CPU, BLOCK updates at a time."""
        block, offset = divmod(update, BLOCK)
        held = self._blocks.get((purpose, player))
        if held is None or held[0] != block:
            parts = [make(stream(self._study_seed, s, purpose, player, block), BLOCK) for s in self._seeds]
            held = (block, torch.from_numpy(np.stack(parts, axis=1)).to(self._device))
            self._blocks[purpose, player] = held
        return self._spread(held[1][offset])

    def _large(
        self, purpose: str, player: str, update: int, name: str, shape: tuple[int, ...], normal: bool = False
    ) -> Tensor:
        """[K, ...]: drawn per update, on the device that trains."""
        parts = []
        for seed in self._seeds:
            generator = stream(self._study_seed, seed, purpose, player, update, name)
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
