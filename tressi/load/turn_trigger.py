"""What calls for the reactor's turns: its epoll set, watched by the hub; where there is none, a timer of the hub."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from tressi._core import HAS_EPOLL

if TYPE_CHECKING:
    from collections.abc import Callable

    from gevent.hub import Hub

    from tressi._wire import Reactor

_READABLE = 1


class Watch:
    """The reactor's epoll set: readable for whatever comes, and by its own timer for whatever is due."""

    def __init__(self, hub: Hub, reactor: Reactor, turn: Callable[[], None]) -> None:
        self.turn = turn
        self._watcher = hub.loop.io(reactor.fileno(), _READABLE)

    def start(self) -> None:
        """Call from now on."""
        self._watcher.start(self.turn)

    def close(self) -> None:
        """Call no more."""
        self._watcher.stop()
        self._watcher.close()


class Alarm:
    """A timer of the hub, set after each `turn` to when the next is due; what comes in between, greenlets have to tell."""

    def __init__(self, hub: Hub, reactor: Reactor, turn: Callable[[], None]) -> None:
        self._hub = hub
        self._reactor = reactor
        self._do_turn = turn
        self._timer: Any = None
        self._set_ns = 0  # what the timer is set to, if there is one
        self._is_on = False

    def turn(self) -> None:
        """Take a turn, and set the timer unless it is set to the next or earlier anyway."""
        self._do_turn()
        if self._is_on:
            due_ns = self._reactor.due_ns()
            if self._timer is None or due_ns < self._set_ns:
                self._set(due_ns)

    def start(self) -> None:
        """Call from now on."""
        self._is_on = True
        self._set(self._reactor.due_ns())

    def close(self) -> None:
        """Call no more."""
        self._is_on = False
        self._clear()

    def _set(self, due_ns: int) -> None:
        self._clear()
        self._set_ns = due_ns
        self._timer = self._hub.loop.timer(max(0, due_ns - time.monotonic_ns()) / 1e9)
        # Else it would count from when the hub last looked at its clock, before all that runs now.
        self._timer.start(self._ring, update=True)

    def _clear(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer.close()
            self._timer = None

    def _ring(self) -> None:
        self._clear()
        self.turn()


def wake_of(hub: Hub, reactor: Reactor, turn: Callable[[], None]) -> Watch | Alarm:
    """Whichever of the two the system has, to call for turns of a reactor in this hub; `turn` of it takes one at once."""
    return Watch(hub, reactor, turn) if HAS_EPOLL else Alarm(hub, reactor, turn)
