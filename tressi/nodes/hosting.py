"""An outpost as a process of this machine, with one end of a socket pair. No gevent: an actor of Ray hosts one, too."""

from __future__ import annotations

import socket
import subprocess
from typing import Self

from tressi.isolation import command_of, environment
from tressi.nodes.carrier import CarrierError, NodeGoneError
from tressi.nodes.framing import receive, send

_LEAVES_S = 5.0


class Hosted:
    """A running outpost. It ends, and its engines with it, when this object is closed or its process ends, however that is."""

    def __init__(self) -> None:
        """Start it. Raises CarrierError."""
        try:
            ours, theirs = socket.socketpair()
        except OSError as failure:
            raise CarrierError(f"an outpost cannot be started: {failure}") from failure
        with theirs:
            try:
                self.process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                    command_of("tressi.nodes.outpost", str(theirs.fileno())),
                    pass_fds=(theirs.fileno(),),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    start_new_session=True,
                    env=environment(),
                )
            except OSError as failure:
                ours.close()
                raise CarrierError(f"an outpost cannot be started: {failure}") from failure
        self.control = ours

    def exchange(self, order: bytes) -> bytes:
        """Have it answer an order; blocks the thread. Raises NodeGoneError once it has ended."""
        try:
            send(self.control, order)
            answer = receive(self.control)
        except OSError as failure:
            raise NodeGoneError(f"outpost {self.process.pid} cannot be reached: {failure}") from failure
        if answer is None:
            raise NodeGoneError(f"outpost {self.process.pid} has ended")
        return answer

    def close(self) -> None:
        """Let it end, and wait for that; one that does not is killed. May be called twice."""
        self.control.close()
        try:
            self.process.wait(_LEAVES_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
