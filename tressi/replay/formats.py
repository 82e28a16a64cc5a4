r"""The formats of access logs, as their servers write them: a format string into a pattern for its lines.

nginx's strings have variables (`$time_local`), Apache's have directives (`%t`, `%{Referer}i`). What stands between them is
text. Each becomes a group of one pattern for a whole line; only the few that a replay needs have a name:

| group | what it is | from nginx | from Apache |
| --- | --- | --- | --- |
| `request` | `GET /x HTTP/1.1` | `$request` | `%r` |
| `method`, `target`, `path`, `query` | its parts | `$request_method`, `$request_uri`, `$uri`, `$args` | `%m`, `%U`, `%q` |
| `host`, `scheme` | where it went | `$host`, `$http_host`, `$scheme` | `%v`, `%V`, `%{Host}i` |
| `common`, `iso`, `epoch` | when | `$time_local`, `$time_iso8601`, `$msec` | `%t` |
| `duration` | for how long | `$request_time` | `%D`, `%T`, `%{ms}T` |

A server writes a line when a request has ended. The times of nginx are of that moment, so a start is the time less the
duration. Apache's `%t` is the time at which the request was received, and needs nothing; its `%{end:...}t` is like nginx's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from tressi.replay import stamps

if TYPE_CHECKING:
    from collections.abc import Callable

    from tressi.replay.stamps import Stamp

COMMON: Final = '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent'
COMBINED: Final = f'{COMMON} "$http_referer" "$http_user_agent"'
NAMED: Final = {"common": COMMON, "combined": COMBINED}

_NGINX: Final = {
    "request": "request",
    "request_method": "method",
    "request_uri": "target",
    "uri": "path",
    "document_uri": "path",
    "args": "query",
    "query_string": "query",
    "host": "host",
    "http_host": "host",
    "server_name": "host",
    "scheme": "scheme",
    "time_local": "common",
    "time_iso8601": "iso",
    "msec": "epoch",
    "request_time": "duration",
}
_APACHE: Final = {"r": "request", "m": "method", "U": "path", "q": "query", "v": "host", "V": "host"}
# Variables and directives whose values have no space, so that the pattern need not look for the text behind them.
_WORDS: Final = frozenset({"remote_addr", "status", "body_bytes_sent", "bytes_sent", "h", "a", "l", "s", "b", "O", "B", "I"})
_READERS: Final[dict[str, Callable[[str], stamps.Stamp]]] = {
    "common": stamps.common,
    "iso": stamps.iso,
    "epoch": stamps.number,
}
_SHAPES: Final = {"common": r"[^\]\"]*", "epoch": r"[\d.]+"}
_UNITS_NS: Final = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000}
_STAMPED: Final = {"sec": 1_000_000_000, "msec": 1_000_000, "usec": 1_000}
_APACHE_DIRECTIVE: Final = re.compile(r"%[!\d,]*[<>]?(?:\{([^}]*)\})?(\^?[A-Za-z]{1,2}|%)")
_NGINX_VARIABLE: Final = re.compile(r"\$(?:\{([A-Za-z0-9_]+)\}|([A-Za-z0-9_]+))")
_MOST_BYTES: Final = 4096


class FormatError(ValueError):
    """A format string is none, or lacks what a replay needs. `str()` is the rule that it breaks."""


@dataclass(frozen=True, slots=True)
class LineFormat:
    """How the lines of a log are read: `time_of` reads the group `time`, `at_end` says that it is the end of a request.

    `duration_unit_ns` is that of the group `duration`.
    """

    pattern: re.Pattern[str]
    time_of: Callable[[str], Stamp]
    at_end: bool
    duration_unit_ns: int
    is_plain: bool  # its lines say no more than when a request line came


@dataclass(slots=True)
class _Told:
    """What the directives of a format say beside their groups."""

    time_of: Callable[[str], Stamp] | None = None
    at_end: bool = True
    duration_unit_ns: int = _UNITS_NS["s"]


def line_format(text: str) -> LineFormat:
    """Read a format string of nginx or Apache, or the name of one: `combined`, `common`. Raises FormatError."""
    text = NAMED.get(text, text)
    if len(text) > _MOST_BYTES:
        raise FormatError(f"has {len(text)} characters, and {_MOST_BYTES} are the most")
    told = _Told()
    is_apache = _is_apache(text)
    pieces = _apache_pieces(text, told) if is_apache else _nginx_pieces(text, told)
    groups = _once(pieces)
    names = frozenset(name for name, _ in groups if name not in {"", "-", "word"})
    if told.time_of is None:
        raise FormatError("has no time: it needs one of $time_local, $time_iso8601, $msec or %t")
    if not names & {"request", "target", "path"}:
        raise FormatError("has no request: it needs one of $request, $request_uri, $uri, %r or %U")
    is_plain = "request" in names and names <= {"request", "common", "iso", "epoch"}
    return LineFormat(re.compile(_pattern(groups)), told.time_of, told.at_end, told.duration_unit_ns, is_plain)


def _is_apache(text: str) -> bool:
    """Whether it is Apache's. A `$` is only text there, and a `%` is only text in nginx's."""
    if not _NGINX_VARIABLE.search(text) and not _APACHE_DIRECTIVE.search(text):
        raise FormatError("has neither variables of nginx ($time_local) nor directives of Apache (%t)")
    return not _NGINX_VARIABLE.search(text)


def _nginx_pieces(text: str, told: _Told) -> list[tuple[str, str]]:
    """(group, text) in turn: a variable with its group (or "" for none that is needed), then the text behind it."""
    pieces, place = [("-", text[: _begin(_NGINX_VARIABLE, text)])], 0
    found = list(_NGINX_VARIABLE.finditer(text))
    for index, one in enumerate(found):
        place = found[index + 1].start() if index + 1 < len(found) else len(text)
        name = one[1] or one[2]
        group = _NGINX.get(name, "word" if name in _WORDS else "")
        if group in {"common", "iso", "epoch"}:
            told.time_of = _READERS[group]
        pieces.append((group, text[one.end() : place]))
    return pieces


def _apache_pieces(text: str, told: _Told) -> list[tuple[str, str]]:
    """The same of Apache's directives. Raises FormatError for a time whose form it does not know."""
    text = text.replace('\\"', '"').replace("\\t", "\t")
    pieces = [("-", text[: _begin(_APACHE_DIRECTIVE, text)])]
    found = list(_APACHE_DIRECTIVE.finditer(text))
    for index, one in enumerate(found):
        place = found[index + 1].start() if index + 1 < len(found) else len(text)
        behind = text[one.end() : place]
        if one[2] == "%":
            pieces[-1] = (pieces[-1][0], f"{pieces[-1][1]}%{behind}")
            continue
        pieces.append((_apache_group(one[1], one[2], told), behind))
    return pieces


def _apache_group(argument: str | None, directive: str, told: _Told) -> str:
    if directive == "t":
        return _apache_time(argument or "", told)
    if directive in {"D", "T"}:
        told.duration_unit_ns = _UNITS_NS["us"] if directive == "D" else _UNITS_NS.get(argument or "s", _UNITS_NS["s"])
        return "duration"
    if directive == "i" and (argument or "").lower() == "host":
        return "host"
    return _APACHE.get(directive, "word" if directive in _WORDS else "")


def _apache_time(argument: str, told: _Told) -> str:
    kind, _, form = argument.rpartition(":") if argument.startswith(("begin:", "end:")) else ("", "", argument)
    told.at_end = argument.startswith("end:")
    if not form or argument in {"begin", "end"}:
        told.time_of, told.at_end = stamps.common, argument == "end" or kind == "end"
        return "common"
    if form in _STAMPED:
        told.time_of = partial(stamps.number, unit_ns=_STAMPED[form])
        return "epoch"
    if "%d/%b/%Y:%H:%M:%S" in form and "%z" in form:
        told.time_of = stamps.common
        return "common"
    if form in {"%Y-%m-%dT%H:%M:%S%z", "%FT%T%z", "%Y-%m-%d %H:%M:%S %z"}:
        told.time_of = stamps.iso
        return "iso"
    raise FormatError(f"has the time %{{{argument}}}t, and only %t and its sec, msec, usec and ISO 8601 are read")


def _begin(pattern: re.Pattern[str], text: str) -> int:
    found = pattern.search(text)
    return found.start() if found else len(text)


def _once(pieces: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """A group may be there once: the first of several has it, but for times, of which the last is read."""
    seen: set[str] = set()
    groups: list[tuple[str, str]] = []
    times = [index for index, (group, _) in enumerate(pieces) if group in {"common", "iso", "epoch"}]
    for index, (group, text) in enumerate(pieces):
        is_needed = group == "-" or (index == times[-1] if index in times else group not in seen)
        seen.add(group)
        groups.append((group if is_needed or group == "word" else "", text))
    return groups


def _pattern(groups: list[tuple[str, str]]) -> str:
    """The pattern of a line. Each value is atomic, so that no line takes longer than its length: strangers write into logs."""
    parts = [re.escape(groups[0][1])]
    for group, behind in groups[1:]:
        name = "time" if group in {"common", "iso", "epoch"} else "" if group == "word" else group
        # Apache writes the brackets of %t itself, nginx has them in its format.
        edges = (r"\[?", r"\]?") if group == "common" and not behind.startswith("]") else ("", "")
        shape = f"{edges[0]}(?P<{name}>{_shape(group, behind)}){edges[1]}" if name else _shape(group, behind)
        parts.append(f"(?>{shape}{re.escape(behind)})")
    return "".join(parts)


def _shape(group: str, behind: str) -> str:
    """What a value looks like, up to the first place where what follows on it stands."""
    if group in _SHAPES:
        return _SHAPES[group]
    if behind.startswith('"'):
        # Within quotes a server escapes quotes and backslashes.
        return r'[^"\\]*(?:\\.[^"\\]*)*'
    if group == "request":
        # Without quotes its spaces are no ends.
        return r"(?>\S+ (?>.*? HTTP/[\d.]+)|\S+ \S+|\S*)"
    if group in {"path", "word", "query"} and (not behind or behind.startswith(" ")):
        return r"[^? ]*" if group == "path" and not behind else r"[^ ]*"
    if len(behind) == 1:
        return f"[^{re.escape(behind)}]*"
    return ".*?" if behind else ".*"
