"""The body of a curl command: data, a form of parts, or a file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from tressi.imports import marks
from tressi.imports.request import Body, DocumentError
from tressi.imports.sendable import FORM, json_body, text_body
from tressi.imports.spots import encoded

if TYPE_CHECKING:
    from collections.abc import Sequence

# A text in quotes, or up to what is a parameter; then the parameters.
_CONTENT: Final = re.compile(
    r"""([@<]?)("(?:[^"\\]|\\.)*"|[^;]*(?:;(?!\s*(?:type|filename|encoder|headers)=)[^;]*)*)(.*)""", re.DOTALL
)
_PARAMETER: Final = re.compile(
    r""";\s*([A-Za-z]+)=("(?:[^"\\]|\\.)*"|[^;]*(?:;\s*(?!type=|filename=|encoder=|headers=)[^;]*)*)"""
)
Made = tuple[Body | None, list[tuple[str, str]], str | None]


def body_of(data: Sequence[tuple[str, str]], parts: Sequence[tuple[str, str]], upload: str | None, *, to_query: bool) -> Made:
    """The body, the headers that go with it where the command gives none of that name, and what goes into the query instead."""
    if sum((bool(data) and not to_query, bool(parts), upload is not None)) > 1:
        raise DocumentError("a command has more than one of data, -F and -T")
    if to_query and data:
        return None, [], "&".join(_in_query(kind, value) for kind, value in data)
    if parts:
        return Body("multipart", [_part(kind, value) for kind, value in parts]), [], None
    if upload is not None:
        return Body("bodyFile", _file(upload, "-T")), [], None
    return _data(data) if data else (None, [], None)


def _data(data: Sequence[tuple[str, str]]) -> Made:
    is_json = any(kind == "json" for kind, _ in data)
    headers = [("Content-Type", "application/json"), ("Accept", "application/json")] if is_json else [("Content-Type", FORM)]
    if len(data) == 1 and data[0][0] in {"data", "json"} and data[0][1].startswith("@"):
        return Body("bodyFile", _file(data[0][1][1:], "-d")), headers, None
    texts = [_text(kind, value) for kind, value in data]
    if is_json:
        return json_body("".join(texts)), headers, None
    return Body("body", "&".join(texts)), headers, None


def typed(body: Body | None, content_type: str | None) -> Body | None:
    """A body of text as what its Content-Type says that it is."""
    return text_body(body.content, content_type) if body is not None and body.kind == "body" else body


def _in_query(kind: str, value: str) -> str:
    """As `-G` has it, where curl writes an encoded space as a plus."""
    text = _text(kind, value)
    return text.replace("%20", "+") if kind == "urlencode" else text


def _text(kind: str, value: str) -> str:
    if kind == "urlencode":
        return _urlencoded(value)
    if kind in {"data", "json"} and value.startswith("@"):
        raise DocumentError("a file of -d stands beside other data; only a file alone can be a body")
    return value


def _urlencoded(value: str) -> str:
    """As curl's manual has it: `content`, `=content`, `name=content`; what stands before the first `=` is as it is."""
    name, equals, content = value.partition("=")
    if "@" in name or (not equals and "@" in value):
        raise DocumentError("--data-urlencode reads a file; write its content out")
    if not equals:
        return encoded(value)
    return f"{name}={encoded(content)}" if name else encoded(content)


def _part(kind: str, value: str) -> dict[str, Any]:
    name, equals, content = value.partition("=")
    if not equals or not name:
        raise DocumentError("a value of -F is not name=content")
    if kind == "string":
        return {"name": name, "value": content}
    found = _CONTENT.fullmatch(content)
    sign, bare, rest = (found[1], _unquoted(found[2]), found[3]) if found else ("", content, "")
    parameters = {match[1]: _unquoted(match[2]) for match in _PARAMETER.finditer(rest)}
    odd = next((key for key in parameters if key not in {"type", "filename"}), None)
    if odd is not None:
        raise DocumentError(f"-F with ;{odd}= is not known to this import")
    if sign == "<":
        raise DocumentError("-F name=<FILE reads a text from a file; write it out, or use @")
    part: dict[str, Any] = {"name": name}
    if sign == "@":
        part["file"] = _file(bare, "-F")
        part |= {"filename": parameters["filename"]} if "filename" in parameters else {}
    elif "filename" in parameters:
        raise DocumentError("-F gives a text a file's name, which a config cannot")
    else:
        part["value"] = bare
    return {**part, **({"contentType": parameters["type"]} if "type" in parameters else {})}


def _unquoted(text: str) -> str:
    text = text.strip()
    if len(text) > 1 and text.startswith('"') and text.endswith('"'):
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    return text


def _file(name: str, option: str) -> str:
    if name in {"-", "."} or not name:
        raise DocumentError(f"{option} reads standard input; name a file")
    if marks.has_mark(name) or ("," in name and option == "-F"):
        raise DocumentError(f"{option} has no single file whose name is known")
    return name
