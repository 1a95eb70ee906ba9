"""Fully connected GANs, for points, signals and small images."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from torch import nn

from ganzoo.layers import Dropout, JoinLabel, Maxout, MinibatchStd, Pac
from ganzoo.networks.conditional import Chain, check_condition, output_layer
from ganzoo.networks.gan import Gan, Init, fan_in_uniform, small_normal

PIECES = 5
"""Linear pieces of a maxout unit, as in PacGAN (arXiv:1712.04086)."""

_ACTIVATIONS: Mapping[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": lambda: nn.LeakyReLU(0.2),
    "maxout": lambda: Maxout(PIECES),
}

_INITS: Mapping[str, Init] = {"fan_in": fan_in_uniform, "normal": small_normal}


def mlp(
    shape: tuple[int, ...],
    classes: int = 0,
    *,
    width: int = 128,
    depth: int = 2,
    width_d: int = 0,
    depth_d: int = 0,
    latent: str = "normal",
    latent_dim: int = 0,
    activation: str = "leaky_relu",
    norm_g: str = "none",
    norm_d: str = "none",
    pac: int = 1,
    minibatch_std: bool = False,
    condition: str = "none",
    init: str = "fan_in",
) -> Gan:
    """G: latent -> depth x (Linear, ReLU) -> Linear; D: depth x (Linear, activation, Dropout) -> Linear.

    G's output is linear for points and signals (shape [L]) and tanh for images (shape [C, H, W], values in
    [-1, 1]). `activation` is D's: G keeps ReLU, as in the published networks. BatchNorm stands before the
    activation of each hidden layer, whose Linear then has no bias. `width_d` and `depth_d` are D's own, 0 for
    G's. The minibatch standard deviation joins the features of D's last layer. Raises ValueError for a
    condition without labels.
    """
    check_condition(condition, classes, pac)
    classes = 0 if condition == "none" else classes
    size = math.prod(shape)
    latent_dim = latent_dim or (2 if size <= 2 else 64)
    has_label = condition == "concat"

    gen = Chain()
    gen.named("label", JoinLabel() if classes else None)
    _hidden(gen, latent_dim + classes, width, depth, "relu", norm_g, dropout=False)
    gen.add(nn.Linear(width, size))

    disc = Chain()
    if len(shape) == 3:
        gen.add(nn.Unflatten(1, shape), nn.Tanh())
        disc.add(nn.Flatten())
    disc.named("label", JoinLabel() if has_label else None)
    disc.named("pac", Pac(pac) if pac > 1 else None)
    fan, width_d = pac * (size + (classes if has_label else 0)), width_d or width
    _hidden(disc, fan, width_d, depth_d or depth, activation, norm_d, dropout=True)
    disc.named("minibatch_std", MinibatchStd() if minibatch_std else None)
    disc.add(output_layer(condition, width_d + minibatch_std, classes))
    aux = condition == "auxiliary"
    return Gan(gen.module(), disc.module(), latent_dim, latent, _INITS[init], classes, aux, pac)


def _hidden(
    chain: Chain, fan: int, width: int, depth: int, activation: str, norm: str, *, dropout: bool
) -> None:
    units = width * PIECES if activation == "maxout" else width
    for i in range(depth):
        chain.add(nn.Linear(fan, units, bias=norm == "none"))
        chain.named(f"norm{i}", nn.BatchNorm1d(units) if norm == "batch" else None)
        chain.add(_ACTIVATIONS[activation]())
        if dropout:
            chain.add(Dropout())
        fan = width
