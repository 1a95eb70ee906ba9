"""The report in a browser: nothing leaves it, tables sort and filter, in every width and colour.

Debian's Chromium, driven by playwright; axe looks for what keeps people out. The page is that of made results
like those of `studies/lr_ratio.yaml`; slow tests take a real folder: `results/lr_ratio`, or GANBENCH_RESULTS.
"""

from __future__ import annotations

import base64
import csv
import io
import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from axe_playwright_python.sync_playwright import Axe
from hostile_results import MARKS, hostile
from playwright.sync_api import Browser, Page, sync_playwright
from synthetic_results import synthetic, synthetic_previews

from bench.report import page as report
from bench.report import samples
from bench.store.tables import Results, load

pytestmark = pytest.mark.xdist_group("browser")  # one process starts the browser, once

ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]
LAPTOP, PHONE = (1280, 800), (390, 844)

SORT = "Intl.Collator('en', {numeric: true}).compare"

Open = Callable[..., AbstractContextManager[Page]]


@dataclass(frozen=True)
class Shown:
    """A report as a file, with the results that it tells of."""

    file: Path
    results: Results


@pytest.fixture(scope="module")
def chromium(require: Callable[[bool, str], None]) -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    require(path is not None, "Debian's chromium (apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module", params=["made", pytest.param("real", marks=pytest.mark.slow)])
def shown(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, repository: Path
) -> Shown:
    folder = tmp_path_factory.mktemp("browser")
    if request.param == "real":
        real = Path(os.environ.get("GANBENCH_RESULTS") or repository / "results" / "lr_ratio")
        if not (real / "trials.parquet").exists():
            pytest.skip(f"{real} holds no results; `make study` makes them")
        return written(load(real), folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(samples, "trial_previews", synthetic_previews)
        return written(synthetic(folder / "lr_ratio"), folder)


def written(results: Results, folder: Path) -> Shown:
    file = folder / "report.html"
    file.write_text(report.render(results), encoding="utf-8")
    return Shown(file, results)


@pytest.fixture
def opened(chromium: Browser) -> Open:
    """A page of a file in a window of its own; what it asks for, says or raises fails the test."""

    @contextmanager
    def open_(
        file: Path, size: tuple[int, int] = LAPTOP, refuses: bool = False, **settings: Any
    ) -> Iterator[Page]:
        said: list[str] = []
        width, height = size
        context = chromium.new_context(viewport={"width": width, "height": height}, **settings)
        context.set_default_timeout(90_000)  # a busy machine is no fault of the page
        asked: list[str] = []
        context.route("**/*", lambda route: (asked.append(route.request.url), route.continue_())[1])
        page = context.new_page()
        if not refuses:  # what the policy refuses is a request in its eyes, too, but goes nowhere
            page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss())[1])
        page.goto(file.as_uri())
        yield page
        elsewhere = {
            url for url in asked if not url.startswith("data:") and url.split("#")[0] != file.as_uri()
        }
        context.close()
        assert elsewhere == set()
        # What the policy refuses is said aloud.
        assert bool(said) == refuses, said

    return open_


def overflow(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def columns(page: Page, table: int) -> list[list[list[str | None]]]:
    """Per column of a sortable table, per shown row: the text and the number it sorts by."""
    rows = page.evaluate(
        """at => Array.from(document.querySelectorAll("table.sortable")[at].tBodies[0].rows)
        .filter((row) => row.offsetParent !== null)
        .map((row) => Array.from(row.cells, (cell) => [cell.textContent.trim(), cell.dataset.v ?? null]))""",
        table,
    )
    return [list(each) for each in zip(*rows, strict=True)]


def test_it_opens_without_a_word_and_asks_nobody(shown: Shown, opened: Open) -> None:
    with opened(shown.file) as page:
        pictures = page.evaluate(
            """async () => {
                const all = Array.from(document.images);
                await Promise.all(all.map((each) => each.decode()));
                return all.map((each) => each.naturalWidth);
            }"""
        )
        assert all(width > 0 for width in pictures)
        drawings = page.evaluate(
            "Array.from(document.querySelectorAll('svg'), (each) => each.getBoundingClientRect().height)"
        )
        assert drawings
        assert min(drawings) > 5
        assert page.evaluate("document.querySelectorAll('[style]').length") == 0


def test_the_policy_refuses_styles_scripts_and_requests_of_others(shown: Shown, opened: Open) -> None:
    with opened(shown.file, refuses=True) as page:
        page.evaluate(
            """document.body.insertAdjacentHTML("beforeend", '<p id=p style="color: red">x</p>'
            + '<img src=x.png onerror="window.struck = 1"><a id=a onclick="window.struck = 1">x</a>')"""
        )
        page.evaluate("document.getElementById('a').click()")
        page.wait_for_timeout(100)
        assert page.evaluate("getComputedStyle(document.getElementById('p')).color") != "rgb(255, 0, 0)"
        assert page.evaluate("window.struck ?? null") is None
        assert page.evaluate("fetch('https://example.org').then(() => 1, () => 0)") == 0


def test_every_table_sorts_by_every_column(shown: Shown, opened: Open) -> None:
    with opened(shown.file) as page:
        for table in range(page.locator("table.sortable").count()):
            heads = page.locator("table.sortable").nth(table).locator("thead button")
            for column in range(heads.count()):
                heads.nth(column).click()
                up = columns(page, table)[column]
                heads.nth(column).click()
                down = columns(page, table)[column]
                assert sorted(map(str, up)) == sorted(map(str, down))
                in_order(page, up, 1)
                in_order(page, down, -1)
            assert page.locator("table.sortable").nth(table).locator("th[aria-sort]").count() == 1


def in_order(page: Page, cells: list[list[str | None]], sign: int) -> None:
    """Whether a column is sorted; what has no number stands last both ways."""
    if any(raw is not None for _, raw in cells):
        numbers = [float(raw) if raw else None for _, raw in cells]
        known = [each for each in numbers if each is not None]
        assert numbers == sorted(known, reverse=sign < 0) + [None] * (len(numbers) - len(known))
        return
    texts = [text for text, _ in cells if text]
    assert [text for text, _ in cells] == texts + [""] * (len(cells) - len(texts))
    wrong = f"([texts, sign]) => texts.filter((x, i) => i && sign * {SORT}(texts[i - 1], x) > 0)"
    assert page.evaluate(wrong, [texts, sign]) == []


def test_sorting_is_stable_and_works_by_keyboard(shown: Shown, opened: Open) -> None:
    with opened(shown.file) as page:
        at = page.evaluate(
            """Array.from(document.querySelectorAll("table.sortable"))
            .findIndex((each) => each.querySelector("tr[id^=trial]"))"""
        )
        table = page.locator("table.sortable").nth(at)
        for name in ("seed", "outcome"):
            table.get_by_role("button", name=name, exact=True).focus()
            page.keyboard.press("Enter")
        head = [text.strip() for text in table.locator("thead th").all_text_contents()]
        found = columns(page, at)
        pairs = [
            (outcome[0], float(seed[1] or "nan"))
            for outcome, seed in zip(found[head.index("outcome")], found[head.index("seed")], strict=True)
        ]
        for _, same in itertools.groupby(pairs, key=lambda pair: pair[0]):
            seeds = [seed for _, seed in same]
            assert seeds == sorted(seeds)
        assert table.locator("th[aria-sort=ascending]").text_content() == "outcome"
        focused = "getComputedStyle(document.activeElement).outlineStyle"
        assert page.evaluate(focused) == "solid"


def test_tables_filter_by_words_and_by_outcome(shown: Shown, opened: Open) -> None:
    trials = shown.results.trials
    outcome = str(trials["outcome"].value_counts().index[0])
    with opened(shown.file) as page:
        region = page.get_by_role("region", name="Table of trials").first
        controls = region.locator("xpath=preceding-sibling::div[1]")
        rows = region.locator("tbody tr")
        box, count = controls.locator("input"), controls.locator("output")
        assert count.text_content() == f"{len(trials)} rows"
        trial = str(trials["trial"].iloc[5])
        box.fill(trial)
        assert count.text_content() == f"1 of {len(trials)} rows"
        assert rows.filter(visible=True).count() == 1
        box.fill("")
        controls.locator(f"button[data-outcome={outcome}]").click()
        of = int((trials["outcome"] == outcome).sum())
        assert count.text_content() == f"{of} of {len(trials)} rows"
        assert rows.filter(visible=True).count() == of
        # A link to a row that is filtered away brings it back, and paper shows all.
        other = str(trials.loc[trials["outcome"] != outcome, "trial"].iloc[0])
        page.emulate_media(media="print")
        assert rows.filter(visible=True).count() == len(trials)
        assert page.locator(".controls").first.is_hidden()
        page.emulate_media(media="screen")
        page.evaluate(f"location.hash = '#trial-{other}'")
        page.wait_for_function(f"!document.getElementById('trial-{other}').hidden")
        assert count.text_content() == f"{len(trials)} rows"


def test_csv_downloads_hold_the_data(shown: Shown, opened: Open) -> None:
    with opened(shown.file, accept_downloads=True) as page:
        links = page.locator("a[download]")
        assert links.count() > 5
        names = [links.nth(at).get_attribute("download") for at in range(links.count())]
        assert all(name and name.endswith(".csv") for name in names)
        for at in (0, names.index("trials.csv")):
            with page.expect_download() as waiting:
                links.nth(at).click()
            got = waiting.value.path().read_text(encoding="utf-8")
            assert got == decoded(links.nth(at).get_attribute("href") or "")
        rows = list(csv.DictReader(io.StringIO(got)))
        trials = shown.results.trials.set_index("trial")
        assert sorted(row["trial"] for row in rows) == sorted(trials.index)
        for row in rows:
            assert row["outcome"] == trials.loc[row["trial"], "outcome"]
        shares = list(csv.DictReader(io.StringIO(decoded(links.nth(0).get_attribute("href") or ""))))
        assert {row["outcome"]: int(row["trials"]) for row in shares} == dict(
            trials["outcome"].value_counts()
        )
        for at in range(links.count()):
            table = list(csv.reader(io.StringIO(decoded(links.nth(at).get_attribute("href") or ""))))
            assert len(table) > 1
            assert {len(row) for row in table} == {len(table[0])}


def decoded(uri: str) -> str:
    head, data = uri.split(",", 1)
    return base64.b64decode(data).decode() if head.endswith(";base64") else unquote(data)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [LAPTOP, PHONE], ids=["laptop", "phone"])
def test_nothing_overflows_and_nothing_keeps_people_out(
    shown: Shown, opened: Open, scheme: str, size: tuple[int, int]
) -> None:
    with opened(shown.file, size, color_scheme=scheme) as page:
        assert overflow(page) <= 0
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (ground == "rgb(255, 255, 255)") == (scheme == "light")
        if size == LAPTOP:  # the marks of drawings say nothing to it, and are most of the page
            found = Axe().run(page, context={"exclude": ["figure svg > *"]}).response["violations"]
            grave = [each for each in found if each["impact"] in ("serious", "critical")]
            assert [(each["id"], [node["html"][:200] for node in each["nodes"]][:3]) for each in grave] == []


def test_the_first_screen_says_what_matters(shown: Shown, opened: Open) -> None:
    """Without scrolling: the shares, the answer, the cells; on a phone the shares and the answer."""
    for size, parts in ((LAPTOP, ("h1", ".bar", ".answer", ".choices")), (PHONE, ("h1", ".bar", ".answer"))):
        with opened(shown.file, size) as page:
            for part in parts:
                box = page.locator(part).first.bounding_box()
                assert box is not None
                assert box["y"] + 40 < size[1], part


def test_it_reads_without_its_script_and_by_keyboard(shown: Shown, opened: Open) -> None:
    with opened(shown.file, java_script_enabled=False) as page:
        assert page.locator("button, input").count() == 0
        assert page.locator("tr[id^=trial]").count() == len(shown.results.trials)
    with opened(shown.file) as page:
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the results"
        box = page.locator(".skip").bounding_box()
        assert box is not None
        assert box["x"] >= 0
        levels = page.evaluate(
            "Array.from(document.querySelectorAll('h1, h2, h3, h4'), (h) => +h.tagName[1])"
        )
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
        assert page.locator("main").count() == 1


def test_hostile_names_do_nothing(opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "trial_previews", synthetic_previews)
    made = written(hostile(tmp_path / "x"), tmp_path)
    with opened(made.file) as page:
        assert page.evaluate("window.struck ?? null") is None
        assert page.locator("script").count() == 1
        assert page.locator("img[src=x], iframe, object, embed, [onerror], [onload], body style").count() == 0
        assert page.evaluate("document.querySelectorAll('svg script, svg foreignObject').length") == 0
        text = page.evaluate("document.documentElement.outerHTML")
        assert not any(mark in text for mark in MARKS)
        assert overflow(page) <= 0
        for link in page.locator("a[download]").all():
            cells = itertools.chain(*csv.reader(io.StringIO(decoded(link.get_attribute("href") or ""))))
            assert not [cell for cell in cells if cell[:1] in "=+@\t\r＝＋－＠" and cell]
