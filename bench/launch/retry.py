"""What to do with a pack whose attempt failed: again, or crashed for good. A lost machine is not a bug."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from bench.errors import UserError
from bench.launch.events import Ending

MOST_RETRIES = 2
BACKOFF_S = (2.0, 10.0)

MEMORY_WORDS = ("OutOfMemory", "running low on memory", "memory pressure")
LOST_WORDS = ("actor died", "actor is dead", "worker process has died", "unavailable", "node has died")

Round = Callable[[Sequence[str]], Iterable[Ending]]

WORDS = {
    "error": "an exception",
    "memory": "out of memory",
    "lost": "its process or machine was lost",
    "hang": "no sign of life",
}


def kind_of(text: str) -> str:
    """What an error that only the scheduler saw was: memory, lost, user or error."""
    if any(word in text for word in MEMORY_WORDS):
        return "memory"
    if any(word in text.lower() for word in LOST_WORDS):
        return "lost"
    last = text.strip().splitlines()[-1] if text.strip() else ""
    return "user" if "UserError: " in last else "error"


@dataclass
class Summary:
    """Pack ids by how they ended; `stopped` when the run was cut short and can go on later."""

    done: list[str] = field(default_factory=list)
    crashed: list[str] = field(default_factory=list)
    stopped: bool = False


def tries_again(history: Sequence[Ending]) -> bool:
    """Whether a pack with these failures, oldest first, is submitted again.

    At most twice; once only when the last two were one and the same exception.
    """
    if len(history) > MOST_RETRIES:
        return False
    identical = len(history) > 1 and history[-1].kind == "error" == history[-2].kind
    return not (identical and history[-1].message == history[-2].message)


def drive(
    run_round: Round,
    packs: Sequence[str],
    *,
    fail_fast: bool,
    wait: Callable[[float], None],
    say: Callable[[str], None],
    on_crash: Callable[[str, Sequence[Ending]], None],
) -> Summary:
    """Run packs in rounds until each is done or crashed for good, or the run is stopped.

    Raises:
        UserError: a pack met something that only the user can mend (no space left, data gone).
    """
    summary = Summary()
    history: dict[str, list[Ending]] = {}
    todo = list(packs)
    rounds = 0
    while todo:
        again = []
        for ending in run_round(todo):
            if ending.kind == "done":
                summary.done.append(ending.pack)
            elif ending.kind == "stopped":
                summary.stopped = True
            elif ending.kind == "user":
                raise UserError(ending.message)
            else:
                failures = history.setdefault(ending.pack, [])
                failures.append(ending)
                if tries_again(failures) and not fail_fast:
                    again.append(ending.pack)
                    say(f"pack {ending.pack} failed ({describe(ending)}); it will be tried again")
                else:
                    summary.crashed.append(ending.pack)
                    on_crash(ending.pack, failures)
                    say(f"pack {ending.pack} crashed for good ({describe(ending)})")
        if summary.stopped or (fail_fast and summary.crashed):
            return summary
        if again:
            wait(BACKOFF_S[min(rounds, len(BACKOFF_S) - 1)])
        rounds += 1
        todo = again
    return summary


def describe(ending: Ending) -> str:
    word = WORDS.get(ending.kind, ending.kind)
    first_line = ending.message.strip().splitlines()[0] if ending.message.strip() else ""
    return f"{word}: {first_line}" if first_line else word


def crash_text(failures: Sequence[Ending]) -> str:
    """The content of `error.txt`: every failed attempt of this session, with tracebacks."""
    blocks = []
    for number, ending in enumerate(failures, start=1):
        blocks.append(f"failure {number} of {len(failures)}: {describe(ending)}\n{ending.detail}".rstrip())
    return "\n\n".join(blocks)
