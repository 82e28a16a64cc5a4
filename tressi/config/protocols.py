"""HTTP/2: which protocol the requests of a config are sent by, over how many connections, and where that cannot be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tressi.config.defaults import defaults
from tressi.errors import ConfigError, ConfigProblem
from tressi.model import Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tressi.model import ResolvedConfig, ResolvedEndpoint

    Document = Mapping[str, Any]

HTTP_2: Final = frozenset({"h2", "h2c"})
_SCHEMES: Final = {"h2": "https", "h2c": "http"}
_OTHER: Final = {"h2": "h2c is HTTP/2 without TLS", "h2c": "h2 is HTTP/2 over TLS"}


def resolved_protocol(document: Document, request: Document, url: str) -> Protocol:
    """Return what is spoken for a request to `url`; what it leaves out is the run's. Settings of HTTP/2 mean nothing elsewhere.

    gRPC is spoken over HTTP/2 alone, so a call need not say so.
    """
    usual = defaults("TressiConfigSchema")["protocol"] if "grpc" not in request else "h2" if url.startswith("https:") else "h2c"
    name = request.get("protocol", document.get("protocol", usual))
    if name == "http/1.1":
        return Protocol()
    settings = {**document.get("http2", {}), **request.get("http2", {})}
    return Protocol(name, settings.get("streams", 1), settings.get("connections"))


def check_protocols(config: ResolvedConfig) -> None:
    """Raise ConfigError where HTTP/2 is asked for and cannot be spoken."""
    problems = [
        ConfigProblem(endpoint.endpoint_key, message)
        for endpoint in config.endpoints
        for message in _mistakes(config, endpoint)
    ]
    if problems:
        raise ConfigError(problems)


def _mistakes(config: ResolvedConfig, endpoint: ResolvedEndpoint) -> Iterator[str]:
    name = endpoint.protocol.name
    urls = [endpoint.url, *(variant.url for variant in endpoint.variants)]
    schemes = {url.partition(":")[0].partition("+")[0] for url in (urls[1:] or urls)}
    if name in HTTP_2 and schemes != {_SCHEMES[name]}:
        yield f"the protocol {name} needs a url with {_SCHEMES[name]}; {_OTHER[name]}"
    elif name == "h2c" and config.proxy is not None:
        # A proxy passes requests without TLS on by itself, and speaks HTTP/1.1 to whom it asks.
        yield "the protocol h2c goes through no proxy; h2 does, through its tunnel"
    if name in HTTP_2 and not config.keep_alive:
        yield f"the protocol {name} keeps connections: leave keepAlive out, or use http/1.1"


def protocol_doubts(document: Document) -> Iterator[str]:
    """Yield settings of HTTP/2 that have no effect."""
    requests = [(number, one) for number, one in enumerate(document.get("requests", ())) if isinstance(one, dict)]
    without = [number for number, one in requests if not _is_http_2(document, one)]
    if "http2" in document and len(without) == len(requests):
        yield "http2: has no effect, no request has the protocol h2, h2c or auto"
    for number, request in requests:
        if "http2" in request and number in without:
            yield f"requests[{number}].http2: has no effect, the protocol is http/1.1"


def _is_http_2(document: Document, request: Document) -> bool:
    """Whether a request may be sent over HTTP/2."""
    usual = "h2" if "grpc" in request else "http/1.1"
    return bool(request.get("protocol", document.get("protocol", usual)) != "http/1.1")
