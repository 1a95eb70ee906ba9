"""Published configurations as a whole: `model: {recipe: NAME}` in a study.

A recipe is the lowest layer of a cell: any key that the study gives anywhere wins over the recipe's. It names
its data where the paper's are ours; `note` says what differs from the paper. Its settings are read
through the checks of `base`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Recipe:
    """A published configuration: keys as `base` has them, where they are published, what differs here."""

    name: str
    paper: str
    settings: Mapping[str, Any]
    note: str

    @property
    def model(self) -> str:
        """The model of its settings."""
        return str(self.settings["model"]["name"])


_ALL = (
    Recipe(
        "gan",
        "arXiv:1406.2661",
        {
            "dataset": "mnist",
            "model": {
                **{"name": "mlp", "width": 1200, "depth": 2, "latent": "uniform", "latent_dim": 100},
                **{"width_d": 240, "depth_d": 2, "activation": "maxout"},
            },
            "loss": "non_saturating",
            "optimizer": {"name": "sgd", "momentum": 0.5},
            "lr_g": 0.1,
            "dropout": 0.5,
            "batch": 100,
            "steps": 50_000,
        },
        "As the authors' code for MNIST. Here the rate stays (there it decays by a factor of 1.000004 a step)"
        " and the momentum too (there it grows to 0.7), first weights are U(-b, b) with b = 1/sqrt(fan-in),"
        " the number of steps is ours (the paper stops by its validation set), and D's input has no dropout.",
    ),
    Recipe(
        "dcgan",
        "arXiv:1511.06434",
        {
            "model": {"name": "dcgan", "width": 128, "latent": "uniform", "latent_dim": 100},
            "loss": "non_saturating",
            "lr_g": 2e-4,
            "beta1": 0.5,
            "batch": 128,
            "steps": 100_000,
        },
        "The paper trains on LSUN, faces and ImageNet at 64 pixels: the study names its own data, and smaller"
        " images have fewer doublings. Kernels are 4x4, there 5x5. The number of steps is ours, near the"
        " paper's five epochs of LSUN.",
    ),
    Recipe(
        "dcgan_mnist",
        "ISBN 978-1-78862-941-6",
        {
            "dataset": "mnist",
            "model": {
                **{"name": "dcgan", "width": 32, "norm_d": "none"},
                **{"latent": "uniform", "latent_dim": 100},
            },
            "loss": "bce_probability",
            "optimizer": {"name": "rmsprop", "alpha": 0.9, "eps": 1e-7},
            "lr_g": 1e-4,
            "lr_ratio": 2.0,
            "d_batch": "joint",
            "batch": 64,
            "steps": 40_000,
        },
        "The DCGAN of R. Atienza, Advanced Deep Learning with Keras (Packt 2018), chapter 4, after"
        " arXiv:1511.06434: RMSprop, D at 2e-4, G at half of it, real and fake in one batch. Its D has four"
        " 5x5 convolutions of 32 to 256 channels, ours fewer; its rates decay by under 1 % in all; its D loss"
        " is a mean over both halves, ours their sum, which RMSprop divides out again.",
    ),
    Recipe(
        "cgan",
        "arXiv:1411.1784",
        {
            "dataset": "mnist",
            "model": {
                **{"name": "mlp", "condition": "concat", "width": 1200, "depth": 2},
                **{"latent": "uniform", "latent_dim": 100},
                **{"width_d": 240, "depth_d": 2, "activation": "maxout"},
            },
            "loss": "non_saturating",
            "optimizer": {"name": "sgd", "momentum": 0.5},
            "lr_g": 0.1,
            "dropout": 0.5,
            "batch": 100,
            "steps": 50_000,
        },
        "In the paper noise and label pass 200 and 1,000 units of their own before they meet, and D's label"
        " 50; here they are joined at the input, and dropout is in D alone."
        " There the rate decays to 1e-6 and the momentum grows to 0.7."
        " The number of steps is ours: the paper stops by its validation set.",
    ),
    Recipe(
        "acgan",
        "arXiv:1610.09585",
        {
            "dataset": "cifar10",
            "model": {"name": "dcgan", "condition": "auxiliary", "width": 96, "latent_dim": 100},
            "loss": "non_saturating",
            "aux_weight": 1.0,
            "lr_g": 2e-4,
            "beta1": 0.5,
            "dropout": 0.5,
            "batch": 100,
            "steps": 50_000,
        },
        "The paper's setting for CIFAR-10, the middle one of its three rates, without noise on activations."
        " Its D has six convolutions of 16 to 512 channels, every other one with stride 2; ours is the mirror"
        " of G.",
    ),
    Recipe(
        "wgan",
        "arXiv:1701.07875",
        {
            "model": {"name": "dcgan", "width": 64, "latent_dim": 100},
            "loss": "wasserstein",
            "penalty": {"name": "weight_clip", "value": 0.01},
            "optimizer": {"name": "rmsprop", "alpha": 0.99},
            "n_critic": 5,
            "lr_g": 5e-5,
            "batch": 64,
            "steps": 100_000,
        },
        "The paper trains on LSUN at 64 pixels: the study names its own data. The authors' code takes 100"
        " critic steps in each of the first 25 rounds and in every 500th, here always 5. The number of steps"
        " is ours.",
    ),
    Recipe(
        "wgan_gp",
        "arXiv:1704.00028",
        {
            "dataset": "mnist",
            "model": {"name": "dcgan", "width": 64, "norm_g": "none", "norm_d": "none", "latent_dim": 128},
            "loss": "wasserstein",
            "penalty": {"name": "wgan_gp", "weight": 10.0},
            "n_critic": 5,
            "lr_g": 1e-4,
            "beta1": 0.5,
            "beta2": 0.9,
            "batch": 50,
            "steps": 200_000,
        },
        "The authors' code for MNIST (gan_mnist.py). The paper's algorithm 1 has beta1 0 and batches of 64."
        " Kernels are 4x4, there 5x5, and D has a layer less.",
    ),
    Recipe(
        "lsgan",
        "arXiv:1611.04076",
        {
            "model": {"name": "dcgan", "width": 64, "latent": "uniform", "latent_dim": 1024},
            "loss": {"name": "least_squares", "real": 1.0, "fake": 0.0, "gen": 1.0},
            "lr_g": 1e-3,
            "beta1": 0.5,
            "batch": 64,
            "steps": 100_000,
        },
        "The paper's setting for LSUN with its 0-1 targets (eq. 9). Its G has more layers and 112 pixels:"
        " here the networks are DCGAN's, and the study names its own data. The number of steps is ours.",
    ),
    Recipe(
        "dragan",
        "arXiv:1705.07215",
        {
            "model": {"name": "dcgan", "width": 64, "norm_d": "none", "latent_dim": 100},
            "loss": "non_saturating",
            "penalty": {"name": "dragan", "weight": 10.0, "scale": 0.5},
            "lr_g": 2e-4,
            "beta1": 0.5,
            "batch": 64,
            "steps": 100_000,
        },
        "The authors' code perturbs by 0.5 SD times U(0, 1), the paper by Gaussian noise, as here. D has no"
        " BatchNorm, under which a slope at one sample has no meaning. The study names its data; width and"
        " number of steps are ours.",
    ),
    Recipe(
        "sngan",
        "arXiv:1802.05957",
        {
            "dataset": "cifar10",
            "model": {"name": "resnet", "width": 128, "latent_dim": 128},
            "loss": "hinge",
            "penalty": "spectral_norm",
            "n_critic": 5,
            "lr_g": 2e-4,
            "lr_decay": 1.0,
            "beta1": 0.0,
            "beta2": 0.9,
            "batch": 64,
            "steps": 50_000,
        },
        "The ResNet for CIFAR-10 as in the authors' code. There G's batches have 128 samples, here 64 as"
        " D's.",
    ),
    Recipe(
        "unrolled_gan",
        "arXiv:1611.02163",
        {
            "dataset": {"name": "ring8", "radius": 2.0, "sigma": 0.02},
            "model": {
                **{"name": "mlp", "width": 128, "depth": 2, "depth_d": 1, "activation": "relu"},
                "latent_dim": 256,
            },
            "loss": "minimax",
            "update": {"name": "unrolled", "k": 10},
            "lr_g": 1e-4,
            "beta1": 0.5,
            "batch": 512,
            "steps": 12_500,
        },
        "The mixture of Gaussians of the paper's appendix A, ten steps ahead. The paper counts an update of"
        " either player as a step: its 25,000 are 12,500 of ours. There the first weights are"
        " orthogonal, scaled by 0.8, and D divides its input by 4. The size of the batch is that of the"
        " authors' notebook.",
    ),
    Recipe(
        "pacgan",
        "arXiv:1712.04086",
        {
            "dataset": {"name": "ring8", "radius": 1.0, "sigma": 0.01},
            "model": {
                **{"name": "mlp", "width": 400, "depth": 4, "norm_g": "batch", "latent_dim": 2},
                **{"width_d": 200, "depth_d": 3, "activation": "maxout", "init": "normal", "pac": 2},
            },
            "loss": "non_saturating",
            "update": "simultaneous",
            "lr_g": 1e-4,
            "beta1": 0.8,
            "batch": 200,
            "steps": 400_000,
        },
        "The paper's ring (table 1), PacGAN2. It trains on 100,000 fixed points, ring8 on 20,000. `batch`"
        " counts samples, the paper's 100 are packs: with another `model.pac` m give `batch` 100 m.",
    ),
    Recipe(
        "rpgan_r1r2",
        "arXiv:2501.05441",
        {
            "model": {"name": "dcgan", "width": 64, "norm_g": "none", "norm_d": "none", "latent_dim": 64},
            "loss": "relativistic_paired",
            "penalty": {"name": "r1_r2", "weight": 1.0},
            "lr_g": 2e-4,
            "beta1": 0.0,
            "beta2": 0.99,
            "ema": 0.999,
            "batch": 64,
            "steps": 100_000,
        },
        "The paper's loss and both penalties, which its theory is about, with Adam without momentum and no"
        " normalisation as it has them. The paper's R3GAN has residual networks of its own, and schedules of"
        " rate, beta2 and penalty for each data set; network, weight 1, batch and number of steps are ours.",
    ),
)

RECIPES: Mapping[str, Recipe] = {each.name: each for each in _ALL}
