"""The entries of metrics of the game itself instead of its samples; see bench/metrics/game.py."""

from __future__ import annotations

from bench.metrics.facts import ANY, Column, facts
from ganzoo.catalog import Entry, Key

GAME = [
    Entry(
        "metric",
        "orbit",
        "bench.metrics.orbit:orbit",
        "of a game with one weight a player: |(theta, psi)|, the point, the step multiplier fitted to 10"
        " steps, and the spectral radius of the update map's Jacobian",
        paper="arXiv:1801.04406",
        facts=facts(
            ("points",),
            (
                Column("orbit.radius", "weight", "lower"),
                Column("orbit.theta", "weight", ""),
                Column("orbit.psi", "weight", ""),
                Column("orbit.multiplier", "ratio", "lower"),
                Column("orbit.spectral_radius", "ratio", "lower"),
                Column("orbit_status", "text", ""),
            ),
            protocol="the two weights as they are; 10 more steps, which are taken back, for the"
            " multiplier; the Jacobian of one step by autograd, with what the method draws at random.",
            floor=False,
            cost="10 training steps and a Jacobian of at most 6 rows",
            of="game",
        ),
    ),
    Entry(
        "metric",
        "game_jacobian",
        "bench.metrics.game_jacobian:game_jacobian",
        "extreme eigenvalues l of dv/dw, v = (-dL_G/dw_G, -dL_D/dw_D): the largest |l|, Re l and Im l",
        keys={
            "vectors": Key(int, 40, "Krylov vectors: that many double backward passes", low=2, high=1000),
            "tolerance": Key(
                float, 0.01, "largest residual over the leading |l| of a value given", low=0.0, high=1.0
            ),
            "batch": Key(int, 0, "samples of the field's batch; 0: the training's", low=0, high=1_000_000),
        },
        paper="arXiv:1801.04406",
        facts=facts(
            ANY,
            (
                Column("game_jacobian.rate", "1 / rate", "lower"),
                Column("game_jacobian.rotation", "share", "lower"),
                Column("game_jacobian.turn", "1 / rate", ""),
                Column("game_jacobian.leading_re", "1 / rate", ""),
                Column("game_jacobian.leading_im", "1 / rate", ""),
                Column("game_jacobian.step_radius", "ratio", "lower"),
                Column("game_jacobian.leading_residual", "1 / rate", ""),
                Column("game_jacobian.rate_residual", "1 / rate", ""),
                Column("game_jacobian.turn_residual", "1 / rate", ""),
                Column("game_jacobian_status", "text", ""),
            ),
            protocol="the field of both players on one fixed batch of train rows, latents and noises of"
            " its own streams, in float64; no matrix: Arnoldi's method from a fixed random vector.",
            floor=False,
            cost="`vectors` double backward passes of a training step in float64, and as many vectors of"
            " all weights in memory",
            of="game",
        ),
        aliases=("jacobian", "eigenvalues"),
    ),
    Entry(
        "metric",
        "duality_gap",
        "bench.metrics.duality_gap:duality_gap",
        "max_D' M(G, D') - min_G' M(G', D), M = -E L_D with hard targets; D' and G' are perturbed copies"
        " that train on",
        keys={
            "steps": Key(int, 100, "Adam steps of each copy", low=0, high=100_000),
            "rate": Key(float, 1e-3, "their rate, with betas 0.5 and 0.999", low=0.0, high=10.0),
            "perturbation": Key(
                float, 0.01, "SD of what is first added to each weight of a copy", low=0.0, high=10.0
            ),
            "samples": Key(int, 1024, "pairs of samples that M is a mean over", low=1, high=1_000_000),
        },
        paper="arXiv:1811.05512",
        facts=facts(
            ANY,
            (
                Column("duality_gap", "value of D's loss", "lower"),
                Column("duality_gap.max", "value of D's loss", ""),
                Column("duality_gap.min", "value of D's loss", ""),
                Column("duality_gap.here", "value of D's loss", ""),
                Column("duality_gap_status", "text", ""),
            ),
            protocol="copies train on one half of the held-out rows and are valued on the other, on the"
            " same fixed draws at every evaluation; weights are perturbed at random first.",
            floor=False,
            cost="2 `steps` training steps of one player each, and forward passes of `samples` pairs for"
            " three values of M",
            of="game",
        ),
        aliases=("gap", "dg"),
    ),
]
