"""The trained modules of one trial, out of a results folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from bench.data.catalog import shape_of
from bench.errors import UserError
from bench.plugins import FOLDER, is_loaded
from bench.store.artefacts import trial_final
from bench.store.ledger import read_plan
from bench.train.build import network
from ganzoo import spectral
from ganzoo.objective import DISC, GEN
from ganzoo.stack import load_flat


@dataclass(frozen=True)
class Models:
    """A trial's generator and discriminator in eval mode, and how their latents are drawn.

    `gen(torch.randn(n, latent_dim))` gives samples [n, *shape] where `latent` is "normal".
    """

    gen: nn.Module
    disc: nn.Module
    latent: str
    latent_dim: int


def load_trial(results: str | Path, trial: str) -> Models:
    """The final modules of a finished trial; UserError when there is no such trial or nothing was kept of
    it."""
    plan = read_plan(Path(results))
    known = plan.trials if plan else {}
    if trial not in known:
        raise UserError(f"{results} has no trial {trial!r}; `ganbench status {results}` counts what it has")
    arrays = trial_final(Path(results), trial)
    if not arrays:
        raise UserError(
            f"no weights are kept of trial {trial}: it is not done, or the study says `keep: none`"
        )
    record = known[trial]
    for sha256 in record.plugins:
        if not is_loaded(sha256):
            file = next((Path(results) / FOLDER / sha256[:12]).glob("*.py"), None)
            raise UserError(
                f"trial {trial} needs a plugin, and loading one runs its code: first call "
                f"bench.load_plugin({str(file or sha256)!r})"
            )
    gan = network(record, shape_of(record.dataset), device="cpu")
    for name, module in ((GEN, gan.gen), (DISC, gan.disc)):
        _fill(module, name, arrays)
    return Models(gan.gen.eval(), gan.disc.eval(), gan.latent, gan.latent_dim)


def _fill(module: nn.Module, name: str, arrays: dict[str, np.ndarray]) -> None:
    buffers = f"{name}.buffer."
    module.to(torch.from_numpy(arrays[f"{name}.weights"]).dtype)
    load_flat(module, torch.from_numpy(arrays[f"{name}.weights"]))
    given = {key.removeprefix(buffers): value for key, value in arrays.items() if key.startswith(buffers)}
    for key, buffer in module.named_buffers():
        if key in given:
            buffer.copy_(torch.from_numpy(np.asarray(given[key])))
    vectors = {key: torch.from_numpy(u)[None] for key, u in given.items() if key.endswith(spectral.VECTOR)}
    for key in vectors:  # a plain module has no place for them: it gets the weights as they were used
        weight = module.get_parameter(key.removesuffix(spectral.VECTOR))
        used = spectral.normalised({"w": weight.detach()[None]}, ["w"], {"w.u": vectors[key]}, moves=False)
        with torch.no_grad():
            weight.copy_(used["w"][0])
