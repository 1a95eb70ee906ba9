"""Finding a study by its path, or by the name of a shipped one."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.study import examples
from bench.study.problems import StudyError


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package whose studies are a, x/b, x/c and y/c, in a folder of its own."""
    for name in ("a", "x/b", "x/c", "y/c"):
        file = tmp_path / "package" / "examples" / f"{name}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("# What is asked?\n")
    monkeypatch.setattr(examples.resources, "files", lambda _: tmp_path / "package")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_studies_of_folders_are_listed_last(shelf: Path) -> None:
    assert list(examples.shipped()) == ["a", "x/b", "x/c", "y/c"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        *(("a", "a"), ("studies/a.yaml", "a"), ("a.yaml", "a"), ("x/c", "x/c"), ("studies/y/c.yaml", "y/c")),
        ("b", "x/b"),  # the folder may be left out
    ],
)
def test_names(shelf: Path, text: str, found: str) -> None:
    assert examples.find(text) == shelf / "package" / "examples" / f"{found}.yaml"


@pytest.mark.parametrize("text", ["c", "nosuch", "x/d", "b/x"])
def test_what_names_none_or_several(shelf: Path, text: str) -> None:
    with pytest.raises(StudyError) as caught:
        examples.find(text)
    assert caught.value.problems[0].startswith(f"{text}: no such file")
    assert caught.value.problems[0].endswith("; shipped studies: a, x/b, x/c, y/c")


def test_a_path_wins(shelf: Path) -> None:
    (shelf / "a.yaml").write_text("# Mine.\n")
    assert examples.find("a.yaml") == Path("a.yaml")
    (shelf / "x").mkdir()
    with pytest.raises(StudyError, match="x: is a folder"):
        examples.find("x")


def test_the_shipped_ones(repository: Path) -> None:
    files = (repository / "studies").rglob("*.yaml")
    wanted = {file.relative_to(repository / "studies").with_suffix("").as_posix() for file in files}
    assert set(examples.shipped()) == wanted >= {"smoke", "replications/dirac"}
    assert examples.find("dirac").name == "dirac.yaml"
