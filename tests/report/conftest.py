"""Results of a whole study without training, with the pictures that a trial would have left."""

from __future__ import annotations

from pathlib import Path

import pytest
from synthetic_results import synthetic, synthetic_previews

from bench.report import page, samples
from bench.store.tables import Results


@pytest.fixture(autouse=True)
def _pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "trial_previews", synthetic_previews)


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """48 trials of 16 cells x 3 seeds, all finished."""
    return synthetic(tmp_path_factory.mktemp("lr_ratio"))


@pytest.fixture(scope="session")
def unfinished(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """The same with one crashed, one pending and one running trial, marked as partial."""
    return synthetic(tmp_path_factory.mktemp("partial"), unfinished=True)


@pytest.fixture(scope="session")
def html(results: Results) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(samples, "trial_previews", synthetic_previews)
        return page.render(results)


@pytest.fixture
def small(tmp_path: Path) -> Results:
    """One seed only."""
    return synthetic(tmp_path / "small", seeds=1)
