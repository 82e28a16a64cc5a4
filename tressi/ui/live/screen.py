"""A whole terminal, taken for a picture and given back as it was.

The picture has the terminal's second screen, so that what stood there before is there again afterwards. What others write to
standard error meanwhile would stand in the middle of it and be gone with it: it is kept, told, and written at the end.
No caller waits: what a terminal does not take at once is sent on by a greenlet, and until it has gone no new picture is.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from io import StringIO, TextIOBase
from typing import IO, TYPE_CHECKING, Final

import gevent
from gevent.socket import wait_write
from rich.console import Console, ConsoleDimensions

from tressi.ui.characters import shown
from tressi.ui.keys import is_elsewhere
from tressi.ui.nonblocking_stream import finish, forget, is_behind, unhurried

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import RenderableType

# Of xterm, and obeyed or ignored by every other: second screen, no cursor, no wrapping at the right edge (a character that is
# wider than we believe spoils its own line at most), all blank.
_TAKE: Final = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J"
_GIVE_BACK: Final = "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l"
# Ends whatever sequence a picture that nobody took was cut in (ECMA-48, CAN).
_CANCEL: Final = "\x18"
# Shown at once when it is whole, where a terminal can (synchronized output).
_BEGIN, _END = "\x1b[?2026h", "\x1b[?2026l"
_ERASE_REST: Final = "\x1b[K"
_SIZE: Final = (80, 24)
_LAST_WAIT_MS: Final = 5000
# Of what others write while the picture is up; a program that floods its log has a file for it.
_ASIDE_CHARACTERS: Final = 1 << 20


class Screen:
    """The terminal behind `stream`. `overhear` is told each line that others write to standard error while it is taken.

    `redraw` is called when a picture was left out and there is room for one again.
    """

    def __init__(self, stream: IO[str], overhear: Callable[[str], object], redraw: Callable[[], object]) -> None:
        self._given, self._stream, self._overhear, self._redraw = stream, unhurried(stream), overhear, redraw
        # It only makes the bytes: a console that writes would end the program where nobody reads.
        self._console = Console(file=StringIO(), force_terminal=True, highlight=False)
        self._aside: Aside | None = None
        self._sender: gevent.Greenlet | None = None
        self._is_outdated = False
        self.is_taken = False

    @property
    def size(self) -> tuple[int, int]:
        """Its width and height in cells."""
        try:
            width, height = os.get_terminal_size(self._given.fileno())
        except (OSError, ValueError):  # no descriptor
            return _SIZE
        # A terminal over a serial line does not know.
        return width or _SIZE[0], height or _SIZE[1]

    @property
    def is_elsewhere(self) -> bool:
        """Whether another job of the shell has it."""
        try:
            return is_elsewhere(self._given.fileno())
        except (OSError, ValueError):
            return False

    def take(self) -> None:
        """Take the whole terminal; what others write to standard error is kept from now on."""
        if not self.is_taken:
            self.is_taken = True
            if sys.stderr is self._given:
                self._aside = sys.stderr = Aside(self._overhear)
            self._write(_TAKE)

    def give_back(self) -> None:
        """Leave it as it was found, then write what was kept; may be called twice."""
        if not self.is_taken:
            return
        self.is_taken = self._is_outdated = False
        self._write(_GIVE_BACK)
        if self._aside is not None:
            if sys.stderr is self._aside:
                sys.stderr = self._given
            self._write(self._aside.kept)
            self._aside = None
        if self._sender is not None:
            self._sender.kill()
            self._sender = None
        finish(self._stream)
        if self._is_behind() and self._is_that_of_results():
            # The results wait for this terminal's reader, and must not go to the second screen: what leaves it goes first.
            forget(self._stream)
            sys.stdout.write(_CANCEL + _GIVE_BACK)

    def finish(self) -> None:
        """Wait a while for a terminal that has not taken everything yet: else it would keep the second screen."""
        finish(self._stream, _LAST_WAIT_MS)

    def lose(self) -> None:
        """Another job has taken it: nothing may be written, and it has to be taken again."""
        self.is_taken = False
        if self._aside is not None:
            sys.stderr, self._aside = self._given, None

    def draw(self, picture: RenderableType, size: tuple[int, int]) -> None:
        """Show a picture of that size, from the top left; left out while the last one still waits."""
        self._is_outdated = self._is_behind()
        if self._is_outdated:
            return
        self._console.size = ConsoleDimensions(*size)
        with self._console.capture() as captured:
            self._console.print(picture, end="")
        lines = shown(captured.get(), self._given).removesuffix("\n").split("\n")
        self._write(_BEGIN + "".join(_placed(number, line) for number, line in enumerate(lines, 1)) + _END)

    def _write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            self._stream.write(text)
            self._stream.flush()
            if self._is_behind() and not self._sender:
                self._sender = gevent.spawn(self._send_rest)

    def _send_rest(self) -> None:
        """Send what waits as fast as it is taken, and then the picture that was left out."""
        with suppress(OSError):
            while is_behind(self._stream):
                wait_write(self._stream.fileno())
        self._sender = None
        if self._is_outdated:
            self._redraw()

    def _is_behind(self) -> bool:
        with suppress(OSError):
            return is_behind(self._stream)
        return False  # there is nobody left to wait for

    def _is_that_of_results(self) -> bool:
        try:
            ours, theirs = os.fstat(self._given.fileno()), os.fstat(sys.stdout.fileno())
        except (OSError, ValueError, AttributeError):
            return False
        return sys.stdout.isatty() and ours.st_rdev == theirs.st_rdev


def _placed(number: int, line: str) -> str:
    """A line at its place. The rest is erased first: after a full line the cursor still stands on its last character."""
    return f"\x1b[{number};1H{_ERASE_REST}{line}"


class Aside(TextIOBase):
    """Stands in for standard error while a picture is up: keeps what is written, and tells each line of it."""

    def __init__(self, overhear: Callable[[str], object]) -> None:
        self._overhear = overhear
        self._line = ""
        self._text = StringIO()

    @property
    def kept(self) -> str:
        """All that was written."""
        return self._text.getvalue()

    def writable(self) -> bool:
        """Say so."""
        return True

    def isatty(self) -> bool:
        """What is kept is written to one."""
        return True

    def write(self, text: str, /) -> int:
        """Keep it."""
        if self._text.tell() < _ASIDE_CHARACTERS:
            self._text.write(text)
        *lines, self._line = (self._line + text).split("\n")
        for line in lines:
            self._overhear(line)
        return len(text)
