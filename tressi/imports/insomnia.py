"""Insomnia's exports: version 4, a list of resources, and version 5, a tree in YAML."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from tressi.imports.collections import NO_AUTH, Auth, Content, Item, enabled, request_of
from tressi.imports.peek import at, obj, objs, text
from tressi.imports.request import DocumentError, Gathered, Visit
from tressi.imports.sound import clean
from tressi.imports.templates import Templates

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tressi.imports.names import Names
    from tressi.imports.options import Options
    from tressi.imports.secrets import Vault

_MOST_DEPTH: Final = 30
_NO_REQUESTS: Final = frozenset({
    "api_spec", "cookie_jar", "environment", "export", "proto_directory", "proto_file", "request", "request_group",
    "unit_test", "unit_test_suite", "workspace",
})  # fmt: skip
_KNOWN: Final = frozenset({
    "_id", "_type", "authentication", "body", "children", "created", "description", "headers", "isPrivate", "meta",
    "metaSortKey", "method", "modified", "name", "parameters", "parentId", "settings", "url",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Around:
    """What a folder hands down."""

    folders: tuple[str, ...] = ()
    auth: Auth = NO_AUTH
    headers: tuple[tuple[str, str], ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)


def gather(document: Any, options: Options, names: Names, vault: Vault) -> Gathered:  # noqa: ANN401 - any value of JSON or YAML
    """The requests of an export. Raises DocumentError."""
    notes: list[str] = []
    if text(document, "type").startswith("collection.insomnia.rest/5"):
        found = _of_tree(document, _Around(values=_environment(at(document, "environments", "data"))), 0)
    elif isinstance(at(document, "resources"), list) and at(document, "__export_format") in (3, 4):
        found = _of_resources(objs(document, "resources"), notes)
    else:
        raise DocumentError("this is no export of Insomnia's of version 4 or 5")
    templates = Templates(names, vault, notes)
    visits, elsewhere = [], 0
    for raw, around in found:
        try:
            item = _item(raw, around, notes)
            request = request_of(item, lambda one, around=around: templates.fill(one, around.values), vault, options, notes)  # type: ignore[misc]
        except DocumentError as problem:
            notes.append(f"{text(raw, 'name')[:60]!r} was left out: {problem}")
            continue
        if options.takes_path(request.path):
            visits.append(Visit(request))
        else:
            elsewhere += 1
    notes += [f"left out: {elsewhere} requests whose paths --only does not name"] if elsewhere else []
    if not visits:
        raise DocumentError("; ".join(["the export has no request that tressi could send", *notes[:5]]))
    return Gathered(tuple(visits), tuple(dict.fromkeys(notes)), data=templates.data)


def _of_resources(resources: list[dict[str, Any]], notes: list[str]) -> Iterator[tuple[dict[str, Any], _Around]]:
    """The requests of version 4, whose folders are resources that they name."""
    kinds = Counter(text(one, "_type") for one in resources)
    notes += [f"left out: {count} of the kind {kind[:30]!r}" for kind, count in kinds.items() if kind not in _NO_REQUESTS]
    by_id = {text(one, "_id"): one for one in resources}
    environments = {
        text(one, "parentId"): one
        for one in resources
        if text(one, "_type") == "environment" and text(one, "parentId") in by_id
    }
    # A workspace has one base environment; those within it are for people to choose, and are left out.
    bases = {key: one for key, one in environments.items() if text(by_id[key], "_type") == "workspace"}
    others = kinds["environment"] - len(bases)
    if others > 0:
        notes.append(f"left out: {others} environments beside the base; what only they have is a variable")
    for one in resources:
        if text(one, "_type") == "request":
            yield one, _above(one, by_id, bases)


def _above(resource: Mapping[str, Any], by_id: Mapping[str, dict[str, Any]], bases: Mapping[str, dict[str, Any]]) -> _Around:
    chain: list[dict[str, Any]] = []
    parent = by_id.get(text(resource, "parentId"))
    while parent is not None and len(chain) < _MOST_DEPTH:
        chain.append(parent)
        parent = by_id.get(text(parent, "parentId"))
    around = _Around()
    for node in reversed(chain):
        if text(node, "_type") == "workspace":
            around = replace(around, values={**around.values, **_environment(at(bases.get(text(node, "_id")), "data"))})
        elif text(node, "_type") == "request_group":
            around = _within(node, around)
    return around


def _of_tree(node: Mapping[str, Any], around: _Around, depth: int) -> Iterator[tuple[dict[str, Any], _Around]]:
    """The requests of version 5, in order."""
    if depth > _MOST_DEPTH:
        raise DocumentError(f"folders are nested deeper than {_MOST_DEPTH} levels")
    for one in objs(node, "collection" if depth == 0 else "children"):
        if isinstance(one.get("children"), list):
            yield from _of_tree(one, _within(one, around), depth + 1)
        elif "url" in one:
            yield one, around


def _within(folder: Mapping[str, Any], around: _Around) -> _Around:
    return replace(
        around,
        folders=(*around.folders, text(folder, "name")),
        auth=_auth(folder.get("authentication"), around.auth),
        headers=(*around.headers, *_rows(folder, "headers")),
        values={**around.values, **_environment(folder.get("environment"))},
    )


def _environment(data: Any, prefix: str = "", depth: int = 0) -> dict[str, str]:  # noqa: ANN401 - any JSON value
    """Variables by their names, of inner objects as `outer.inner`."""
    found: dict[str, str] = {}
    for name, value in obj(data).items():
        if isinstance(value, dict) and depth < _MOST_DEPTH:
            found |= _environment(value, f"{prefix}{name}.", depth + 1)
        elif not isinstance(value, (dict, list)) and value is not None:
            found[f"{prefix}{name}"] = text(value)
    return found


def _auth(raw: Any, above: Auth) -> Auth:  # noqa: ANN401 - any JSON value
    kind = text(raw, "type")
    if not kind:
        return above
    if kind == "none" or obj(raw).get("disabled") is True:
        return Auth()
    values = {name: text(raw, name) for name in obj(raw)}
    return Auth(kind, {**values, "in": "query" if values.get("addTo") == "queryParams" else "header"})


def _item(raw: Mapping[str, Any], around: _Around, notes: list[str]) -> Item:
    name = " / ".join((*around.folders, text(raw, "name") or "request"))
    if not text(raw, "url"):
        raise DocumentError("it has no URL")
    unknown = sorted(key for key in raw if key not in _KNOWN and raw[key])
    notes += [f"{name}: left out: {key[:30]}" for key in unknown]
    off = sum(len(objs(raw, key)) - len(enabled(objs(raw, key))) for key in ("headers", "parameters"))
    notes += [f"{name}: left out: {off} headers and parameters that are switched off"] if off else []
    own = _rows(raw, "headers")
    taken = {key.lower() for key, _ in own}
    headers = [*own, *(one for one in around.headers if one[0].lower() not in taken)]
    return Item(
        name,
        text(raw, "method") or "GET",
        text(raw, "url"),
        _rows(raw, "parameters"),
        headers,
        _content(obj(raw, "body")),
        _auth(raw.get("authentication"), around.auth),
    )


def _rows(raw: Mapping[str, Any], key: str) -> list[tuple[str, str]]:
    return [(text(row, "name"), text(row, "value")) for row in enabled(objs(raw, key)) if text(row, "name")]


def _content(body: Mapping[str, Any]) -> Content | None:
    kind, sent = text(body, "mimeType"), text(body, "text")
    rows = enabled(objs(body, "params"))
    if kind == "application/x-www-form-urlencoded":
        return Content("pairs", pairs=[(text(row, "name"), text(row, "value")) for row in rows])
    if kind == "multipart/form-data":
        return Content("parts", parts=[_part(row) for row in rows])
    if kind == "application/graphql":
        return Content("graphql", *_graphql(sent))
    if text(body, "fileName"):
        return Content("file", text(body, "fileName"))
    return Content("text", sent, kind or "text/plain") if sent else None


def _graphql(sent: str) -> tuple[str, str, list[tuple[str, str]], list[dict[str, str]], str]:
    """Insomnia writes the JSON that is sent, with the query in it."""
    import json  # noqa: PLC0415 - few requests are of this kind

    try:
        document = clean(json.loads(sent))
    except (ValueError, RecursionError):
        return sent, "", [], [], ""
    variables = at(document, "variables")
    return text(document, "query"), "", [], [], variables if isinstance(variables, str) else json.dumps(variables or {})


def _part(row: Mapping[str, Any]) -> dict[str, str]:
    if text(row, "type") == "file":
        if not text(row, "fileName"):
            raise DocumentError("it sends a file that has no name")
        return {"name": text(row, "name"), "file": text(row, "fileName")}
    return {"name": text(row, "name"), "value": text(row, "value")}
