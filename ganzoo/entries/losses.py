"""The objectives. Facts: `threshold` (output at which D is undecided, or None), `has_targets`."""

from __future__ import annotations

from ganzoo.entry import Entry

_SATURATING = {"threshold": 0.0, "has_targets": True}

LOSSES = (
    Entry(
        "loss",
        "minimax",
        "ganzoo.losses:minimax",
        "D: softplus(-D(x)) + softplus(D(G(z))); G: -softplus(D(G(z))), the saturating form",
        paper="arXiv:1406.2661",
        facts=_SATURATING,
    ),
    Entry(
        "loss",
        "non_saturating",
        "ganzoo.losses:non_saturating",
        "D: softplus(-D(x)) + softplus(D(G(z))); G: softplus(-D(G(z)))",
        paper="arXiv:1406.2661",
        facts=_SATURATING,
    ),
    Entry(
        "loss",
        "wasserstein",
        "ganzoo.losses:wasserstein",
        "D: D(G(z)) - D(x); G: -D(G(z)); the critic needs a Lipschitz penalty",
        paper="arXiv:1701.07875",
        facts={"threshold": None, "has_targets": False},
    ),
    Entry(
        "loss",
        "least_squares",
        "ganzoo.losses:least_squares",
        "D: ((D(x) - 1)^2 + D(G(z))^2) / 2; G: (D(G(z)) - 1)^2 / 2",
        paper="arXiv:1611.04076",
        facts={"threshold": 0.5, "has_targets": True},
    ),
    Entry(
        "loss",
        "hinge",
        "ganzoo.losses:hinge",
        "D: relu(1 - D(x)) + relu(1 + D(G(z))); G: -D(G(z))",
        paper="arXiv:1705.02894",
        facts={"threshold": 0.0, "has_targets": False},
    ),
)
