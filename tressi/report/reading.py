"""A finished run read from its files: the bytes of a summary or a log, and the JSON in them. Each refusal is in words."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, NoReturn

import orjson

from tressi.config.messages import no_json, refusal

if TYPE_CHECKING:
    import os

SUMMARY: Final = "summary.json"
LOG: Final = "latency.hlog"
STANDARD_INPUT: Final = "-"
MOST_BYTES: Final = 1 << 29  # far beyond the summary of any run
_PIECE_BYTES: Final = 1 << 20


def bytes_of(source: str | os.PathLike[str], label: str) -> bytes:
    """A file, or standard input for "-", whole. Raises ConfigError, which calls it `label`."""
    try:
        if source == STANDARD_INPUT:
            data = _read(_standard_input())
        else:
            with Path(source).open("rb") as file:
                data = _read(file)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = error.strerror if isinstance(error, OSError) else None
        raise refusal(f"cannot read {label}: {reason or error}") from None
    if len(data) > MOST_BYTES:
        raise refusal(f"{label} is larger than {MOST_BYTES // 1024**2} MiB, the most that is read")
    return data


def parsed(data: bytes, label: str) -> Any:  # noqa: ANN401 - any JSON value
    """JSON to the last digit of its numbers. Raises ConfigError for numbers and characters that JSON does not have."""
    try:
        text = data.decode("utf-8-sig")
        document = json.loads(text, parse_constant=_refuse_constant)
        if "\\ud" in text.lower():
            json.dumps(document, ensure_ascii=False).encode()  # half of a surrogate pair is no character
    except json.JSONDecodeError as error:
        if text.lstrip().startswith("{") and not text.rstrip().endswith("}"):
            raise refusal(f"{label} breaks off at line {text.rstrip().count(chr(10)) + 1}: it is not whole") from None
        raise no_json(label, error) from None
    except RecursionError:
        raise refusal(f"{label} is nested too deep") from None
    except ValueError as error:  # bytes that are no UTF-8, NaN, a number of thousands of digits
        raise refusal(f"{label} is not JSON: {error}") from None
    return document


def quickly_parsed(data: bytes, label: str) -> Any:  # noqa: ANN401 - any JSON value
    """The same in a third of the time, where integers beyond 64 bits may lose digits."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return parsed(data, label)


def _standard_input() -> IO[bytes]:
    if sys.stdin is None:
        raise OSError("it is closed")
    return sys.stdin.buffer


def _read(file: IO[bytes]) -> bytes:
    """Read it whole, or, of a file without end such as /dev/zero, one byte more than allowed."""
    data = bytearray()
    while len(data) <= MOST_BYTES and (piece := file.read(_PIECE_BYTES)):
        data += piece
    return bytes(data)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"it has no number {name}")
