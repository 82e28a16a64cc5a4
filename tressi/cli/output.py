"""Where a subcommand's words go: results to standard output or a file, remarks to standard error."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tressi.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterable

STANDARD_OUTPUT: Final = "standard output"


def write(text: str, file: str = "-") -> None:
    """Write text and one final line end to `file`, `-` being standard output.

    Raises `OutputError`; `BrokenPipeError` where whoever reads standard output has left, which is no failure to report.
    """
    write_pieces([f"{text.rstrip()}\n".encode()], file)  # UTF-8 whatever the locale says


def write_pieces(pieces: Iterable[bytes], file: str) -> None:
    """The same of bytes that come in pieces, as they are."""
    try:
        if file == "-":
            _write_to_standard_output(pieces)
        else:
            with Path(file).open("wb") as stream:
                stream.writelines(pieces)
    except BrokenPipeError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = error.strerror if isinstance(error, OSError) else None
        raise OutputError(STANDARD_OUTPUT if file == "-" else file, reason or str(error)) from None


def remark(message: str) -> None:
    """Say something that is no result, each line under the program's name; lost where nobody listens any more."""
    if sys.stderr is None:
        return
    with suppress(OSError):
        for line in message.splitlines():
            print(f"tressi: {line}", file=sys.stderr)  # noqa: T201 - standard error is meant


def forget_output() -> None:
    """Give up what is still in standard output's buffer; else the interpreter's last flush fails, aloud and with code 120."""
    if sys.stdout is not None:
        # ValueError: no file descriptor is behind it.
        with suppress(OSError, ValueError), Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())


def _write_to_standard_output(pieces: Iterable[bytes]) -> None:
    if sys.stdout is None:
        raise OSError("it is closed")
    sys.stdout.flush()
    sys.stdout.buffer.writelines(pieces)
    sys.stdout.buffer.flush()
