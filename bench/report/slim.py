"""A drawing of matplotlib's in few letters: the same marks at the same places, without what shows nothing.

Most of a report is drawings, and matplotlib writes each mark with a group, a style and often a symbol of its
own. What changes is how the drawing is written. Coordinates are rounded to a tenth of a point.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from bench.report import outline
from bench.report.outline import Box, decimal

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NUMBER = re.compile(r"-?\b\d+\.\d+\b")
_POINTED = re.compile(r"url\(#([^)]*)\)")

_ASSUMED = {"stroke-dashoffset: 0", "stroke-linejoin: round", "stroke-linecap: butt", "text-anchor: start"}
"""What matplotlib's own sheet says of every mark, or the standard, and so does the page's style."""

_PLACES = ("x", "y", "width", "height")

_NEAR = 0.5
"""Points: so far beyond the edge of its frame a mark may reach without being cut there."""


def slim(text: str) -> str:
    """An SVG as matplotlib writes it, shorter; without ids that nothing points to, and without namespaces."""
    # What XML does not know may stand in a name; a page shows nothing for it.
    root = ElementTree.fromstring(_ILLEGAL.sub("", text))
    _plain(root)
    _symbols(root)
    _unseen(root)
    _uncut(root)
    _shared(root)
    _unwrap(root)
    _together(root)
    _unreferenced(root)
    return _written(root)


def _plain(root: Element) -> None:
    """Names without namespaces, styles without what is assumed, no white space between tags."""
    for each in root.iter():
        each.tag = each.tag.rpartition("}")[2]
        for key in [key for key in each.attrib if "}" in key]:
            each.set(key.rpartition("}")[2], each.attrib.pop(key))
        _dress(each, _style(each))
        each.tail = None
        each.text = each.text.strip() if each.text and each.text.strip() else None
    for child, parent in _children(root):
        if child.tag == "metadata" or (child.tag in ("defs", "g") and not len(child)):
            parent.remove(child)


def _style(each: Element) -> dict[str, str]:
    parts = (part.partition(":") for part in each.get("style", "").split(";"))
    return {name.strip(): value.strip() for name, _, value in parts if name.strip()}


def _dress(each: Element, style: dict[str, str]) -> None:
    text = [f"{name}: {value}" for name, value in style.items()]
    text = [part for part in text if part not in _ASSUMED]
    each.attrib.pop("style", None)
    if text:
        each.set("style", "; ".join(text))


def _children(root: Element) -> list[tuple[Element, Element]]:
    """(child, parent), the deepest first."""
    return [(child, parent) for parent in root.iter() for child in parent][::-1]


def _symbols(root: Element) -> None:
    """A symbol that is drawn once is drawn where it stands, without a definition."""
    uses = Counter(each.get("href") for each in root.iter("use"))
    known = {f"#{each.get('id')}": each for each in root.iter("path") if "id" in each.attrib}
    for use in root.iter("use"):
        symbol = known.get(use.get("href", ""))
        commands = outline.parse(symbol.get("d", "")) if symbol is not None else None
        if symbol is None or commands is None or uses[use.get("href")] > 1 or "transform" in use.attrib:
            continue
        place = float(use.get("x", 0)), float(use.get("y", 0))
        style = _style(use) | _style(symbol)  # a symbol's own style is the stronger
        use.tag, use.attrib = "path", {"d": outline.absolute(outline.moved(commands, *place))}
        _dress(use, style)


def _unseen(root: Element) -> None:
    """Without outlines that are neither filled nor drawn; what stands within a group of a style may be."""
    for child, parent in _children(root):
        if child.tag != "path" or parent.tag not in ("g", "svg") or "style" in parent.attrib:
            continue
        style = _style(child)
        if style.get("fill") == "none" and style.get("stroke", "none") == "none":
            parent.remove(child)


def _uncut(root: Element) -> None:
    """Marks that lie within their frame are not cut at its edge."""
    frames = {
        f"url(#{each.get('id')})": _frame(each[0])
        for each in root.iter("clipPath")
        if len(each) == 1 and each[0].tag == "rect"
    }
    symbols = {f"#{each.get('id')}": each for each in root.iter("path") if "id" in each.attrib}
    for each in root.iter():
        frame = frames.get(each.get("clip-path", ""))
        marks = list(each) if each.tag == "g" else [each]
        boxes = [_box(mark, symbols) for mark in marks]
        if frame and marks and all(found is not None and _within(found, frame) for found in boxes):
            del each.attrib["clip-path"]


def _frame(rect: Element) -> Box:
    x, y, width, height = (float(rect.get(name, 0)) for name in _PLACES)
    return x, y, x + width, y + height


def _box(mark: Element, symbols: dict[str, Element]) -> Box | None:
    """Where a path or a symbol's use draws; None of anything else."""
    path = symbols.get(mark.get("href", "")) if mark.tag == "use" else mark
    commands = outline.parse(path.get("d", "")) if path is not None and path.tag == "path" else None
    if path is None or commands is None or "transform" in mark.attrib:
        return None
    style = _style(mark) | _style(path)
    reach = 0.0 if style.get("stroke", "none") == "none" else float(style.get("stroke-width", 1)) / 2
    left, top, right, bottom = outline.box(commands)
    x, y = (float(mark.get(name, 0)) if mark.tag == "use" else 0.0 for name in ("x", "y"))
    return x + left - reach, y + top - reach, x + right + reach, y + bottom + reach


def _within(found: Box, frame: Box) -> bool:
    low = all(a >= b - _NEAR for a, b in zip(found[:2], frame[:2], strict=True))
    return low and all(a <= b + _NEAR for a, b in zip(found[2:], frame[2:], strict=True))


def _shared(root: Element) -> None:
    """Symbols of one style within a group say it once."""
    for group in root.iter("g"):
        styles = {each.get("style") for each in group}
        tags = {each.tag for each in group}
        if len(group) > 1 and tags == {"use"} and len(styles) == 1 and "style" not in group.attrib:
            style = _style(group[0])
            if style and "opacity" not in style:  # of a group it means another thing
                _dress(group, style)
                for each in group:
                    del each.attrib["style"]


def _unwrap(root: Element) -> None:
    """Without groups that say nothing."""
    for child, parent in _children(root):
        if child.tag == "g" and not set(child.attrib) - {"id"}:
            at = list(parent).index(child)
            parent.remove(child)
            for offset, each in enumerate(child):
                parent.insert(at + offset, each)


def _together(root: Element) -> None:
    """Lines of one look are one path, where nothing but text stands between them."""
    for parent in root.iter():
        if parent.tag not in ("g", "svg"):
            continue
        lines: dict[tuple[tuple[str, str], ...], Element] = {}
        for each in list(parent):
            if each.tag in ("text", "defs", "title"):
                continue
            style, d = _style(each), each.get("d", "")
            look = tuple(sorted((key, value) for key, value in each.attrib.items() if key != "d"))
            plain = each.tag == "path" and style.get("fill") == "none"
            if not plain or any("opacity" in name for name in style) or outline.parse(d) is None:
                lines = {}
            elif look in lines:
                lines[look].set("d", f"{lines[look].get('d')} {d}")
                parent.remove(each)
            else:
                lines = {look: each}


def _unreferenced(root: Element) -> None:
    """Without definitions and names of marks that nothing points to."""
    pointed = {each.get("href", "")[1:] for each in root.iter("use")}
    for each in root.iter():
        for value in each.attrib.values():
            pointed |= set(_POINTED.findall(value))
    for child, parent in _children(root):
        if child.get("id") not in pointed:
            child.attrib.pop("id", None)
            if parent.tag == "defs" and child.tag != "style":
                parent.remove(child)
        if child.tag == "defs" and not len(child):
            parent.remove(child)


def _written(each: Element) -> str:
    attributes = "".join(
        f' {name}="{html.escape(_short(each.tag, name, value))}"' for name, value in each.attrib.items()
    )
    inner = html.escape(each.text or "", quote=False) + "".join(_written(child) for child in each)
    return f"<{each.tag}{attributes}>{inner}</{each.tag}>" if inner else f"<{each.tag}{attributes}/>"


def _short(tag: str, name: str, value: str) -> str:
    if name == "d":
        commands = outline.parse(value)
        return value if commands is None else outline.written(commands)
    if name in _PLACES and tag != "image" and _NUMBER.fullmatch(value):
        return decimal(round(float(value), 1))
    if name in ("style", "transform", *_PLACES):
        return _NUMBER.sub(lambda found: decimal(float(found[0])), value)
    return value
