"""Keys as they are typed: what bytes mean, and what a terminal goes through for them."""

import os
import pty
import subprocess
import sys
import termios
from contextlib import contextmanager

import gevent
import pytest
from gevent.event import Event
from hypothesis import given
from hypothesis import strategies as st

from tressi.ui.keys import Keyboard, keys_of, open_keyboard

pytestmark = pytest.mark.timed

NAMED = [
    (b"\x1b[A", "up"),
    (b"\x1bOA", "up"),
    (b"\x1b[B", "down"),
    (b"\x1b[1;5B", "down"),
    (b"\x1b[5~", "page-up"),
    (b"\x1b[6~", "page-down"),
    (b"\x1b[H", "home"),
    (b"\x1b[1~", "home"),
    (b"\x1bOF", "end"),
    (b"\x1b[4~", "end"),
    (b"q", "q"),
    (b"+", "+"),
    (b"?", "?"),
    (b"/", "/"),
    (b"\r", "enter"),
    (b"\x7f", "backspace"),
    ("ä".encode(), "ä"),
    ("漢".encode(), "漢"),
    ("\U0001f680".encode(), "\U0001f680"),
]


@pytest.mark.parametrize(("typed", "key"), NAMED)
def test_a_key_has_a_name(typed, key):
    """Whichever of its sequences a terminal sends."""
    assert keys_of(typed) == ([key], b"")


@pytest.mark.parametrize(
    "typed", [b"\x1b[15~", b"\x1b[200~", b"\x1b[C", b"\xe4\xfc", b"\x00", "\u202e".encode(), b"\xed\xa0\x80"]
)
def test_other_keys_mean_nothing(typed):
    """Neither they nor the rest of their sequence are taken for something else."""
    assert keys_of(typed) == ([], b"")


def test_an_escape_before_another_key_is_a_key():
    """Not the beginning of its sequence."""
    assert keys_of(b"\x1bq") == (["escape", "q"], b"")
    assert keys_of(b"\x1b\x1b[A") == (["escape", "up"], b"")
    assert keys_of(b"\x1b") == ([], b"\x1b")


@given(st.lists(st.sampled_from(NAMED)), st.data())
def test_sequences_may_come_in_pieces(pressed, data):
    """Wherever the bytes are cut, the keys are the same, and nothing is left over."""
    typed = b"".join(sequence for sequence, _ in pressed)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(typed)))))
    keys, rest = [], b""
    for begin, end in zip([0, *cuts], [*cuts, len(typed)], strict=True):
        found, rest = keys_of(rest + typed[begin:end])
        keys += found
    assert (keys, rest) == ([key for _, key in pressed], b"")


@contextmanager
def typing():
    """A terminal: its other side, and one more descriptor to read keys from."""
    controller, descriptor = pty.openpty()
    with os.fdopen(descriptor, encoding="utf-8") as stdin:
        try:
            yield controller, stdin
        finally:
            os.close(controller)


class Pressed:
    """Keeps the keys, and tells when there are as many as expected."""

    def __init__(self, count):
        self.keys, self.all, self._count = [], Event(), count

    def __call__(self, keys):
        """Keep them."""
        self.keys += keys
        if len(self.keys) >= self._count:
            self.all.set()


def test_keys_come_at_once_and_without_an_echo():
    """No line end is waited for; signals stay on; afterwards the terminal is what it was."""
    with typing() as (controller, stdin):
        before = termios.tcgetattr(controller)
        pressed = Pressed(3)
        keyboard = Keyboard(open_keyboard(stdin), pressed)
        keyboard.open()
        local = termios.tcgetattr(controller)[3]
        assert local & termios.ISIG
        assert not local & (termios.ICANON | termios.ECHO)
        gevent.spawn(os.write, controller, b"q\x1b[A+")
        assert pressed.all.wait(20)
        assert pressed.keys == ["q", "up", "+"]
        keyboard.close()
        keyboard.close()
        assert termios.tcgetattr(controller) == before


def test_an_escape_alone_is_a_key_after_a_moment():
    """With nothing behind it it is no sequence's beginning."""
    with typing() as (controller, stdin):
        pressed = Pressed(1)
        keyboard = Keyboard(open_keyboard(stdin), pressed)
        keyboard.open()
        os.write(controller, b"\x1b")
        assert pressed.all.wait(20)
        assert pressed.keys == ["escape"]
        keyboard.close()


def test_what_others_have_set_is_left_to_them():
    """A pager that has set the terminal for itself meanwhile does not find it changed."""
    with typing() as (controller, stdin):
        keyboard = Keyboard(open_keyboard(stdin), Pressed(1))
        keyboard.open()
        theirs = termios.tcgetattr(controller)
        theirs[3] &= ~termios.ISIG
        termios.tcsetattr(controller, termios.TCSANOW, theirs)
        keyboard.close()
        assert termios.tcgetattr(controller) == theirs


def test_a_terminal_that_hangs_up_ends_the_reading():
    """Its keyboard waits no more, raises nothing, and can be closed."""
    controller, descriptor = pty.openpty()
    with os.fdopen(descriptor, encoding="utf-8") as stdin:
        keyboard = Keyboard(open_keyboard(stdin), Pressed(1))
        keyboard.open()
        os.close(controller)
        keyboard._greenlet.join(20)
        assert keyboard._greenlet.successful()
        keyboard.close()


def test_others_may_still_wait_for_a_line():
    """The descriptor that we share with the shell keeps its mode."""
    with typing() as (_, stdin):
        keyboard = Keyboard(open_keyboard(stdin), Pressed(1))
        keyboard.open()
        assert os.get_blocking(stdin.fileno())
        assert not os.get_blocking(keyboard._descriptor)
        keyboard.close()


def test_no_keyboard_is_no_error():
    """A session without a terminal has no keys, whatever its standard input is."""
    program = "import sys; from tressi.ui.keys import open_keyboard; print(open_keyboard(sys.stdin), open_keyboard(None))"
    command = [sys.executable, "-c", program]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, start_new_session=True, text=True, check=False
    )
    assert done.stdout == "None None\n", done.stderr
