"""What an engine's owner and its process say to each other: one JSON document a line, over a socket pair."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any

import orjson

from tressi.load.plan import Plan, PlannedEndpoint, PlannedPool
from tressi.load.transport import Call, Origin
from tressi.load.ways import Network, Proxy, Way
from tressi.model import Kept, Proxies, TlsConfig

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
        ways=tuple(_way(**way) for way in document["ways"]),
        endpoints=tuple(_endpoint(**endpoint) for endpoint in document["endpoints"]),
        pools=tuple(_pool(**pool) for pool in document["pools"]),
        pool_of=document["pool_of"],
        lanes_per_worker=document["lanes_per_worker"],
        duration_ns=document["duration_ns"],
        network=_network(**document["network"]),
        source_addresses=tuple(document["source_addresses"]),
        connections_per_second=document["connections_per_second"],
        connections_phase=document["connections_phase"],
        transport=document["transport"],
        redirects=document["redirects"],
        kept=Kept(**document["kept"]),
    )


def _way(
    origin: dict[str, Any],
    hop: dict[str, Any],
    tls: dict[str, Any] | None,
    proxy: dict[str, Any] | None,
    proxy_tls: dict[str, Any] | None,
    *,
    is_tunnel: bool,
) -> Way:
    return Way(Origin(**origin), Origin(**hop), _tls(tls), _proxy(proxy), _tls(proxy_tls), is_tunnel)


def _proxy(document: dict[str, Any] | None) -> Proxy | None:
    if document is None:
        return None
    fields = tuple((name, value) for name, value in document["fields"])
    return Proxy(document["url"], Origin(**document["origin"]), fields)


def _tls(document: dict[str, Any] | None) -> TlsConfig | None:
    return None if document is None else TlsConfig(**document)


def _network(tls: dict[str, Any], proxies: dict[str, Any], resolve: list[list[str]]) -> Network:
    return Network(TlsConfig(**tls), Proxies(**proxies), tuple((name, where) for name, where in resolve))


def _endpoint(
    variants: list[str],
    statuses: list[int] | None,
    body_contains: str | None,
    call: dict[str, Any] | None,
    tls: dict[str, Any] | None,
    **rest: Any,  # noqa: ANN401 - checked by the constructor
) -> PlannedEndpoint:
    return PlannedEndpoint(
        variants=tuple(b64decode(variant) for variant in variants),
        statuses=None if statuses is None else tuple(statuses),
        body_contains=_decoded(body_contains),
        call=None if call is None else _call(**call),
        tls=_tls(tls),
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
