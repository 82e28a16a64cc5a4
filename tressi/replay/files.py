"""A log as a file: opened, unpacked, and known by how it begins. The one part of this room that reads anything."""

from __future__ import annotations

import gzip
import io
import json
import sys
import zlib
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from tressi.errors import ConfigError, ConfigProblem
from tressi.masking import mask_url
from tressi.replay.entries import LineError
from tressi.replay.formats import NAMED, FormatError, line_format
from tressi.replay.gathering import Gathered, Wanted, gather, gather_rows
from tressi.replay.lines import ROLES, entry_of_har, reader_of_format, reader_of_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from tressi.replay.entries import Entry

_GZIP: Final = b"\x1f\x8b"
_LOOKED_AT: Final = 50  # lines, to know the format by
OTHERS: Final = ("har", "json")


def read_log(path: str, log_format: str | None, fields: Mapping[str, str], wanted: Wanted) -> Gathered:
    """Read a log; `-` is standard input. Raises ConfigError where it cannot be read, or has no line that can be sent.

    `log_format` is a server's format string, or the name of a format; None: it is known by the first lines.
    """
    try:
        with _opened(path) as file:
            found = _read(file, path, log_format, fields, wanted)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise refused("LOG", f"{path!r} cannot be read: {reason}") from None
    if not found.times_ns:
        raise refused("LOG", f"{path!r} has no request that can be sent: {told(found)}")
    return found


def told(found: Gathered) -> str:
    """What became of the lines that are not sent, in words."""
    parts = [f"of {found.lines:,} lines {len(found.times_ns):,} are sent"]
    if found.left_out:
        methods = ", ".join(f"{count:,} {method}" for method, count in found.left_out.most_common(5))
        parts.append(f"left out: {methods} (--methods asks for more)")
    if found.elsewhere:
        parts.append(f"{found.elsewhere:,} are of other paths than --only")
    if found.unreadable:
        parts.append(f"{found.unreadable:,} could not be read")
    lines = [f"line {one.number}: {mask_url(one.reason)}" for one in found.first_unreadable]
    return "; ".join(parts) + "".join(f"\n  {line}" for line in lines)


def counted(found: Gathered) -> dict[str, Any]:
    """The same in numbers, as a summary has them."""
    return {
        "lines": found.lines,
        "taken": len(found.times_ns),
        "leftOut": dict(found.left_out),
        "otherPaths": found.elsewhere,
        "unreadable": found.unreadable,
    }


def fields_of(texts: Sequence[str]) -> dict[str, str]:
    """`--fields time=ts,url=path` as names by role. Raises ConfigError."""
    found: dict[str, str] = {}
    for one in ",".join(texts).split(",") if texts else ():
        role, equals, name = one.strip().partition("=")
        if not equals or not name or role not in ROLES:
            raise refused("--fields", f"{one!r} is no ROLE=NAME; the roles are {', '.join(ROLES)}")
        found[role] = name
    return found


def refused(place: str, message: str) -> ConfigError:
    """What is wrong with an argument."""
    return ConfigError([ConfigProblem(place, message)])


# ---------------------------------------------------------------------------------------------------------- its small parts


@contextmanager
def _opened(path: str) -> Iterator[IO[str]]:
    """A log as text, unpacked if it is packed; a byte that is no UTF-8 stays what it is."""
    if path == "-" and sys.stdin is None:
        raise refused("LOG", "is standard input, which is closed")
    raw: Any = sys.stdin.buffer if path == "-" else Path(path).open("rb")  # noqa: SIM115 - closed below
    try:
        buffered = raw if isinstance(raw, io.BufferedReader) else io.BufferedReader(raw)
        plain: Any = gzip.GzipFile(fileobj=buffered) if buffered.peek(2)[:2] == _GZIP else buffered
        yield io.TextIOWrapper(plain, encoding="utf-8", errors="surrogateescape", newline="\n")
    finally:
        if path != "-":
            raw.close()


def _read(file: IO[str], path: str, log_format: str | None, fields: Mapping[str, str], wanted: Wanted) -> Gathered:
    if log_format == "har" or (log_format is None and path.endswith((".har", ".har.gz"))):
        return _har(file.read(), wanted)
    first = list(islice(file, _LOOKED_AT))
    if log_format is None and fields:
        log_format = "json"
    if log_format is None and _is_document(first):
        return _har("".join(chain(first, file)), wanted)
    reader = _reader(log_format, fields, first)
    return gather(chain(first, file), reader, wanted)


def _reader(log_format: str | None, fields: Mapping[str, str], first: Sequence[str]) -> Callable[[str], Entry]:
    """What reads a line. Raises ConfigError for a format that is none, or that cannot be known."""
    if log_format == "json":
        return reader_of_json(fields)
    if log_format is None:
        return _recognised(first)
    try:
        return reader_of_format(line_format(log_format))
    except FormatError as error:
        raise refused("--log-format", f"{log_format!r} {error}") from None


def _recognised(first: Sequence[str]) -> Callable[[str], Entry]:
    """What reads most of the first lines; combined comes before common, whose lines it does not have."""
    readers = [reader_of_format(line_format(name)) for name in ("combined", "common")]
    readers.append(reader_of_json({}))
    counts = [sum(_reads(reader, line) for line in first) for reader in readers]
    if not any(counts):
        names = ", ".join((*NAMED, *OTHERS))
        raise refused("--log-format", f"is needed: the first lines are of none of the formats that are known ({names})")
    return readers[counts.index(max(counts))]


def _reads(reader: Callable[[str], Entry], line: str) -> bool:
    try:
        reader(line.rstrip("\r\n"))
    except LineError as error:
        # A request that cannot be sent is of the format all the same.
        return "not of the log's format" not in str(error) and "JSON" not in str(error)
    return True


def _is_document(first: Iterable[str]) -> bool:
    """Whether the log is one object of JSON, and not an object a line."""
    line = next((line for line in first if line.strip()), "")
    if not line.lstrip("\ufeff \t").startswith("{"):
        return False
    try:
        return "log" in json.loads(line) and isinstance(json.loads(line)["log"], dict)
    except (ValueError, RecursionError):
        return True


def _har(text: str, wanted: Wanted) -> Gathered:
    """Raises ConfigError where it is no HAR."""
    try:
        document = json.loads(text.removeprefix("\ufeff"))
        rows = document["log"]["entries"]
    except (ValueError, RecursionError, KeyError, TypeError):
        rows = None
    if not isinstance(rows, list):
        raise refused("LOG", "is no HAR: it has no log.entries; JSON with an object a line is --log-format json")
    return gather_rows(rows, entry_of_har, wanted)
