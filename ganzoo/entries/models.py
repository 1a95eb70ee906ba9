"""The network families. Facts: `shapes` (modality of the data they make), `sizes` (sides of images)."""

from __future__ import annotations

from ganzoo.entry import Entry, Key

_WIDTH = Key(int, 16, "channels of the widest-resolution layer", low=1, high=1024)
_LATENT = Key(
    str,
    "normal",
    "latent distribution: N(0, 1) or U(-1, 1) in each coordinate",
    choices=("normal", "uniform"),
)

MODELS = (
    Entry(
        "model",
        "mlp",
        "ganzoo.networks.mlp:mlp",
        "fully connected G and D, ReLU in G and LeakyReLU(0.2) in D",
        keys={
            "width": Key(int, 128, "units of each hidden layer", low=1, high=8192),
            "depth": Key(int, 2, "hidden layers", low=1, high=32),
            "latent": _LATENT,
            "latent_dim": Key(
                int, 0, "dimensions of the latent; 0: 2 for points, 64 for images", low=0, high=4096
            ),
        },
        facts={"shapes": "any"},
    ),
    Entry(
        "model",
        "dcgan",
        "ganzoo.networks.dcgan:dcgan",
        "strided (transposed) 4x4 convolutions, BatchNorm but in G's output and D's input, no pooling",
        keys={
            "width": _WIDTH,
            "latent": _LATENT,
            "latent_dim": Key(int, 0, "dimensions of the latent; 0: 64", low=0, high=4096),
        },
        paper="arXiv:1511.06434",
        facts={"shapes": "image", "sizes": (28, 32), "batchnorm_d": True},
    ),
)
