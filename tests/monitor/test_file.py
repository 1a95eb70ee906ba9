"""A run's file is read by report, show and judge; the page tells how the run went."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch
from torch import nn

from bench.cli import invoke
from bench.errors import UserError
from bench.monitor import StabilityMonitor
from bench.report import run as page
from bench.store import schema, tables


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 30 steps on points, with a name that wants to be HTML."""
    torch.manual_seed(0)
    gen, disc = nn.Linear(2, 2), nn.Linear(2, 1)
    opt = torch.optim.SGD([*gen.parameters(), *disc.parameters()], 0.01)
    with StabilityMonitor(
        real=torch.randn(400, 2), loss="wasserstein", every=3, steps=30, name="<b>"
    ) as monitor:
        for step in range(30):
            opt.zero_grad()
            disc(gen(torch.randn(8, 2))).mean().backward()
            opt.step()
            monitor.update(step, gen=gen, disc=disc, samples=lambda n: gen(torch.randn(n, 2)))
        return monitor.save(tmp_path_factory.mktemp("run") / "run.parquet")


def test_the_file_is_judged_as_the_monitor_judges(saved: Path) -> None:
    results = tables.load(saved)
    (trial,) = results.trials.to_dict("records")
    assert trial["status"] == "done"
    assert trial["loss"] == "wasserstein"
    assert isinstance(trial["outcome"], str)
    assert trial["final.sw1"] > 0
    assert results.curves["step"].is_monotonic_increasing
    assert results.curves["d_grad.mean"].notna().sum() == len(results.curves) - 1


@pytest.mark.parametrize("verb", ["report", "show", "judge"])
def test_the_verbs_take_a_file(verb: str, saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke([verb, str(saved)]) == 0
    said = capsys.readouterr().out
    outcome = str(tables.load(saved).trials["outcome"].iloc[0])
    if verb == "report":
        html = Path(said.strip())
        assert html == saved.with_suffix(".html")
        assert outcome.replace("_", " ") in html.read_text()
    else:
        assert outcome in said.replace(" ", "_")


def test_the_page_shows_curves_signs_and_what_is_unknown(saved: Path) -> None:
    html = page.render(tables.load(saved))
    assert "<b>" not in html.replace("<b>Rule.</b>", "")
    assert "&lt;b&gt;" in html
    assert html.count("<svg") == 4
    assert html.count('role="img"') == 4
    assert "<b>Rule.</b>" in html
    assert "neither the modes of the data nor precision and coverage are measured" in html
    assert "http" not in html.replace("http://www.w3.org", "").replace("http-equiv", "")


def test_a_run_without_evaluations_has_a_page_too(tmp_path: Path) -> None:
    empty = StabilityMonitor(real=torch.randn(40, 1, 9, 9)).save(tmp_path / "empty.parquet")
    html = page.render(tables.load(empty))
    assert "No outcome." in html
    assert "Two evaluations make a curve." in html


def test_other_files_are_refused(saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torn = tmp_path / "torn.parquet"
    torn.write_bytes(saved.read_bytes()[:-100])
    other = tmp_path / "other.parquet"
    curve = schema.read(saved, schema.curves_core(), open_ended=True)
    schema.write(other, curve, {"steps": {}})
    foreign = tmp_path / "foreign.parquet"
    meta = schema.read_metadata(saved)
    meta["run"]["trial"] = "else"
    schema.write(foreign, curve, meta)
    for path, why in ((torn, "damaged"), (other, "not the file of one run"), (foreign, "another run")):
        with pytest.raises(UserError, match=why):
            tables.load(path)
        assert invoke(["report", str(path)]) == 2
    assert "Traceback" not in capsys.readouterr().err
    text = tmp_path / "x.parquet"
    text.write_text("no parquet")
    assert invoke(["judge", str(text)]) == 2
    assert pq.read_table(saved).num_rows == 12
