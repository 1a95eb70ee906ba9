"""What a backend tells the driver while packs run, and how a pack's attempt ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Event:
    """A sign of life of a pack: it started, was measured, or came to an end at `step`.

    `diverged` lists (trial, first bad step) of members that died since the last event.
    """

    kind: str  # start | tick | done | stopped | failed
    pack: str
    step: int
    diverged: tuple[tuple[str, int], ...] = ()
    pid: int = 0
    host: str = ""


@dataclass(frozen=True)
class Ending:
    """How an attempt at a pack ended.

    `kind`: done, stopped (asked to), error (an exception), memory, lost (the process or its machine), hang,
    or user (a UserError: nothing that trying again would mend).
    """

    pack: str
    kind: str
    message: str = ""
    detail: str = ""


Emit = Callable[[Event], None]
