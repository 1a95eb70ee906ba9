"""Every component of the zoo: its name, where its code is, its keys, its formula and its paper.

The catalogue is the only schema of a component. It imports neither torch nor numpy, so that a study can be
checked on any machine. Each key is a keyword-only argument of the target; a test binds every entry to the
signature of its target. The entries stand in ganzoo/entries/, one file for each kind.
"""

from __future__ import annotations

from ganzoo.entries.losses import LOSSES
from ganzoo.entries.models import MODELS
from ganzoo.entries.optimizers import OPTIMIZERS
from ganzoo.entries.penalties import PENALTIES
from ganzoo.entries.updates import UPDATES
from ganzoo.entry import Catalog, CatalogError, Entry, Key, suggest

__all__ = ["ZOO", "Catalog", "CatalogError", "Entry", "Key", "suggest"]

ZOO = Catalog([*MODELS, *LOSSES, *PENALTIES, *UPDATES, *OPTIMIZERS])
