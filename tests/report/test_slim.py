"""Drawings in few letters: nothing that shows is lost, nothing that does not is kept."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest

from bench.report import outline, svg
from bench.report.slim import slim
from bench.report.strict import strict

HEAD = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 9 9">'
FRAME = '<defs><clipPath id="f"><rect x="0" y="0" width="10" height="10"/></clipPath></defs>'
LINE = 'style="fill: none; stroke: #123453; stroke-linecap: butt"'


def slimmed(inside: str) -> str:
    text = slim(f"{HEAD}{inside}</svg>")
    return text[text.index(">") + 1 : -len("</svg>")]


@pytest.mark.parametrize(
    ("absolute", "short"),
    [
        ("M 0 0 L 10 0 L 10 5 L 0 5 L 0 0 z", "M0 0h10v5h-10z"),
        ("M 1.04 2 L 1.26 2.54", "M1 2l.3.5"),
        ("M 0 0 L 1 0 L 3 0 L 2 0", "M0 0h3-1"),
        ("M 0 0 L 1 1 M 5 5 L 6 6", "M0 0l1 1m4 4l1 1"),
        ("M 0 0 L 0 1 z M 2 2 L 3 3", "M0 0v1zm2 2l1 1"),
        ("M 1 1 L 1 1", "M1 1h0"),  # a dot where ends are round
        ("M 0 0 C 0.25 0 0.5 0.25 1 1", "M0 0c.25 0 .5.25 1 1"),
        ("M -0.5 -0.5 Q 0 0 1 -1", "M-.5-.5q.5.5 1.5-.5"),
    ],
)
def test_an_outline_is_written_in_few_letters(absolute: str, short: str) -> None:
    commands = outline.parse(absolute)
    assert commands is not None
    assert outline.written(commands) == short


@pytest.mark.parametrize("d", ["", "L 1 1", "m 1 1 l 2 2", "M 1", "M 0 0 A 1 1 0 0 0 2 2"])
def test_what_matplotlib_does_not_write_is_left_alone(d: str) -> None:
    assert outline.parse(d) is None
    assert f'd="{d}"' in slimmed(f'<path d="{d}" {LINE}/>')


def test_rounding_does_not_add_up() -> None:
    """Relative steps lead to the tenth that each point is rounded to, however many there are."""
    xs = np.cumsum(np.full(500, 0.04))
    commands = outline.parse("M 0 0 " + " ".join(f"L {x:.4f} {x * x:.4f}" for x in xs))
    assert commands is not None
    assert end_of(outline.written(commands)) == pytest.approx((20.0, 400.0))


def end_of(d: str) -> tuple[float, float]:
    """Where relative lines end, their numbers read one by one."""
    x = y = 0.0
    letter, waiting = "", []
    for token in outline._TOKEN.findall(d):
        if token.isalpha():
            letter = token
            continue
        waiting.append(float(token))
        if letter == "h":
            x += waiting.pop()
        elif letter == "v":
            y += waiting.pop()
        elif len(waiting) == 2:
            x, y = x + waiting[0], y + waiting[1]
            waiting = []
    return x, y


def test_a_symbol_drawn_once_stands_where_it_is_drawn() -> None:
    symbol = '<defs><path id="m" d="M 0 0 L 2 0" style="stroke: red"/></defs>'
    once = slimmed(f'{symbol}<use xlink:href="#m" x="3" y="4" style="stroke: blue; stroke-width: 2"/>')
    assert once == '<path d="M3 4h2" style="stroke: red; stroke-width: 2"/>'
    use = '<use xlink:href="#m" x="3" y="4" style="stroke: blue"/>'
    twice = slimmed(f"{symbol}<g>{use}{use}</g>")
    plain = '<use x="3" y="4" href="#m"/>'
    assert twice.endswith(f'<g style="stroke: blue">{plain}{plain}</g>')
    assert 'id="m"' in twice


def test_only_what_leaves_its_frame_is_cut_there() -> None:
    inside = f'<path d="M 0 5 L 10 5" clip-path="url(#f)" {LINE}/>'
    assert slimmed(inside + FRAME) == '<path d="M0 5h10" style="fill: none; stroke: #123453"/>'
    for beyond in ("M 0 5 L 12 5", "M 0 5 L 10 12"):
        kept = slimmed(f'<path d="{beyond}" clip-path="url(#f)" {LINE}/>{FRAME}')
        assert 'clip-path="url(#f)"' in kept
        assert '<clipPath id="f">' in kept
    thick = f'<path d="M 0 0 L 10 0" clip-path="url(#f)" {LINE[:-1]}; stroke-width: 3"/>'
    assert "clip-path" in slimmed(thick + FRAME)


def test_lines_of_one_look_become_one_but_none_crosses_another_mark() -> None:
    one, other = f'<path d="M 0 1 L 9 1" {LINE}/>', f'<path d="M 0 2 L 9 2" {LINE}/>'
    assert slimmed(f"{one}<text>1</text>{other}").count("<path") == 1
    filled = '<path d="M 0 0 L 9 0 L 9 9 z" style="fill: red"/>'
    assert slimmed(f"{one}{filled}{other}").count("<path") == 3
    pale = LINE.replace("stroke:", "stroke-opacity: 0.5; stroke:")
    assert slimmed(f"{one}{other}".replace(LINE, pale)).count("<path") == 2


def test_what_shows_nothing_goes_and_what_is_pointed_to_stays() -> None:
    empty = '<g id="patch_1"><path d="M 0 0 L 9 0 L 9 9 z" style="fill: none"/></g><g id="a"><g id="b"/></g>'
    assert slimmed(empty) == ""
    hatch = '<defs><pattern id="h"><rect x="0" y="0" width="9.0" height="9.0"/></pattern></defs>'
    kept = slimmed(f'{hatch}<path d="M 0 0 L 9 0 L 9 9 z" style="fill: url(#h)"/>')
    assert kept.startswith('<defs><pattern id="h"><rect x="0" y="0" width="9" height="9"/>')


def test_text_stays_as_it_is() -> None:
    assert slimmed('<g><text x="1.2345">floor 0.123456 &lt;b&gt; "x" url(#f)</text></g>') == (
        '<text x="1.2">floor 0.123456 &lt;b&gt; "x" url(#f)</text>'
    )
    assert slimmed("<text>a\x00\x1bb</text>") == "<text>ab</text>"


def test_a_drawing_loses_no_mark() -> None:
    with svg.style():
        made = svg.figure(4, 3)
        axes = made.subplots()
        axes.plot(np.arange(30), np.arange(30) % 7, marker="o")
        axes.bar([3, 4], [5, 6], hatch="//")
        axes.set_title("thirty & two")
        text = svg.to_svg(made, "thirty")
    root = ElementTree.fromstring(text)
    assert len(root.findall(".//use")) == 30
    assert "thirty &amp; two" in text
    page, sheet = strict(text)
    assert "style=" not in page
    for name in {each.get("class") for each in ElementTree.fromstring(page).iter() if each.get("class")}:
        assert f".{name} {{" in sheet


def test_two_drawings_in_a_page_share_classes_and_no_ids() -> None:
    drawing = (
        '<svg><defs><path id="m" d="M0 0h2"/></defs><use href="#m" style="stroke: red"/>'
        '<path style="fill: url(#m); stroke: red"/></svg>'
    )
    page, sheet = strict(drawing + drawing)
    assert page.count('class="s0"') == 2
    assert page.count('id="d0"') == page.count('id="d1"') == 1
    assert page.count('href="#d0"') == page.count('href="#d1"') == 1
    assert "fill: url(#d0)" in sheet
    assert "fill: url(#d1)" in sheet


def test_what_stands_outside_of_drawings_is_not_touched() -> None:
    text = '<a id="m" href="#m">x</a>'
    assert strict(text)[0] == text
