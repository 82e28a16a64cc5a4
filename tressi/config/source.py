"""Reading a config from where it is: a file, standard input, an https:// address, or a mapping given by a program.

Whatever the bytes are, the outcome is a document or a sentence. Python's JSON reader takes more than JSON has (NaN, numbers
beyond any float, half of a surrogate pair, one key many times) and stops with an error of its own at a nesting of about a
thousand; each of these has its message here, because further down it would be a traceback.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections import Counter
from dataclasses import replace
from math import inf, isfinite
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from tressi.config.messages import Finding, Place, broken_url, no_json, path_of, printable, problem_of, refusal
from tressi.config.syntax import no_json_because
from tressi.errors import ConfigError
from tressi.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_BYTES = 128 * 1024 * 1024
MAX_DEPTH = 100
_PIECE_BYTES = 1 << 20
MAX_DIGITS = 4_000  # Python refuses to convert more, so that nobody can make it spend minutes on one number

_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read: any JSON value, and a warning for each key that stands more than once in one object.

    `folder` is where the files are that it names by relative paths, "" the working directory. None: it was fetched, and may
    name no file of this machine and no variable of its environment. `has_references`: `${` stands somewhere in it.
    """

    document: Any
    warnings: tuple[str, ...] = ()
    folder: str | None = ""
    has_references: bool = False


class _Repeating(dict[str, Any]):
    """An object in which the keys of `repeated` stand more than once; the last of each counts, as in JavaScript."""

    repeated: tuple[str, ...] = ()


def read(source: str | os.PathLike[str] | Mapping[str, Any]) -> Reading:
    """Read a config: a mapping, a path, `-` for standard input, or an https:// URL. Raises `ConfigError`."""
    if not isinstance(source, (str, os.PathLike)):
        text = _text_of(source)
        return replace(_examined(parse(text, "the mapping")), has_references="${" in text)
    name = os.fspath(source)
    data = _bytes_of(name)
    try:
        text = decoded(data, _label(name))
        reading = replace(_examined(parse(text, _label(name))), has_references="${" in text)
    except ConfigError as error:
        # A page is more likely meant as a target than as a config.
        if not name.lower().startswith("https://") or error.problems[0].path:
            raise
        raise refusal(f"{error}; {_as_target(name)}") from None
    return replace(reading, folder=None if "://" in name else _folder_of(name))


def _folder_of(name: str) -> str:
    # What a shell makes of `<(command)` is in /dev/fd, where nobody has put other files.
    return str(Path(name).parent) if name != "-" and Path(name).parent != Path() and Path(name).is_file() else ""


def decoded(data: bytes, label: str) -> str:
    """Turn a file's bytes into text, a byte order mark skipped. Raises `ConfigError` where they cannot be JSON."""
    if len(data) > MAX_BYTES:
        raise refusal(f"{label} is larger than {MAX_BYTES // 1024**2} MiB, the most a config may have")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise refusal(f"{label} is UTF-16; JSON is UTF-8, save it as such")
    if b"\0" in data:
        raise refusal(f"{label} is binary, not JSON: byte {data.index(0) + 1} is NUL")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise refusal(f"{label} is not UTF-8: byte {error.start + 1} is 0x{data[error.start]:02x}") from None
    if not text.strip():
        raise refusal(f"{label} is empty; `tressi init` writes a config to start from")
    return text


def parse(text: str, label: str) -> Any:  # noqa: ANN401 - any JSON value
    """Parse JSON text. Raises `ConfigError` with line and column where it is none."""
    try:
        return json.loads(text, object_pairs_hook=_object, parse_int=_integer)
    except json.JSONDecodeError as error:
        because = no_json_because(text, error)
        raise (refusal(f"{label} {because}") if because else no_json(label, error)) from None
    except RecursionError:
        raise refusal(f"{label} is nested deeper than {MAX_DEPTH} levels") from None


def _label(name: str) -> str:
    # Of an address, what may be a secret is hidden; a file has what name it has.
    return "standard input" if name == "-" else printable(broken_url(name) if "://" in name else name)


def _bytes_of(name: str) -> bytes:
    if name.lower().startswith("https://"):
        from tressi.config.fetch import fetch  # noqa: PLC0415 - most configs are files, which need no urllib3

        return fetch(name, MAX_BYTES)
    if name.lower().startswith("http://"):
        raise refusal(f"a config is fetched over https:// only, because anyone on the way could change it; {_as_target(name)}")
    try:
        return _read_standard_input() if name == "-" else _read_file(Path(name))
    except IsADirectoryError:
        raise refusal(f"{_label(name)} is a directory, not a config file") from None
    except OSError as error:
        raise refusal(f"cannot read {_label(name)}: {error.strerror or error}") from None
    except ValueError as error:  # a NUL in the name
        raise refusal(f"cannot read {_label(name)}: {error}") from None


def _as_target(name: str) -> str:
    return f"to send requests to this address: tressi quick {_label(name)}"


def _read_file(path: Path) -> bytes:
    with path.open("rb") as file:
        return _read(file)


def _read_standard_input() -> bytes:
    if sys.stdin is None:
        raise OSError("it is closed")
    return _read(sys.stdin.buffer)


def _read(file: IO[bytes]) -> bytes:
    """Read the whole document, at most one byte more than allowed: a file such as /dev/zero has no end.

    In pieces, because Python makes room beforehand for all that a single call may read.
    """
    data = bytearray()
    while len(data) <= MAX_BYTES and (piece := file.read(_PIECE_BYTES)):
        data += piece
    return bytes(data)


def _text_of(mapping: Mapping[str, Any]) -> str:
    # Through text and back: a copy that the caller cannot change later, of the types that JSON has.
    try:
        return json.dumps(mapping)
    except (TypeError, ValueError, RecursionError) as error:
        raise refusal(f"the mapping cannot be written as JSON: {error}") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    plain = dict(pairs)
    if len(plain) == len(pairs):
        return plain
    repeating = _Repeating(plain)
    repeating.repeated = tuple(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
    return repeating


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= MAX_DIGITS else inf


def _examined(document: object) -> Reading:
    if _is_plain(document, 0):
        return Reading(document, ())
    warnings, findings = [], []
    for place, value in _walk(document):
        findings += _defects(place, value)
        if isinstance(value, _Repeating):
            warnings += [f"{path_of((*place, key))}: stands more than once; the last one counts" for key in value.repeated]
    if findings:
        raise ConfigError([problem_of(finding) for finding in dict.fromkeys(findings)])
    return Reading(document, tuple(warnings))


def _is_plain(value: Any, depth: int) -> bool:  # noqa: ANN401 - any JSON value
    """Whether there is certainly nothing to say of a value: the places of a large document take longer than its values."""
    kind = type(value)
    if kind is str:
        return value.isascii() or not _SURROGATE.search(value)
    if depth >= MAX_DEPTH:
        return False
    if kind is dict:  # and no _Repeating
        return all(name.isascii() and _is_plain(inner, depth + 1) for name, inner in value.items())
    if kind is list:
        return all(_is_plain(inner, depth + 1) for inner in value)
    return kind is not _Repeating and (kind is not float or isfinite(value))


def _walk(document: object) -> Iterator[tuple[Place, Any]]:
    # A list instead of recursion: the document may be as deep as the JSON reader lets through. In document order.
    waiting: list[tuple[Place, Any]] = [((), document)]
    while waiting:
        place, value = waiting.pop()
        yield place, value
        if len(place) > MAX_DEPTH:
            continue
        inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        waiting += [((*place, key), item) for key, item in inner][::-1]


def _defects(place: Place, value: object) -> list[Finding]:
    if len(place) > MAX_DEPTH:
        return [(place[:3], f"is nested deeper than {MAX_DEPTH} levels")]
    if isinstance(value, float) and not isfinite(value):
        return [(place, "is no number that JSON has, or beyond what a number can hold")]
    texts = list(value) if isinstance(value, dict) else [value] if isinstance(value, str) else []
    if any(_SURROGATE.search(text) for text in texts):
        return [(place, "has half of a surrogate pair, which is no character")]
    return []
