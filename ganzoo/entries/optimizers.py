"""What turns a gradient into a change. Fact: `betas`."""

from __future__ import annotations

from ganzoo.entry import Entry, Key

OPTIMIZERS = (
    Entry(
        "optimizer",
        "adam",
        "ganzoo.optimizers:adam",
        "m, v: moving averages of g, g^2; w -= lr * m_hat / (sqrt(v_hat) + eps)",
        keys={
            "eps": Key(float, 1e-8, "added to the root", low=1e-30, high=1.0),
        },
        paper="arXiv:1412.6980",
        facts={"betas": True},
        known_for="Steps of even size at any scale of gradients; the default of GANs, with beta1 0.5 or 0.",
        fails_when="Gradients vanish: divided by its own size, the noise that is left makes full steps.",
    ),
    Entry(
        "optimizer",
        "rmsprop",
        "ganzoo.optimizers:rmsprop",
        "v: moving average of g^2; w -= lr * g / (sqrt(v) + eps)",
        keys={
            "alpha": Key(float, 0.99, "decay of the average", low=0.0, high=1.0),
            "eps": Key(float, 1e-8, "added to the root", low=0.0, high=1.0),
        },
        known_for="Adam without momentum; the optimizer of the first Wasserstein GAN.",
        fails_when="As Adam; it does not correct the start of its average, so first steps are large.",
    ),
    Entry(
        "optimizer",
        "sgd",
        "ganzoo.optimizers:sgd",
        "u = momentum * u + g; w -= lr * u",
        keys={"momentum": Key(float, 0.0, "decay of the velocity", low=0.0, high=1.0)},
        known_for="The plain step that theory is about.",
        fails_when="Layers differ in the scale of their gradients: one rate does not fit them all.",
    ),
)
