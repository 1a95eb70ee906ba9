"""How one step is taken. Facts: `one_each` where a step is one update of each player, `refuses` penalties."""

from __future__ import annotations

from ganzoo.entry import Entry, Key

_ONE_EACH = {"one_each": True}

UPDATES = (
    Entry(
        "update",
        "alternating",
        "ganzoo.updates:alternating",
        "n_critic steps of D and g_steps of G in turn, each at the weights that the last one left",
        paper="arXiv:1406.2661",
        known_for="What nearly everybody does; on a bilinear game it neither converges nor diverges.",
        fails_when="The game rotates: without damping it circles the equilibrium for ever.",
        aliases=("alt", "alternate", "sequential"),
    ),
    Entry(
        "update",
        "simultaneous",
        "ganzoo.updates:simultaneous",
        "w <- w - h v(w), both gradients at the same weights",
        paper="arXiv:1801.04406",
        facts=_ONE_EACH,
        known_for="The form that theory analyses.",
        fails_when="The game rotates: near the equilibrium each undamped step leads outwards.",
        aliases=("sim", "sim_gd", "simgd"),
    ),
    Entry(
        "update",
        "extragradient",
        "ganzoo.updates:extragradient",
        "w' = w - h v(w); w <- w - h v(w'), both on one batch",
        paper="arXiv:1802.10551",
        facts=_ONE_EACH,
        known_for="Damps rotation by looking one step ahead; converges on bilinear games.",
        fails_when="Time matters: a step costs two gradients of each player.",
        aliases=("eg", "extra_gradient", "extra_adam"),
    ),
    Entry(
        "update",
        "optimistic",
        "ganzoo.updates:optimistic_update",
        "w <- w - 2 h v(w_t) + h v(w_(t-1)), simultaneously",
        paper="arXiv:1711.00141",
        facts=_ONE_EACH,
        known_for="Extragradient's damping at one gradient a step, the last one standing for the look ahead.",
        fails_when="Rates are high or batches noisy: the last gradient then says little of the next.",
        aliases=("omd", "ogda", "optimistic_adam", "optimistic_mirror_descent"),
    ),
    Entry(
        "update",
        "unrolled",
        "ganzoo.updates:unrolled",
        "G's gradient at the D of k further steps, through those steps; D stays as it was",
        keys={"k": Key(int, 5, "steps of D to look ahead; 0 is alternating", low=0, high=100)},
        paper="arXiv:1611.02163",
        facts={"refuses": ("consensus",)},
        known_for="G sees how D would answer, which spreads its samples over modes.",
        fails_when="Time and memory matter: a G update costs k D steps, differentiated through.",
        aliases=("unroll", "unrolling", "unrolled_gan"),
    ),
)
