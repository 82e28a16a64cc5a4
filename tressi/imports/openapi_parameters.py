"""The parameters of an operation of OpenAPI, as they stand in path, query, headers and cookies."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tressi.imports.peek import obj, text
from tressi.imports.request import DocumentError
from tressi.imports.schemas import ABSENT, Schemas, example_in
from tressi.imports.spots import encoded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# OpenAPI says that parameters of these names are ignored: others describe them.
_ELSEWHERE: Final = frozenset({"accept", "content-type", "authorization"})
_SEPARATORS: Final = {"spaceDelimited": "%20", "pipeDelimited": "|", "form": ",", "simple": ","}


@dataclass(slots=True)
class Filled:
    """Where the parameters went: the path, pairs of the query, headers, pairs of cookies."""

    path: str
    query: list[str] = field(default_factory=list)
    headers: list[tuple[str, str]] = field(default_factory=list)
    cookies: list[str] = field(default_factory=list)


def filled(parameters: Sequence[Mapping[str, Any]], path: str, schemas: Schemas) -> Filled:
    """The parameters with values: all that are required, and the optional ones that have an example of their own.

    Raises DocumentError where a part of the path has no parameter.
    """
    made = Filled(path)
    for parameter in parameters:
        place, name = text(parameter, "in"), text(parameter, "name")
        value = _value(parameter, schemas)
        if value is ABSENT or not name:
            continue
        if place == "path":
            made.path = made.path.replace(f"{{{name}}}", encoded(_joined(value, ",")) or "x")
        elif place == "query":
            made.query += _pairs(name, value, parameter)
        elif place == "header" and name.lower() not in _ELSEWHERE:
            made.headers.append((name, _joined(value, ",")))
        elif place == "cookie":
            made.cookies.append(f"{name}={_joined(value, ',')}")
    hole = re.search(r"\{([^{}]*)\}", made.path)
    if hole:
        raise DocumentError(f"its path has {{{hole[1][:40]}}}, for which there is no parameter")
    return made


def _value(parameter: Mapping[str, Any], schemas: Schemas) -> Any:  # noqa: ANN401 - any JSON value, or ABSENT
    given = named_example(parameter, schemas)
    schema = parameter.get("schema", {})
    if given is ABSENT and "content" in parameter:
        kind, media = next(iter(obj(parameter, "content").items()), ("", {}))
        given = named_example(obj(media), schemas)
        schema = obj(media).get("schema", {})
        if given is not ABSENT or parameter.get("required") is True:
            given = schemas.value(schema) if given is ABSENT else given
            return json.dumps(given) if kind.endswith("json") else given
    if given is not ABSENT:
        return given
    if parameter.get("required") is True or text(parameter, "in") == "path":
        return schemas.value(schema)
    found = schemas.merged(schema)
    return example_in({key: value for key, value in found.items() if key in {"example", "examples"}})


def named_example(media: Mapping[str, Any], schemas: Schemas) -> Any:  # noqa: ANN401 - any JSON value, or ABSENT
    """The example of a parameter or a media type: `example`, or the first of `examples`, which have names."""
    if "example" in media:
        return media["example"]
    for raw in obj(media, "examples").values():
        one = schemas.resolved(raw)
        if "value" in one:
            return one["value"]
    return ABSENT


def _pairs(name: str, value: Any, parameter: Mapping[str, Any]) -> list[str]:  # noqa: ANN401 - any JSON value
    style = text(parameter, "style") or "form"
    explode = parameter.get("explode", style == "form")
    key = encoded(name)
    if isinstance(value, dict):
        if style == "deepObject":
            return [f"{encoded(f'{name}[{inner}]')}={encoded(_word(one))}" for inner, one in value.items()]
        if explode:
            return [f"{encoded(inner)}={encoded(_word(one))}" for inner, one in value.items()]
        return [f"{key}={encoded(_joined(value, ','))}"]
    if isinstance(value, list):
        if explode:
            return [f"{key}={encoded(_word(one))}" for one in value]
        separator = _SEPARATORS.get(style, ",").replace("|", "%7C")
        return [f"{key}={separator.join(encoded(_word(one)) for one in value)}"]
    return [f"{key}={encoded(_word(value))}"]


def _joined(value: Any, separator: str) -> str:  # noqa: ANN401 - any JSON value
    if isinstance(value, list):
        return separator.join(map(_word, value))
    if isinstance(value, dict):
        return separator.join(word for name, one in value.items() for word in (name, _word(one)))
    return _word(value)


def _word(value: Any) -> str:  # noqa: ANN401 - any JSON value
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
