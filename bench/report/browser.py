"""Showing a page that was written in the user's own browser."""

from __future__ import annotations

import webbrowser
from pathlib import Path


def show(page: Path) -> str:
    """Open a page in the browser; returns a sentence where that cannot be done, else an empty text."""
    try:
        opened = webbrowser.get().open(page.resolve().as_uri())
    except webbrowser.Error:
        opened = False
    return "" if opened else f"no browser here opens {page}: copy the file to a machine that has one"
