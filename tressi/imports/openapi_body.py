"""The body of an operation of OpenAPI: its example, or one made of its schema, which jsonschema then judges."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from tressi.imports.openapi_parameters import named_example
from tressi.imports.peek import obj
from tressi.imports.request import Body, DocumentError
from tressi.imports.schemas import ABSENT
from tressi.imports.sendable import FORM, is_json, media_type, pairs_body

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tressi.imports.schemas import Schemas

_PARTS: Final = "multipart/form-data"
_MESSAGE: Final = 120
# Members of a schema that hold values, and those whose own members have names of the document's.
_VALUES: Final = frozenset({"const", "default", "enum", "examples"})
_NAMED: Final = frozenset({"$defs", "definitions", "dependentSchemas", "patternProperties", "properties", "schemas"})


class Bodies:
    """The bodies of one description."""

    def __init__(self, schemas: Schemas, api: dict[str, Any]) -> None:
        self._schemas, self._api = schemas, api
        self._root: dict[str, Any] | None = None

    def of(self, operation: Mapping[str, Any], label: str, notes: list[str]) -> tuple[Body | None, str | None]:
        """The body and its Content-Type. Raises DocumentError where one is needed and cannot be made."""
        asked = self._schemas.resolved(operation.get("requestBody", {}))
        content = obj(asked, "content")
        if not content:
            return None, None
        kind, media = _preferred(content)
        try:
            body = self._made(kind, obj(media), label, notes)
        except DocumentError:
            if asked.get("required") is True:
                raise
            notes.append(f"{label} is sent without its body, which is optional and cannot be made")
            return None, None
        return body, None if body is None or body.kind == "multipart" else kind

    def _made(self, kind: str, media: dict[str, Any], label: str, notes: list[str]) -> Body | None:
        short = media_type(kind)
        schema = media.get("schema", {})
        given = named_example(media, self._schemas)
        if is_json(short):
            value = self._checked(schema, label, notes) if given is ABSENT else given
            if isinstance(value, (dict, list)):
                return Body("payload", value)
            return Body("body", value if isinstance(value, str) and given is not ABSENT else json.dumps(value))
        if short in {FORM, _PARTS}:
            value = self._schemas.value(self._without_files(schema, label, notes)) if given is ABSENT else given
            if not isinstance(value, dict):
                raise DocumentError(f"its body of {short} is no object")
            pairs = [
                (name, _word(one)) for name, inner in value.items() for one in (inner if isinstance(inner, list) else [inner])
            ]
            if short == _PARTS:
                return Body("multipart", [{"name": name, "value": word} for name, word in pairs if name]) if pairs else None
            return pairs_body(pairs)
        if isinstance(given, str):
            return Body("body", given)
        if short.startswith("text/"):
            return Body("body", _word(self._schemas.value(schema)))
        raise DocumentError(f"its body is of {short or 'no type'}, and has no example")

    def _without_files(self, schema: Any, label: str, notes: list[str]) -> dict[str, Any]:  # noqa: ANN401 - any value
        """The schema of a form without its files. Raises DocumentError where one of them is required."""
        found = self._schemas.merged(schema)
        required = found.get("required") if isinstance(found.get("required"), list) else []
        kept = {}
        for name, raw in obj(found, "properties").items():
            one = self._schemas.merged(raw)
            one = self._schemas.merged(one["items"]) if isinstance(one.get("items"), dict) else one
            if one.get("format") != "binary" and "contentMediaType" not in one:
                kept[name] = raw
            elif name in (required or []):
                raise DocumentError(f"it sends the file {name[:40]!r}, and no file is known")
            else:
                notes.append(f"{label}: left out: the file {name[:40]!r}, which is optional")
        return {**found, "properties": kept}

    def _checked(self, schema: Any, label: str, notes: list[str]) -> Any:  # noqa: ANN401 - any JSON value
        """A value that meets its schema; with what is required alone where all members do not meet it."""
        value = _present(self._schemas.value(schema))
        fault = self._fault(schema, value)
        if fault is None:
            return value
        smaller = _present(self._schemas.value(schema, only_required=True))
        if self._fault(schema, smaller) is None:
            return smaller
        notes.append(f"{label}: its body may not be what its schema asks for: {fault}")
        return value

    def _fault(self, schema: Any, value: Any) -> str | None:  # noqa: ANN401 - any JSON values
        from jsonschema import Draft202012Validator  # noqa: PLC0415 - it takes a while, and only bodies need it
        from jsonschema.exceptions import best_match  # noqa: PLC0415 - likewise

        if self._root is None:
            parts = {name: obj(self._api, name) for name in ("components", "definitions")}
            self._root = obj(_as_json_schema(parts))
        try:
            whole = {**self._root, **obj(_as_json_schema(schema))}
            error = best_match(Draft202012Validator(whole).iter_errors(value))
        except (RecursionError, re.error, OverflowError):
            return "the schema cannot be checked"
        except Exception as problem:  # noqa: BLE001 - a schema may be wrong in any way, and jsonschema has as many errors
            return f"the schema cannot be checked ({type(problem).__name__})"
        if error is None:
            return None
        place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.absolute_path)
        return f"${place}: {error.message[:_MESSAGE]}"


def _preferred(content: Mapping[str, Any]) -> tuple[str, Any]:
    """The media type that can be made best: JSON, a form, parts, text, and then what has an example."""
    ranks = (is_json, lambda kind: kind == FORM, lambda kind: kind == _PARTS, lambda kind: kind.startswith("text/"))
    for rank in ranks:
        for kind, media in content.items():
            if rank(media_type(kind)):
                return kind, media
    return next(iter(content.items()))


def _present(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    return {} if value is ABSENT else value


def _word(value: Any) -> str:  # noqa: ANN401 - any JSON value
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _as_json_schema(value: Any, *, has_names: bool = False) -> Any:  # noqa: ANN401 - any JSON value
    """A schema of OpenAPI 3.0 as JSON Schema has it: `nullable` as a type, exclusive bounds as numbers, no `example`.

    `has_names`: the members are named by the document, such as those of `properties`.
    """
    if isinstance(value, list):
        return [_as_json_schema(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    if has_names:
        return {name: _as_json_schema(inner) for name, inner in value.items()}
    made = {
        name: inner if name in _VALUES else _as_json_schema(inner, has_names=name in _NAMED)
        for name, inner in value.items()
        if name not in {"example", "nullable", "xml", "externalDocs", "discriminator"}
    }
    if "discriminator" in value and "oneOf" in made:
        # Its member says which one it is; to JSON Schema several might fit.
        made["anyOf"] = made.pop("oneOf")
    return _with_null(_with_bounds(made, value), value)


def _with_null(made: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    if value.get("nullable") is not True:
        return made
    kind = {"type": [value["type"], "null"]} if isinstance(value.get("type"), str) else {}
    values = {"enum": [*value["enum"], None]} if isinstance(value.get("enum"), list) else {}
    return {**made, **kind, **values}


def _with_bounds(made: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    for exclusive, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(value.get(exclusive), bool):
            made.pop(exclusive)
            if value[exclusive] and bound in made:
                made[exclusive] = made.pop(bound)
    return made
