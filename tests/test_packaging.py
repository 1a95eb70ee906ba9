"""What a user gets who installs the wheel and has no clone."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.xdist_group("wheel")  # one process builds it, once

PARTS = ("bench", "ganzoo", "studies", "pyproject.toml", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def wheel(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel, built from a copy: a build leaves folders in its tree."""
    source = tmp_path_factory.mktemp("source")
    for part in PARTS:
        if (repository / part).is_dir():
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(repository / part, source / part, symlinks=True, ignore=ignore)
        else:
            shutil.copy(repository / part, source / part)
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = out.glob("ganbench-*.whl")
    return zipfile.ZipFile(path)


def test_the_wheel_has_every_module(wheel: zipfile.ZipFile, repository: Path) -> None:
    sources = {
        p.relative_to(repository).as_posix()
        for r in ("bench", "ganzoo")
        for p in (repository / r).rglob("*.py")
    }
    assert sources - set(wheel.namelist()) == set()


@pytest.mark.parametrize(
    ("folder", "pattern", "packed"),
    [
        ("bench/metrics/weights", "*.safetensors", "bench/metrics/weights"),
        ("bench/report/templates", "*", "bench/report/templates"),
        ("bench/report/templates/sections", "*", "bench/report/templates/sections"),
        ("studies", "*.yaml", "bench/examples"),
        ("studies/replications", "*.yaml", "bench/examples/replications"),
    ],
)
def test_the_wheel_has_weights_templates_and_studies(
    wheel: zipfile.ZipFile, repository: Path, folder: str, pattern: str, packed: str
) -> None:
    names = {path.name for path in (repository / folder).glob(pattern) if path.is_file()}
    assert names, f"nothing like {pattern} in {folder}"
    assert {f"{packed}/{name}" for name in names} - set(wheel.namelist()) == set()


def test_the_wheel_has_nothing_else(wheel: zipfile.ZipFile) -> None:
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"bench", "ganzoo"}


def test_the_wheel_gives_the_command(wheel: zipfile.ZipFile) -> None:
    (name,) = [n for n in wheel.namelist() if n.endswith(".dist-info/entry_points.txt")]
    assert "ganbench = bench.cli:main" in wheel.read(name).decode()
