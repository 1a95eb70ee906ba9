"""Published numbers on the command line, from a study to its results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from bench import cli
from bench.report import figures
from bench.store.tables import load

STUDY: dict[str, Any] = {
    "name": "point",
    "base": {"dataset": "dirac", "model": "dirac", "loss": "wasserstein", "optimizer": "sgd", "steps": 2},
    "evaluate": {"every": 2, "samples": 16, "metrics": ["sw1", "orbit"]},
    "published": [
        {"metric": "orbit.radius", "at": 0, "value": 1.41421356, "within": 1e-6, "source": "(1, 1)"},
        {"metric": "orbit.radius", "at": 0, "below": 1.0, "source": "a wrong one"},
    ],
}
BLOCKS: list[tuple[Any, str]] = [
    (STUDY["published"], "1 of 2 published statements agree\n"),
    (None, ""),
    ({"metric": 1}, "0 of 0 published statements agree; 1 cannot be read\n"),
    (["x", STUDY["published"][0]], "1 of 1 published statements agree; 1 cannot be read\n"),
]


def test_run_and_report_say_how_many_agree(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On stderr; stdout is the path alone. A damaged block stops neither show, status, judge nor report."""
    for name in ("overall", "shares", "failure_map", "curves"):
        monkeypatch.setattr(figures, name, lambda *_: "", raising=False)
    (tmp_path / "point.yaml").write_text(yaml.safe_dump(STUDY, sort_keys=False))
    out = tmp_path / "out"
    arguments = ["run", str(tmp_path / "point.yaml"), "--backend", "inline", "--out", str(out)]
    assert cli.invoke(arguments) == 0
    said = capfd.readouterr()
    assert "1 of 2 published statements agree\n" in said.err
    assert said.out == f"{out / 'report.html'}\n"

    (trial,) = load(out).trials["trial"]
    for block, sentence in BLOCKS:
        (out / "study.yaml").write_text(yaml.safe_dump({**STUDY, "published": block}))
        assert cli.invoke(["report", str(out)]) == 0
        said = capfd.readouterr()
        assert (said.out, said.err) == (f"{out / 'report.html'}\n", sentence)
        for verb in (["show", str(out), trial], ["status", str(out)], ["judge", str(out)]):
            assert cli.invoke(verb) == 0
            said = capfd.readouterr()
            assert "published" not in said.out + said.err
