"""Pages without style attributes, so that their policy can name every style by its hash.

Our drawings come with a style for each mark. A content security policy with hashes forbids style attributes,
yet not the presentation attributes of SVG 2 (§6.6), which say the same.
"""

from __future__ import annotations

import re

_SVG = re.compile(r"<svg\b.*?</svg>", re.DOTALL)
_SHEET = re.compile(r'<style type="text/css">[^<]*</style>')
_EMPTY = re.compile(r"<defs\s*/>|<defs>\s*</defs>")
_TAG = re.compile(r'<(\w+)\b([^<>]*?)\s+style="([^"<>]*)"([^<>]*)>')
_PIXELS = re.compile(r"(\d+)px")

_PRESENTATION = frozenset(
    [
        "fill",
        "fill-opacity",
        "fill-rule",
        "stroke",
        "stroke-width",
        "stroke-opacity",
        "stroke-dasharray",
        "stroke-dashoffset",
        "stroke-linecap",
        "stroke-linejoin",
        "stroke-miterlimit",
        "opacity",
        "clip-path",
        "clip-rule",
        "font-size",
        "font-family",
        "font-weight",
        "font-style",
        "text-anchor",
        "visibility",
        "display",
        "color",
        "image-rendering",
    ]
)
_ASSUMED = {"stroke-dashoffset: 0", "stroke-linejoin: round", "text-anchor: start", "max-width: 100%"}
"""What the page's style or the standard says anyway."""


def strict(body: str) -> tuple[str, str]:
    """The same page with presentation attributes in its drawings, and the classes that stand for the rest.

    Nothing outside of `<svg>` is touched. Names there are escaped: `<`, `>` and `"` are always markup.
    """
    classes: dict[str, str] = {}

    def one(tag: re.Match[str]) -> str:
        attributes, rest = [], []
        for declaration in filter(None, (each.strip() for each in tag[3].split(";"))):
            name, _, value = (part.strip() for part in declaration.partition(":"))
            if f"{name}: {value}" in _ASSUMED:
                continue
            if name == "width" and (pixels := _PIXELS.fullmatch(value)):
                attributes.append(f'width="{pixels[1]}"')
            elif name in _PRESENTATION:
                attributes.append(f'{name}="{value}"')
            else:
                rest.append(f"{name}: {value}")
        others = f"{tag[2]}{tag[4]}"
        if rest:
            name = classes.setdefault("; ".join(rest), f"s{len(classes)}")
            others = _classed(others, name)
        closed = others.rstrip().endswith("/")
        others = others.rstrip().removesuffix("/").rstrip()
        return f"<{' '.join([tag[1] + others, *attributes])}{'/' if closed else ''}>"

    def drawing(svg: re.Match[str]) -> str:
        return _TAG.sub(one, _EMPTY.sub("", _SHEET.sub("", svg[0])))

    text = _SVG.sub(drawing, body)
    return text, "".join(f".{name} {{ {rule}; }}\n" for rule, name in classes.items())


def _classed(attributes: str, name: str) -> str:
    """Attributes of a tag with one class more."""
    if ' class="' in attributes:
        return attributes.replace(' class="', f' class="{name} ', 1)
    return f' class="{name}"{attributes}'
