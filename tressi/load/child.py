"""The process of one engine: `python -m tressi.load.child ARENA CONTROL ENDPOINTS`, started by `process.ProcessEngine`.

It does what the lines on its control socket say. The end of that socket is the end of its owner: it leaves at once.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from contextlib import suppress
from typing import Any

import gevent
from gevent.socket import fromfd
from gevent.socket import socket as gevent_socket

from tressi._core import Arena
from tressi.errors import TressiError
from tressi.load.engine import LocalEngine
from tressi.load.messages import encode, lines, plan_of


class Child:
    """An engine that is told what to do. `build` and `stop` are answered, with an `error` where they failed."""

    def __init__(self, arena: Arena, control: gevent_socket) -> None:
        self._engine = LocalEngine(arena, alone=True)
        self._control = control

    def obey(self, message: dict[str, Any]) -> None:
        """Do what one message says; `do` names the method, the rest are its arguments."""
        arguments = dict(message)
        getattr(self, f"_{arguments.pop('do')}")(**arguments)

    def _build(self, plan: dict[str, Any]) -> None:
        try:
            self._engine.build(plan_of(plan))
        except (TressiError, OSError, MemoryError) as failure:
            self._control.sendall(encode({"error": str(failure)}))
        else:
            self._control.sendall(encode({"built": True}))

    def _go(self, at_ns: int) -> None:
        # The hub's sleep would end up to a millisecond late. Nothing else goes on here yet.
        time.sleep(max(0, at_ns - time.monotonic_ns()) / 1e9)
        self._engine.go(at_ns)

    def _scale(self, endpoint_key: str, workers: int) -> None:
        self._engine.scale(endpoint_key, workers)

    def _set_rate(self, endpoint_key: str, target_rps: float | None, begin_rps: float | None, ramp_s: float) -> None:
        self._engine.set_rate(endpoint_key, target_rps, begin_rps=begin_rps, ramp_s=ramp_s)

    def _limit_connections(self, per_second: float) -> None:
        self._engine.limit_connections(per_second)

    def _stop(self, drain_s: float) -> None:
        # A second message may cut the drain of the first short.
        gevent.spawn(self._drain, drain_s)

    def _drain(self, drain_s: float) -> None:
        self._engine.stop(drain_s)
        # The owner may be gone, or have heard it already: from a drain with less patience.
        with suppress(OSError):
            self._control.sendall(encode({"stopped": True}))


def main(arena: str, control: str, endpoints: str) -> None:
    """Serve until the control socket ends."""
    descriptor = int(control)
    # One end of its owner's socket.socketpair, which is of this family and type.
    connection = fromfd(descriptor, socket.AF_UNIX, socket.SOCK_STREAM)
    os.close(descriptor)
    child = Child(Arena(int(endpoints), int(arena)), connection)
    for message in lines(connection):
        child.obey(message)
    # The owner is gone, or has all it wants: connections and memory go with the process.
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
