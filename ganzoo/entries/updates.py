"""How one step is taken."""

from __future__ import annotations

from ganzoo.entry import Entry

UPDATES = (
    Entry(
        "update",
        "alternating",
        "ganzoo.updates:alternating",
        "n_critic steps of D and g_steps of G in turn, each on fresh batches",
        paper="arXiv:1406.2661",
    ),
)
