"""How connections are made: TLS, `resolve`, proxies and for how long a connection is used, from a document to their values.

The rules yield place and message as those of rules.py do; what follows them takes a document in which they found nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from tressi.config.messages import Finding, Place, path_of, quoted
from tressi.config.url import AddressError, server_name, wire_base
from tressi.errors import ConfigError, ConfigProblem
from tressi.model import Kept, Proxies, TlsConfig

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Document = Mapping[str, Any]

ENVIRONMENT: Final = "environment"
_FILES: Final = ("ca", "cert", "key")
_MAX_PORT: Final = 65535
_HOST_PORT = re.compile(r"(?P<host>\[[^\]]*\]|[^:\[\]]*)(?::(?P<port>[0-9]+))?")


# ------------------------------------------------------------------------------------------------------------- the rules


def connection_mistakes(document: Document) -> Iterator[Finding]:
    """Yield what of the top level cannot be done."""
    yield from tls_mistakes(document, ())
    yield from _versions(document.get("tls", {}))
    yield from _ciphers(document.get("tls", {}))
    yield from _resolve(document.get("resolve", {}))


def tls_mistakes(section: Document, place: Place) -> Iterator[Finding]:
    """Yield what of a request's `tls`, or of the top level's, cannot be done."""
    name = section.get("tls", {}).get("serverName")
    if name is not None:
        try:
            server_name(name)
        except AddressError as error:
            yield (*place, "tls", "serverName"), str(error)


def _versions(tls: Document) -> Iterator[Finding]:
    oldest, newest = tls.get("minVersion"), tls.get("maxVersion")
    if oldest is not None and newest is not None and oldest > newest:
        yield ("tls", "maxVersion"), f"{quoted(newest)} is older than minVersion, {quoted(oldest)}"


def _ciphers(tls: Document) -> Iterator[Finding]:
    if "ciphers" not in tls:
        return
    import ssl  # noqa: PLC0415 - most configs name none

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).set_ciphers(tls["ciphers"])
    except (ssl.SSLError, ValueError, UnicodeError):
        yield ("tls", "ciphers"), f"{quoted(tls['ciphers'])} has no cipher suite that this OpenSSL knows"


def _resolve(entries: Document) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for name, value in entries.items():
        try:
            key = host_port(name)
            if key in seen:
                yield ("resolve", name), f"means the same as {quoted(seen[key])}"
            seen.setdefault(key, name)
        except AddressError:
            yield ("resolve", name), "is no host:port of a url, such as shop.example:443"
        try:
            host_port(value, "1")
        except AddressError:
            yield ("resolve", name), f"{quoted(value)} is no host:port to connect to, such as 127.0.0.1:8443"


def host_port(text: str, port: str | None = None) -> str:
    """Write `host:port` as it is looked for: a host in its wire form, an IPv6 address in brackets. Raises AddressError.

    `port` stands for one that is left out; without it there must be one.
    """
    parts = _HOST_PORT.fullmatch(text)
    if parts is None or not parts["host"] or not (parts["port"] or port):
        raise AddressError(f"{quoted(text)} is no host:port")
    number = int(parts["port"] or port or 0)
    if not 0 < number <= _MAX_PORT:
        raise AddressError(f"{quoted(text)} has a port that is no number from 1 to {_MAX_PORT}")
    host = parts["host"]
    bare = host[1:-1] if host.startswith("[") else host
    name = server_name(bare.lower())
    if (":" in name) != host.startswith("["):
        raise AddressError(f"{quoted(text)} is no host:port")
    return f"[{name}]:{number}" if ":" in name else f"{name}:{number}"


# ----------------------------------------------------------------------------------------------------------- the warnings


def connection_doubts(document: Document, urls: list[str]) -> Iterator[str]:
    """Yield what will not do what its author may expect; `urls` are the absolute ones of the requests."""
    tls = document.get("tls", {})
    if "ciphers" in tls and tls.get("minVersion") == "1.3":
        yield "tls.ciphers: has no effect, TLS 1.3 has cipher suites of its own"
    if document.get("followRedirects"):
        return  # which may lead anywhere
    places = {place_of(url) for url in urls}
    for name in document.get("resolve", {}):
        if host_port(name) not in places:
            yield f"{path_of(('resolve', name))}: has no effect, no request goes there"


def place_of(url: str) -> str:
    """Return the `host:port` of an absolute URL in its wire form, as `resolve` names it."""
    from urllib.parse import urlsplit  # noqa: PLC0415 - for configs with `resolve` alone

    parts = urlsplit(url)
    host = (parts.hostname or "").partition("%")[0]
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


# ------------------------------------------------------------------------------------------------------------- the values


def resolved_tls(document: Document) -> TlsConfig:
    """Return the TLS of the whole run."""
    tls = document.get("tls", {})
    return TlsConfig(
        verify=tls.get("verify", True),
        **{name: tls[name] for name in _FILES if name in tls},
        server_name=server_name(tls["serverName"]) if "serverName" in tls else None,
        min_version=tls.get("minVersion"),
        max_version=tls.get("maxVersion"),
        ciphers=tls.get("ciphers"),
    )


def request_tls(document: Document, request: Document) -> TlsConfig | None:
    """Return a request's own TLS, what it leaves out taken from the run's; None: it is the run's.

    A certificate of its own goes without the run's key: that fits another.
    """
    own = request.get("tls")
    if not own:
        return None
    shared = document.get("tls", {})
    if "cert" in own:
        shared = {name: value for name, value in shared.items() if name != "key"}
    return resolved_tls({"tls": {**shared, **own}})


def resolved_places(document: Document) -> dict[str, str]:
    """Return where connections go, by the host:port of a URL, both in the wire form."""
    entries = {host_port(name): value for name, value in document.get("resolve", {}).items()}
    return {name: host_port(value, name.rpartition(":")[2]) for name, value in entries.items()}


def resolved_kept(document: Document) -> Kept:
    """Return how long a connection is used."""
    return Kept(document.get("maxRequestsPerConnection"), document.get("maxConnectionAge"), document.get("idleTimeout"))


def resolved_proxy(document: Document) -> str | Proxies | None:
    """Return the proxy, or those of the environment. Raises ConfigError where one of these is no address."""
    proxy = document.get("proxy")
    if proxy == ENVIRONMENT:
        return environment_proxies()
    return None if proxy is None else wire_base(proxy)


def environment_proxies() -> Proxies:
    """Return the proxies that the environment names, as the standard library reads it. Raises ConfigError."""
    from urllib.request import getproxies_environment  # noqa: PLC0415 - most configs ask for none

    found = getproxies_environment()
    http, https = (_environment_proxy(found, scheme) for scheme in ("http", "https"))
    return Proxies(http, https, found.get("no", ""))


def _environment_proxy(found: Mapping[str, str], scheme: str) -> str | None:
    name = scheme if found.get(scheme) else "all"
    url = found.get(name)
    if not url:
        return None
    try:
        # curl takes one without a scheme for http.
        return wire_base(url if "://" in url else f"http://{url}")
    except AddressError as error:
        raise ConfigError([ConfigProblem("proxy", f"{name.upper()}_PROXY of the environment: {error}")]) from None
