"""Fixtures that every test shares. Nothing here imports torch, so that torch-free tests start fast."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

# Before torch or numpy are imported: one thread for each process, the processes are what uses the cores.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = "1"
os.environ["MPLBACKEND"] = "Agg"

settings.register_profile("suite", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("suite")

Require = Callable[[bool, str], None]


def in_ci() -> bool:
    """True where a missing system package is a failure and no reason to skip."""
    return os.environ.get("CI", "").lower() not in ("", "0", "false")


@pytest.fixture(scope="session")
def require() -> Require:
    """`require(condition, reason)`: skip with the reason when the condition is false; fail in CI.

    For what only the operating system gives, such as Debian's dataset-fashion-mnist.
    """

    def check(condition: bool, reason: str) -> None:
        if condition:
            return
        if in_ci():
            pytest.fail(f"CI must provide this: {reason}")
        pytest.skip(reason)

    return check


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name a case of raw bytes by its length: bytes may hold the time (gzip, tar), and then the processes
    that share the suite would each collect tests of other names."""
    return f"{len(val)} bytes" if isinstance(val, bytes) else None


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the working tree."""
    return Path(__file__).resolve().parent.parent
