"""The network families.

Facts of an entry:
  shapes        modality of the data they make: "points", "image", "signal" or "any"
  sizes         sides of the images they make
  multiple      what the length of a signal must be a multiple of
  dims          the only number of coordinates of the points they make
  conditional   whether they have a key `condition`
  dropout       whether D has Dropout layers
  clashes       (key, values, other key, values, why) that mean nothing together
A model has BatchNorm in D if and only if its key `norm_d` is "batch".
"""

from __future__ import annotations

from ganzoo.entry import Entry, Key

_WIDTH = Key(int, 16, "channels of the widest-resolution layer", low=1, high=1024)
_LATENT = Key(
    str,
    "normal",
    "latent distribution: N(0, 1) or U(-1, 1) in each coordinate",
    choices=("normal", "uniform"),
)
_LATENT_DIM = Key(int, 0, "dimensions of the latent; 0: 64", low=0, high=4096)
_PAC = Key(int, 1, "samples that D sees at once (PacGAN, arXiv:1712.04086)", low=1, high=4)
_MINIBATCH_STD = Key(
    bool, False, "one more feature for D's last layer: how much the batch's samples differ (arXiv:1710.10196)"
)
_CONDITION = Key(
    str,
    "none",
    "how the label enters: joined to the input (arXiv:1411.1784), by projection (arXiv:1802.05637), or as an"
    " auxiliary classifier of D (arXiv:1610.09585)",
    choices=("none", "concat", "projection", "auxiliary"),
)
_DOWN = Key(
    str,
    "stride",
    "how D halves a map: by the convolution's stride, or by a pool of 2 behind the same weights at stride 1",
    choices=("stride", "avg_pool", "max_pool"),
)
_CLASHES = (
    (
        "condition",
        ("projection", "auxiliary"),
        "pac",
        (2, 3, 4),
        "D judges one label, and a pack of samples has several",
    ),
)


def _norm(player: str, default: str, where: str) -> Key:
    return Key(str, default, f"normalisation in {player}: {where}", choices=("batch", "none"))


def _strided_norms() -> dict[str, Key]:
    return {
        "norm_g": _norm("G", "batch", "each layer but the last"),
        "norm_d": _norm("D", "batch", "each convolution but the first"),
    }


MODELS = (
    Entry(
        "model",
        "mlp",
        "ganzoo.networks.mlp:mlp",
        "fully connected G and D, ReLU in G and LeakyReLU(0.2) in D",
        keys={
            "width": Key(int, 128, "units of each hidden layer", low=1, high=8192),
            "depth": Key(int, 2, "hidden layers", low=1, high=32),
            "width_d": Key(int, 0, "units of each hidden layer of D; 0: as G", low=0, high=8192),
            "depth_d": Key(int, 0, "hidden layers of D; 0: as G", low=0, high=32),
            "latent": _LATENT,
            "latent_dim": Key(
                int, 0, "dimensions of the latent; 0: 2 for points, 64 for others", low=0, high=4096
            ),
            "activation": Key(
                str,
                "leaky_relu",
                "of D's hidden layers; a maxout unit has 5 pieces (arXiv:1302.4389). G has ReLU",
                choices=("relu", "leaky_relu", "maxout"),
            ),
            "norm_g": _norm("G", "none", "each hidden layer, whose linear part then has no bias"),
            "norm_d": _norm("D", "none", "each hidden layer, whose linear part then has no bias"),
            "pac": _PAC,
            "minibatch_std": _MINIBATCH_STD,
            "condition": _CONDITION,
            "init": Key(
                str,
                "fan_in",
                "first weights: U(-b, b) with b = 1/sqrt(fan-in), or N(0, 0.02^2) with biases 0",
                choices=("fan_in", "normal"),
            ),
        },
        paper="arXiv:1406.2661",
        facts={"shapes": "any", "conditional": True, "dropout": True, "clashes": _CLASHES},
        known_for="The first GAN, and the network of nearly every published study of points in the plane.",
        fails_when="Images grow: it knows no neighbourhood, and its samples stay grainy.",
    ),
    Entry(
        "model",
        "dcgan",
        "ganzoo.networks.dcgan:dcgan",
        "strided (transposed) 4x4 convolutions, BatchNorm but in G's output and D's input, no pooling by"
        " default",
        keys={
            "width": _WIDTH,
            "latent": _LATENT,
            "latent_dim": _LATENT_DIM,
            **_strided_norms(),
            "down": _DOWN,
            "pac": _PAC,
            "minibatch_std": _MINIBATCH_STD,
            "condition": _CONDITION,
        },
        paper="arXiv:1511.06434",
        facts={
            "shapes": "image",
            "sizes": (28, 32, 64),
            "conditional": True,
            "dropout": True,
            "clashes": _CLASHES,
        },
        known_for="The first convolutional GAN that trained steadily, and still the tutorials' default.",
        fails_when="BatchNorm is taken out of G, or a penalty on gradients of single samples meets it in D.",
    ),
    Entry(
        "model",
        "resnet",
        "ganzoo.networks.resnet:resnet",
        "residual blocks: nearest up-sampling and BatchNorm in G, average pooling and no norm in D,"
        " sum over pixels",
        keys={
            "width": Key(int, 32, "channels of D's blocks, half of G's; published: 128", low=1, high=1024),
            "latent": _LATENT,
            "latent_dim": _LATENT_DIM,
        },
        paper="arXiv:1802.05957",
        facts={"shapes": "image", "sizes": (28, 32), "conditional": False, "dropout": True, "clashes": ()},
        known_for="The network of SNGAN for small pictures: a deep D, kept in scale by its norm.",
        fails_when="D goes without spectral normalisation or a gradient penalty: nothing else holds it in"
        " scale.",
    ),
    Entry(
        "model",
        "conv1d",
        "ganzoo.networks.conv1d:conv1d",
        "three strided (transposed) convolutions of length 4 each way (the paper: 25, stride 4), norms as in"
        " dcgan, a linear output",
        keys={
            "width": _WIDTH,
            "latent": _LATENT,
            "latent_dim": _LATENT_DIM,
            **_strided_norms(),
            "down": _DOWN,
            "pac": _PAC,
            "minibatch_std": _MINIBATCH_STD,
        },
        paper="arXiv:1802.04208",
        facts={"shapes": "signal", "multiple": 8, "conditional": False, "dropout": True, "clashes": ()},
        known_for="Signals: the same weights at every place, so that a phase costs nothing to learn.",
        fails_when="Signals grow long: only its dense layers relate places more than 22 samples apart.",
    ),
    Entry(
        "model",
        "dirac",
        "ganzoo.networks.dirac:dirac",
        "G(z) = theta, D(x) = psi x",
        keys={
            "theta": Key(float, 1.0, "where G starts", low=-100.0, high=100.0),
            "psi": Key(float, 1.0, "where D starts", low=-100.0, high=100.0),
        },
        paper="arXiv:1801.04406",
        facts={"shapes": "points", "dims": 1, "conditional": False, "dropout": False, "clashes": ()},
        known_for="A GAN of two numbers whose dynamics are known in closed form: theory to hold a method"
        " against.",
        fails_when="A loss is not regularised: it circles its equilibrium, leaves it, or nears it slowly.",
    ),
    Entry(
        "model",
        "saddle",
        "ganzoo.networks.saddle:saddle",
        "G(z) = (x, z), D(x, z) = (1 + x^2)(100 - y^2) + noise (x + y) z: one number each",
        keys={
            "x": Key(float, 0.5, "where G starts", low=-100.0, high=100.0),
            "y": Key(float, -0.4, "where D starts", low=-100.0, high=100.0),
            "noise": Key(
                float, 1.0, "SD of a sample's gradients; that of a batch's: over its root", low=0.0, high=1e6
            ),
        },
        paper="arXiv:1706.08500",
        facts={"shapes": "points", "dims": 2, "conditional": False, "dropout": False, "clashes": ()},
        known_for="The saddle on which two rates of learning were shown to beat one; play it with the loss"
        " value.",
        fails_when="The faster player's rate is near its limit (0.01 for x): noise then carries it away.",
    ),
)
