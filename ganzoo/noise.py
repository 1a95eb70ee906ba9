"""What is done to D's inputs and targets, the same for every loss."""

from __future__ import annotations

from torch import Tensor

from ganzoo.losses import Targets


def flip_labels(real: Tensor, fake: Tensor, uniforms: Tensor, probability: Tensor) -> tuple[Tensor, Tensor]:
    """Exchange position i of (D(real), D(fake)) with probability p, after D's forward.

    D is told the wrong label for that pair. BatchNorm sees batches of their true composition, a relativistic
    loss keeps its pairs, and no loss hears of it. For a Wasserstein critic this is, in expectation, a
    rescaling of its loss by 1 - 2p. Shapes: real, fake, uniforms [K, B]; probability [K, 1] in [0, 1/2).
    """
    swap = uniforms < probability
    return fake.where(swap, real), real.where(swap, fake)


def targets(smoothing: Tensor, jitter: Tensor | None = None, uniforms: Tensor | None = None) -> Targets:
    """D's targets: 1 - s for real samples (one-sided smoothing) and 0 for fakes, moved by amount * U[0, 1).

    A positive `jitter` moves both inward (real down, fake up), a negative one outward.
    Shapes: smoothing, jitter [K, 1]; uniforms [K, 2, B], real first.
    """
    real = 1.0 - smoothing
    if jitter is None or uniforms is None:
        return Targets(real, 0.0)
    return Targets(real - jitter * uniforms[:, 0], jitter * uniforms[:, 1])


def anneal(step: int, sigma: Tensor, until: Tensor) -> Tensor:
    """sigma * max(0, 1 - step / until): instance noise falling linearly to 0; constant where `until` is 0."""
    falling = (1.0 - step / until.clamp(min=1.0)).clamp(min=0.0)
    return sigma * falling.where(until > 0, falling.new_ones(()))
