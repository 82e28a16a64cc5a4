"""OpenAPI 3.0 and 3.1, and Swagger 2.0: a request for each operation, with values from examples or from its schemas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tressi.imports.openapi_body import Bodies
from tressi.imports.openapi_parameters import Filled, filled
from tressi.imports.openapi_security import credentials
from tressi.imports.peek import obj, objs, text
from tressi.imports.request import DocumentError, Gathered, Request, Visit, url_parts
from tressi.imports.schemas import Schemas
from tressi.imports.sendable import clean_url_text, is_json, media_type, sent_headers, with_content_type
from tressi.imports.swagger import as_openapi

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tressi.imports.options import Options
    from tressi.imports.secrets import Vault

METHODS: Final = ("get", "head", "post", "put", "patch", "delete", "options", "trace", "query")
_READING: Final = frozenset({"get", "head", "options", "query"})
# An operation that changes something has a quarter of the rate of one that reads.
WRITING_WEIGHT: Final = 0.25


def gather(document: Any, options: Options, vault: Vault) -> Gathered:  # noqa: ANN401 - any value of JSON or YAML
    """The requests of a description. Raises DocumentError."""
    api = _description(document)
    notes: list[str] = []
    schemas = Schemas(api)
    bodies = Bodies(schemas, api)
    visits, elsewhere = [], 0
    for path, method, item in _operations(api, schemas, notes):
        if not options.takes_path(path):
            elsewhere += 1
            continue
        label = f"{method.upper()} {path}"
        try:
            made = _Operation(api, schemas, bodies, label, notes)
            visits.append(Visit(made.request(path, method, item, options, vault)))
        except DocumentError as problem:
            notes.append(f"{label} was left out: {problem}")
    notes += [f"left out: {elsewhere} requests whose paths --only does not name"] if elsewhere else []
    notes += _not_requests(api)
    if not visits:
        raise DocumentError("; ".join(["the description has no operation that tressi could send", *notes[:5]]))
    writing = sum(visit.request.method.lower() not in _READING for visit in visits)
    if writing:
        notes.append(f"{writing} of {len(visits)} requests change something at the target; --only takes some paths alone")
    return Gathered(tuple(visits), tuple(notes))


def _description(document: Any) -> dict[str, Any]:  # noqa: ANN401 - any value of JSON or YAML
    version = text(document, "openapi")
    if text(document, "swagger").startswith("2"):
        document = as_openapi(obj(document))
    elif not version.startswith("3."):
        raise DocumentError("this is no OpenAPI 3 or Swagger 2: it has neither openapi: 3.x nor swagger: 2.0")
    if not isinstance(document.get("paths"), dict):
        raise DocumentError("the description has no paths")
    return obj(document)


def _operations(api: dict[str, Any], schemas: Schemas, notes: list[str]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, raw in obj(api, "paths").items():
        if path.startswith("x-"):
            continue
        try:
            item = schemas.resolved(raw)
        except DocumentError as problem:
            notes.append(f"{path} was left out: {problem}")
            continue
        for method in METHODS:
            if isinstance(item.get(method), dict):
                yield path if path.startswith("/") else f"/{path}", method, item


def _not_requests(api: Mapping[str, Any]) -> list[str]:
    found = len(obj(api, "webhooks"))
    return [f"left out: the webhooks ({found}), which the API sends and does not receive"] if found else []


class _Operation:
    """One operation on its way to a request."""

    def __init__(self, api: dict[str, Any], schemas: Schemas, bodies: Bodies, label: str, notes: list[str]) -> None:
        self._api, self._schemas, self._bodies = api, schemas, bodies
        self._label, self._notes = label, notes

    def request(self, path: str, method: str, item: Mapping[str, Any], options: Options, vault: Vault) -> Request:
        """The request. Raises DocumentError where it cannot be one."""
        operation = obj(item, method)
        origin, prefix = self._server(item, operation, options)
        given = filled(self._parameters(item, operation), path, self._schemas)
        self._secure(operation, given, vault)
        body, content_type = self._bodies.of(operation, self._label, self._notes)
        headers = [*self._accept(operation), *given.headers]
        headers += [("Content-Type", content_type)] if content_type else []
        headers += [("Cookie", "; ".join(given.cookies))] if given.cookies else []
        kept, left = sent_headers(headers, origin)
        self._notes += [f"{self._label}: left out: {one}" for one in left]
        return Request(
            method.upper(),
            origin,
            clean_url_text(f"{prefix}{given.path}") or "/",
            "&".join(given.query) if given.query else None,
            tuple(with_content_type(kept, body)),
            body,
            name=self._label,
            weight=1.0 if method in _READING else WRITING_WEIGHT,
        )

    def _server(self, item: Mapping[str, Any], operation: Mapping[str, Any], options: Options) -> tuple[str, str]:
        """The origin and what stands before every path."""
        if options.base_url is not None:
            return options.base_url.rstrip("/"), ""
        servers = next((found for one in (operation, item, self._api) if (found := objs(one, "servers"))), [{"url": "/"}])
        url = text(servers[0], "url")
        for name, variable in obj(servers[0], "variables").items():
            url = url.replace(f"{{{name}}}", text(variable, "default"))
        parts = url_parts(url)
        if parts is None or parts[0].partition("://")[0].lower() not in {"http", "https"}:
            raise DocumentError("its server has no host; --base-url says where it is")
        return parts[0], parts[1].rstrip("/")

    def _parameters(self, item: Mapping[str, Any], operation: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The parameters of an operation, which count for more than those of its path."""
        found = {}
        for one in (item, operation):
            for raw in objs(one, "parameters"):
                parameter = self._schemas.resolved(raw)
                found[text(parameter, "in"), text(parameter, "name")] = parameter
        return list(found.values())

    def _secure(self, operation: Mapping[str, Any], given: Filled, vault: Vault) -> None:
        needed = operation.get("security", self._api.get("security"))
        schemes = {name: self._schemas.resolved(one) for name, one in obj(self._api, "components", "securitySchemes").items()}
        for kind, name, value in credentials(needed, schemes, vault, self._notes):
            if kind == "header":
                given.headers[:] = [(own, word) for own, word in given.headers if own.lower() != name.lower()]
                given.headers.append((name, value))
            elif kind == "query":
                given.query.append(f"{name}={value}")
            else:
                given.cookies.append(f"{name}={value}")

    def _accept(self, operation: Mapping[str, Any]) -> list[tuple[str, str]]:
        """The JSON that a response may be, if it may."""
        for status, raw in obj(operation, "responses").items():
            if status.startswith("2"):
                kinds = [kind for kind in obj(self._schemas.resolved(raw), "content") if is_json(media_type(kind))]
                if kinds:
                    return [("Accept", kinds[0])]
        return []
