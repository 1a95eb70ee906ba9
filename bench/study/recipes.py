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
            "model": {"name": "mlp", "width": 1200, "depth": 2, "latent": "uniform", "latent_dim": 100},
            "loss": "non_saturating",
            "optimizer": {"name": "sgd", "momentum": 0.5},
            "lr_g": 0.1,
            "dropout": 0.5,
            "batch": 100,
            "steps": 50_000,
        },
        "As the paper's code for MNIST. Here D has LeakyReLU units, not 5-piece maxout; the rate does not"
        " decay and the momentum does not grow to 0.7; the number of steps is ours (the paper stops by the"
        " validation likelihood).",
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
        " images have one doubling less. The number of steps is ours, near the five epochs of LSUN.",
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
        "lsgan",
        "arXiv:1611.04076",
        {
            "model": {"name": "dcgan", "width": 64, "latent": "uniform", "latent_dim": 1024},
            "loss": "least_squares",
            "lr_g": 1e-3,
            "beta1": 0.5,
            "batch": 64,
            "steps": 100_000,
        },
        "Targets 0, 1 and 1 (the paper's eq. 9). The paper's G for LSUN has more layers and 112 pixels: here"
        " the networks are DCGAN's and the study names its own data. The number of steps is ours.",
    ),
)

RECIPES: Mapping[str, Recipe] = {each.name: each for each in _ALL}
