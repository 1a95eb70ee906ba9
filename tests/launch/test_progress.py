from __future__ import annotations

import io

from fake_training import packs_of_two, trial
from rich.console import Console

from bench.launch.events import Event
from bench.launch.progress import Counts, Progress, duration

PACKS = packs_of_two([trial(seed) for seed in range(3)])
A, B = (pack.id for pack in PACKS)


def test_work_is_counted_in_member_steps() -> None:
    counts = Counts.of(PACKS, finished_before=5)
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


def shown(terminal: bool, quiet: bool = False) -> str:
    out = io.StringIO()
    with Progress(
        Console(file=out, force_terminal=terminal, highlight=False, width=200, soft_wrap=True), quiet
    ) as progress:
        progress.say("[hello]")
        progress.follow(PACKS, 0)
        for event in (
            Event("start", A, 0),
            Event("tick", A, 4, (("x", 3),)),
            Event("tick", A, 8, (("x", 3),)),
        ):
            progress.take(event)
        for pack in (A, B):
            progress.take(Event("done", pack, 40))
    return out.getvalue()


def test_plain_lines_without_a_terminal() -> None:
    text = shown(terminal=False)
    assert text.startswith("[hello]\n")
    assert text.count("trial x diverged at step 3") == 1
    assert "3 of 3 trials done, 0 running, 1 diverged, 0 crashed, 0 pending" in text
    assert "\x1b" not in text


def test_a_live_table_on_a_terminal() -> None:
    text = shown(terminal=True)
    assert "trial x diverged at step 3" in text
    assert "member-steps/s" in text
    assert "3 of 3 trials" in text


def test_quiet_is_silent() -> None:
    assert shown(terminal=False, quiet=True) == ""


def test_durations() -> None:
    assert [duration(s) for s in (12, 250, 12000)] == ["12 s", "4 min 10 s", "3 h 20 min"]
