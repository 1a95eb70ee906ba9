from __future__ import annotations

import io
import sys

import pytest
from fake_training import packs_of_two, trial
from rich.console import Console

from bench.launch.events import Event
from bench.launch.progress import Counts, Progress, Speed, duration

PACKS = packs_of_two([trial(seed) for seed in range(3)])
A, B = (pack.id for pack in PACKS)


def test_work_is_counted_in_member_steps() -> None:
    counts = Counts.of(PACKS, done_before=4, crashed_before=1)
    assert counts.total == 8
    assert counts.work_left == 3 * 40
    counts.take(Event("start", A, 20))  # resumed: these steps were trained earlier
    assert (counts.work_done, counts.work_left) == (0, 2 * 20 + 40)
    counts.take(Event("tick", A, 30, (("x", 25),)))
    assert (counts.work_done, counts.trials("running"), counts.diverged) == (20, 2, {"x"})
    counts.take(Event("failed", A, 0))
    assert (counts.trials("running"), counts.trials("pending")) == (0, 3)
    counts.take(Event("start", A, 20))
    counts.take(Event("done", A, 40))
    counts.take(Event("start", B, 0))
    counts.crash(B)
    assert (counts.trials("done"), counts.trials("crashed"), counts.work_left) == (2, 1, 0)


class Clock:
    """Time that passes only when it is told to."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def shown(terminal: bool, quiet: bool = False) -> str:
    """A run of 80 s: two packs in turn, an evaluation every 4 s, a divergence, news of it repeated."""
    out, clock = io.StringIO(), Clock()
    console = Console(file=out, force_terminal=terminal, highlight=False, width=200, soft_wrap=True)
    with Progress(console, quiet, clock) as progress:
        progress.say("[hello]")
        progress.follow(PACKS)
        dead = ((PACKS[0].trials[1].id, 3),)
        for pack in (A, B):
            progress.take(Event("start", pack, 0))
            for step in range(4, 40, 4):
                clock.now += 4.0
                progress.take(Event("tick", pack, step, dead if pack == A else ()))
            clock.now += 4.0
            progress.take(Event("done", pack, 40))
    return out.getvalue()


def test_plain_lines_without_a_terminal() -> None:
    lines = shown(terminal=False).splitlines()
    assert lines[0] == "[hello]"
    assert lines[1] == f"diverged at step 3: lr_ratio=8.0, seed 1, trial {PACKS[0].trials[1].id}"
    # 2 member-steps per second after 12 s: 24 of 120 are done.
    assert lines[2] == (
        "0 of 3 done, 2 running, 1 diverged, 0 crashed, 1 pending, 180 trials/h, 2 member-steps/s, ETA 48 s"
    )
    assert lines[-1].startswith("3 of 3 done, 0 running, 1 diverged, 0 crashed, 0 pending")
    assert lines[-1].endswith("ETA 0 s")
    # Every 12 s, the first multiple of an evaluation past 10 s; from a minute on, every 30 s; and the last.
    assert len(lines) == 2 + 5 + 1
    assert "\x1b" not in "".join(lines)


def test_no_rate_is_told_without_evidence() -> None:
    start, tick = Event("start", A, 0), Event("tick", A, 4)
    speed = Speed()
    assert speed.rate(1000) is None
    speed.take(start, 0, 50.0)  # what was before, imports and floors, does not count
    assert speed.rate(1000) is None
    speed.take(tick, 20, 54.0)
    assert speed.rate(1000) is None, "4 s are too few"
    speed.take(tick, 40, 58.0)
    assert speed.rate(1000) == 5.0
    assert speed.rate(10**6) is None, "too small a share of the work"
    speed.take(tick, 300, 110.0)
    assert speed.rate(10**6) == 5.0, "after a minute the share does not matter"
    speed.take(start, 300, 170.0)
    assert speed.rate(10**6) == 5.0, "waiting for news is not slowness"


def test_a_live_table_on_a_terminal() -> None:
    text = shown(terminal=True)
    assert "diverged at step 3: lr_ratio=8.0" in text
    for name in ("done", "running", "diverged", "crashed", "pending", "trials/h", "member-steps/s", "ETA"):
        assert name in text
    assert "3 of 3" in text


def test_the_live_table_leaves_stdout_alone(capsys: pytest.CaptureFixture[str]) -> None:
    out = io.StringIO()
    with Progress(Console(file=out, force_terminal=True, width=200)) as progress:
        progress.follow(PACKS)
        sys.stdout.write("data\n")
    assert capsys.readouterr().out == "data\n"
    assert "data" not in out.getvalue()


def test_quiet_is_silent() -> None:
    assert shown(terminal=False, quiet=True) == ""


def test_durations() -> None:
    assert [duration(s) for s in (12, 250, 12000)] == ["12 s", "4 min 10 s", "3 h 20 min"]
