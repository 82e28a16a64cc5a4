"""Lines into entries: of a server's own format, and of JSON. Each reader is a pure function of one line. Raises LineError."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from tressi.replay import stamps
from tressi.replay.entries import Entry, LineError, origin_of, sendable, split_request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tressi.replay.formats import LineFormat

ROLES: Final = {
    "start": ("start", "startedDateTime", "start_time"),
    "time": ("time", "@timestamp", "timestamp", "ts", "time_iso8601", "time_local", "msec", "date"),
    "request": ("request",),
    "url": ("request_uri", "url", "uri", "path", "target"),
    "method": ("request_method", "method", "verb"),
    "host": ("host", "http_host", "server_name"),
    "scheme": ("scheme",),
    "duration": ("request_time", "duration", "duration_s"),
    "duration_ms": ("duration_ms", "latency_ms"),
    "duration_us": ("duration_us",),
    "duration_ns": ("duration_ns",),
}
_DURATIONS: Final = {"duration": stamps.NS_PER_S, "duration_ms": 1_000_000, "duration_us": 1_000, "duration_ns": 1}


def reader_of_format(form: LineFormat) -> Callable[[str], Entry]:
    """What reads a line of that format."""
    return partial(_entry_of_line, form)


def _entry_of_line(form: LineFormat, line: str) -> Entry:
    found = form.pattern.fullmatch(line)
    if found is None:
        raise LineError("it is not of the log's format")
    if form.is_plain:
        # Most formats: a time that does not need a duration, and a request line.
        try:
            time_ns, is_whole = form.time_of(found["time"])
        except ValueError as error:
            raise LineError(str(error)) from None
        return Entry(time_ns, is_whole, *_whole_request(found["request"]))
    fields = found.groupdict()
    try:
        time_ns, is_whole = form.time_of(fields["time"])
        delay_ns = stamps.duration(fields["duration"], form.duration_unit_ns) if form.at_end and "duration" in fields else 0
    except ValueError as error:
        raise LineError(str(error)) from None
    method, target = _request_of(fields)
    origin, target = sendable(target)
    host = fields.get("host")
    if not origin and host:
        origin = origin_of(fields.get("scheme", "http"), host)
    return Entry(time_ns, is_whole, method, target, origin, delay_ns)


def _whole_request(line: str) -> tuple[str, str, str]:
    """The method, the target and the origin that a request line names."""
    method, target = split_request(line)
    origin, target = sendable(target)
    return method, target, origin


def _request_of(fields: Mapping[str, str]) -> tuple[str, str]:
    """The method and the target, from the request line or from its parts."""
    if "request" in fields:
        return split_request(fields["request"])
    target = fields.get("target") or fields.get("path", "")
    query = fields.get("query", "")
    if "target" not in fields and query not in {"", "-"}:
        target += query if query.startswith("?") else f"?{query}"
    return (fields.get("method") or "GET").upper(), target


# ---------------------------------------------------------------------------------------------------------------- of JSON


def reader_of_json(names: Mapping[str, str]) -> Callable[[str], Entry]:
    """What reads a line of JSON whose members have these names by role (see ROLES); roles left out have the usual names."""
    return partial(_entry_of_json, {role: (names[role],) if role in names else usual for role, usual in ROLES.items()})


def _entry_of_json(names: Mapping[str, tuple[str, ...]], line: str) -> Entry:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        raise LineError("it is no JSON") from None
    if not isinstance(row, dict):
        raise LineError("it is no object of JSON")
    fields = {role: value for role, usual in names.items() if (value := _member(row, usual)) is not None}
    try:
        time_ns, is_whole, delay_ns = _times_of(fields)
    except ValueError as error:
        raise LineError(str(error)) from None
    method, target = _of_json_request(fields)
    origin, target = sendable(target)
    if not origin and "host" in fields:
        origin = origin_of(fields.get("scheme", "http"), fields["host"])
    return Entry(time_ns, is_whole, method, target, origin, delay_ns)


def _of_json_request(fields: Mapping[str, str]) -> tuple[str, str]:
    if "url" in fields:
        return fields.get("method", "GET").upper(), fields["url"]
    if "request" in fields:
        return split_request(fields["request"])
    raise LineError("it has no URL: name its member with --fields url=NAME")


def _times_of(fields: Mapping[str, str]) -> tuple[int, bool, int]:
    """The time, whether it is of a whole second, and how long before it the request began. Raises ValueError."""
    if "start" in fields:
        return (*stamps.any_form(fields["start"]), 0)
    if "time" not in fields:
        raise LineError("it has no time: name its member with --fields time=NAME")
    delay_ns = next((stamps.duration(fields[role], unit) for role, unit in _DURATIONS.items() if role in fields), 0)
    return (*stamps.any_form(fields["time"]), delay_ns)


def _member(row: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    """The first of these members as text; a name with dots is a way into objects."""
    for name in names:
        value: Any = row.get(name)
        if value is None and "." in name:
            value = row
            for part in name.split("."):
                value = value.get(part) if isinstance(value, dict) else None
        if isinstance(value, str):
            return value
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            # A float's shortest form may be one with an exponent.
            return f"{value:.9f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    return None


# ----------------------------------------------------------------------------------------------------------------- of HAR


def entry_of_har(row: Any) -> Entry:  # noqa: ANN401 - any JSON value
    """One of the entries of a HAR file. Raises LineError."""
    request = row.get("request") if isinstance(row, dict) else None
    if not isinstance(request, dict) or not isinstance(request.get("url"), str):
        raise LineError("it has no request with a URL")
    try:
        time_ns, is_whole = stamps.any_form(str(row.get("startedDateTime")))
    except ValueError as error:
        raise LineError(str(error)) from None
    origin, target = sendable(request["url"])
    return Entry(time_ns, is_whole, str(request.get("method", "GET")).upper(), target, origin)
