"""Permits to connect for greenlets that connect by themselves, from the bucket that the reactor's lanes have in C."""

from __future__ import annotations

import time

import gevent
from gevent.lock import BoundedSemaphore

from tressi._core import TokenBucket

_LOOK_S = 1.0  # a limit that was raised meanwhile is heard of after so long at most


class Permits:
    """So many connections a second at most, for all the greenlets that ask, in the order of asking."""

    def __init__(self, per_second: float, phase: float = 0.0) -> None:
        self._bucket = TokenBucket(per_second, start_ns=time.monotonic_ns(), phase=phase)
        self._one_at_a_time = BoundedSemaphore()

    def limit(self, per_second: float) -> None:
        """Let there be so many from now on."""
        self._bucket.set_rate(per_second, time.monotonic_ns())

    def wait(self) -> int:
        """Wait for a permit; returns for how many nanoseconds none was due, which is less than it took by our lateness."""
        asked_ns = time.monotonic_ns()
        with self._one_at_a_time:
            granted, due_ns = self._bucket.take(time.monotonic_ns())
            while not granted:
                gevent.sleep(min(_LOOK_S, max(0, due_ns - time.monotonic_ns()) / 1e9))
                granted, due_ns = self._bucket.take(time.monotonic_ns())
        return max(0, due_ns - asked_ns)
