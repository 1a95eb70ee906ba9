"""Pictures of a report as a browser shows it, into docs/pictures/: three first screens and a map.

    .venv/bin/python docs/make_screenshots.py results/lr_ratio/report.html

Needs Debian's chromium and the packages of `.[dev]`. PNGs with a palette of 256 colours, each below
300 kB. Fonts are those of the machine: two machines give two sets of pictures.
"""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

PICTURES = Path(__file__).parent / "pictures"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"]

FIRST = {
    "report-light.png": ((1280, 800), "light", 1.0),
    "report-dark.png": ((1280, 800), "dark", 1.0),
    "report-phone.png": ((390, 844), "light", 1.5),
}
"""File -> size of the window, colours, pixels for each of the page's."""

MAP = "stability-map.png"


def main(report: Path) -> None:
    """Write the four pictures of a report."""
    PICTURES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        for name, (size, colours, scale) in FIRST.items():
            save(name, shot(browser, report, size, colours, scale))
        save(MAP, shot(browser, report, (1280, 800), "light", 1.0, "section[aria-labelledby=maps] figure"))
        browser.close()


def shot(
    browser: Browser, report: Path, size: tuple[int, int], colours: str, scale: float, part: str = ""
) -> bytes:
    """A PNG of the window, or of the first element that `part` selects."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, color_scheme=colours, device_scale_factor=scale
    )
    page = context.new_page()
    page.goto(report.resolve().as_uri())
    data = page.locator(part).first.screenshot() if part else page.screenshot()
    context.close()
    return data


def save(name: str, data: bytes) -> None:
    """The PNG with a palette: a page has few colours, and takes a third of the room."""
    picture = Image.open(io.BytesIO(data)).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    picture.save(PICTURES / name, optimize=True)
    print(f"{PICTURES / name}: {(PICTURES / name).stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
