"""Plugins: only what is named is run, ids depend on its content, and results are read without it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import fake_training
import pytest
import yaml

import bench
from bench import cli, plugins
from bench.launch.run import Options
from bench.metrics.catalog import METRICS
from bench.plugins import PluginError, load_plugin, unload
from bench.store import ledger
from bench.store.tables import load
from bench.study.problems import StudyError
from bench.study.spec import load_study
from bench.study.trials import trials
from bench.train.restore import load_trial
from ganzoo.catalog import ZOO

Go = Callable[..., tuple[int, str, str]]

LOSS = """
from ganzoo.catalog import ZOO, Entry, Key

def soft(*, slope):
    raise NotImplementedError

ZOO.register(Entry(
    "loss", "soft", f"{__name__}:soft", "D: none",
    keys={"slope": Key(float, 1.0, "of both", low=0.1, high=9.0)},
    facts={"has_targets": False, "compares": False},
))
"""
STUDY = """
name: tiny
base: {dataset: ring8, model: mlp, loss: {name: soft, slope: 2}, steps: 40}
plugins: [my_loss.py]
"""
RUN = ("run", "tiny.yaml", "--backend", "inline", "-q")


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    """No plugin outlives its test."""
    yield
    for each in plugins.loaded():
        unload(each)
    assert "soft" not in ZOO.names("loss")


@pytest.fixture
def go(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Go:
    """Run one command line beside tiny.yaml and my_loss.py, with fake training."""
    monkeypatch.chdir(tmp_path)
    fake = {name: f"fake_training:{name}" for name in ("train", "load", "build")}
    monkeypatch.setattr("bench.launch.run.Options", partial(Options, **fake))
    monkeypatch.setattr("bench.data.fingerprint.fingerprint", lambda dataset: fake_training.SHA)
    Path("tiny.yaml").write_text(STUDY)
    Path("my_loss.py").write_text(LOSS)

    def run(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = cli.invoke(list(arguments))
        captured = capsys.readouterr()
        assert "Traceback" not in captured.out + captured.err
        return code, captured.out, captured.err

    return run


def ids(path: str = "tiny.yaml", **options: object) -> list[str]:
    return [each.id for each in trials(load_study(path, **options), lambda _: "0" * 64)]  # type: ignore[arg-type]


# --- loading


def test_a_plugin_adds_its_entry_once(tmp_path: Path) -> None:
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text(LOSS)
    first = load_plugin(tmp_path / "a.py")
    assert (first.adds, first.file) == (("loss soft",), "a.py")
    assert load_plugin(tmp_path / "b.py").sha256 == first.sha256  # equal content is run once
    assert ZOO.get("loss", "soft").load().__module__ == f"ganbench_plugin_{first.sha256[:16]}"


def test_a_file_that_changed_takes_the_place_of_what_it_was(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text(LOSS)
    load_plugin(file)
    file.write_text(LOSS.replace("1.0", "3.0"))
    load_plugin(file)
    assert ZOO.get("loss", "soft").keys["slope"].default == 3.0


BAD_FILES = {
    "raises": ("x = 1\n1 / x - 1 / 0", "p.py, line 2: ZeroDivisionError: division by zero"),
    "leaves": ("import sys\nsys.exit(3)", "p.py, line 2: SystemExit: 3"),
    "no Python": ("def (", "p.py, line 1: SyntaxError: invalid syntax"),
    "binary": ("\x00", "p.py: no Python file: it holds a null byte"),
    "lines": ("raise ValueError('a\\nb\\x1b[31m')", "p.py, line 1: ValueError: a b\ufffd[31m"),
    "name of ours": (
        LOSS.replace('"soft"', '"hinge"'),
        "p.py, line 7: loss 'hinge' is registered twice; give yours another name",
    ),
    "name": (LOSS.replace('"soft"', '"<b>"'), "p.py: loss '<b>': a name has letters, digits, '_' and '-'"),
    "kind": (LOSS.replace('"loss"', '"los"'), "p.py: los 'soft': no such kind, did you mean 'loss'?"),
    "facts": (LOSS.replace('"has_targets": False, ', ""), "p.py: loss 'soft': its facts lack has_targets"),
    "target": (LOSS.replace(":soft", ":sotf"), "p.py: loss 'soft': its target ganbench_plugin_"),
    "a key too many": (LOSS.replace("slope)", "other=1)"), "p.py: loss 'soft': soft does not take slope"),
    "a key too few": (LOSS.replace("slope)", "slope, b)"), "p.py: loss 'soft': soft needs b, which"),
    "another's entry": (
        LOSS + "old = ZOO.get('loss', 'hinge')\nZOO.remove('loss', 'hinge')\nZOO.register(old.__class__("
        "'loss', 'hinge', 'ganzoo.losses:minimax', 'x', facts=dict(old.facts)))\n",
        "p.py: may add to the catalogue, and changed loss 'hinge'",
    ),
    "key": (LOSS.replace("slope", "recipe"), "p.py: loss 'soft': 'recipe' is no name for a key"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_plugin_is_one_sentence_and_leaves_nothing(tmp_path: Path, case: str) -> None:
    text, message = BAD_FILES[case]
    (tmp_path / "p.py").write_text(text)
    before, modules = list(plugins._entries()), set(sys.modules)
    with pytest.raises(PluginError) as caught:
        load_plugin(tmp_path / "p.py")
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
    assert list(plugins._entries()) == before
    assert not {each for each in set(sys.modules) - modules if each.startswith(plugins.PREFIX)}


def test_two_plugins_of_one_name_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(LOSS)
    (tmp_path / "b.py").write_text(LOSS + "# another\n")
    load_plugin(tmp_path / "a.py")
    with pytest.raises(PluginError) as caught:
        load_plugin(tmp_path / "b.py")
    assert str(caught.value) == (
        "b.py, line 7: loss 'soft' is registered twice: a.py has registered it already; "
        "give one of them another name"
    )


# --- studies


def test_ids_depend_on_the_content_of_plugins_and_on_nothing_else_of_them(go: Go, tmp_path: Path) -> None:
    first = ids()
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "moved.py").write_text(LOSS)
    Path("tiny.yaml").write_text(STUDY.replace("my_loss.py", "sub/moved.py"))
    assert ids() == first
    Path("tiny.yaml").write_text(STUDY.replace("plugins: [my_loss.py]", ""))
    assert ids(plugins=["my_loss.py"]) == ids(plugins=["my_loss.py", "sub/moved.py"]) == first
    plain = STUDY.replace("plugins: [my_loss.py]", "").replace("{name: soft, slope: 2}", "hinge")
    Path("plain.yaml").write_text(plain)
    (without,) = trials(load_study("plain.yaml"), lambda _: "0" * 64)
    assert "plugins" not in without.record()
    assert ids("plain.yaml", plugins=["my_loss.py"]) != [without.id]
    Path("my_loss.py").write_text(LOSS + "# changed\n")
    assert ids(plugins=["my_loss.py"]) != first


def test_paths_are_those_of_the_study_file_then_of_the_working_directory(go: Go, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "s.yaml").write_text(STUDY)
    assert ids("there/s.yaml") == ids()
    (tmp_path / "there" / "my_loss.py").write_text(LOSS.replace('"soft"', '"other"'))
    with pytest.raises(StudyError, match="unknown loss 'soft'"):
        load_study("there/s.yaml")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("my_loss.py", "no.py", "tiny.yaml: plugins[0]: no.py: no such file; looked in "),
        ("my_loss.py", "tiny.yaml", "tiny.yaml: plugins[0]: tiny.yaml: a plugin is a Python file, NAME.py"),
        ("my_loss.py", "''", "tiny.yaml: plugins[0]: which file? a plugin is the path of a Python file"),
        ("my_loss.py", "3", "tiny.yaml: plugins[0]: expected text, got 3"),
        ("slope", "slop", "tiny.yaml: base.loss.slop: loss soft has no key 'slop', did you mean 'slope'?"),
        ("slope: 2", "slope: 20", "tiny.yaml: base.loss.slope: got 20.0; legal: 0.1 to 9"),
    ],
)
def test_a_bad_study_with_plugins(go: Go, old: str, new: str, message: str) -> None:
    Path("tiny.yaml").write_text(STUDY.replace(old, new))
    for verb in ("validate", "plan", "run"):
        code, out, err = go(verb, "tiny.yaml")
        assert (code, out) == (2, "")
        assert err.startswith(message), err


def test_a_raising_plugin_is_the_only_thing_told(go: Go) -> None:
    Path("my_loss.py").write_text("print('talk')\nraise ValueError('no')")
    code, out, err = go("validate", "tiny.yaml")
    assert (code, out) == (2, "")
    assert err.splitlines() == ["talk", "tiny.yaml: plugins[0]: my_loss.py, line 2: ValueError: no"]


def test_validate_and_plan_say_what_they_loaded(go: Go) -> None:
    for verb in ("validate", "plan"):
        code, _, err = go(verb, "tiny.yaml")
        assert code == 0
        assert err.startswith("plugin my_loss.py, sha256 ")
        assert err.endswith(", adds loss soft\n")
    Path("bare.yaml").write_text(STUDY.replace("plugins: [my_loss.py]", ""))
    assert go("validate", "bare.yaml", "--plugin", "my_loss.py")[0] == 0


# --- results


def test_results_are_read_without_their_plugin(go: Go, tmp_path: Path) -> None:
    assert go(*RUN)[0] == 0
    results = tmp_path / "results" / "tiny"
    (plugin,) = plugins.loaded()
    kept = results / "plugins" / plugin.sha256[:12] / "my_loss.py"
    assert kept.read_text() == LOSS
    unload(plugin)
    Path("my_loss.py").unlink()
    (trial,) = load(results).trials["trial"]
    for command in (
        ("status", str(results)),
        ("show", str(results), trial),
        ("judge", str(results)),
        ("report", str(results)),
        ("doctor", str(results)),
    ):
        code, out, _ = go(*command)
        assert code == 0, command
        assert out
    assert plugins.loaded() == []
    page = (results / "report.html").read_text()
    assert f"my_loss.py, sha256 {plugin.sha256[:12]}, adds loss soft" in page
    sessions = json.loads((results / "manifest.json").read_text())["sessions"]
    assert sessions[0]["plugins"] == [{"file": "my_loss.py", "sha256": plugin.sha256, "adds": ["loss soft"]}]
    assert bench.load(results).trials["plugins"].tolist() == [plugin.sha256[:12]]
    with pytest.raises(bench.errors.UserError, match=r"needs a plugin.*bench.load_plugin\('.*my_loss.py'\)"):
        monkeypatched_final(results, trial)


def monkeypatched_final(results: Path, trial: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bench.train.restore.trial_final", lambda *_: {"gen.weights": [0.0]})
        load_trial(results, trial)


def test_the_kept_study_runs_on_with_the_kept_plugin(go: Go, tmp_path: Path) -> None:
    assert go(*RUN)[0] == 0
    Path("my_loss.py").unlink()
    study = tmp_path / "results" / "tiny" / "study.yaml"
    assert yaml.safe_load(study.read_text())["plugins"][0].startswith("plugins/")
    code, _, _ = go("run", str(study), "--backend", "inline", "-q")
    assert code == 0
    assert len(ledger.statuses(study.parent)) == 1


def test_a_changed_plugin_is_refused_by_the_folder(go: Go, tmp_path: Path) -> None:
    assert go(*RUN)[0] == 0
    Path("my_loss.py").write_text(LOSS + "# changed\n")
    code, out, err = go(*RUN)
    assert (code, out) == (2, "")
    assert "belongs to another study, nothing was touched:\n  plugins: " in err
    assert len(list((tmp_path / "results" / "tiny" / "plugins").iterdir())) == 1


def test_a_kept_plugin_that_was_changed_is_put_back(go: Go, tmp_path: Path) -> None:
    assert go(*RUN)[0] == 0
    (kept,) = (tmp_path / "results" / "tiny" / "plugins").glob("*/my_loss.py")
    kept.write_text("raise SystemExit")
    assert go(*RUN, "--seeds", "2")[0] == 0
    assert kept.read_text() == LOSS


def test_only_what_is_named_is_loaded(tmp_path: Path) -> None:
    """A folder full of Python files is nothing that reading results touches."""
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "trap.py").write_text("raise SystemExit(7)")
    command = [sys.executable, "-m", "bench.cli", "ls", "losses"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 0
    assert METRICS.names("metric")
