"""The signals that end a run, and who hears them: the run while it lasts, its results while they are written.

A run is told through the hub, which wakes for it. While results are written the hub does not turn, so there Python's own
handlers count: the first signal is noted and the writing goes on, the next one has its usual effect.
"""

from __future__ import annotations

import signal
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Self

import gevent

from tressi.cli.output import remark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType


class Signals:
    """The signals that end a run, taken from here to the end of a `with`; `came` are those that came between two listeners.

    A SIGHUP or SIGQUIT that is ignored when this starts stays so: `nohup` has the first so, a script's shell the second of
    what it starts in the background.
    """

    def __init__(self) -> None:
        self.came: list[int] = []
        self._watchers: list[Any] = []
        heard = [number for number in (signal.SIGHUP, signal.SIGQUIT) if signal.getsignal(number) is not signal.SIG_IGN]
        self._numbers = [signal.SIGINT, signal.SIGTERM, *heard]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._held():
            self._let_go()

    def tell(self, act: Callable[[int], object]) -> None:
        """From now on have each signal told to `act`, in the hub."""
        with self._held():
            self._let_go()
            self._watchers = [gevent.signal_handler(number, act, number) for number in self._numbers]

    def note(self) -> None:
        """From now on note the first signal in `came`; the one after it ends the program as if it had no handler."""
        with self._held():
            self._let_go()
            for number in self._numbers:
                signal.signal(number, self._take_note)

    def _take_note(self, number: int, _frame: object) -> None:
        self.came.append(number)
        self._let_go()
        # RuntimeError: it came in the middle of other words on standard error.
        with suppress(OSError, RuntimeError):
            remark("the results are being written; another signal ends that")

    def _let_go(self) -> None:
        for watcher in self._watchers:
            watcher.cancel()
        self._watchers = []
        for number in self._numbers:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)

    @contextmanager
    def _held(self) -> Iterator[None]:
        """Let no signal come between two handlers: the default is to end the program, results or not."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, self._numbers)
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
