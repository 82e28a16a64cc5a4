"""A pipe or terminal of others, written to without waiting for its reader.

O_NONBLOCK is a property of the open file, which the shell and other programs share with us, so it is not set on theirs. Only
Linux's /proc opens a pipe anew; elsewhere /dev/fd gives the same open file again, though a terminal has a name everywhere.
"""

from __future__ import annotations

import os
import select
import socket
import stat
from functools import partial
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

OPEN_FILES: Final = "/proc/self/fd"


def opened_again(descriptor: int, flags: int) -> int:
    """Another descriptor of the same pipe or terminal, with `flags` of its own where it can be opened anew. Raises OSError."""
    try:
        return os.open(f"{OPEN_FILES}/{descriptor}", flags)
    except FileNotFoundError:
        return os.open(os.ttyname(descriptor), flags) if os.isatty(descriptor) else os.dup(descriptor)


def writer_to(descriptor: int) -> Callable[[bytearray], int]:
    """What writes as much as there is room for and says how much, or raises BlockingIOError. A file has room."""
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISSOCK(mode):
        return partial(_send, descriptor)
    if stat.S_ISFIFO(mode) and os.get_blocking(descriptor):
        return partial(_write_what_fits, descriptor)
    return partial(os.write, descriptor)


def _send(descriptor: int, data: bytearray) -> int:
    connection = socket.socket(fileno=descriptor)
    try:
        return connection.send(data, socket.MSG_DONTWAIT)
    finally:
        connection.detach()


def _write_what_fits(descriptor: int, data: bytearray) -> int:
    """Write to a pipe that blocks: while it is writable it takes PIPE_BUF bytes without waiting (POSIX, poll and write)."""
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    if not poll.poll(0):
        raise BlockingIOError
    return os.write(descriptor, data[: select.PIPE_BUF])
