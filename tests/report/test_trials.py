"""The table of trials: what is shown of a large one."""

from __future__ import annotations

import re

import pytest

from bench.report import page, trials
from bench.store.tables import Results


def test_a_trial_that_is_linked_is_in_the_table(results: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    """With three rows shown, the links of the gallery and of the choice still lead somewhere."""
    monkeypatch.setattr(trials, "ROWS_SHOWN", 3)
    html = page.render(results)
    linked = set(re.findall(r'href="#trial-(\w+)"', html))
    shown = set(re.findall(r'<tr id="trial-(\w+)"', html))
    assert linked
    assert linked <= shown
    assert 3 <= len(shown) < len(results.trials)
    assert f"{len(results.trials) - len(shown)} more are in the CSV." in html
