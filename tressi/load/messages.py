"""What an engine's owner and its process say to each other: one JSON document a line, over a socket pair."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any

import orjson

from tressi.load.plan import Plan, PlannedEndpoint, PlannedPool
from tressi.model import TlsConfig
from tressi.request.call import Call, Origin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gevent.socket import socket

_READ_BYTES = 1 << 20
COUNT_BYTES = 8  # of the first message: how many endpoints the arena has, with its descriptor attached


def encode(message: dict[str, Any]) -> bytes:
    """One line. Bytes within become base64, dataclasses objects."""
    return orjson.dumps(message, default=_encode_bytes) + b"\n"


def _encode_bytes(value: object) -> str:
    if isinstance(value, bytes):
        return b64encode(value).decode("ascii")
    if isinstance(value, (set, frozenset)):
        return sorted(value)  # type: ignore[return-value] # a list is as good
    raise TypeError(f"{type(value).__name__} cannot be sent")


def plan_of(document: dict[str, Any]) -> Plan:
    """Make a plan of what `encode` made of it."""
    return Plan(
        keys=tuple(document["keys"]),
        origins=tuple(Origin(**origin) for origin in document["origins"]),
        endpoints=tuple(_endpoint(**endpoint) for endpoint in document["endpoints"]),
        pools=tuple(_pool(**pool) for pool in document["pools"]),
        pool_of=document["pool_of"],
        lanes_per_worker=document["lanes_per_worker"],
        duration_ns=document["duration_ns"],
        tls=TlsConfig(**document["tls"]),
        source_addresses=tuple(document["source_addresses"]),
        connections_per_second=document["connections_per_second"],
        connections_phase=document["connections_phase"],
        proxy=document["proxy"],
        follow_redirects=document["follow_redirects"],
    )


def _endpoint(
    variants: list[str],
    statuses: list[int] | None,
    body_contains: str | None,
    call: dict[str, Any] | None,
    **rest: Any,  # noqa: ANN401 - checked by the constructor
) -> PlannedEndpoint:
    return PlannedEndpoint(
        variants=tuple(b64decode(variant) for variant in variants),
        statuses=None if statuses is None else tuple(statuses),
        body_contains=_decoded(body_contains),
        call=None if call is None else _call(**call),
        **rest,
    )


def _call(method: str, url: str, headers: list[list[str]], body: str | None, secret_headers: list[str]) -> Call:
    return Call(method, url, tuple((name, value) for name, value in headers), _decoded(body), tuple(secret_headers))


def _decoded(text: str | None) -> bytes | None:
    return None if text is None else b64decode(text)


def _pool(endpoints: list[int], origins: list[int], **rest: Any) -> PlannedPool:  # noqa: ANN401 - checked by the constructor
    return PlannedPool(endpoints=tuple(endpoints), origins=tuple(origins), **rest)


def lines(connection: socket) -> Iterator[dict[str, Any]]:
    """The messages as they come, until the other end is closed or reset."""
    # In pieces until its end comes: a plan with large bodies is thousands of them.
    pieces: list[bytes] = []
    while True:
        try:
            data = connection.recv(_READ_BYTES)
        except OSError:
            return
        if not data:
            return
        first, *others = data.split(b"\n")
        pieces.append(first)
        for other in others:
            yield orjson.loads(b"".join(pieces))
            pieces = [other]
