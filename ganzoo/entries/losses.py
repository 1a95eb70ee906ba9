"""The objectives.

Facts of an entry:
  has_targets   whether D has targets, which can be smoothed or jittered
  compares      whether D's answer to a sample counts only beside its answers to others
  above         (key, key): the first must be larger
  unbounded     whether D's loss falls for ever unless a penalty bounds D
"""

from __future__ import annotations

from ganzoo.entry import Entry, Key

_LOG_LOSS = {"has_targets": True, "compares": False}
_SATURATING = Key(bool, False, "G minimises log(1 - p) instead of -log p")
_ALPHA = "alpha of {}'s loss: 1/2 exponential, 1 log loss, 1e+9 (as good as infinite) total variation"

LOSSES = (
    Entry(
        "loss",
        "minimax",
        "ganzoo.losses:minimax",
        "D: softplus(-D(x)) + softplus(D(G(z))); G: -softplus(D(G(z))), the saturating form",
        paper="arXiv:1406.2661",
        facts=_LOG_LOSS,
        known_for="The two-player game of the first GAN, a Jensen-Shannon divergence at the best D.",
        fails_when="D is sure of its fakes: G's gradient then shrinks with sigmoid(D(G(z))) and G starves.",
        aliases=("gan", "vanilla", "saturating", "standard"),
    ),
    Entry(
        "loss",
        "non_saturating",
        "ganzoo.losses:non_saturating",
        "D: softplus(-D(x)) + softplus(D(G(z))); G: softplus(-D(G(z)))",
        paper="arXiv:1406.2661",
        facts=_LOG_LOSS,
        known_for="The usual log loss: G's gradient keeps its size when D is sure.",
        fails_when="D is far ahead: its gradient is large but noisy, and G moves between few modes.",
        aliases=("ns", "ns_gan", "gan", "vanilla", "standard", "heuristic", "modified_minimax"),
    ),
    Entry(
        "loss",
        "wasserstein",
        "ganzoo.losses:wasserstein",
        "D: D(G(z)) - D(x); G: -D(G(z)); the critic needs a Lipschitz penalty",
        paper="arXiv:1701.07875",
        facts={"has_targets": False, "compares": False, "unbounded": True},
        known_for="A distance that has a gradient also between distributions that do not overlap.",
        fails_when="The critic is not kept Lipschitz (it then grows without bound) or far from its best.",
        aliases=("wgan", "w_gan", "w1", "wgan_gp", "earth_mover"),
    ),
    Entry(
        "loss",
        "least_squares",
        "ganzoo.losses:least_squares",
        "D: ((D(x) - b)^2 + (D(G(z)) - a)^2) / 2; G: (D(G(z)) - c)^2 / 2",
        keys={
            "real": Key(float, 1.0, "b: what D answers to real samples", low=-1e3, high=1e3),
            "fake": Key(float, 0.0, "a: what D answers to fakes", low=-1e3, high=1e3),
            "gen": Key(float, 1.0, "c: what G wants D to answer", low=-1e3, high=1e3),
        },
        paper="arXiv:1611.04076",
        facts={"has_targets": True, "compares": False, "above": ("real", "fake")},
        known_for="Fakes far on the right side of D are still pulled towards the data.",
        fails_when="D's outputs grow: the loss grows with their square and so do its gradients.",
        aliases=("lsgan", "ls", "mse"),
    ),
    Entry(
        "loss",
        "hinge",
        "ganzoo.losses:hinge",
        "D: relu(1 - D(x)) + relu(1 + D(G(z))); G: -D(G(z))",
        paper="arXiv:1705.02894",
        facts={"has_targets": False, "compares": False},
        known_for="D stops learning from samples it tells apart by a margin; the loss of SNGAN and BigGAN.",
        fails_when="D is not regularised: nothing bounds the slope that G follows.",
        aliases=("hinge_gan", "sagan"),
    ),
    Entry(
        "loss",
        "relativistic_paired",
        "ganzoo.losses:relativistic_paired",
        "D: softplus(-(D(x_i) - D(G(z_i)))); G: softplus(-(D(G(z_i)) - D(x_i)))",
        paper="arXiv:1807.00734",
        facts={"has_targets": False, "compares": True},
        known_for="Each fake is judged beside a real sample, which removes minima that drop modes.",
        fails_when="It has no gradient penalty: like the plain log loss it circles its equilibrium.",
        aliases=("rpgan", "rsgan", "rgan", "relativistic"),
    ),
    Entry(
        "loss",
        "relativistic_average",
        "ganzoo.losses:relativistic_average",
        "D: softplus(-(D(x) - E D(G(z)))) + softplus(D(G(z)) - E D(x)); G: the two exchanged",
        paper="arXiv:1807.00734",
        facts={"has_targets": False, "compares": True},
        known_for="Each sample is judged against the mean of the other side; G learns from real samples too.",
        fails_when="Batches are small, so that the means are noisy.",
        aliases=("ragan", "rasgan", "relativistic"),
    ),
    Entry(
        "loss",
        "alpha",
        "ganzoo.losses:alpha",
        "l_a(p) = a / (a - 1) (1 - p^((a - 1) / a)); D: l(p_real) + l(1 - p_fake) with alpha_d;"
        " G with alpha_g: -l(1 - p_fake), or l(p_fake) where not saturating",
        keys={
            "alpha_d": Key(float, 1.0, _ALPHA.format("D"), low=0.05, high=1e9),
            "alpha_g": Key(float, 1.0, _ALPHA.format("G"), low=0.05, high=1e9),
            "saturating": Key(bool, True, "G minimises -l(1 - p) instead of l(p)"),
        },
        paper="arXiv:2302.14320",
        facts=_LOG_LOSS,
        known_for="One dial between exponential, log and total-variation losses, each player with its own.",
        fails_when="alpha_d is well below 1 (D's gradient explodes on outliers) or large (it saturates).",
        aliases=("alpha_gan", "alpha_d_alpha_g"),
    ),
    Entry(
        "loss",
        "bce_probability",
        "ganzoo.losses:bce_probability",
        "the log loss of p = sigmoid(D): -max(log p, -100), with the gradient of torch's BCELoss",
        keys={"saturating": _SATURATING},
        paper="arXiv:1406.2661",
        facts=_LOG_LOSS,
        known_for="The sigmoid and BCELoss of many tutorials, kept as published failure rates rest on it.",
        fails_when="D is very sure: below a logit of about -27 G's gradient falls to 0.",
        aliases=("bce", "bce_loss", "binary_cross_entropy", "sigmoid_bce"),
    ),
    Entry(
        "loss",
        "value",
        "ganzoo.losses:value",
        "D: -D(G(z)); G: D(G(z)); real samples play no part",
        paper="arXiv:1706.08500",
        facts={"has_targets": False, "compares": False},
        known_for="The bare zero-sum game whose value is D's answer, for games that are given as a formula.",
        fails_when="D is a network: nothing bounds what it answers, and it never hears of the data.",
    ),
)
