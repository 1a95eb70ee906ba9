"""What all our pages share: filters of the templates, one style, one script, a policy that allows no more."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup

from bench.report.strict import strict
from bench.report.svg import COLOURS, INK_ON
from bench.report.words import clean, label, number, outcome_word, raw, tight


def render(template: str, title: str, **content: Any) -> str:
    """A whole page: the template gives what stands in its body.

    Everything in `content` is escaped but what is Markup, which only our own drawings may be.
    """
    body = environment().get_template(template).render(**content, colours=COLOURS)
    body, classes = strict(body)
    style, script = f"{sheet()}{classes}", _file("report.js")
    return (
        environment()
        .get_template("page.html.j2")
        .render(
            title=title,
            body=Markup(body),
            style=Markup(style),
            script=Markup(script),
            policy=policy(style, script),
        )
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
    made.filters["tight"] = tight
    return made


@cache
def sheet() -> str:
    """The style of all pages, with a class `o-NAME` for each outcome in its colour."""
    outcomes = "".join(
        f".o-{name} {{ background: {colour}; color: {INK_ON[name]}; }}\n" for name, colour in COLOURS.items()
    )
    return f"{_file('report.css')}{outcomes}"


def policy(style: str, script: str) -> str:
    """The content security policy: nothing is loaded, and no style and no script but the page's own runs.

    The hashes are over what stands between the tags, byte for byte (CSP level 3, §6.7.3.3).
    """
    return "; ".join(
        (
            "default-src 'none'",
            "img-src data:",
            f"style-src 'sha256-{_hash(style)}'",
            f"script-src 'sha256-{_hash(script)}'",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@cache
def _file(name: str) -> str:
    return (resources.files("bench.report") / "templates" / name).read_text(encoding="utf-8")
