"""Swagger 2.0 in the form of OpenAPI 3.0, as far as an import reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tressi.imports.peek import obj, objs, text

if TYPE_CHECKING:
    from collections.abc import Mapping

_METHODS: Final = ("get", "head", "post", "put", "patch", "delete", "options")
_OF_PARAMETERS: Final = frozenset({"name", "in", "required", "description", "collectionFormat", "allowEmptyValue"})
_STYLES: Final = {"pipes": "pipeDelimited", "ssv": "spaceDelimited"}


def as_openapi(document: dict[str, Any]) -> dict[str, Any]:
    """The same description as OpenAPI 3.0; its definitions stay where references look for them."""
    host = text(document, "host")
    schemes = document.get("schemes") if isinstance(document.get("schemes"), list) else []
    scheme = "https" if not schemes or "https" in schemes else str(schemes[0])
    url = f"{scheme}://{host}{text(document, 'basePath')}" if host else text(document, "basePath") or "/"
    security = {name: _scheme(obj(one)) for name, one in obj(document, "securityDefinitions").items()}
    made = {**document, "servers": [{"url": url}], "paths": {}}
    made["components"] = {"securitySchemes": security}
    for path, item in obj(document, "paths").items():
        made["paths"][path] = _item(obj(item), document) if isinstance(item, dict) else item
    return made


def _scheme(scheme: dict[str, Any]) -> dict[str, Any]:
    return {"type": "http", "scheme": "basic"} if text(scheme, "type") == "basic" else scheme


def _item(item: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    made = {name: value for name, value in item.items() if name not in {*_METHODS, "parameters"}}
    for method in _METHODS:
        if isinstance(item.get(method), dict):
            made[method] = _operation(item[method], objs(item, "parameters"), document)
    return made


def _operation(operation: Mapping[str, Any], shared: list[dict[str, Any]], document: dict[str, Any]) -> dict[str, Any]:
    found = {}
    for raw in [*shared, *objs(operation, "parameters")]:
        parameter = _referred(raw, document)
        found[text(parameter, "in"), text(parameter, "name")] = parameter
    parameters = [_parameter(one) for one in found.values() if text(one, "in") not in {"body", "formData"}]
    made = {**operation, "parameters": parameters}
    kinds = operation.get("consumes", document.get("consumes"))
    kinds = [kind for kind in kinds if isinstance(kind, str)] if isinstance(kinds, list) else []
    body = next((one for one in found.values() if text(one, "in") == "body"), None)
    fields = [one for one in found.values() if text(one, "in") == "formData"]
    if body is not None:
        content = {kind: {"schema": body.get("schema", {})} for kind in kinds or ["application/json"]}
        made["requestBody"] = {"required": body.get("required") is True, "content": content}
    elif fields:
        made["requestBody"] = {"required": True, "content": {_form_kind(kinds, fields): {"schema": _form(fields)}}}
    return made


def _referred(raw: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    reference = text(raw, "$ref")
    return obj(document, "parameters", reference.rpartition("/")[2]) if reference.startswith("#/parameters/") else raw


def _parameter(parameter: dict[str, Any]) -> dict[str, Any]:
    schema = {name: value for name, value in parameter.items() if name not in _OF_PARAMETERS}
    made: dict[str, Any] = {name: parameter[name] for name in ("name", "in", "required") if name in parameter}
    given = text(parameter, "collectionFormat")
    if text(parameter, "in") == "query":
        made |= {"style": _STYLES.get(given, "form"), "explode": given == "multi"}
    return {**made, "schema": schema, **({"example": parameter["x-example"]} if "x-example" in parameter else {})}


def _form_kind(kinds: list[str], fields: list[dict[str, Any]]) -> str:
    if any(text(one, "type") == "file" for one in fields) or "multipart/form-data" in kinds:
        return "multipart/form-data"
    return "application/x-www-form-urlencoded"


def _form(fields: list[dict[str, Any]]) -> dict[str, Any]:
    properties = {}
    for one in fields:
        schema = {name: value for name, value in one.items() if name not in _OF_PARAMETERS}
        schema |= {"example": one["x-example"]} if "x-example" in one else {}
        properties[text(one, "name")] = {"type": "string", "format": "binary"} if text(one, "type") == "file" else schema
    required = [text(one, "name") for one in fields if one.get("required") is True]
    return {"type": "object", "properties": properties, **({"required": required} if required else {})}
