"""The page: every section, offline, escaped, with a text for every picture."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
from html import escape as html_escape
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pandas as pd
import pytest
from synthetic_results import synthetic, synthetic_points, synthetic_signals

from bench.judge.outcomes import OUTCOMES
from bench.report import page, samples
from bench.report.svg import COLOURS
from bench.report.view import View
from bench.store.tables import Results

SECTIONS = (
    *("shares", "axes", "maps", "curves", "samples", "gallery", "trials", "data", "provenance", "glossary"),
    *(f"outcome-{name}" for name in OUTCOMES),
)


class Reader(HTMLParser):
    """All tags with their attributes, and whether the tags are balanced."""

    VOID = ("meta", "img", "br", "link", "path", "use", "image", "rect", "circle", "line")

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


def one_axis(results: Results) -> Results:
    """The same trials with lr_ratio as the only axis: a third of the figures to draw."""
    return dataclasses.replace(results, study={"name": "short", "grid": {"lr_ratio": []}})


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages without the section of examples, which has tests of its own: its figures take time."""
    monkeypatch.setattr(page.examples, "examples", lambda view: [])


def read(text: str) -> list[tuple[str, dict[str, str | None]]]:
    reader = Reader()
    reader.feed(text)
    assert reader.open == []
    return reader.tags


def test_every_section_is_there(html: str) -> None:
    ids = [attrs.get("id") for _, attrs in read(html)]
    for section in SECTIONS:
        assert section in ids
    for _, attrs in read(html):
        target = attrs.get("href") or ""
        assert not target.startswith("#") or target[1:] in ids


def test_nothing_is_loaded_from_elsewhere(html: str) -> None:
    text = re.sub(r'"data:[a-z]+/[a-z]+[;,][^"]+"', "", html)
    assert not re.search(r"https?:|//[a-z]", text)
    assert text.count("<script") == 1
    assert "@import" not in text
    for _, attrs in read(html):
        for name in ("src", "href", "xlink:href"):
            assert (attrs.get(name) or "#")[:5] in ("data:",) or (attrs.get(name) or "#")[0] == "#"


def test_every_figure_has_a_text_in_its_place(html: str) -> None:
    tags = read(html)
    pictures = [attrs for tag, attrs in tags if tag == "svg"]
    assert len(pictures) > 4 * 3 + len(OUTCOMES)  # four sections along each axis, and the gallery
    for attrs in pictures:
        assert attrs["role"] == "img"
        assert len(attrs["aria-label"] or "") > 20
    images = [attrs for tag, attrs in tags if tag == "img"]
    assert len(images) == 6 + len(OUTCOMES)
    assert all(len(attrs["alt"] or "") > 20 for attrs in images)


def test_the_first_screen_answers_in_two_sentences(html: str) -> None:
    answer = re.search(r'<p class="answer">(.*?)</p>', html, re.DOTALL)
    assert answer
    assert answer[1].startswith("Of 48 finished trials 32 failed ")
    assert "; 12 converged and 4 are undecided, still improving." in answer[1]
    assert "The largest difference is lr_ratio 1 instead of 64: 4 of 12 failed against 12 of 12" in answer[1]
    assert "67\u00a0%" in answer[1]  # no line break before a percent sign
    assert "an illustration and no verdict, for there are 3 seeds." in answer[1]
    assert "Does the discriminator&#39;s relative speed decide which failure you get?" in html


def test_every_trial_stands_in_the_table_with_its_reason(results: Results, html: str) -> None:
    for row in results.trials.to_dict("records"):
        assert f"<code>{row['trial']}</code>" in html
        assert html_escape(row["outcome_reason"], quote=True) in html.replace("&#34;", "&quot;").replace(
            "&#39;", "&#x27;"
        )
    order = re.findall(r'<tr id="trial-\w+" data-outcome="\w+"><td><code>(\w+)</code>', html)
    outcome = results.trials.set_index("trial")["outcome"]
    dead = [trial for trial in order if outcome[trial] == "diverged"]
    assert dead
    assert order[-len(dead) :] == dead


def test_the_glossary_explains_every_outcome_in_its_own_colour(html: str) -> None:
    for name, outcome in OUTCOMES.items():
        assert outcome.meaning in html
        assert COLOURS[name] in html
    assert set(COLOURS) == set(OUTCOMES)
    assert len(set(COLOURS.values())) == len(OUTCOMES)


@pytest.mark.usefixtures("short")
def test_what_is_in_no_denominator_is_counted_and_partial_results_are_marked(unfinished: Results) -> None:
    text = page.render(unfinished)
    assert "Of 45 finished trials" in text
    assert text.count("1 crashed, 1 running, 1 pending") == 4  # first screen, maps, axes, onset
    assert "Partial results: --limit 45" in text


def test_provenance_is_told(html: str) -> None:
    for fact in (
        "f" * 40,
        "with local changes",
        "torch 2.15.0",
        "7 min 11 s",
        "2100.5"[:4],
        "1 repeated",
        "1 killed",
    ):
        assert fact in html


HOSTILE = "</style><script>alert(1)</script>"


def test_hostile_names_come_out_escaped(tmp_path: Path) -> None:
    axes = (f"a{HOSTILE}", '"><img src=x onerror=alert(1)>', "$\\frac{{x}}$\x1b[31m\u202e")
    hostile = synthetic(tmp_path / "x", axis_names=axes, name=HOSTILE, header=f"# {HOSTILE}\n", seeds=1)
    trials = hostile.trials.copy()
    trials["outcome_reason"] = "=cmd|'/c calc'!A0 " + HOSTILE
    trials["rules_version"] = HOSTILE
    hostile = dataclasses.replace(hostile, trials=trials, manifest={"sessions": [{"commit": HOSTILE}]})
    text = page.render(hostile)
    assert text.count("<script") == 1
    assert "<script>alert" not in text
    assert "onerror=alert(1)>" not in text.replace("&gt;", "")
    assert not any(tag == "img" and attrs.get("src") == "x" for tag, attrs in read(text))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "&lt;script&gt;alert(1)" in text
    table = re.search(r'download="trials.csv"[^>]* href="data:text/csv[^,]*,([^"]+)"', text)
    assert table
    csv = unquote(table[1])
    assert "'=cmd" in csv
    assert ",=cmd" not in csv


@pytest.mark.usefixtures("short")
def test_one_seed_and_no_axis_still_give_a_page(small: Results) -> None:
    alone = dataclasses.replace(small, study={"name": "alone"})
    text = page.render(alone)
    assert "Stability maps" not in text  # a map needs two axes
    assert 'href="#maps"' not in text
    assert "The study varies nothing but the seed, so no knob can be named." in text
    assert "Wilson" not in text.split("<h2")[0]


@pytest.mark.usefixtures("short")
def test_a_study_without_a_finished_trial_gives_a_page(small: Results) -> None:
    trials = small.trials.assign(status="pending", outcome=None, outcome_reason=None)
    empty = dataclasses.replace(
        small, trials=trials, curves=small.curves.iloc[:0], attempts=small.attempts.iloc[:0]
    )
    text = page.render(empty)
    assert "No trial has finished with an outcome yet." in text
    assert "16 pending" in text
    read(text)


@pytest.mark.usefixtures("short")
def test_points_are_drawn_over_the_true_modes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "trial_previews", synthetic_points)
    text = page.render(one_axis(synthetic(tmp_path / "ring", modality="points", seeds=1)))
    labels = [attrs["aria-label"] or "" for tag, attrs in read(text) if tag == "svg"]
    assert sum("Samples of the best trial" in label for label in labels) == 2
    assert "sw1 floor 2 (SD 0.2)" in text


@pytest.mark.usefixtures("short")
def test_signals_are_drawn_as_lines_and_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "trial_previews", synthetic_signals)
    results = one_axis(synthetic(tmp_path / "waves", modality="signal", seeds=1))
    text = page.render(results)
    pictures = [attrs["alt"] or "" for tag, attrs in read(text) if tag == "img"]
    assert sum("Samples of the best trial" in alt for alt in pictures) == 2
    view = View(results)
    shown = samples.show_chosen(view, view.groups[0])
    samples.store(results.path, shown)
    assert len(list((results.path / "samples").glob("*-grid.png"))) == len(shown)


@pytest.mark.usefixtures("short")
def test_distances_of_different_data_share_no_axis(results: Results) -> None:
    other = {**results.meta, "dataset": {"name": "fashion_mnist"}}
    first = {**results.meta, "dataset": {"name": "digits"}}
    of = {trial: int(trial, 16) % 2 for trial in results.trials["trial"]}
    meta = {**results.meta, "measures": [first, other], "measure_of": of}
    text = page.render(dataclasses.replace(one_axis(results), meta=meta))
    assert "lr_ratio on digits" in text
    assert "lr_ratio on fashion_mnist" in text
    assert "2 data sets are pooled" in text
    told = re.findall(r'aria-label="Shares of outcomes over \d+ finished trials[^:]*: ([^."]+)', text)
    sums = [sum(map(int, re.findall(r"\d+", each))) for each in told]
    assert sums[0] == sum(sums[1:])
    assert len(sums) == 3


def test_write_puts_one_file_and_the_pictures_into_the_folder(
    results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = one_axis(results)
    monkeypatch.setattr(page, "load", lambda _: results)
    folder = results.path / "samples"
    folder.mkdir()
    stale, mine = folder / "best-0123456789ab-grid.png", folder / "my picture.png"
    stale.touch()
    mine.touch()
    path = page.write(results.path)
    assert path == results.path / "report.html"
    first = path.read_text()
    assert mine.exists()
    mine.unlink()
    names = sorted(each.name for each in folder.iterdir())
    assert len(names) == 6
    assert all(re.fullmatch(r"(best|median|worst)-[0-9a-f]{12}-(grid|film)\.png", name) for name in names)
    assert page.render(results) == first


def test_rendering_needs_neither_torch_nor_ray(repository: Path) -> None:
    code = (
        "import bench.report.page, bench.report.show, sys\n"
        "sys.exit(any(name in sys.modules for name in ('torch', 'ray')))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=repository, timeout=60).returncode == 0


@pytest.mark.usefixtures("short")
def test_unjudged_trials_are_named(small: Results) -> None:
    trials = small.trials.copy()
    trials.loc[0, ["outcome", "outcome_step"]] = [None, pd.NA]
    text = page.render(dataclasses.replace(small, trials=trials))
    assert "1 finished without an outcome" in text
    assert "no outcome" in text
