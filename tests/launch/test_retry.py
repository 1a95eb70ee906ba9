from __future__ import annotations

import pytest

from bench.errors import UserError
from bench.launch import retry
from bench.launch.events import Ending


def drive(script: dict[str, list[Ending]], **options):
    """Run packs whose attempts end as scripted; returns (summary, waits, crashes, rounds)."""
    waits, crashes, rounds = [], {}, []

    def run_round(packs):
        rounds.append(list(packs))
        for pack in packs:
            yield script[pack].pop(0)

    summary = retry.drive(
        run_round,
        list(script),
        fail_fast=options.get("fail_fast", False),
        wait=waits.append,
        say=lambda text: None,
        on_crash=lambda pack, failures: crashes.update({pack: len(failures)}),
    )
    return summary, waits, crashes, rounds


def end(kind: str, message: str = "", pack: str = "a") -> Ending:
    return Ending(pack, kind, message)


@pytest.mark.parametrize("kind", ["lost", "memory", "hang"])
def test_a_lost_pack_is_submitted_at_most_twice_again(kind: str) -> None:
    summary, waits, crashes, _ = drive({"a": [end(kind)] * 3})
    assert (summary.crashed, crashes, waits) == (["a"], {"a": 3}, [2.0, 10.0])
    summary, _, crashes, _ = drive({"a": [end(kind), end(kind), end("done")]})
    assert (summary.done, crashes) == (["a"], {})


def test_an_identical_exception_is_tried_once_more() -> None:
    summary, _, crashes, _ = drive({"a": [end("error", "x"), end("error", "x")]})
    assert (summary.crashed, crashes) == (["a"], {"a": 2})
    summary, _, crashes, _ = drive({"a": [end("error", "x"), end("error", "y"), end("error", "z")]})
    assert crashes == {"a": 3}


def test_other_packs_go_on() -> None:
    script = {"a": [end("error", "x"), end("error", "x")], "b": [end("done", pack="b")]}
    summary, _, _, rounds = drive(script)
    assert (summary.done, summary.crashed, summary.stopped) == (["b"], ["a"], False)
    assert rounds == [["a", "b"], ["a"]]


def test_fail_fast_never_tries_again() -> None:
    summary, waits, crashes, _ = drive({"a": [end("lost")]}, fail_fast=True)
    assert (summary.crashed, waits, crashes) == (["a"], [], {"a": 1})


def test_a_stop_ends_the_rounds() -> None:
    script = {"a": [end("lost")], "b": [end("stopped", pack="b")]}
    summary, _, crashes, rounds = drive(script)
    assert summary.stopped
    assert crashes == {}
    assert len(rounds) == 1


def test_what_only_the_user_can_mend_ends_the_run() -> None:
    with pytest.raises(UserError, match="no space"):
        drive({"a": [end("user", "no space is left")]})


def test_the_error_text_holds_every_failure() -> None:
    text = retry.crash_text([Ending("a", "lost"), Ending("a", "error", "E: x\nmore", "Traceback ...")])
    assert "failure 1 of 2: its process or machine was lost" in text
    assert "failure 2 of 2: an exception: E: x\nTraceback ..." in text


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (
            "The actor died unexpectedly before finishing this task. ... killed by the OOM killer or SIGSEGV",
            "lost",
        ),
        ("The actor is dead because its node has died.", "lost"),
        ("ray.exceptions.OutOfMemoryError: Task was killed due to the node running low on memory.", "memory"),
        ("Traceback ...\nbench.errors.UserError: cannot write x: no space is left", "user"),
        ("Traceback ...\nModuleNotFoundError: No module named 'x'", "error"),
        ("", "error"),
    ],
)
def test_what_only_the_scheduler_saw_is_classified(text: str, kind: str) -> None:
    assert retry.kind_of(text) == kind
