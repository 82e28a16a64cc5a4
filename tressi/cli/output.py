"""Where a subcommand's words go: results to standard output or a file, remarks to standard error."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

from tressi.errors import OutputError


def write(text: str, file: str = "-") -> None:
    """Write text and one final line end to `file`, `-` being standard output.

    Raises `OutputError`; `BrokenPipeError` where whoever reads standard output has left, which is no failure to report.
    """
    data = f"{text.rstrip()}\n".encode()  # UTF-8 whatever the locale says
    try:
        if file == "-":
            _write_to_standard_output(data)
        else:
            Path(file).write_bytes(data)
    except BrokenPipeError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = error.strerror if isinstance(error, OSError) else None
        raise OutputError("standard output" if file == "-" else file, reason or str(error)) from None


def remark(message: str) -> None:
    """Say something that is no result, each line under the program's name; lost where nobody listens any more."""
    if sys.stderr is None:
        return
    with suppress(OSError):
        for line in message.splitlines():
            print(f"tressi: {line}", file=sys.stderr)  # noqa: T201 - standard error is meant


def _write_to_standard_output(data: bytes) -> None:
    if sys.stdout is None:
        raise OSError("it is closed")
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
