"""What a run tells those who listen. Callbacks have a greenlet of their own, so that none can hold up the run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import gevent
from gevent.event import Event as Flag
from gevent.queue import SimpleQueue

from tressi.errors import ConfigError, ConfigProblem
from tressi.log import log_failure

if TYPE_CHECKING:
    from collections.abc import Callable

EventName = Literal["start", "scaling", "change", "snapshot", "early-exit", "draining", "drained", "stop"]
EVENTS: Final[tuple[str, ...]] = get_args(EventName)


class Publisher:
    """Hands each event to its callbacks, in the order of the events; a callback that raises is logged and forgotten."""

    def __init__(self) -> None:
        self._callbacks: dict[str, list[Callable[[Any], object]]] = {event: [] for event in EVENTS}
        self._queue: SimpleQueue[tuple[str, Any] | None] = SimpleQueue()
        self._greenlet: gevent.Greenlet | None = None
        self.delivered = Flag()
        # What must live as long as somebody is told of it: the greenlet of the delivery holds this, and so what it holds.
        self.subject: object = None

    def on(self, event: EventName, callback: Callable[[Any], object]) -> None:
        """Have `callback` called with every value of `event`. Raises ConfigError for an event that does not exist."""
        if event not in self._callbacks:
            raise ConfigError([ConfigProblem("", f"there is no event {event!r}: use one of {', '.join(EVENTS)}")])
        self._callbacks[event].append(callback)

    def has_listener(self, event: EventName) -> bool:
        """Whether a callback was added for `event`."""
        return bool(self._callbacks[event])

    def emit(self, event: EventName, value: object) -> None:
        """Queue one event for delivery; never waits."""
        if self._callbacks[event]:
            self._queue.put((event, value))

    def start(self) -> None:
        """Begin to deliver."""
        self._greenlet = gevent.spawn(self._deliver)

    def close(self) -> None:
        """Deliver what is queued, then set `delivered`."""
        self._queue.put(None)

    def is_delivering_here(self) -> bool:
        """Whether the caller is one of the callbacks, which must not wait for itself."""
        return gevent.getcurrent() is self._greenlet

    def _deliver(self) -> None:
        try:
            while (queued := self._queue.get()) is not None:
                event, value = queued
                for callback in tuple(self._callbacks[event]):
                    _call(event, callback, value)
        finally:
            self.subject = None
            self.delivered.set()


def _call(event: str, callback: Callable[[Any], object], value: object) -> None:
    try:
        callback(value)
    except (KeyboardInterrupt, SystemExit) as ending:
        # Meant for the program, whose main greenlet gets it; the callbacks that are left get their events.
        gevent.get_hub().handle_error(gevent.getcurrent(), type(ending), ending, ending.__traceback__)
    except BaseException as error:  # noqa: BLE001 - gevent's Timeout and GreenletExit too: none may end the delivery
        log_failure("a callback raised", error, event_name=event)
