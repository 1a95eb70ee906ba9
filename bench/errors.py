"""The errors that are the user's to mend: one clear sentence, no traceback, an exit code."""

from __future__ import annotations


class UserError(Exception):
    """Something that the user can put right. `str()` is the whole message, all that the CLI prints."""

    exit_code = 2
