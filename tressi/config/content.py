"""The body of a request, and the fields that go with it: JSON, text, a file, a form, or parts; compressed if that is asked."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote_plus

from tressi.config.data import DataError, local_file, unreadable
from tressi.config.messages import Finding, Place, listed, quoted
from tressi.frozen import dataclass
from tressi.model.data import Piece, Placeholder, pieces_of, placeholders_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tressi.model.data import Context

KINDS: Final = ("payload", "body", "bodyFile", "form", "multipart")
MAX_BYTES: Final = 128 * 1024 * 1024
# Halves of surrogate pairs, which no text of a config has: a placeholder within a text of JSON, and one that is all of it.
_WITHIN, _WHOLE, _END = "\ud800", "\ud801", "\udbff"
_MARKS: Final = re.compile(f'"{_WHOLE}(\\d+){_END}"|{_WITHIN}(\\d+){_END}')
# What the standard for multipart/form-data in browsers replaces in names.
_IN_QUOTES: Final = {"\n": "%0A", "\r": "%0D", '"': "%22"}


@dataclass(frozen=True, slots=True)
class Content:
    """A body as it is written in the config, its pieces where it has placeholders, and the fields that describe it."""

    body: bytes | None = None
    template: tuple[Piece, ...] = ()
    fields: tuple[tuple[str, str], ...] = ()


def content_of(request: Mapping[str, Any], folder: str | None, *, templated: bool) -> Content:
    """The content of a sound request. Raises DataError where a file of it cannot be read."""
    kind = next((kind for kind in KINDS if kind in request), None)
    if kind is None:
        return Content()
    fields: tuple[tuple[str, str], ...] = ()
    if kind == "payload":
        pieces, fields = _json(request[kind], templated=templated), (("Content-Type", "application/json"),)
    elif kind == "body":
        pieces = list(_text(request[kind], "raw", templated=templated))
    elif kind == "bodyFile":
        pieces = [_file(request[kind], folder)]
    elif kind == "form":
        pieces = list(_form(request[kind], templated=templated))
        fields = (("Content-Type", "application/x-www-form-urlencoded"),)
    else:
        boundary, pieces = _parts(request[kind], folder, templated=templated)
        fields = (("Content-Type", f"multipart/form-data; boundary={boundary}"),)
    body = b"".join(map(_as_written, pieces))
    if request.get("compress") == "gzip":
        import gzip  # noqa: PLC0415 - most bodies go as they are

        body, fields = gzip.compress(body, mtime=0), (*fields, ("Content-Encoding", "gzip"))
    is_template = any(not isinstance(piece, bytes) for piece in pieces)
    return Content(body, tuple(pieces) if is_template else (), fields)


def content_mistakes(request: Mapping[str, Any], place: Place, folder: str | None, *, templated: bool) -> Iterator[Finding]:
    """What is wrong with the content of a request or of a variant, apart from the names of its placeholders."""
    given = [kind for kind in KINDS if kind in request]
    if given == ["payload", "body"]:
        yield (*place, "body"), "stands beside a payload; a request has one or the other"
    elif len(given) > 1:
        yield (*place, given[1]), f"stands beside {given[0]}; a request has one of {listed(KINDS)}"
    if "compress" in request:
        yield from _compress_mistakes(request, place, given, templated=templated)
    if "multipart" in request:
        yield from _multipart_mistakes(request, place)
    for where, name in _files(request, place):
        try:
            _file(name, folder)
        except DataError as error:
            yield where, str(error)


def _files(request: Mapping[str, Any], place: Place) -> Iterator[tuple[Place, str]]:
    if "bodyFile" in request:
        yield (*place, "bodyFile"), request["bodyFile"]
    for index, part in enumerate(request.get("multipart", ())):
        if isinstance(part, dict) and "file" in part:
            yield (*place, "multipart", index, "file"), part["file"]


def _multipart_mistakes(request: Mapping[str, Any], place: Place) -> Iterator[Finding]:
    for index, part in enumerate(request["multipart"]):
        there: Place = (*place, "multipart", index)
        if isinstance(part, dict):
            if ("value" in part) == ("file" in part):
                yield there, "needs a value or a file, one of both"
            elif "filename" in part and "file" not in part:
                yield (*there, "filename"), "is of no use without a file"
            if re.search(r"[^\x20-\x7e]", part.get("contentType", "")):
                yield (*there, "contentType"), "has a character that no header of a part can have"
    for name in request.get("headers", {}):
        if name.lower() == "content-type":
            yield (*place, "headers", name), "stands beside multipart, whose Content-Type must name the boundary"


def _compress_mistakes(request: Mapping[str, Any], place: Place, given: list[str], *, templated: bool) -> Iterator[Finding]:
    if not given:
        yield (*place, "compress"), "has no body to compress"
    texts = (str(request[kind]) for kind in given if kind != "bodyFile")
    if templated and any(placeholders_of(text) for text in texts):
        yield (*place, "compress"), "cannot be: the body has placeholders, and it is compressed once, before the run"
    for name in request.get("headers", {}):
        if name.lower() == "content-encoding":
            yield (*place, "headers", name), "stands beside compress, which adds this header"


def _as_written(piece: Piece) -> bytes:
    """A piece of a body as it stands in the config."""
    return str(piece[0]).encode() if isinstance(piece, tuple) else piece if isinstance(piece, bytes) else b""


def _text(text: str, context: Context, *, templated: bool) -> Iterator[Piece]:
    if not templated or "{{" not in text:
        yield text.encode()
        return
    for piece in pieces_of(text):
        yield piece.encode() if isinstance(piece, str) else (piece, "raw" if piece.raw else context)


def _file(name: str, folder: str | None) -> bytes:
    path = Path(local_file(name, folder))
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1) if path.is_file() else None
    except OSError as error:
        raise DataError(unreadable(name, error)) from None
    if data is None:
        raise DataError(f"{quoted(name)} is no regular file")
    if len(data) > MAX_BYTES:
        raise DataError(f"{quoted(name)} is larger than {MAX_BYTES // 1024**2} MiB, the most that a body may have")
    return data


# -------------------------------------------------------------------------------------------------------------------- JSON


def _json(payload: Any, *, templated: bool) -> list[Piece]:  # noqa: ANN401 - any JSON value
    if not templated:
        return [_dumped(payload).encode()]
    found: list[Placeholder] = []
    text, pieces, place = _dumped(_marked(payload, found)), list[Piece](), 0
    for match in _MARKS.finditer(text):
        if match.start() > place:
            pieces.append(text[place : match.start()].encode())
        placeholder = found[int(match[1] or match[2])]
        context: Context = "value" if match[1] else "json"
        pieces.append((placeholder, "raw" if placeholder.raw else context))
        place = match.end()
    return [*pieces, text[place:].encode()] if place < len(text) else pieces


def _dumped(value: Any) -> str:  # noqa: ANN401 - any JSON value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _marked(value: Any, found: list[Placeholder]) -> Any:  # noqa: ANN401 - any JSON value
    """Copy a value with marks in place of its placeholders, which are put into `found`."""
    if isinstance(value, str):
        return _marked_text(value, found, _WHOLE)
    if isinstance(value, list):
        return [_marked(entry, found) for entry in value]
    if isinstance(value, dict):
        return {_marked_text(name, found, _WITHIN): _marked(entry, found) for name, entry in value.items()}
    return value


def _marked_text(text: str, found: list[Placeholder], whole: str) -> str:
    if "{{" not in text:
        return text
    pieces = list(pieces_of(text))
    begin = whole if len(pieces) == 1 else _WITHIN
    marked = ""
    for piece in pieces:
        if isinstance(piece, Placeholder):
            marked += f"{begin}{len(found)}{_END}"
            found.append(piece)
        else:
            marked += piece
    return marked


# ---------------------------------------------------------------------------------------------------------- form, multipart


def _form(fields: Mapping[str, Any], *, templated: bool) -> Iterator[Piece]:
    pairs = [(name, one) for name, value in fields.items() for one in (value if isinstance(value, list) else [value])]
    for number, (name, value) in enumerate(pairs):
        yield f"{'&' if number else ''}{quote_plus(name)}=".encode()
        text = value if isinstance(value, str) else _dumped(value)
        for piece in _text(text, "percent", templated=templated):
            yield quote_plus(piece).encode() if isinstance(piece, bytes) else piece


def _parts(parts: Iterable[Mapping[str, Any]], folder: str | None, *, templated: bool) -> tuple[str, list[Piece]]:
    contents = [
        [_file(part["file"], folder)] if "file" in part else list(_text(part["value"], "raw", templated=templated))
        for part in parts
    ]
    heads = [_part_head(part) for part in parts]
    from hashlib import sha256  # noqa: PLC0415 - it loads OpenSSL, and most requests have no parts

    # Made of the content, so that a run can be repeated to the byte.
    digest = sha256(b"".join(heads))
    for content in contents:
        digest.update(b"".join(map(_as_written, content)))
    boundary = f"tressi-{digest.hexdigest()[:32]}"
    pieces: list[Piece] = []
    for number, (head, content) in enumerate(zip(heads, contents, strict=True)):
        pieces += [f"{chr(13) + chr(10) if number else ''}--{boundary}\r\n".encode() + head, *content]
    return boundary, [*pieces, f"\r\n--{boundary}--\r\n".encode()]


def _part_head(part: Mapping[str, Any]) -> bytes:
    head = f'Content-Disposition: form-data; name="{_quotable(part["name"])}"'
    kind = part.get("contentType")
    if "file" in part:
        head += f'; filename="{_quotable(part.get("filename", Path(part["file"]).name))}"'
        kind = kind or "application/octet-stream"
    return f"{head}\r\n{f'Content-Type: {kind}{chr(13)}{chr(10)}' if kind else ''}\r\n".encode()


def _quotable(text: str) -> str:
    return "".join(_IN_QUOTES.get(sign, sign) for sign in text)
