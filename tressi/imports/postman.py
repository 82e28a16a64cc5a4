"""Postman's collections, v2.0 and v2.1: folders, variables, inherited credentials, and what simple scripts extract."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from tressi.imports.collections import NO_AUTH, Auth, Content, Item, enabled, request_of
from tressi.imports.peek import at, obj, objs, text
from tressi.imports.request import DocumentError, Gathered, Visit
from tressi.imports.templates import Templates

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tressi.imports.names import Names
    from tressi.imports.options import Options
    from tressi.imports.request import Wanted
    from tressi.imports.secrets import Vault

_MOST_DEPTH: Final = 30
_KNOWN: Final = frozenset({"auth", "body", "description", "header", "method", "url"})
_SCOPES: Final = r"pm\.(?:environment|collectionVariables|globals|variables)"
_SET: Final = re.compile(rf"{_SCOPES}\.set\(\s*[\"']([\w.-]+)[\"']\s*,\s*(.+?)\s*\)\s*;?")
_PARSED: Final = re.compile(r"(?:var|let|const)\s+(\w+)\s*=\s*(?:pm\.response\.json\(\)|JSON\.parse\(responseBody\))\s*;?")
_PLACE: Final = re.compile(r"((?:\.[A-Za-z_]\w*|\[\d+\]|\[['\"][\w -]+['\"]\])+)")
_HEADER: Final = re.compile(r"pm\.response\.headers\.get\(\s*[\"']([\w-]+)[\"']\s*\)")
_COOKIE: Final = re.compile(r"pm\.cookies\.get\(\s*[\"']([\w.-]+)[\"']\s*\)")


@dataclass(frozen=True, slots=True)
class _Around:
    """What a folder hands down: its name and those above, credentials, variables, the names of those that are secrets."""

    folders: tuple[str, ...] = ()
    auth: Auth = NO_AUTH
    values: Mapping[str, str] = field(default_factory=dict)
    secret: frozenset[str] = frozenset()


def gather(document: Any, wanted: Wanted, options: Options, names: Names, vault: Vault) -> Gathered:  # noqa: ANN401 - any JSON value
    """The requests of a collection. Raises DocumentError."""
    if "collection" in obj(document) and "item" not in document:
        document = document["collection"]  # as Postman's own API wraps it
    _check_version(document)
    notes: list[str] = []
    templates = Templates(names, vault, notes)
    visits, elsewhere, scripts = [], 0, 0
    for raw, around in _items(document, _within(document, _Around()), notes, 0):
        try:
            item = _item(raw, around, notes)
            request = request_of(item, _filler(templates, around), vault, options, notes)
        except DocumentError as problem:
            notes.append(f"{text(raw, 'name')[:60]!r} was left out: {problem}")
            continue
        if not options.takes_path(request.path):
            elsewhere += 1
            continue
        extract, left = _extracts(raw, templates, names) if wanted == "flow" else ({}, len(_scripts(raw)))
        scripts += left
        visits.append(Visit(request, extract=extract))
    notes += [f"left out: {elsewhere} requests whose paths --only does not name"] if elsewhere else []
    notes += [f"left out: {scripts} scripts; a config has no code"] if scripts else []
    if not visits:
        raise DocumentError("; ".join(["the collection has no request that tressi could send", *notes[:5]]))
    return Gathered(tuple(visits), tuple(dict.fromkeys(notes)), data=templates.data)


def _check_version(document: Any) -> None:  # noqa: ANN401 - any JSON value
    schema = text(document, "info", "schema")
    if not isinstance(at(document, "item"), list):
        old = "; it seems to be of version 1, export it as v2.1" if "requests" in obj(document) else ""
        raise DocumentError(f"this is no collection of Postman's: it has no item{old}")
    if schema and "v2" not in schema:
        raise DocumentError("this is a collection of another version than 2; export it as v2.1")


def _filler(templates: Templates, around: _Around) -> Any:  # noqa: ANN401 - a function of one text
    return lambda one: templates.fill(one, around.values, around.secret)


def _items(
    folder: Mapping[str, Any], around: _Around, notes: list[str], depth: int
) -> Iterator[tuple[dict[str, Any], _Around]]:
    """The requests of a folder and of those in it, in order."""
    if depth > _MOST_DEPTH:
        raise DocumentError(f"folders are nested deeper than {_MOST_DEPTH} levels")
    for raw in objs(folder, "item"):
        if isinstance(raw.get("item"), list):
            within = _within(raw, replace(around, folders=(*around.folders, text(raw, "name"))))
            notes += [f"left out: a script of the folder {text(raw, 'name')[:40]!r}" for _ in _scripts(raw)]
            yield from _items(raw, within, notes, depth + 1)
        elif "request" in raw:
            yield raw, _within(raw, around)


def _within(node: Mapping[str, Any], around: _Around) -> _Around:
    """What is handed down within a collection, a folder or an item."""
    own = {text(one, "key") or text(one, "id"): one for one in enabled(objs(node, "variable"))}
    values = {**around.values, **{name: text(one, "value") for name, one in own.items() if name}}
    secret = around.secret | {name for name, one in own.items() if text(one, "type") == "secret"}
    return replace(around, auth=_auth(node.get("auth"), around.auth), values=values, secret=secret)


def _auth(raw: Any, above: Auth) -> Auth:  # noqa: ANN401 - any JSON value
    kind = text(raw, "type")
    if not kind:
        return above
    if kind == "noauth":
        return Auth()
    given = at(raw, kind)
    # A list of keys and values in v2.1, an object in v2.0.
    values = {text(one, "key"): text(one, "value") for one in objs(raw, kind)} if isinstance(given, list) else {}
    values |= {name: text(given, name) for name in obj(given)}
    return Auth(kind, values)


def _item(raw: Mapping[str, Any], around: _Around, notes: list[str]) -> Item:
    request = raw["request"] if isinstance(raw["request"], dict) else {"url": raw["request"]}
    name = " / ".join((*around.folders, text(raw, "name") or "request"))
    unknown = sorted(key for key in request if key not in _KNOWN and request[key])
    unknown += ["protocolProfileBehavior"] if raw.get("protocolProfileBehavior") else []
    notes += [f"{name}: left out: {key}" for key in unknown]
    url, query = _url(request.get("url"), name, notes)
    return Item(
        name,
        text(request, "method") or "GET",
        url,
        query,
        _headers(request.get("header")),
        _content(request.get("body"), name, notes),
        _auth(request.get("auth"), around.auth),
    )


def _url(raw: Any, name: str, notes: list[str]) -> tuple[str, list[tuple[str, str]]]:  # noqa: ANN401 - any JSON value
    """The URL without its query where that stands apart, and the query."""
    if isinstance(raw, str):
        return raw, []
    whole = text(raw, "raw") or _put_together(raw)
    for one in objs(raw, "variable"):
        key, value = text(one, "key") or text(one, "id"), text(one, "value")
        pieces = re.split(rf"(?<=/):{re.escape(key)}(?=[/?#]|$)", whole) if key else [whole]
        whole = (value or f"{{{{{key}}}}}").join(pieces)
    if not isinstance(at(raw, "query"), list):
        return whole, []
    rows = objs(raw, "query")
    off = len(rows) - len(enabled(rows))
    notes += [f"{name}: left out: {off} parameters that are switched off"] if off else []
    return whole.partition("?")[0], [(text(row, "key"), text(row, "value")) for row in enabled(rows) if text(row, "key")]


def _put_together(raw: Any) -> str:  # noqa: ANN401 - any JSON value
    def joined(key: str, separator: str) -> str:
        given = at(raw, key)
        pieces = (
            [one if isinstance(one, str) else text(one, "value") for one in given]
            if isinstance(given, list)
            else [text(raw, key)]
        )
        return separator.join(pieces)

    scheme, port = text(raw, "protocol"), text(raw, "port")
    return f"{f'{scheme}://' if scheme else ''}{joined('host', '.')}{f':{port}' if port else ''}/{joined('path', '/')}"


def _headers(raw: Any) -> list[tuple[str, str]]:  # noqa: ANN401 - any JSON value
    if isinstance(raw, str):  # v2.0 may have them in one text
        lines = [line.partition(":") for line in raw.splitlines() if ":" in line]
        return [(name.strip(), value.strip()) for name, _, value in lines]
    rows = [one for one in raw if isinstance(one, dict)] if isinstance(raw, list) else []
    return [(text(row, "key"), text(row, "value")) for row in enabled(rows) if text(row, "key")]


def _content(raw: Any, name: str, notes: list[str]) -> Content | None:  # noqa: ANN401 - any JSON value
    mode = text(raw, "mode")
    if not mode or mode == "none" or obj(raw).get("disabled") is True:
        return None
    if mode == "raw":
        return Content("text", text(raw, "raw"), text(raw, "options", "raw", "language"))
    if mode == "graphql":
        given = at(raw, "graphql", "variables")
        return Content("graphql", text(raw, "graphql", "query"), variables=given if isinstance(given, str) else "")
    if mode == "file":
        return Content("file", _file(at(raw, "file", "src")))
    if mode not in {"urlencoded", "formdata"}:
        raise DocumentError(f"its body is of the mode {mode[:20]!r}, which this import does not know")
    rows = objs(raw, mode)
    off = len(rows) - len(enabled(rows))
    notes += [f"{name}: left out: {off} fields that are switched off"] if off else []
    if mode == "urlencoded":
        return Content("pairs", pairs=[(text(row, "key"), text(row, "value")) for row in enabled(rows)])
    return Content("parts", parts=[_part(row) for row in enabled(rows)])


def _part(row: Mapping[str, Any]) -> dict[str, str]:
    kind = {"contentType": text(row, "contentType")} if text(row, "contentType") else {}
    if text(row, "type") == "file":
        return {"name": text(row, "key"), "file": _file(row.get("src")), **kind}
    return {"name": text(row, "key"), "value": text(row, "value"), **kind}


def _file(source: Any) -> str:  # noqa: ANN401 - any JSON value
    names = [one for one in source if isinstance(one, str)] if isinstance(source, list) else [source]
    if len(names) != 1 or not isinstance(names[0], str) or not names[0]:
        raise DocumentError("it sends a file, of which the collection has no single name")
    return names[0]


# ----------------------------------------------------------------------------------------------------------------- scripts


def _scripts(raw: Mapping[str, Any]) -> list[str]:
    """The scripts of an item that are not empty."""
    found = []
    for event in objs(raw, "event"):
        lines = at(event, "script", "exec")
        code = "\n".join(map(str, lines)) if isinstance(lines, list) else text(event, "script", "exec")
        found += [code] if code.strip() else []
    return found


def _extracts(raw: Mapping[str, Any], templates: Templates, names: Names) -> tuple[dict[str, Mapping[str, Any]], int]:
    """What scripts of the plainest kind set from the response, as `extract`, and how many scripts are something else."""
    extract: dict[str, Mapping[str, Any]] = {}
    others = 0
    for code in _scripts(raw):
        sets = _sets(code.splitlines())
        if sets is None:
            others += 1
            continue
        for name, how in sets.items():
            templates.slots[name] = templates.slots.get(name) or names.free(name)
            extract[templates.slots[name]] = how
    return extract, others


def _sets(lines: Sequence[str]) -> dict[str, dict[str, Any]] | None:
    """The variables that a script sets from the response; None where a line of it does anything else."""
    parsed: set[str] = set()
    found: dict[str, dict[str, Any]] = {}
    for line in lines:
        bare = line.strip()
        if not bare or bare.startswith("//"):
            continue
        given = _PARSED.fullmatch(bare)
        if given:
            parsed.add(given[1])
            continue
        setting = _SET.fullmatch(bare)
        how = _how(setting[2], parsed) if setting else None
        if setting is None or how is None:
            return None
        found[setting[1]] = how
    return found


def _how(expression: str, parsed: set[str]) -> dict[str, Any] | None:
    for pattern, kind in ((_HEADER, "header"), (_COOKIE, "cookie")):
        match = pattern.fullmatch(expression)
        if match:
            return {kind: match[1].lower() if kind == "header" else match[1]}
    base = next((one for one in ("pm.response.json()", *parsed) if expression.startswith((f"{one}.", f"{one}["))), None)
    place = _PLACE.fullmatch(expression[len(base) :]) if base else None
    return {"json": f"${place[1]}".replace('"', "'")} if place else None
