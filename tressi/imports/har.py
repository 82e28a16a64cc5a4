"""HAR 1.1 and 1.2, the recordings that browsers export: the requests of a user in their order, with the rests between them.

A recording has more than a user's requests: what a cache answered, what was blocked, the counters and advertisements of
others. Each of these is left out with a sentence, by host, so that no load goes to somebody who was not asked.
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as BinasciiError
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from tressi.imports.correlate import Exchange, correlated
from tressi.imports.finish import finished
from tressi.imports.peek import number, obj, objs, text
from tressi.imports.request import Body, DocumentError, Gathered, Request, Visit, url_parts
from tressi.imports.sendable import (
    CONDITIONAL,
    clean_url_text,
    media_type,
    pairs_body,
    sent_headers,
    text_body,
    with_content_type,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tressi.imports.names import Names
    from tressi.imports.options import Imported, Options

# A rest below this is the machine's, not a person's; beyond the longest somebody had left.
LEAST_THINK_S: Final = 0.5
LONGEST_THINK_S: Final = 60.0
_FAILED: Final = 400
_NOT_MODIFIED: Final = 304
_METHOD: Final = re.compile(r"[A-Z0-9!#$%&'*+.^_`|~-]+")
# Second-level names under which others register theirs, such as .co.uk.
_PUBLIC: Final = frozenset({"ac", "co", "com", "edu", "gov", "net", "or", "org"})


@dataclass(frozen=True, slots=True)
class _Entry:
    """An entry as it was recorded: when it began and ended, in seconds, and its two halves."""

    begin_s: float
    end_s: float
    origin: str
    path: str
    query: str | None
    raw: Mapping[str, Any]

    @property
    def host(self) -> str:
        """Host and port."""
        return self.origin.partition("://")[2].rpartition("@")[2]


def import_har(document: Any, options: Options, names: Names) -> Imported:  # noqa: ANN401 - any JSON value
    """The config of a recording. Raises ConfigError."""
    wanted = options.wanted or "flow"
    notes: list[str] = []
    entries = _entries(document, notes)
    entries = _wanted(entries, options, notes)
    exchanges = [exchange for entry in entries if (exchange := _exchange(entry, wanted, options, notes)) is not None]
    if not exchanges:
        raise DocumentError("; ".join(["nothing of the recording is left that tressi could send", *_unique(notes)[:5]]))
    notes += _about_secrets(document, entries)
    if wanted == "flow":
        visits, said, longest = correlated(exchanges, names)
        visits = _rested(visits, exchanges, notes)
        notes += said
        notes += _cookies_from_before(entries)
    else:
        visits, longest = [Visit(exchange.request) for exchange in exchanges], 0
    return finished(Gathered(tuple(visits), tuple(_unique(notes)), longest=longest), wanted, options, names)


# ----------------------------------------------------------------------------------------------------------------- entries


def _entries(document: Any, notes: list[str]) -> list[_Entry]:  # noqa: ANN401 - any JSON value
    log = obj(document, "log")
    if not isinstance(log.get("entries"), list):
        raise DocumentError("this is no HAR: it has no log.entries")
    version = text(log, "version")
    if version not in {"1.1", "1.2", ""}:
        notes.append(f"the recording is of version {version[:10]!r}; what HAR 1.2 has is read")
    found: list[_Entry] = []
    schemes = Counter[str]()
    for raw in objs(log, "entries"):
        url = text(raw, "request", "url")
        parts = url_parts(url)
        scheme = url.partition(":")[0].lower()[:12]
        if parts is None or scheme not in {"http", "https"}:
            schemes[scheme or "no URL"] += 1
            continue
        begin_s = _seconds(text(raw, "startedDateTime"), found)
        found.append(_Entry(begin_s, begin_s + max(0.0, number(raw, "time") or 0.0) / 1000, *parts, raw))
    notes += [f"left out: {_requests(count)} of {scheme}:, which is not HTTP" for scheme, count in sorted(schemes.items())]
    return sorted(found, key=lambda entry: entry.begin_s)


def _seconds(stamp: str, before: Sequence[_Entry]) -> float:
    """A time of ISO 8601 in seconds; the begin of the entry before where it cannot be read."""
    try:
        return datetime.fromisoformat(stamp).timestamp()
    except (ValueError, OverflowError, OSError):
        return before[-1].begin_s if before else 0.0


def _wanted(entries: list[_Entry], options: Options, notes: list[str]) -> list[_Entry]:
    """What is asked for, of what went over the network: without hosts that are named, those of the first page."""
    sent = []
    reasons = Counter[str]()
    for entry in entries:
        reason = _unsent(entry.raw)
        reasons[reason or ""] += 1
        if reason is None:
            sent.append(entry)
    notes += [f"left out: {_requests(count)} {reason}" for reason, count in sorted(reasons.items()) if reason]
    kept, others, elsewhere = [], Counter[str](), 0
    first = next((entry for entry in sent if "html" in media_type(text(entry.raw, "response", "content", "mimeType"))), None)
    site = _site((first or sent[0]).host) if sent else ""
    for entry in sent:
        if not (options.takes_host(entry.host) if options.hosts else _site(entry.host) == site):
            others[entry.host] += 1
        elif options.takes_path(entry.path):
            kept.append(entry)
        else:
            elsewhere += 1
    why = "--hosts names others" if options.hosts else f"not of {site}; --hosts takes it"
    notes += [f"left out: {_requests(count)} to {host} ({why})" for host, count in sorted(others.items())]
    notes += [f"left out: {_requests(elsewhere)} whose paths --only does not name"] if elsewhere else []
    return kept


def _requests(count: int) -> str:
    return "1 request" if count == 1 else f"{count} requests"


def _unsent(raw: Mapping[str, Any]) -> str | None:
    """Why an entry was no request over the network, None where it was."""
    if raw.get("_fromCache") or (number(raw, "response", "status") == 200 and obj(raw, "response").get("_fromDiskCache")):  # noqa: PLR2004
        return "that a cache of the browser answered"
    if text(raw, "_resourceType") == "websocket" or number(raw, "response", "status") == 101:  # noqa: PLR2004 - switching protocols
        return "that became WebSockets"
    if not number(raw, "response", "status"):
        return "without a response (blocked, or broken off)"
    if not _METHOD.fullmatch(text(raw, "request", "method").upper()) or text(raw, "request", "method").upper() == "CONNECT":
        return "whose method tressi does not send"
    return None


def _site(host: str) -> str:
    """What the hosts of one owner share: the last two labels of a name, three below such as co.uk; an address is itself."""
    name = host.lower()
    name = name.rpartition(":")[0] if name.rpartition(":")[2].isdecimal() and name.rpartition(":")[0] else name
    labels = name.split(".")
    if name.startswith("[") or labels[-1].isdecimal() or len(labels) < 3:  # noqa: PLR2004 - shop.example is a site
        return name
    few = 3 if len(labels[-1]) == 2 and labels[-2] in _PUBLIC else 2  # noqa: PLR2004 - a country's
    return ".".join(labels[-few:])


# ---------------------------------------------------------------------------------------------------------------- requests


def _exchange(entry: _Entry, wanted: str, options: Options, notes: list[str]) -> Exchange | None:
    request, response = obj(entry.raw, "request"), obj(entry.raw, "response")
    headers = _headers(request)
    method = text(request, "method").upper()
    origin = entry.origin if options.base_url is None else options.base_url.rstrip("/")
    kept, left = sent_headers(_moved(_without(headers, wanted, notes), entry.origin, origin), entry.origin)
    notes += [f"left out: {one}" for one in left]
    content_type = next((value for name, value in headers if name.lower() == "content-type"), None)
    body, problem = _body(request, content_type)
    if problem is not None:
        notes.append(f"{method} {entry.path} was left out: {problem}")
        return None
    status = int(number(response, "status") or 0)
    if status >= _FAILED:
        notes.append(f"{method} {entry.path} was answered with {status}: that status is expected of it")
    made = Request(
        method,
        origin,
        clean_url_text(entry.path),
        None if entry.query is None else clean_url_text(entry.query),
        tuple(with_content_type(kept, body)),
        body,
        status=status if status >= _FAILED else None,
    )
    return Exchange(made, entry.begin_s, entry.end_s, tuple(_headers(response)), _content(response))


def _headers(half: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(text(one, "name"), text(one, "value")) for one in objs(half, "headers") if text(one, "name")]


def _without(headers: Iterable[tuple[str, str]], wanted: str, notes: list[str]) -> list[tuple[str, str]]:
    """The headers without those of a cache, and in a flow without cookies, which its jar sends."""
    kept = []
    for name, value in headers:
        if name.lower() in CONDITIONAL:
            notes.append(f"left out: the header {name}, because a user who comes first has nothing in a cache")
        elif name.lower() != "cookie" or wanted == "requests":
            kept.append((name, value))
    return kept


def _moved(headers: list[tuple[str, str]], recorded: str, origin: str) -> list[tuple[str, str]]:
    """The headers for another server than the one of the recording: Origin and Referer name the new one."""
    if origin == recorded:
        return headers
    return [
        (name, origin + value.removeprefix(recorded))
        if name.lower() in {"origin", "referer"} and value.startswith(recorded)
        else (name, value)
        for name, value in headers
    ]


def _body(request: Mapping[str, Any], content_type: str | None) -> tuple[Body | None, str | None]:
    """The body of a request, and why it cannot be sent."""
    data = obj(request, "postData")
    if not data:
        return None, None
    sent, kind = text(data, "text"), content_type or text(data, "mimeType")
    if text(data, "encoding") == "base64":
        try:
            sent = b64decode(sent).decode()
        except (BinasciiError, ValueError):
            return None, "its body is no text"
    if "\ufffd" in sent:
        return None, "its body is no text, and a recording does not keep other bytes"
    return (text_body(sent, kind), None) if sent else _fields(objs(data, "params"), kind)


def _fields(params: Sequence[Mapping[str, Any]], kind: str) -> tuple[Body | None, str | None]:
    """The fields of a form, of which a recording may have no text."""
    if any("fileName" in param for param in params):
        return None, "it sends a file, which a recording does not keep"
    pairs = [(text(param, "name"), text(param, "value")) for param in params]
    if media_type(kind) == "multipart/form-data":
        parts = [{"name": name, "value": value} for name, value in pairs if name]
        return Body("multipart", parts) if parts else None, None
    body = pairs_body(pairs)
    return body, "the fields of its form have an order that a config cannot keep" if pairs and body is None else None


def _content(response: Mapping[str, Any]) -> str:
    """The body of a response as text, "" where it is none or was not recorded."""
    content = obj(response, "content")
    found = text(content, "text")
    if text(content, "encoding") != "base64":
        return found
    try:
        return b64decode(found).decode("utf-8", "replace")
    except (BinasciiError, ValueError):
        return ""


# ------------------------------------------------------------------------------------------------------ rests and remarks


def _rested(visits: Sequence[Visit], exchanges: Sequence[Exchange], notes: list[str]) -> list[Visit]:
    """The visits with the rests between the end of all that came before and their begin."""
    done, end_s, cut = [], exchanges[0].begin_s, 0
    for visit, exchange in zip(visits, exchanges, strict=True):
        gap_s = exchange.begin_s - end_s
        cut += gap_s > LONGEST_THINK_S
        think_s = round(min(gap_s, LONGEST_THINK_S), 1) if gap_s >= LEAST_THINK_S else 0.0
        done.append(replace(visit, think_s=think_s))
        end_s = max(end_s, exchange.end_s)
    if cut:
        notes.append(f"{cut} rests of more than {LONGEST_THINK_S:g} s were cut to that")
    return done


def _about_secrets(document: Any, entries: Sequence[_Entry]) -> list[str]:  # noqa: ANN401 - any JSON value
    """Say so where a recording was sanitized: no request of it has what logs somebody in."""
    names = {
        name.lower() for entry in entries for half in ("request", "response") for name, _ in _headers(obj(entry.raw, half))
    }
    cookies = any(obj(entry.raw, half).get("cookies") for entry in entries for half in ("request", "response"))
    if cookies or not names.isdisjoint({"authorization", "cookie", "set-cookie"}):
        return []
    creator = text(document, "log", "creator", "name")[:40]
    by = f" ({creator})" if creator else ""
    what = f"no request of the recording has cookies or credentials: it seems to be a sanitized export{by}"
    return [f"{what}, so what needs a login will be refused; a browser exports the rest as HAR with sensitive data"]


def _cookies_from_before(entries: Sequence[_Entry]) -> list[str]:
    """Cookies that were sent before any response set them: a user of the flow has none of them."""
    known: set[str] = set()
    strange: dict[str, None] = {}
    for entry in entries:
        for name, value in _headers(obj(entry.raw, "request")):
            if name.lower() == "cookie":
                sent = [pair.partition("=")[0].strip() for pair in value.split(";") if "=" in pair]
                strange |= {one: None for one in sent if one and one not in known}
        for name, value in _headers(obj(entry.raw, "response")):
            if name.lower() == "set-cookie":
                known |= {line.partition("=")[0].strip() for line in value.splitlines()}
    if not strange:
        return []
    what = f"the browser had cookies before the recording ({', '.join(list(strange)[:6])})"
    return [f"{what}: users of the flow begin without them; record from the login on where that matters"]


def _unique(notes: Iterable[str]) -> list[str]:
    """Each sentence once, with the number of times that it was said."""
    return [note if count == 1 else f"{note} ({count} times)" for note, count in Counter(notes).items()]
