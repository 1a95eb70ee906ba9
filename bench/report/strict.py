"""Pages without style attributes, so that their policy can name every style by its hash.

Our drawings come with a style for each mark. A content security policy with hashes forbids style attributes:
each style becomes a class of the page's own sheet, which many marks share, and the page is shorter for it.
"""

from __future__ import annotations

import re

_SVG = re.compile(r"<svg\b.*?</svg>", re.DOTALL)
_SHEET = re.compile(r'<style type="text/css">[^<]*</style>')
_EMPTY = re.compile(r"<defs\s*/>|<defs>\s*</defs>")
_TAG = re.compile(r'<(\w+)\b([^<>]*?)\s+style="([^"<>]*)"([^<>]*)>')
_ID = re.compile(r'<\w+\b[^<>]*?\sid="([^"<>]*)"')
_POINTER = re.compile(r'(href="#|url\(#)([^"()<>]*)')
_PIXELS = re.compile(r"(\d+)px")

_ASSUMED = {"max-width: 100%"}
"""What the page's style says anyway; what a drawing need not say is gone before (`slim`)."""


def strict(body: str) -> tuple[str, str]:
    """The same page with classes in place of its drawings' styles, and the sheet of these classes.

    Nothing outside of `<svg>` is touched. Names there are escaped: `<`, `>` and `"` are always markup. What a
    drawing defines gets an id that is short, and the only one in the page.
    """
    classes: dict[str, str] = {}
    ids = 0

    def one(tag: re.Match[str]) -> str:
        width, rest = "", []
        for declaration in filter(None, (each.strip() for each in tag[3].split(";"))):
            name, _, value = (part.strip() for part in declaration.partition(":"))
            if f"{name}: {value}" in _ASSUMED:
                continue
            if name == "width" and (pixels := _PIXELS.fullmatch(value)):
                width = f' width="{pixels[1]}"'
            else:
                rest.append(f"{name}: {value}")
        others = f"{tag[2]}{tag[4]}"
        if rest:
            others = _classed(others, classes.setdefault("; ".join(rest), f"s{len(classes)}"))
        closed = "/" if others.rstrip().endswith("/") else ""
        return f"<{tag[1]}{others.rstrip().removesuffix('/').rstrip()}{width}{closed}>"

    def drawing(svg: re.Match[str]) -> str:
        nonlocal ids
        text = _EMPTY.sub("", _SHEET.sub("", svg[0]))
        known = {}
        for each in _ID.findall(text):
            known[each] = f"d{ids}"
            ids += 1
        text = _ID.sub(lambda tag: f'{tag[0][: -len(tag[1]) - 1]}{known[tag[1]]}"', text)
        text = _POINTER.sub(lambda found: f"{found[1]}{known.get(found[2], found[2])}", text)
        return _TAG.sub(one, text)

    text = _SVG.sub(drawing, body)
    return text, "".join(f".{name} {{ {rule}; }}\n" for rule, name in classes.items())


def _classed(attributes: str, name: str) -> str:
    """Attributes of a tag with one class more."""
    if ' class="' in attributes:
        return attributes.replace(' class="', f' class="{name} ', 1)
    return f' class="{name}"{attributes}'
