"""What keeps D smooth."""

from __future__ import annotations

from ganzoo.entry import Entry, Key

PENALTIES = (
    Entry(
        "penalty",
        "weight_clip",
        "ganzoo.penalties:weight_clip",
        "after each D step every weight of D is clipped to [-value, value]",
        keys={"value": Key(float, 0.01, "bound of each weight", low=1e-12, high=1e6)},
        paper="arXiv:1701.07875",
    ),
)
