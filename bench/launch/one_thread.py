"""One thread for all calls to a library that minds which thread calls it."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


class OneThread:
    """One daemon thread that runs functions in turn. An executor's thread would be waited for at exit."""

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        threading.Thread(target=self._loop, name="ray", daemon=True).start()

    def _loop(self) -> None:
        while True:
            self._calls.get()()

    def start(self, function: Callable[[], T]) -> Future[T]:
        """Queue `function`; the future tells what it returned or raised."""
        future: Future[T] = Future()

        def call() -> None:
            try:
                future.set_result(function())
            except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
                future.set_exception(error)

        self._calls.put(call)
        return future
