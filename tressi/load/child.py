"""The process of one engine: `python -m tressi.load.child CONTROL`, started by `spawn.spawn`.

It does what the messages on its control socket say. The end of that socket is the end of its owner: it leaves at once.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import gevent
from gevent.socket import socket as gevent_socket

from tressi._core import Arena
from tressi.errors import TressiError
from tressi.load.allowance import Allowance
from tressi.load.engine import LocalEngine
from tressi.load.messages import GREETING_BYTES, Greeting, encode, messages
from tressi.load.tables import Block

if TYPE_CHECKING:
    from tressi.load.plan import Plan
    from tressi.model import PoolId, Wanted


class Child:
    """An engine that is told what to do. `build` and `stop` are answered, with an `error` where they failed."""

    def __init__(self, arena: Arena, block: Block | None, allowance: Allowance | None, control: gevent_socket) -> None:
        self._engine = LocalEngine(arena, alone=True)
        self._block, self._allowance = block, allowance
        self._control = control

    def obey(self, message: dict[str, Any]) -> None:
        """Do what one message says; `do` names the method, the rest are its arguments."""
        arguments = dict(message)
        getattr(self, f"_{arguments.pop('do')}")(**arguments)

    def _build(self, plan: Plan) -> None:
        try:
            self._engine.build(replace(plan, tables=replace(plan.tables, block=self._block), allowance=self._allowance))
        except (TressiError, OSError, MemoryError) as failure:
            self._answer({"error": str(failure)})
        else:
            self._answer({"built": True})

    def _go(self, at_ns: int) -> None:
        # The hub's sleep would end up to a millisecond late. Nothing else goes on here yet.
        time.sleep(max(0, at_ns - time.monotonic_ns()) / 1e9)
        self._engine.go(at_ns)

    def _want(self, pool: PoolId, wanted: Wanted) -> None:
        self._engine.want(pool, wanted)

    def _lease(self, until_ns: int) -> None:
        self._engine.lease(until_ns)

    def _limit_connections(self, per_second: float) -> None:
        self._engine.limit_connections(per_second)

    def _stop(self, drain_s: float) -> None:
        # A second message may cut the drain of the first short.
        gevent.spawn(self._drain, drain_s)

    def _drain(self, drain_s: float) -> None:
        self._engine.stop(drain_s)
        self._answer({"stopped": True})

    def _answer(self, message: dict[str, Any]) -> None:
        # The owner may be gone, or have heard it already: from a drain with less patience.
        with suppress(OSError):
            self._control.sendall(encode(message))


def main(control: str) -> None:
    """Serve until the control socket ends: what was started ahead of a config that is wrong hears of no arena."""
    with socket.socket(fileno=int(control)) as given:
        said, descriptors, _, _ = socket.recv_fds(given, GREETING_BYTES, 3)
        if not descriptors:
            os._exit(0)
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)  # noqa: FBT003 - os has no name for it
        connection = gevent_socket(fileno=given.detach())
    greeting, (arena, *others) = Greeting.decode(said), descriptors
    block = Block(others.pop(0)) if greeting.has_block else None
    allowance = Allowance(others.pop(0)) if greeting.has_allowance else None
    child = Child(Arena(greeting.endpoints, arena), block, allowance, connection)
    for message in messages(connection):
        child.obey(message)
    # The owner is gone, or has all it wants: connections and memory go with the process.
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
