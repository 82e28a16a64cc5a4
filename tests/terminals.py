"""A terminal in memory behind a real pseudo terminal, for tests of what a person sees."""

import fcntl
import os
import pty
import select
import struct
import termios
import time
from contextlib import contextmanager, suppress

import pyte

BOUND_S = 60


class Terminal:
    """What is written to the terminal `descriptor` stands on a screen that can be read, and what is typed comes from it."""

    def __init__(self, width=80, height=24):
        self.controller, self.descriptor = pty.openpty()
        self.screen = pyte.Screen(width, height)
        self._parser = pyte.ByteStream(self.screen)
        self.written = b""
        self.is_behind = lambda: False  # whether the writer has more to come
        self._marks = 0
        self.resize(width, height)

    def resize(self, width, height):
        """Another window, blank until something is drawn; the kernel tells its foreground job."""
        fcntl.ioctl(self.controller, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        self.screen.resize(height, width)
        self.screen.reset()

    def type(self, keys):
        """Press keys."""
        os.write(self.controller, keys)

    def modes(self):
        """What tcgetattr says of it."""
        return termios.tcgetattr(self.controller)

    def lines(self):
        """What stands on the screen once all that was written has come, line by line."""
        while self.is_behind():
            self._read()
        # The kernel hands on what is written a little later; once the mark written here has come, all of it has.
        self._marks += 1
        mark = b"\x1b]99;%d\x1b\\" % self._marks
        os.write(self.descriptor, mark)
        while mark not in self.written and self._read():
            pass
        self.written = self.written.replace(mark, b"")
        return self._shown()

    def _shown(self):
        return [line.rstrip() for line in self.screen.display]

    def text(self):
        """The same in one piece."""
        return "\n".join(self.lines())

    def close_here(self):
        """Leave the terminal to those that were started with it, so that its end can be seen."""
        os.close(self.descriptor)

    def lines_so_far(self):
        """What stands on the screen of what has come already; some may be on its way."""
        if select.select([self.controller], [], [], 0)[0]:
            self._read()
        return self._shown()

    def wait_for(self, words):
        """Read on until these words stand on the screen; returns it."""
        return self.wait_until(lambda lines: words in "\n".join(lines))

    def wait_until(self, is_so):
        """Read on until it is so of the lines on the screen; returns them in one piece."""
        until = time.monotonic() + BOUND_S
        while not is_so(lines := self._shown()):
            readable, _, _ = select.select([self.controller], [], [], max(0.0, until - time.monotonic()))
            assert readable, "\n".join(["it has not come:", *lines])
            assert self._read(), "\n".join(["it never came:", *lines])
        return "\n".join(lines)

    def read_to_end(self):
        """Read on until nobody has the terminal open any more."""
        while self._read():
            pass

    def _read(self):
        try:
            piece = os.read(self.controller, 1 << 16)
        except OSError:  # the other side has closed
            return False
        self.written += piece
        self._parser.feed(piece)
        return bool(piece)


@contextmanager
def terminal(width=80, height=24):
    """A terminal of that size, closed afterwards."""
    made = Terminal(width, height)
    try:
        yield made
    finally:
        for descriptor in (made.controller, made.descriptor):
            with suppress(OSError):
                os.close(descriptor)
