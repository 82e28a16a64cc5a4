"""What a response gives that a later request may give back, each with how a flow extracts it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from html import unescape
from typing import TYPE_CHECKING, Any, Final

from tressi.config.messages import TOKEN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

LEAST: Final = 8
_MOST_LEAVES: Final = 20_000
_MOST_DEPTH: Final = 30
_PLAIN_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Headers about the message or the server, which no client gives back.
_ABOUT: Final = frozenset({
    "accept-ranges", "age", "allow", "alt-svc", "cache-control", "connection", "content-disposition", "content-encoding",
    "content-language", "content-length", "content-security-policy", "content-type", "date", "etag", "expires",
    "keep-alive", "last-modified", "link", "location", "nel", "permissions-policy", "referrer-policy", "report-to", "server",
    "server-timing", "set-cookie", "strict-transport-security", "transfer-encoding", "vary", "via", "x-content-type-options",
    "x-frame-options", "x-powered-by", "x-xss-protection",
})  # fmt: skip
_TEXT_BEFORE: Final = 160
_MOST_FIELDS: Final = 500
_TAG: Final = re.compile(r"<(input|meta)\b([^<>]{0,4000})>", re.IGNORECASE)
_ATTRIBUTE: Final = re.compile(r"""([A-Za-z_:][\w:.-]{0,60})\s{0,9}=\s{0,9}(?:"([^"]*)"|'([^']*)'|([^\s"'<>]+))""")
_HALF: Final = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Answer:
    """A value of a response: the name that it has there, how a flow extracts it, and that in words."""

    value: str
    name: str
    how: Mapping[str, Any]
    words: str


def answers_of(headers: Sequence[tuple[str, str]], content: str) -> Iterator[Answer]:
    """Every value of a response of eight characters or more that a flow can extract."""
    yield from _of_headers(headers)
    stripped = content.lstrip()
    if stripped[:1] in {"{", "["}:
        yield from _of_json(content)
    elif stripped[:1] == "<":
        yield from _of_html(content)


def _of_headers(headers: Sequence[tuple[str, str]]) -> Iterator[Answer]:
    for name, value in headers:
        low = name.lower()
        if not TOKEN.fullmatch(name):
            continue
        if low == "set-cookie":
            for line in value.splitlines():
                cookie, equals, rest = line.partition("=")
                word = rest.partition(";")[0].strip()
                if equals and len(word) >= LEAST and TOKEN.fullmatch(cookie.strip()):
                    yield Answer(word, cookie.strip(), {"cookie": cookie.strip()}, f"the cookie {cookie.strip()}")
        elif low not in _ABOUT and not low.startswith(("access-control-", "cf-", "cross-origin-", ":")) and len(value) >= LEAST:
            yield Answer(value.strip(), name, {"header": low}, f"the header {low}")


# -------------------------------------------------------------------------------------------------------------------- JSON


def _of_json(content: str) -> Iterator[Answer]:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return
    waiting: list[tuple[str, str, Any, int]] = [("$", "value", document, 0)]
    left = _MOST_LEAVES
    while waiting and left:
        left -= 1
        path, name, value, depth = waiting.pop(0)
        if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
            word = str(value)
            if len(word) >= LEAST and not _HALF.search(word):
                yield Answer(word, name, {"json": path}, path)
        elif depth < _MOST_DEPTH:
            waiting += [(step, key, inner, depth + 1) for step, key, inner in _inner(path, name, value)]


def _inner(path: str, name: str, value: Any) -> Iterator[tuple[str, str, Any]]:  # noqa: ANN401 - any JSON value
    if isinstance(value, dict):
        for key, inner in value.items():
            if _PLAIN_NAME.fullmatch(key):
                yield f"{path}.{key}", f"{name}_{key}" if key == "id" and name != "value" else key, inner
            elif "'" not in key and "\\" not in key and key.isprintable():
                yield f"{path}['{key}']", key, inner
    elif isinstance(value, list):
        yield from ((f"{path}[{index}]", name, inner) for index, inner in enumerate(value))


# -------------------------------------------------------------------------------------------------------------------- HTML


def _of_html(content: str) -> Iterator[Answer]:
    """Hidden fields and `meta` elements."""
    for number, tag in enumerate(_TAG.finditer(content)):
        if number >= _MOST_FIELDS:
            return
        given = {one[1].lower(): unescape(one[2] or one[3] or one[4] or "") for one in _ATTRIBUTE.finditer(tag[2])}
        is_field = tag[1].lower() == "input" and given.get("type", "").lower() == "hidden"
        name, value = given.get("name", ""), given.get("value" if is_field else "content", "")
        if (is_field or tag[1].lower() == "meta") and name and len(value) >= LEAST:
            between = _between(content, value, tag.start(), tag[0])
            if between is not None:
                yield Answer(value, name, {"between": between}, f"the hidden field {name}")


def _between(content: str, value: str, start: int, tag: str) -> list[str] | None:
    """The texts left and right of a value, of which the left one stands first before it; None where there are none."""
    within = tag.find(value)
    if within < 0:
        return None  # written with entities, or otherwise than it means
    at = start + within
    right = content[at + len(value) : at + len(value) + 1]
    if not right or right in value or right.isspace():
        return None
    # The whole tag up to the value first: its name tells it from other fields, whatever else the page has next time.
    for length in (min(within, _TEXT_BEFORE), *range(8, min(within, _TEXT_BEFORE))):
        left = content[at - length : at]
        if left and content.find(left) == at - length and left.isprintable():
            return [left, right]
    return None
