"""The deep convolutional GAN of Radford, Metz and Chintala (arXiv:1511.06434), for 28, 32 and 64 pixels."""

from __future__ import annotations

from torch import nn

from ganzoo.layers import JoinLabel
from ganzoo.networks.conditional import Chain, check_condition
from ganzoo.networks.gan import Gan, dcgan_normal
from ganzoo.networks.strided import Grid, strided_disc, strided_gen

_START = {28: (7, 2), 32: (4, 3), 64: (4, 4)}
"""Image side -> (side of G's first map, number of doublings)."""


def dcgan(
    shape: tuple[int, ...],
    classes: int = 0,
    *,
    width: int = 16,
    latent: str = "normal",
    latent_dim: int = 0,
    norm_g: str = "batch",
    norm_d: str = "batch",
    down: str = "stride",
    pac: int = 1,
    minibatch_std: bool = False,
    condition: str = "none",
) -> Gan:
    """Strided 4x4 convolutions, no pooling by default, BatchNorm but in G's output and D's input.

    ReLU in G, tanh at its end, LeakyReLU(0.2) in D. `width` is the number of channels at the highest
    resolution, doubled at each halving. Where BatchNorm is taken out, a bias takes its place. The minibatch
    standard deviation is one more map before D's last layer, behind the last BatchNorm that would remove it.
    With `down: avg_pool` or `max_pool` D's convolutions run at stride 1, with a 2x2 pool right behind each,
    before BatchNorm and LeakyReLU; weights and start stay the same. Of each 2x2 outputs `stride` keeps the
    last, and a pool the mean or the largest. G is as it was.
    With `condition: concat` D gets the label through a dense layer as one more channel of the image.
    Shapes: G [B, latent_dim] -> [B, C, S, S]; D [B, C, S, S] -> [B // pac, 1]; S is 28, 32 or 64. Raises
    ValueError for other sides, and for a condition without labels.
    """
    channels, side, _ = shape
    if side not in _START:
        raise ValueError(f"dcgan makes images of 28, 32 or 64 pixels, not {side}")
    check_condition(condition, classes, pac)
    classes = 0 if condition == "none" else classes
    latent_dim = latent_dim or 64
    start, doublings = _START[side]
    grid = Grid(channels, (start, start), doublings, (4, 4), (2, 2), (1, 1))

    gen = Chain()
    gen.named("label", JoinLabel() if classes else None)
    strided_gen(gen, grid, latent_dim + classes, width, norm_g)
    gen.add(nn.Tanh())
    disc = Chain()
    strided_disc(
        disc,
        grid,
        width,
        norm_d,
        down=down,
        pac=pac,
        minibatch_std=minibatch_std,
        condition=condition,
        classes=classes,
    )
    aux = condition == "auxiliary"
    return Gan(gen.module(), disc.module(), latent_dim, latent, dcgan_normal, classes, aux, pac)
