"""Keys as they are typed, while a picture is up.

The terminal is asked for each key at once and without an echo; its signals (Ctrl-C, Ctrl-Z) stay what they were. It is
opened once more to be read, because O_NONBLOCK on the descriptor that we were given would be set for the shell as well.
What reads it is a greenlet that waits in the hub. A job in the background takes nothing: reading would stop it.
"""

from __future__ import annotations

import os
import re
import termios
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any, Final

import gevent
from gevent.socket import wait_read

if TYPE_CHECKING:
    from collections.abc import Callable

READ_BYTES: Final = 1024
# An escape sequence arrives in one piece, or in a few close together; an escape key comes alone.
ESCAPE_S: Final = 0.1
# Where the terminal belongs to another job, it is asked again after this time whether it is ours.
AWAY_S: Final = 0.5
# In tcgetattr's list: the local modes, and the control characters.
_LOCAL_MODES, _CONTROL_CHARACTERS = 3, 6

# ECMA-48, section 5.4: parameters, intermediates, a final byte; SS3 (ESC O) and one letter for the keypad's mode.
_SEQUENCE = re.compile(rb"\x1b\[([0-?]*)[ -/]*([@-~])|\x1bO([A-Za-z])")
_UNFINISHED = re.compile(rb"\x1b(\[[0-?]*[ -/]*|O)?")
# UTF-8 (RFC 3629): a letter beyond ASCII, and the beginning of one.
_LETTER = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_UNFINISHED_LETTER = re.compile(rb"[\xc2-\xdf]|[\xe0-\xef][\x80-\xbf]?|[\xf0-\xf4][\x80-\xbf]{0,2}")
_BY_BYTE = {0x1B: "escape", 0x0D: "enter", 0x0A: "enter", 0x7F: "backspace", 0x08: "backspace"}
_BY_LETTER = {b"A": "up", b"B": "down", b"H": "home", b"F": "end"}
_BY_NUMBER = {b"1": "home", b"7": "home", b"4": "end", b"8": "end", b"5": "page-up", b"6": "page-down"}


def keys_of(typed: bytes) -> tuple[list[str], bytes]:
    """The keys in `typed`, and the beginning of a sequence that its end may be; keys that mean nothing are left out."""
    keys: list[str] = []
    while typed:
        if sequence := _SEQUENCE.match(typed):
            keys.append(_named(sequence))
            typed = typed[sequence.end() :]
        elif _UNFINISHED.fullmatch(typed):
            break
        elif letter := _LETTER.match(typed):
            keys.append(_shown(letter[0].decode(errors="ignore")))
            typed = typed[letter.end() :]
        elif _UNFINISHED_LETTER.fullmatch(typed):
            break
        else:
            keys.append(_BY_BYTE.get(typed[0], "") or _shown(typed[:1].decode("ascii", "ignore")))
            typed = typed[1:]
    return [key for key in keys if key], typed


def _named(sequence: re.Match[bytes]) -> str:
    """The key that an escape sequence stands for, whatever else is held down with it."""
    parameters, final, letter = sequence.groups()
    if final == b"~":
        return _BY_NUMBER.get(parameters.partition(b";")[0], "")
    return _BY_LETTER.get(letter or final, "")


def _shown(character: str) -> str:
    """A character that can be shown; nothing for one that only steers."""
    return character if character.isprintable() else ""


def open_keyboard(stdin: IO[str] | None) -> int | None:
    """A descriptor from which keys can be read: standard input's terminal, else the session's; None where there is none."""
    try:
        path = os.ttyname(stdin.fileno()) if stdin is not None and stdin.isatty() else "/dev/tty"
        return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except (OSError, ValueError):  # ValueError: it is closed
        return None


def is_elsewhere(descriptor: int) -> bool:
    """Whether this terminal belongs to another job of our session at present: we are in the background."""
    try:
        # 0: a process group that this process cannot see, from outside its container.
        return os.tcgetpgrp(descriptor) not in {0, os.getpgrp()}
    except OSError:  # no terminal, or not our session's: nobody stops us there
        return False


class Keyboard:
    """Gives each key to `press` as it comes, from `open` to `close`. It owns `descriptor`, a terminal that does not block."""

    def __init__(self, descriptor: int, press: Callable[[list[str]], object]) -> None:
        self._descriptor, self._press = descriptor, press
        self._found: list[Any] | None = None
        self._taken: list[Any] | None = None
        self._greenlet: gevent.Greenlet | None = None

    def open(self) -> None:
        """Take the terminal's keys from now on."""
        self.take()
        self._greenlet = gevent.spawn(self._listen)

    def take(self) -> None:
        """Have each key at once and without an echo; again after the terminal was given back."""
        if self._taken is not None or is_elsewhere(self._descriptor):
            return
        with suppress(termios.error):
            self._found = termios.tcgetattr(self._descriptor)
            self._taken = _key_by_key(self._found)
            termios.tcsetattr(self._descriptor, termios.TCSANOW, self._taken)
            # What the terminal makes of it is what is compared with later.
            self._taken = termios.tcgetattr(self._descriptor)

    def give_back(self) -> None:
        """Leave the terminal as it was found, unless somebody else has set it since: a pager reads keys as well."""
        taken, self._taken = self._taken, None
        if taken is None or self._found is None or is_elsewhere(self._descriptor):
            return
        with suppress(termios.error):
            if termios.tcgetattr(self._descriptor) == taken:
                termios.tcsetattr(self._descriptor, termios.TCSANOW, self._found)

    def close(self) -> None:
        """Take no more keys; may be called twice."""
        if self._descriptor < 0:
            return
        if self._greenlet is not None:
            self._greenlet.kill()
        self.give_back()
        os.close(self._descriptor)
        self._descriptor = -1

    def _listen(self) -> None:
        rest = b""
        while True:
            typed = self._read(ESCAPE_S if rest else None)
            if typed is None:
                return
            # An escape with which nothing more came was a key of its own.
            keys, rest = keys_of(rest + typed) if typed else (["escape"] * rest.startswith(b"\x1b"), b"")
            if keys:
                self._press(keys)

    def _read(self, timeout_s: float | None) -> bytes | None:
        """What is typed next, nothing after `timeout_s`, or None at the end."""
        while True:
            while is_elsewhere(self._descriptor):
                gevent.sleep(AWAY_S)
            try:
                wait_read(self._descriptor, timeout=timeout_s, timeout_exc=TimeoutError())
                if not is_elsewhere(self._descriptor):
                    return os.read(self._descriptor, READ_BYTES) or None
            except TimeoutError:
                return b""
            except BlockingIOError:
                continue  # somebody else has read it
            except OSError:  # it hung up
                return None


def _key_by_key(modes: list[Any]) -> list[Any]:
    """These modes without lines and echo, a read ending with the first byte; signals stay as they are."""
    changed = [*modes[:_CONTROL_CHARACTERS], list(modes[_CONTROL_CHARACTERS])]
    changed[_LOCAL_MODES] &= ~(termios.ICANON | termios.ECHO)
    changed[_CONTROL_CHARACTERS][termios.VMIN] = 1
    changed[_CONTROL_CHARACTERS][termios.VTIME] = 0
    return changed
