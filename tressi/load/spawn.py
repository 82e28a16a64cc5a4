"""Starting an engine's process, early: what it imports takes as long as all that its owner does before it has a plan.

So the command line starts it first of all, and reads the config meanwhile; `process.ProcessEngine` takes it over. This file
imports nothing that takes long, gevent least of all.
"""

from __future__ import annotations

import socket
import subprocess
from contextlib import suppress
from importlib.util import find_spec
from typing import Self

from tressi.frozen import dataclass
from tressi.isolation import command_of, environment


@dataclass(frozen=True, slots=True)
class Spawned:
    """An engine's process that waits for its plan, and our end of its control socket."""

    process: subprocess.Popen[bytes]
    control: socket.socket

    def give_up(self) -> None:
        """End a process that nobody has a plan for, and wait for that: it is importing, or waits."""
        self.process.kill()
        self.process.wait()
        self.control.close()


def spawn() -> Spawned:
    """Start the process with one end of a socket pair, nothing else; a terminal's signals do not reach it. Raises OSError."""
    ours, theirs = socket.socketpair()
    with theirs:
        try:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                command_of("tressi.load.child", str(theirs.fileno())),
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
                env=environment(),
            )
        except OSError:
            ours.close()
            raise
    return Spawned(process, ours)


class Ahead:
    """Processes that were started before it is known whether they are needed; a `with` gives up those that were not taken."""

    def __init__(self, count: int) -> None:
        self._waiting: list[Spawned] = []
        # What cannot be started now is started when it is needed, where it has its message; so is what would find no engine.
        with suppress(OSError, ValueError):
            if find_spec("tressi._wire") is None:
                return
            self._waiting.extend(spawn() for _ in range(count))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        while self._waiting:
            self._waiting.pop().give_up()

    def take(self) -> Spawned:
        """One of them, or another where none is left. Raises OSError."""
        return self._waiting.pop() if self._waiting else spawn()
