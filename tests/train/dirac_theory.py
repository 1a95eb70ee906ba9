"""Dirac-GAN's eigenvalues in closed form (Mescheder, Geiger, Nowozin, arXiv:1801.04406), by method."""

from __future__ import annotations

import cmath

from tests.train.conftest import component

METHODS: dict[str, dict[str, object]] = {
    "gan": {"loss": "minimax"},
    "ns": {"loss": "non_saturating"},
    "rpgan": {"loss": "relativistic_paired"},
    "smoothing": {"loss": "minimax", "label_smoothing": 0.1},
    "wgan": {"loss": "wasserstein", "penalty": component("penalty", "weight_clip", value=1.0)},
    "wgan_gp": {"loss": "wasserstein", "penalty": component("penalty", "wgan_gp", weight=0.35)},
    "r1": {"loss": "minimax", "penalty": component("penalty", "r1", weight=0.3)},
    "r2": {"loss": "minimax", "penalty": component("penalty", "r2", weight=0.3)},
    "r1_critical": {"loss": "minimax", "penalty": component("penalty", "r1", weight=1.0)},
    "rpgan_r1r2": {"loss": "relativistic_paired", "penalty": component("penalty", "r1_r2", weight=0.3)},
    "consensus": {"loss": "minimax", "penalty": component("penalty", "consensus", weight=1.0)},
    "flips": {"loss": "non_saturating", "label_noise": 0.2},
    "instance_noise": {"loss": "minimax", "instance_noise": 1.0},
}


def pair(real: float, root: float) -> list[complex]:
    """real +- sqrt(root)."""
    return [real + sign * cmath.sqrt(root) for sign in (1, -1)]


# Eigenvalues of the vector field's Jacobian at (0, 0).
EIGENVALUES: dict[str, list[complex]] = {
    **dict.fromkeys(("gan", "ns", "rpgan", "smoothing"), pair(0.0, -0.25)),
    "wgan": pair(0.0, -1.0),
    "consensus": pair(-0.25, -0.25),
    "r1": pair(-0.15, 0.3**2 / 4 - 0.25),
    "r2": pair(-0.15, 0.3**2 / 4 - 0.25),
    "r1_critical": pair(-0.5, 0.0),
    "rpgan_r1r2": pair(-0.3, 0.3**2 - 0.25),
}
NOISY: dict[str, list[complex]] = {
    "flips": pair(0.0, -0.25 * (1 - 2 * 0.2)),
    "instance_noise": pair(-0.25, 1 / 16 - 0.25),
}
