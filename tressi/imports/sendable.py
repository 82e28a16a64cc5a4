"""From what a document says of a request to what tressi can send: headers of the transport dropped, bodies read.

Each function says what it left out, as pieces of sentences; nothing goes without a word.
"""

from __future__ import annotations

import json
import re
from math import isfinite
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, quote

from tressi.config.messages import TOKEN
from tressi.config.rules import TRANSPORT_HEADERS, header_fault
from tressi.imports import marks
from tressi.imports.request import Body

if TYPE_CHECKING:
    from collections.abc import Iterable

# RFC 9110, section 7.6.1, and what HTTP/2 has in its place; what frames a message is written by the transport.
HOP_BY_HOP: Final = TRANSPORT_HEADERS | {
    "expect", "host", "http2-settings", "proxy-authorization", "proxy-connection", "te", "trailer", "upgrade",
}  # fmt: skip
# A request that a cache repeats, where the first visit of a user asks for the whole response.
CONDITIONAL: Final = frozenset({"if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since"})
# What tressi decodes without an extra.
_CODINGS: Final = frozenset({"gzip", "x-gzip", "deflate", "identity", "*"})
_ODD_IN_URL: Final = re.compile(r"[\x00-\x20\"<>\\^`{|}\x7f]")
_MOST_DEPTH: Final = 60
_BARE_MARK: Final = re.compile("(?<=[:\\[,\\s])(\ud800v:[A-Za-z0-9_-]+\udbff)(?=\\s*[,}\\]])")
FORM: Final = "application/x-www-form-urlencoded"


def sent_headers(headers: Iterable[tuple[str, str]], origin: str) -> tuple[list[tuple[str, str]], list[str]]:
    """The headers that the config gets, and what of them was left out, as `Name: why`."""
    kept, left = [], []
    host = origin.partition("://")[2].rpartition("@")[2]
    for name, value in headers:
        low = name.lower()
        if name.startswith(":") or (low in HOP_BY_HOP and low != "host"):
            continue
        if low == "host":
            if value.strip().lower() == host.lower():
                continue
        elif not TOKEN.fullmatch(name):
            left.append("a header whose name cannot be one")
            continue
        if fault := header_fault(marks.plain(value)):
            left.append(f"the header {name}, whose value has {fault}")
            continue
        kept.append((name, _codings(value) if low == "accept-encoding" else value))
    return kept, left


def _codings(value: str) -> str:
    """The codings that every installation decodes: a response in another one could not be searched for what is extracted."""
    kept = [one.strip() for one in value.split(",") if one.partition(";")[0].strip().lower() in _CODINGS]
    return ", ".join(kept) or "identity"


def clean_url_text(text: str) -> str:
    """What may stand nowhere in a URL percent-encoded, everything else as it is."""
    return marks.literal(text, lambda piece: _ODD_IN_URL.sub(lambda match: quote(match[0], safe=""), piece))


def media_type(value: str | None) -> str:
    """A Content-Type without its parameters, in small letters."""
    return (value or "").partition(";")[0].strip().lower()


def is_json(kind: str) -> bool:
    """Whether a media type is JSON, or is written in it."""
    return kind.endswith("+json") or kind in {"application/json", "text/json"}


def text_body(text: str, content_type: str | None) -> Body:
    """A body of text, by its Content-Type: JSON and forms as such where that loses nothing, else the text."""
    kind = media_type(content_type)
    if is_json(kind):
        return json_body(text)
    if kind == FORM:
        return form_body(text)
    return Body("body", text)


def json_body(text: str) -> Body:
    """JSON as a payload where a config has the same value, else the text as it stands."""
    try:
        # A value such as a time without quotes around it is JSON once it is filled in, and a mark alone in a string means that.
        value = json.loads(_BARE_MARK.sub(r'"\1"', text), object_pairs_hook=_pairs)
    except (ValueError, RecursionError):
        return Body("body", text)
    # An escape such as \ud800 could write what a mark is: only marks that stand in the text itself are some.
    is_same = isinstance(value, (dict, list)) and _is_plain(value, 0, marks.marks_in(text))
    return Body("payload", value) if is_same else Body("body", text)


class _RepeatedKeyError(ValueError):
    pass


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    plain = dict(pairs)
    if len(plain) != len(pairs):
        raise _RepeatedKeyError
    return plain


def _is_plain(value: Any, depth: int, known: frozenset[str]) -> bool:  # noqa: ANN401 - any JSON value
    """Whether a config has the same value: not deeper than it may be, no number beyond a float, no half of a pair."""
    if depth > _MOST_DEPTH:
        return False
    if isinstance(value, dict):
        return all(_is_text(key, known) and _is_plain(inner, depth + 1, known) for key, inner in value.items())
    if isinstance(value, list):
        return all(_is_plain(inner, depth + 1, known) for inner in value)
    if isinstance(value, str):
        return _is_text(value, known)
    return not isinstance(value, float) or isfinite(value)


def _is_text(text: str, known: frozenset[str]) -> bool:
    return marks.marks_in(text) <= known and not re.search("[\ud800-\udfff]", marks.plain(text))


def form_body(text: str) -> Body:
    """Urlencoded text as a form, where a form says it: names with `=`, the values of one name in a row."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True, max_num_fields=10_000)
    except ValueError:
        return Body("body", text)
    return pairs_body(pairs) or Body("body", text)


def pairs_body(pairs: list[tuple[str, str]]) -> Body | None:
    """A form of fields, None where it would not keep their order."""
    fields: dict[str, Any] = {}
    last = None
    for name, value in pairs:
        if name in fields and last != name:
            return None
        before = fields.get(name)
        fields[name] = value if before is None else [*before, value] if isinstance(before, list) else [before, value]
        last = name
    return Body("form", fields) if fields and not any("\ufffd" in name for name in fields) else None


def with_content_type(headers: list[tuple[str, str]], body: Body | None) -> list[tuple[str, str]]:
    """The headers without a Content-Type that tressi writes itself: the exact one of JSON and forms, that of parts always."""
    own = {"payload": "application/json", "form": FORM}.get(body.kind if body else "")
    return [
        (name, value)
        for name, value in headers
        if name.lower() != "content-type" or (not (body and body.kind == "multipart") and value.strip().lower() != own)
    ]
