"""What is told to every browser, by server-sent events.

There is one ring of the latest messages, and a browser is no more than a place in it. One that reads on gets what came
since; one that fell out of the ring (it stopped reading, or lost its connection for too long) gets the whole state again.
So nobody waits for a browser, and nothing piles up for one.
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

from gevent.event import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEPT: Final = 64  # about half a minute of a busy run
# A browser that has left is noticed when it is written to.
HEARTBEAT_S: Final = 1.0
_HEARTBEAT: Final = b": still here\n\n"


class Message(NamedTuple):
    """One message: `data` is JSON in one line."""

    number: int
    name: str
    data: bytes

    def encode(self) -> bytes:
        """As it is sent."""
        return b"id: %d\nevent: %b\ndata: %b\n\n" % (self.number, self.name.encode(), self.data)


class Feed:
    """Everything that is told, and how many are listening. `state` gives all that a new browser has to know, as JSON."""

    def __init__(self, state: Callable[[], bytes]) -> None:
        self._state = state
        self._ring: deque[Message] = deque(maxlen=KEPT)
        self._newest = 0
        self._news = Event()
        self._closed = False
        self.listeners = 0
        self.changed = Event()  # set whenever a browser has come or left, or is expected
        self.expected_until = 0.0  # on the monotonic clock

    def tell(self, name: str, data: bytes) -> None:
        """Tell everybody; never waits."""
        self._newest += 1
        self._ring.append(Message(self._newest, name, data))
        self._wake()

    def close(self) -> None:
        """Let every browser go."""
        self._closed = True
        self._wake()

    def expect(self, seconds: float) -> None:
        """A browser loads the page, and will listen within so many seconds."""
        self.expected_until = time.monotonic() + seconds
        self.changed.set()

    def after(self, number: int | None) -> list[Message]:
        """What came after the message `number`, or the state where that is not known any more."""
        if number is None or number > self._newest or number < self._newest - len(self._ring):
            return [Message(self._newest, "state", self._state())]
        return [message for message in self._ring if message.number > number]

    def listen(self, last: int | None) -> Iterator[bytes]:
        """Everything for one browser as it comes, beginning after the message `last`, until the feed is closed."""
        self.listeners += 1
        self.expected_until = 0.0
        self.changed.set()
        try:
            while True:
                news = self._news
                for message in self.after(last):
                    last = message.number
                    yield message.encode()
                if self._closed:
                    return
                if not news.wait(HEARTBEAT_S):
                    yield _HEARTBEAT
        finally:
            self.listeners -= 1
            self.changed.set()

    def _wake(self) -> None:
        news, self._news = self._news, Event()
        news.set()
