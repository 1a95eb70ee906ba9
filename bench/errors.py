"""How a command ends: its exit codes, and the errors that are the user's to mend.

Exit codes: 0 done (diverged trials included), 1 a pack crashed for good, 2 bad usage or a bad study, 3 a
claim refuted under --strict, 4 inconclusive, untestable or incomplete under --strict, 130 interrupted and
resumable.
"""

from __future__ import annotations

DONE, CRASHED, BAD_USAGE, REFUTED, INCOMPLETE, INTERRUPTED = 0, 1, 2, 3, 4, 130


class UserError(Exception):
    """Something that the user can put right. `str()` is the whole message, all that the CLI prints."""

    exit_code = BAD_USAGE
