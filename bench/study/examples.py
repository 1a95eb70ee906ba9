"""Finding a study: a path, or the name of one that ships with the package."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from bench.study.problems import StudyError
from ganzoo.catalog import suggest


def shipped() -> dict[str, Path]:
    """Name -> file of the studies in the package; those of a folder come last, as `folder/name`."""
    folder = Path(str(resources.files("bench") / "examples"))
    found = sorted(folder.rglob("*.yaml"), key=lambda path: (path.parent != folder, path))
    return {path.relative_to(folder).with_suffix("").as_posix(): path for path in found}


def question(path: Path) -> str:
    """What a study asks: the first comment line of its file."""
    with path.open(encoding="utf-8") as lines:
        first = lines.readline()
    return first.lstrip("# ").strip() if first.startswith("#") else ""


def find(text: str) -> Path:
    """The file that `text` means: a path; else a shipped study of that name. Raises StudyError.

    The folder may be left out of the name of a shipped study, where no other is called so.
    """
    path = Path(text)
    if not text.strip():
        raise StudyError(["the study has no name: give a YAML file, or the name of a shipped study"])
    if path.is_dir():
        raise StudyError([f"{text}: is a folder; a study is a YAML file"])
    if path.exists():
        return path
    known = shipped()
    name = text.removeprefix("studies/").removesuffix(".yaml")
    if name in known:
        return known[name]
    called = [each for each in known if each.rpartition("/")[2] == name]
    if len(called) == 1:
        return known[called[0]]
    legal = ", ".join(known) or "none"
    raise StudyError([f"{text}: no such file{suggest(name, known)}; shipped studies: {legal}"])
