"""What keeps D smooth. Fact: `per_sample` where the slope of D at one sample must not depend on others."""

from __future__ import annotations

from ganzoo.entry import Entry, Key


def _weight(default: float, doc: str = "weight of the penalty") -> Key:
    return Key(float, default, doc, low=0.0, high=1e6)


_EVERY = Key(int, 1, "D updates from one penalty to the next; it counts that many times", low=1, high=1000)
_PER_SAMPLE = {"per_sample": True}

PENALTIES = (
    Entry(
        "penalty",
        "weight_clip",
        "ganzoo.penalties:weight_clip",
        "after each D step every weight of D is clipped to [-value, value]",
        keys={"value": Key(float, 0.01, "bound of each weight", low=1e-12, high=1e6)},
        paper="arXiv:1701.07875",
        known_for="The first Lipschitz bound of a Wasserstein critic; nothing is added to the loss.",
        fails_when="The bound is not tuned: small ones starve G, large ones do not bind; weights sit at it.",
        aliases=("clip", "clipping", "weight_clipping", "clamp"),
    ),
    Entry(
        "penalty",
        "wgan_gp",
        "ganzoo.penalties:wgan_gp",
        "weight E (|grad D(x)| - 1)^2 at x = u x_real + (1 - u) x_fake",
        keys={"weight": _weight(10.0), "every": _EVERY},
        paper="arXiv:1704.00028",
        facts=_PER_SAMPLE,
        known_for="Slopes near 1 between data and samples: deep critics train without tuning.",
        fails_when="Near the equilibrium: the slope it asks for keeps G circling (arXiv:1801.04406).",
        aliases=("gp", "gradient_penalty", "one_centred_gp", "one_centered_gp", "gp_1"),
    ),
    Entry(
        "penalty",
        "zero_centred_gp",
        "ganzoo.penalties:zero_centred_gp",
        "weight E |grad D(x)|^2 at x = u x_real + (1 - u) x_fake",
        keys={"weight": _weight(10.0), "every": _EVERY},
        paper="arXiv:1902.03984",
        facts=_PER_SAMPLE,
        known_for="Flattens D between data and samples, against overfitting, and lets training converge.",
        fails_when="The weight is large: D becomes flat and G learns slowly.",
        aliases=("gp", "gradient_penalty", "zero_centered_gp", "zero_gp", "gp_0", "0_gp"),
    ),
    Entry(
        "penalty",
        "r1",
        "ganzoo.penalties:r1",
        "weight / 2 E |grad D(x_real)|^2",
        keys={"weight": _weight(1.0), "every": _EVERY},
        paper="arXiv:1801.04406",
        facts=_PER_SAMPLE,
        known_for="Local convergence by a penalty at the data alone; the default of StyleGAN.",
        fails_when="The weight does not suit data and resolution; too large, and D cannot lead G.",
        aliases=("r1_gp", "r1_reg", "r1_penalty"),
    ),
    Entry(
        "penalty",
        "r2",
        "ganzoo.penalties:r2",
        "weight / 2 E |grad D(x_fake)|^2",
        keys={"weight": _weight(1.0), "every": _EVERY},
        paper="arXiv:1801.04406",
        facts=_PER_SAMPLE,
        known_for="The same rate of convergence as r1 near the equilibrium, by a penalty at the samples.",
        fails_when="Samples are far from the data: D is flattened where G needs its slope.",
        aliases=("r2_gp", "r2_reg", "r2_penalty"),
    ),
    Entry(
        "penalty",
        "r1_r2",
        "ganzoo.penalties:r1_r2",
        "weight / 2 (E |grad D(x_real)|^2 + E |grad D(x_fake)|^2)",
        keys={"weight": _weight(1.0), "every": _EVERY},
        paper="arXiv:2501.05441",
        facts=_PER_SAMPLE,
        known_for="With the relativistic paired loss the regulariser of R3GAN: stable without other tricks.",
        fails_when="The weight is large: twice the damping of r1.",
        aliases=("r3gan", "r2_r1"),
    ),
    Entry(
        "penalty",
        "dragan",
        "ganzoo.penalties:dragan",
        "weight E (|grad D(x_real + d)| - 1)^2, d ~ N(0, (scale SD)^2)",
        keys={
            "weight": _weight(10.0),
            "scale": Key(float, 0.5, "size of d in units of the batch's SD", low=0.0, high=100.0),
            "every": _EVERY,
        },
        paper="arXiv:1705.07215",
        facts=_PER_SAMPLE,
        known_for="Smooths D around the data only, with any loss.",
        fails_when="Near the equilibrium, like every penalty that asks for a slope of 1.",
    ),
    Entry(
        "penalty",
        "consensus",
        "ganzoo.penalties:consensus",
        "weight / 2 |v|^2 in both players' losses, v = (grad_G L_G, grad_D L_D)",
        keys={"weight": _weight(1.0)},
        paper="arXiv:1705.10461",
        known_for="Turns the rotation of the game into attraction; with `simultaneous` it is consensus"
        " optimisation.",
        fails_when="The weight is large: other stationary points of v attract too; and batches bias |v|^2.",
        aliases=("consensus_optimisation", "consensus_optimization", "conopt"),
    ),
    Entry(
        "penalty",
        "l2_weights",
        "ganzoo.penalties:l2_weights",
        "weight / 2 |w|^2 over all parameters of D, in its loss",
        keys={"weight": _weight(1e-4)},
        paper="arXiv:1711.05101",
        known_for="The plain penalty on D's weights; beside it stands the decoupled key `weight_decay`.",
        fails_when="An adaptive optimizer rescales it away, or the weight keeps D from fitting at all.",
        aliases=("l2", "weight_decay", "weight_penalty"),
    ),
    Entry(
        "penalty",
        "spectral_norm",
        "ganzoo.penalties:spectral_norm",
        "every weight matrix W of D is used as W / sigma(W), sigma by power iteration, one more in each pass",
        paper="arXiv:1802.05957",
        known_for="A Lipschitz bound for each layer at little cost, with any loss; the base of SNGAN.",
        fails_when="BatchNorm in D rescales what was normalised; or the bound is tight and G slow.",
        aliases=("sn", "sngan", "spectral", "spectral_normalisation", "spectral_normalization"),
    ),
)
