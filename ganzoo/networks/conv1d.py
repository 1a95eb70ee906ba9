"""A DCGAN for signals: the same chain of strided convolutions, in one dimension (arXiv:1802.04208)."""

from __future__ import annotations

from torch import nn

from ganzoo.networks.conditional import Chain
from ganzoo.networks.gan import Gan, dcgan_normal
from ganzoo.networks.strided import Grid, strided_disc, strided_gen


def conv1d(
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
) -> Gan:
    """Three strided convolutions of length 4 each way; ReLU in G, LeakyReLU(0.2) in D, a linear output.

    A signal is a map of height 1, so that it runs on the kernels that images use. WaveGAN, which flattened
    DCGAN first, takes longer kernels and strides for thousands of samples a signal; here they are DCGAN's.
    BatchNorm, its biases, the minibatch standard deviation and `down`, which pools pairs, are as in dcgan.
    Shapes: G [B, latent_dim] -> [B, L]; D [B, L] -> [B // pac, 1]; 8 divides L, else ValueError.
    """
    if len(shape) != 1 or shape[0] % 8:
        raise ValueError(f"conv1d makes signals whose length 8 divides, not of shape {shape}")
    length, latent_dim = shape[0], latent_dim or 64
    grid = Grid(1, (1, length // 8), 3, (1, 4), (1, 2), (0, 1))
    gen = Chain()
    strided_gen(gen, grid, latent_dim, width, norm_g)
    gen.add(nn.Flatten())
    disc = Chain()
    disc.named("signal", nn.Unflatten(1, (1, 1, length)))
    strided_disc(
        disc,
        grid,
        width,
        norm_d,
        down=down,
        pac=pac,
        minibatch_std=minibatch_std,
        condition="none",
        classes=0,
    )
    return Gan(gen.module(), disc.module(), latent_dim, latent, dcgan_normal, pac=pac)
