"""What all our pages share: filters of the templates, one style, one script, a policy that allows no more."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup

from bench.report.svg import COLOURS, INK_ON
from bench.report.words import clean, label, number, outcome_word, raw


def render(template: str, **content: Any) -> str:
    """A template of this package as text; everything in `content` is escaped but what is Markup."""
    return (
        environment()
        .get_template(template)
        .render(**content, colours=COLOURS, style=Markup(style()), script=Markup(script()), policy=policy())
    )


@cache
def environment() -> jinja2.Environment:
    """Templates that escape by default and refuse names that nobody gave."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("bench.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"number": number, "word": outcome_word, "label": label, "clean": clean, "raw": raw}
    return made


@cache
def style() -> str:
    """The page's style, with a class `o-NAME` for each outcome in its colour."""
    outcomes = "".join(
        f".o-{name} {{ background: {colour}; color: {INK_ON[name]}; }}\n" for name, colour in COLOURS.items()
    )
    return f"{_file('report.css')}{outcomes}"


@cache
def script() -> str:
    """What sorts and filters the tables; the page reads without it."""
    return _file("report.js")


@cache
def policy() -> str:
    """The content security policy: nothing is loaded, and no style and no script but the page's own runs.

    What stands between the tags must be hashed as it is, byte for byte (CSP level 3, §8.3).
    """
    return "; ".join(
        (
            "default-src 'none'",
            "img-src data:",
            "style-src 'unsafe-inline'",
            f"script-src 'sha256-{_hash(script())}'",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _file(name: str) -> str:
    return (resources.files("bench.report") / "templates" / name).read_text(encoding="utf-8")
