"""The walls of the house: who may import whom."""

from __future__ import annotations

import ast
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

TORCH_FREE_PACKAGES = ("study", "judge", "report", "store")
TORCH_FREE_MODULES = (
    "bench",
    "bench.trial",
    "bench.errors",
    "bench.cli",
    "bench.data.catalog",
    "bench.data.fingerprint",
    "bench.metrics.catalog",
    "ganzoo.catalog",
)

# Imports one module after the other, so that the first that brings torch or ray is named.
PROBE = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
    found = {"torch", "torchvision", "ray"} & set(sys.modules)
    if found:
        sys.exit(f"importing {name} imports {', '.join(sorted(found))}")
"""


def torch_free_modules(repository: Path) -> list[str]:
    names = list(TORCH_FREE_MODULES)
    for package in TORCH_FREE_PACKAGES:
        folder = repository / "bench" / package
        names += [m.name for m in pkgutil.walk_packages([str(folder)], f"bench.{package}.")]
    return names


def test_the_contracts_of_import_linter_hold(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(repository)
    status = lint_imports(config_filename=str(repository / "pyproject.toml"), no_cache=True, no_logo=True)
    assert status == EXIT_STATUS_SUCCESS, capsys.readouterr().out


def test_what_reads_and_plans_imports_neither_torch_nor_ray(repository: Path) -> None:
    command = [sys.executable, "-c", PROBE, *torch_free_modules(repository)]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_the_probe_sees_torch(repository: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, "json", "torch"],
        cwd=repository,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("importing torch imports torch")


def test_init_files_import_nothing(repository: Path) -> None:
    guilty = []
    for root in ("bench", "ganzoo"):
        for path in (repository / root).rglob("__init__.py"):
            body = ast.parse(path.read_text()).body
            if any(isinstance(node, ast.Import | ast.ImportFrom) for node in body):
                guilty.append(str(path.relative_to(repository)))
    assert guilty == []
