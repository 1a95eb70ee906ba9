"""What the first pages say is true: the example is a study, and what they point to is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bench.study.spec import load_study

PATHS = re.compile(r"`((?:docs|studies|bench|ganzoo|tests|benchmarks)/[\w./-]+?\.\w+)`")
INVENTED = ("/my_",)


def test_the_study_in_the_readme_is_valid(repository: Path, tmp_path: Path) -> None:
    block = re.findall(r"```yaml\n(.*?)```", (repository / "README.md").read_text(), re.DOTALL)[0]
    assert len(block.splitlines()) <= 16
    file = tmp_path / "my_study.yaml"
    file.write_text(block)
    study = load_study(file)
    assert study.name == "my_study"


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_every_path_that_a_page_names_exists(repository: Path, page: str) -> None:
    named = set(PATHS.findall((repository / page).read_text()))
    real = {path for path in named if not any(mark in path for mark in INVENTED)}
    assert {path for path in real if not (repository / path).exists()} == set()


def test_every_link_between_pages_leads_somewhere(repository: Path) -> None:
    pages = [*repository.glob("*.md"), *repository.glob("docs/*.md"), *repository.glob("benchmarks/*.md")]
    assert len(pages) > 10
    broken = {}
    for page in pages:
        text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
        links = [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
        named = [(link.partition("#")[0], link.partition("#")[2]) for link in links]
        lost = [path for path, _ in named if path and not (page.parent / path).exists()]
        lost += [
            f"{path}#{anchor}"
            for path, anchor in named
            if anchor and path not in lost and anchor not in anchors((page.parent / path) if path else page)
        ]
        if lost:
            broken[page.name] = lost
    assert broken == {}


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize(
    "target", ["study", "test", "test-all", "planted", "coverage", "folklore", "lint", "help"]
)
def test_make_has_the_targets_that_the_pages_name(repository: Path, target: str) -> None:
    assert re.search(rf"^{target}:.*## ", (repository / "Makefile").read_text(), re.MULTILINE)
