"""Finding a study: a path, or the name of one that ships with the package."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from bench.study.problems import StudyError
from ganzoo.catalog import suggest


def shipped() -> dict[str, Path]:
    """Name -> file of the studies in the package."""
    folder = Path(str(resources.files("bench") / "examples"))
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def question(path: Path) -> str:
    """What a study asks: the first comment line of its file."""
    with path.open(encoding="utf-8") as lines:
        first = lines.readline()
    return first.lstrip("# ").strip() if first.startswith("#") else ""


def find(text: str) -> Path:
    """The file that `text` means: a path; else a shipped study of that name. Raises StudyError."""
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
    legal = ", ".join(known) or "none"
    raise StudyError([f"{text}: no such file{suggest(name, known)}; shipped studies: {legal}"])
