from __future__ import annotations

from collections.abc import Callable

import pytest

Require = Callable[[bool, str], None]


def test_what_the_system_lacks_is_skipped_with_the_reason(
    require: Require, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    require(True, "present")
    with pytest.raises(pytest.skip.Exception, match="no such package"):
        require(False, "no such package")


@pytest.mark.parametrize("value", ["1", "true"])
def test_in_ci_a_skip_of_that_kind_is_a_failure(
    require: Require, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("CI", value)
    with pytest.raises(pytest.fail.Exception, match="no such package"):
        require(False, "no such package")
