"""gRPC calls in a config: which method a request calls, its message as bytes, and what can be wrong with either.

A call is a POST to the path of its method, over HTTP/2, whose body is the message that `payload` gives as JSON. The message is
encoded before the run: once, or, where it has placeholders, once for each row of the table that they name.
"""

from __future__ import annotations

import json
import math
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from tressi.config.data import DataError, local_file
from tressi.config.messages import Finding, Place, listed, quoted
from tressi.config.rules import merged, requests_of
from tressi.grpc.errors import GrpcError
from tressi.model import GrpcCall
from tressi.model.data import Filled, Placeholder, Rows, pieces_of, placeholders_of
from tressi.vocabulary import status_number

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tressi.config.data import Declared
    from tressi.grpc.method import Method

    Document = Mapping[str, Any]

FIELDS: Final = (("Content-Type", "application/grpc"), ("TE", "trailers"))
_MOST_OF_A_TIMEOUT: Final = 10**8  # gRPC over HTTP/2: at most eight digits and a unit
_UNFIT: Final = ("body", "bodyFile", "form", "multipart", "compress")
_JUDGED: Final = ("status", "bodyContains", "bodyMatches", "json")
_NAMED_HERE: Final = ("content-type", "te", "grpc-timeout", "grpc-encoding")


def with_shared(document: Document, request: Document) -> Document:
    """The request with what its `grpc` leaves out taken from the top level's; a source of its own replaces that one's."""
    own = request.get("grpc")
    if not isinstance(own, dict):
        return request
    shared = document.get("grpc", {})
    if "proto" in own or "protoset" in own:
        shared = {name: value for name, value in shared.items() if name == "importPaths"}
    return {**request, "grpc": {**shared, **own}}


def call_of(request: Document, folder: str | None) -> GrpcCall | None:
    """What a sound request calls; None where it is no gRPC call. Raises DataError for a file that cannot be read any more."""
    if "grpc" not in request:
        return None
    try:
        descriptors = _descriptors(request["grpc"], folder)
        method = _method(descriptors, request["grpc"]["method"])
    except GrpcError as error:
        raise DataError(str(error)) from None
    wanted = request.get("expect", {}).get("grpcStatus")
    names = wanted if isinstance(wanted, list) else [wanted]
    return GrpcCall(method.name, descriptors, None if wanted is None else tuple(map(status_number, names)))


def body_of(call: GrpcCall, payload: Any, *, templated: bool) -> bytes | Filled:  # noqa: ANN401 - any JSON value
    """The message of a sound call as it is sent; with placeholders, how it comes of a row."""
    method = _method(call.descriptors, call.method)
    names = placeholders_of(json.dumps(payload, ensure_ascii=False)) if templated else []
    if not names:
        return method.encoded(payload)
    columns = tuple(dict.fromkeys(one.column for one in names))
    return Filled(names[0].source, columns, _Encoding(method, payload))


def timeout_field(timeout_s: float) -> tuple[str, str]:
    """The deadline as the server is told it: in milliseconds, or in seconds where those would have too many digits."""
    in_ms = math.ceil(timeout_s * 1e3)
    return "grpc-timeout", f"{in_ms}m" if in_ms < _MOST_OF_A_TIMEOUT else f"{math.ceil(timeout_s)}S"


class _Encoding:
    """Makes the bytes of a message of the cells of a row."""

    def __init__(self, method: Method, payload: Any) -> None:  # noqa: ANN401 - any JSON value
        self._method = method
        self._payload = payload

    def __call__(self, row: Mapping[str | None, Any]) -> bytes:
        """Raises ValueError with the place of what cannot be encoded."""
        try:
            return self._method.encoded(_with(self._payload, row))
        except GrpcError as error:
            raise ValueError(f"{_path(error.path)} {error}" if error.path else str(error)) from None


def _with(value: Any, row: Mapping[str | None, Any]) -> Any:  # noqa: ANN401 - any JSON value
    """A copy with the cells in place of their placeholders: the cell itself for a text that is nothing else."""
    if isinstance(value, dict):
        return {_filled(name, row, always_text=True): _with(entry, row) for name, entry in value.items()}
    if isinstance(value, list):
        return [_with(entry, row) for entry in value]
    return _filled(value, row) if isinstance(value, str) and "{{" in value else value


def _filled(text: str, row: Mapping[str | None, Any], *, always_text: bool = False) -> Any:  # noqa: ANN401 - a cell
    if "{{" not in text:
        return text
    pieces = list(pieces_of(text))
    if len(pieces) == 1 and isinstance(pieces[0], Placeholder) and not always_text:
        return row[pieces[0].column]
    return "".join(piece if isinstance(piece, str) else _text(row[piece.column]) for piece in pieces)


def _text(cell: Any) -> str:  # noqa: ANN401 - a JSON value
    return cell if isinstance(cell, str) else json.dumps(cell, ensure_ascii=False)


# ------------------------------------------------------------------------------------------------------------- the rules


def call_mistakes(document: Document, folder: str | None, data: Declared) -> Iterator[Finding]:
    """Yield what is wrong with the gRPC calls of a document whose values have the right types."""
    if "proto" in document.get("grpc", {}) and "protoset" in document["grpc"]:
        yield ("grpc",), "has a proto and a protoset; the types of messages come from one of both"
        return
    for index, request in requests_of(document):
        place: Place = ("requests", index)
        if "grpc" not in request and "grpcStatus" not in request.get("expect", {}):
            continue
        yield from _mistakes(document, request, place, folder, data)
        for number, variant in enumerate(request.get("variants", ())):
            if isinstance(variant, dict) and not variant.keys().isdisjoint({"payload", "url", "headers", *_UNFIT}):
                yield from _mistakes(document, merged(request, variant), (*place, "variants", number), folder, data)


def _mistakes(document: Document, request: Document, place: Place, folder: str | None, data: Declared) -> Iterator[Finding]:
    """The same of a request, or of a variant with all that it leaves out."""
    if "grpc" not in request:
        if "grpcStatus" in request.get("expect", {}):
            yield (*place, "expect", "grpcStatus"), "is of no use here: the request is no gRPC call, because it has no grpc"
        return
    yield from _shape_mistakes(request, place)
    if request.get("protocol", document.get("protocol", "h2")) in {"http/1.1", "auto"}:
        there = (*place, "protocol") if "protocol" in request else ("protocol",)
        yield there, "stands beside grpc, which is spoken over HTTP/2: h2, or h2c without TLS"
    section = with_shared(document, request)["grpc"]
    if ("proto" in section) == ("protoset" in section):
        yield (*place, "grpc"), "needs a proto or a protoset, one of both, here or at the top level"
        return
    if "method" not in section:
        return  # the schema has said so
    try:
        method = _method(_descriptors(section, folder), section["method"])
    except GrpcError as error:
        yield (*place, "grpc", *((error.part,) if error.part in request["grpc"] else ())), str(error)
        return
    except DataError as error:
        yield (*place, "grpc"), str(error)
        return
    yield from _message_mistakes(method, request, place, data)


def _shape_mistakes(request: Document, place: Place) -> Iterator[Finding]:
    """What a call cannot have beside its `grpc`."""
    for name in _UNFIT:
        if name in request:
            yield (*place, name), "stands beside grpc; the message of a call is its payload"
    if request.get("method", "POST") != "POST":
        yield (*place, "method"), f"{quoted(request['method'])} stands beside grpc; a call is a POST"
    for name in _JUDGED:
        if name in request.get("expect", {}):
            what = "whether a call has succeeded is told by its grpcStatus" if name == "status" else "the body is protobuf"
            yield (*place, "expect", name), f"stands beside grpc: {what}"
    for name in request.get("headers", {}):
        if name.lower() in _NAMED_HERE:
            yield (*place, "headers", name), "stands beside grpc, which adds this header"
    path = _path_of(request.get("url", ""))
    if path:
        yield (*place, "url"), f"{quoted(path)} stands beside grpc; the path of a call is that of its method"


def _message_mistakes(method: Method, request: Document, place: Place, data: Declared) -> Iterator[Finding]:
    payload = request.get("payload", {})
    names = placeholders_of(json.dumps(payload, ensure_ascii=False)) if data.names else []
    if names:
        yield from _filling_mistakes(names, (*place, "payload"), data)
        return
    try:
        method.message(payload)
    except GrpcError as error:
        yield (*place, "payload", *error.path), str(error)


def _filling_mistakes(names: list[Placeholder], place: Place, data: Declared) -> Iterator[Finding]:
    """A message is encoded before the run, so it is filled from the rows of one table."""
    sources = dict.fromkeys(one.source for one in names)
    for name in sources:
        source = data.sources.get(name)
        if source is not None and not isinstance(source, Rows):
            words = "is no table, and the message of a call is encoded before the run, once for each row of a table"
            yield place, f"{{{{{name}}}}} {words}; headers can have it"
    if len(sources) > 1:
        yield place, f"is filled from {listed(sources).replace(' or ', ' and ')}, and a call can be filled from one table alone"


def _path_of(url: str) -> str:
    """The path and query of a URL that is more than a slash."""
    rest = url.partition("://")[2] if "://" in url else url
    at = rest.find("/") if "://" in url else 0
    path = rest[at:] if at >= 0 else ""
    return "" if path in {"", "/"} else path


def _path(path: tuple[str | int, ...]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def _descriptors(section: Document, folder: str | None) -> bytes:
    """Raises GrpcError, DataError."""
    from tressi.grpc.descriptors import of_proto, of_protoset  # noqa: PLC0415 - see `_method`

    if "protoset" in section:
        return of_protoset(local_file(section["protoset"], folder))
    paths = [local_file(path, folder) for path in section.get("importPaths", ())]
    return of_proto(local_file(section["proto"], folder), paths)


@cache
def _method(descriptors: bytes, name: str) -> Method:
    """Kept: a config is looked at twice, and may call one method in thousands of requests."""
    from tressi.grpc.method import Method  # noqa: PLC0415 - most configs have no call, and need nothing of gRPC

    return Method(descriptors, name)
