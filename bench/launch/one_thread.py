"""One thread for all calls to a library that minds which thread calls it."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import Any


class OneThread:
    """One daemon thread that runs functions in turn; the caller waits in small steps and so hears signals."""

    def __init__(self) -> None:
        self._calls: queue.Queue[Callable[[], None] | None] = queue.Queue()
        self._thread = threading.Thread(target=self._loop, name="ray", daemon=True)
        self._thread.start()

    def _loop(self) -> None:
        while (call := self._calls.get()) is not None:
            call()

    def start(self, function: Callable[[], Any]) -> Answer:
        answer = Answer()

        def call() -> None:
            try:
                answer.value = function()
            except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
                answer.error = error
            answer.ready.set()

        self._calls.put(call)
        return answer


class Answer:
    def __init__(self) -> None:
        self.ready = threading.Event()
        self.value: Any = None
        self.error: BaseException | None = None

    def wait(self, timeout_s: float | None = None) -> bool:
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while not self.ready.wait(0.2):
            if deadline is not None and time.monotonic() >= deadline:
                return False
        return True

    def get(self) -> Any:
        self.wait()
        if self.error is not None:
            raise self.error
        return self.value
