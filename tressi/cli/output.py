"""Where a subcommand's words go: results to standard output or a file, remarks to standard error."""

from __future__ import annotations

import errno
import os
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from tressi.errors import OutputError
from tressi.ui.characters import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

STANDARD_OUTPUT: Final = "standard output"
# How long the reader of a pipe may take to open it.
READER_S: Final = 5.0
_RETRY_S: Final = 0.02


def write(text: str, file: str = "-") -> None:
    """Write text and one final line end to `file`, `-` being standard output.

    Raises `OutputError`; `BrokenPipeError` where the reader of standard output has left, which is not a failure.
    """
    write_pieces([f"{text.rstrip()}\n".encode()], file)  # UTF-8 whatever the locale says


def say(text: str) -> None:
    """Write text for a person to standard output, in characters that it can show. Raises as `write` does."""
    write(shown(text, sys.stdout))


def write_pieces(pieces: Iterable[bytes], file: str) -> None:
    """The same of bytes that come in pieces, as they are."""
    try:
        if file == "-":
            _write_to_standard_output(pieces)
        else:
            with open_for_writing(file) as stream:
                stream.writelines(pieces)
    except BrokenPipeError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = error.strerror if isinstance(error, OSError) else None
        raise OutputError(STANDARD_OUTPUT if file == "-" else file, reason or str(error)) from None


@contextmanager
def files_of_mode(mode: int) -> Iterator[None]:
    """Have the files that are made in the block readable and writable by whom `mode` says, and by nobody else.

    A directory that is made can be entered by those who may read.
    """
    before = os.umask(0o777 & ~(mode | (mode & 0o444) >> 2))
    try:
        yield
    finally:
        os.umask(before)


def open_for_writing(file: str) -> IO[bytes]:
    """Open a file, emptied, or a pipe, for which a reader is waited a while. Raises OSError, ValueError."""
    descriptor = _opened(file)
    os.set_blocking(descriptor, True)
    return os.fdopen(descriptor, "wb")


def _opened(file: str) -> int:
    """A descriptor that does not block. A pipe that no program reads would block for ever, and no signal would be heard."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    end_s = time.monotonic() + READER_S
    while True:
        try:
            return os.open(file, flags, 0o666)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            if time.monotonic() > end_s:
                raise OSError(errno.ENXIO, f"no program has opened it for reading within {READER_S:g} s") from None
        time.sleep(_RETRY_S)


def remark(message: str) -> None:
    """Say something that is no result, each line under the program's name; lost where nobody listens any more."""
    if sys.stderr is None:
        return
    with suppress(OSError):
        for line in shown(message, sys.stderr).splitlines():
            print(f"tressi: {line}", file=sys.stderr)  # noqa: T201 - standard error is meant


def forget_output() -> None:
    """Give up what is still in standard output's buffer; else the interpreter's last flush fails, aloud and with code 120."""
    _forget(sys.stdout)


def end_remarks() -> None:
    """Write what is still in the buffer of standard error; where its reader has left, give it up as `forget_output` does."""
    if sys.stderr is not None:
        try:
            sys.stderr.flush()
        except (OSError, ValueError):  # ValueError: it is closed
            _forget(sys.stderr)


def _forget(stream: IO[str] | None) -> None:
    if stream is not None:
        # ValueError: no file descriptor is behind it.
        with suppress(OSError, ValueError), Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), stream.fileno())


def _write_to_standard_output(pieces: Iterable[bytes]) -> None:
    if sys.stdout is None:
        raise OSError("it is closed")
    sys.stdout.flush()
    sys.stdout.buffer.writelines(pieces)
    sys.stdout.buffer.flush()
