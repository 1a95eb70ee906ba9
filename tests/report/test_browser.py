"""`report --open`: the page reaches the browser that the user has, and nothing heavy is imported for it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from stored_results import store
from synthetic_results import synthetic

from bench import cli
from bench.report import browser
from bench.report.page import Written

PROBE = """
import sys
from bench import cli
code = cli.invoke(sys.argv[1:])
found = sorted({"torch", "torchvision", "ray"} & set(sys.modules))
sys.exit(f"imported {found}" if found else code)
"""

FAKE = """#!/bin/sh
echo "$@" > "$(dirname "$0")/asked"
"""


def test_the_page_is_handed_to_the_browser(tmp_path: Path) -> None:
    folder = store(synthetic(tmp_path / "my results", seeds=1))  # a URL must escape the blank
    fake = tmp_path / "fake-browser"
    fake.write_text(FAKE)
    fake.chmod(0o755)
    environment = {key: value for key, value in os.environ.items() if "DISPLAY" not in key}
    environment |= {"BROWSER": str(fake), "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    command = [sys.executable, "-c", PROBE, "report", folder.name, "--open"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "my results/report.html\n"
    page = folder / "report.html"
    assert page.exists()
    assert (tmp_path / "asked").read_text() == f"{page.resolve().as_uri()}\n"
    assert "my%20results" in page.as_uri()


class Fails:
    """A browser that is there and does not open anything."""

    def open(self, url: str) -> bool:
        return False


def absent() -> None:
    raise browser.webbrowser.Error("could not locate runnable browser")


@pytest.mark.parametrize("get", [absent, Fails])
def test_without_a_browser_one_sentence_says_so(
    get: Callable[[], object],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    page = tmp_path / "report.html"
    monkeypatch.setattr("bench.report.page.written", lambda results: Written(page, (), (), True))
    monkeypatch.setattr(browser.webbrowser, "get", get)
    assert cli.invoke(["report", str(tmp_path), "--open"]) == 0
    out, err = capsys.readouterr()
    assert out == f"{page}\n"
    assert err == f"no browser here opens {page}: copy the file to a machine that has one\n"
    assert cli.invoke(["report", str(tmp_path)]) == 0
    assert "browser" not in capsys.readouterr().err
