"""What Postman and Insomnia have in common: requests with templates, and credentials that are apart from the headers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from tressi.imports import marks
from tressi.imports.request import Body, DocumentError, Request, url_parts
from tressi.imports.secrets import PAIR, basic
from tressi.imports.sendable import FORM, clean_url_text, json_body, pairs_body, sent_headers, text_body, with_content_type
from tressi.imports.spots import encoded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tressi.imports.options import Options
    from tressi.imports.secrets import Vault

Pairs = list[tuple[str, str]]
_GUESSED: Final = {
    "json": "application/json",
    "xml": "application/xml",
    "html": "text/html",
    "javascript": "application/javascript",
}


@dataclass(frozen=True, slots=True)
class Content:
    """A body as a collection has it: `kind` is text, pairs, parts, file or graphql; `text` may be any of the last's parts."""

    kind: str
    text: str = ""
    language: str = ""
    pairs: Pairs = field(default_factory=list)
    parts: list[dict[str, str]] = field(default_factory=list)
    variables: str = ""


@dataclass(frozen=True, slots=True)
class Auth:
    """Credentials: the type, "" for none, and its parameters by name."""

    kind: str = ""
    values: Mapping[str, str] = field(default_factory=dict)


NO_AUTH: Final = Auth()


@dataclass(frozen=True, slots=True)
class Item:
    """A request of a collection, its templates not yet filled."""

    name: str
    method: str
    url: str
    query: Pairs = field(default_factory=list)
    headers: Pairs = field(default_factory=list)
    content: Content | None = None
    auth: Auth = NO_AUTH


def request_of(item: Item, fill: Callable[[str], str], vault: Vault, options: Options, notes: list[str]) -> Request:
    """The request of an item. Raises DocumentError where it cannot be sent."""
    origin, path, query = _address(fill(item.url.strip()), options)
    given = [(fill(name), fill(value)) for name, value in item.headers]
    pairs = [(fill(name), fill(value)) for name, value in item.query]
    credentials, more = _credentials(item.auth, fill, vault, item.name, notes)
    given = [*(one for one in credentials if one[0].lower() not in {name.lower() for name, _ in given}), *given]
    body, content_type = _body(item.content, fill, next((v for n, v in given if n.lower() == "content-type"), None))
    if content_type is not None and not any(name.lower() == "content-type" for name, _ in given):
        given.append(("Content-Type", content_type))
    kept, left = sent_headers(given, origin)
    notes += [f"{item.name}: left out: {one}" for one in left]
    texts = [*([query] if query else []), *(f"{encoded(name)}={encoded(value)}" for name, value in [*pairs, *more])]
    method = item.method.upper() or "GET"
    return Request(
        method,
        origin,
        clean_url_text(path),
        clean_url_text("&".join(texts)) if texts else None,
        tuple(with_content_type(kept, body)),
        body,
        name=item.name,
    )


def _address(url: str, options: Options) -> tuple[str, str, str | None]:
    whole = url if "://" in url or marks.has_mark(url[:1]) else f"http://{url}"
    parts = url_parts(whole)
    if parts is None or not parts[0].rpartition("://")[2]:
        raise DocumentError("it has no URL")
    scheme = parts[0].partition("://")[0].lower()
    if not marks.has_mark(scheme) and scheme not in {"http", "https"}:
        raise DocumentError("its URL is neither http:// nor https://")
    if options.base_url is not None:
        return options.base_url.rstrip("/"), parts[1], parts[2]
    return parts


def _credentials(auth: Auth, fill: Callable[[str], str], vault: Vault, name: str, notes: list[str]) -> tuple[Pairs, Pairs]:
    """The headers and the parameters of the query that credentials become."""
    values = {key: fill(value) for key, value in auth.values.items()}
    if auth.kind in {"bearer", "oauth2"}:
        token = values.get("token") or values.get("accessToken") or vault.declare("BEARER_TOKEN", "a token of the collection")
        return [("Authorization", f"{values.get('prefix') or 'Bearer'} {token}")], []
    if auth.kind == "basic":
        pair = f"{values.get('username', '')}:{values.get('password', '')}"
        if marks.has_mark(pair) or pair == ":":
            return [("Authorization", f"Basic {vault.declare('BASIC_CREDENTIALS', PAIR)}")], []
        return [basic(pair, vault)], []
    if auth.kind == "apikey" and values.get("key"):
        value = values.get("value") or vault.declare("API_KEY", "the key of the collection")
        value = value if marks.has_mark(value) else vault.mark(value, values["key"], f"the key {values['key']}")
        pair_of_key = [(values["key"], value)]
        return ([], pair_of_key) if values.get("in") == "query" else (pair_of_key, [])
    if auth.kind:
        notes.append(f"{name}: credentials of the type {auth.kind[:30]} were left out: tressi computes none")
    return [], []


def _body(content: Content | None, fill: Callable[[str], str], content_type: str | None) -> tuple[Body | None, str | None]:
    """The body and the Content-Type that goes with it where the headers name none."""
    if content is None:
        return None, None
    if content.kind == "text":
        text = fill(content.text)
        kind = content_type or _GUESSED.get(content.language, content.language or "text/plain")
        return (text_body(text, kind), kind) if text else (None, None)
    if content.kind == "graphql":
        return _graphql(content, fill), "application/json"
    return (_pairs(content, fill), FORM) if content.kind == "pairs" else (_parts(content, fill), None)


def _pairs(content: Content, fill: Callable[[str], str]) -> Body | None:
    filled = [(fill(name), fill(value)) for name, value in content.pairs]
    text = "&".join(f"{quote(marks.plain(name))}={encoded(value)}" for name, value in filled)
    return (pairs_body(filled) or Body("body", text)) if filled else None


def _parts(content: Content, fill: Callable[[str], str]) -> Body | None:
    if content.kind == "file":
        return Body("bodyFile", content.text)
    parts = [{key: fill(value) if key == "value" else value for key, value in part.items()} for part in content.parts]
    named = [part for part in parts if part["name"]]
    return Body("multipart", named) if named else None


def _graphql(content: Content, fill: Callable[[str], str]) -> Body:
    variables: Any = json_body(fill(content.variables)).content if content.variables.strip() else {}
    if not isinstance(variables, (dict, list)):
        raise DocumentError("the variables of its GraphQL are not JSON")
    return Body("payload", {"query": fill(content.text), **({"variables": variables} if variables else {})})


def enabled(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Rows of a table without those that are switched off."""
    return [row for row in rows if row.get("disabled") is not True and row.get("enabled") is not False]
