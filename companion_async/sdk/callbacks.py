"""Where users' callbacks run: off the loop, in order, each isolated from the next."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from loguru import logger

_MOST_WAITING = 10_000


class CallbackThread:
    """One daemon thread, started with the first call, that makes the calls one after another.

    A callback may block, raise, or use the facade it belongs to: it delays the callbacks after it and nothing else.
    Errors are logged and counted. Should callbacks fall 10,000 behind, the oldest are dropped, and counted too.
    """

    def __init__(self, name: str) -> None:
        self.errors = 0
        self.dropped = 0
        self._name = name
        self._calls: deque[tuple[Callable[..., Any], tuple[Any, ...]]] = deque()
        self._turn = threading.Condition()
        self._closed = False
        self._thread: threading.Thread | None = None

    def call(self, function: Callable[..., Any], *args: Any) -> None:
        """Have ``function(*args)`` called. Never waits; any thread. After `close` it is dropped."""
        with self._turn:
            if self._closed or len(self._calls) >= _MOST_WAITING:
                self.dropped += 1
                if self._closed:
                    return
                self._calls.popleft()
            self._calls.append((function, args))
            if self._thread is None:
                thread = threading.Thread(target=self._serve, name=self._name, daemon=True)
                try:
                    thread.start()
                except RuntimeError as error:  # none to be had just now: the next call tries again
                    logger.warning("Callbacks wait: no thread could be started ({}).", error)
                    return
                self._thread = thread
            self._turn.notify()

    def close(self, patience: float) -> None:
        """Make the calls that wait, for at most ``patience`` seconds, and take no more."""
        with self._turn:
            self._closed = True
            self._turn.notify()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(patience)

    def _serve(self) -> None:
        while True:
            with self._turn:
                while not self._calls and not self._closed:
                    self._turn.wait()
                if not self._calls:
                    return
                function, args = self._calls.popleft()
            try:
                function(*args)
            except BaseException as error:  # a callback may raise anything; it ends here
                self.errors += 1
                logger.opt(exception=error).error("A callback raised {}; the others are called.", type(error).__name__)
            del function, args
