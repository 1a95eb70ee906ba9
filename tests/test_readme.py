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


@pytest.mark.parametrize("target", ["study", "test", "test-all", "planted", "coverage", "folklore", "lint", "help"])
def test_make_has_the_targets_that_the_pages_name(repository: Path, target: str) -> None:
    assert re.search(rf"^{target}:.*## ", (repository / "Makefile").read_text(), re.MULTILINE)
