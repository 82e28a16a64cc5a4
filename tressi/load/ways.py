"""Where connections lead, and by which way: straight, by a proxy that passes requests on, or through a proxy's tunnel.

Pure: a config's TLS, proxies and `resolve` in, one `Way` for each request out. Requests of one way may share a connection.
"""

from __future__ import annotations

from dataclasses import field, replace
from typing import TYPE_CHECKING, Final

from tressi.frozen import dataclass
from tressi.model import Protocol, Proxies, TlsConfig
from tressi.request.call import Origin, basic_credentials, origin_of, without_user_info

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy, and what it is told with each request that it passes on or makes a tunnel for (RFC 9110 11.7.2)."""

    url: str
    origin: Origin
    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Way:
    """How a connection is made.

    `origin` is at its end, `hop` is what TCP connects to: the origin or the proxy, by the address that `resolve` gives it.
    `tls` is how the origin is spoken to (None: plain), `proxy_tls` likewise. Without `is_tunnel` a proxy is itself the origin.
    `protocol` is one that the scheme of the origin allows.
    """

    origin: Origin
    hop: Origin
    tls: TlsConfig | None = None
    proxy: Proxy | None = None
    proxy_tls: TlsConfig | None = None
    is_tunnel: bool = False
    protocol: Protocol = field(default_factory=Protocol)

    @property
    def is_shared(self) -> bool:
        """Whether lanes share its connections."""
        return self.protocol.name != "http/1.1"

    @property
    def fields(self) -> tuple[tuple[str, str], ...] | None:
        """What a request says to the proxy that passes it on; None: it goes to its target itself."""
        return None if self.proxy is None or self.is_tunnel else self.proxy.fields

    @property
    def is_plain(self) -> bool:
        """Whether a connection is there once TCP has connected."""
        return self.tls is None and not self.is_tunnel


_OFFERED: Final = {"http/1.1": ("http/1.1",), "h2": ("h2",), "auto": ("h2", "http/1.1")}


def spoken_to(origin: Origin, asked: Protocol) -> Protocol:
    """What is spoken to an origin: what was asked for where its scheme allows it. A redirect may lead to the other scheme.

    Without TLS nothing can be negotiated, and behind a redirect from HTTP/2 without TLS to TLS it can.
    """
    if origin.is_tls:
        return replace(asked, name="auto") if asked.name == "h2c" else asked
    return asked if asked.name == "h2c" else Protocol()


@dataclass(frozen=True, slots=True)
class Network:
    """What a config says of connections. `resolve` has the host:port that is connected to, by that of the URL."""

    tls: TlsConfig = field(default_factory=TlsConfig)
    proxies: Proxies = field(default_factory=Proxies)
    resolve: Mapping[str, str] = field(default_factory=dict)

    def way(self, url: str, tls: TlsConfig | None = None, protocol: Protocol | None = None) -> Way:
        """Return the way of the requests to `url`; `tls` is that of the request where it has its own."""
        origin = origin_of(url)
        proxy = proxy_of(self._proxy_for(origin))
        spoken = spoken_to(origin, protocol or Protocol())
        own = replace(tls or self.tls, protocols=_OFFERED[spoken.name]) if origin.is_tls else None
        if proxy is None:
            return Way(origin, self._place(origin), own, protocol=spoken)
        hop = self._place(proxy.origin)
        # Whatever name the targets are asked for, the proxy is asked for its own.
        proxy_tls = replace(self.tls, server_name=None) if proxy.origin.is_tls else None
        if origin.is_tls:
            return Way(origin, hop, own, proxy, proxy_tls, is_tunnel=True, protocol=spoken)
        return Way(proxy.origin, hop, proxy_tls, proxy)

    def _proxy_for(self, origin: Origin) -> str | None:
        proxies = self.proxies
        url = proxies.https if origin.is_tls else None if origin.is_unix else proxies.http
        return None if url is None or (proxies.bypass and _is_bypassed(origin, proxies.bypass)) else url

    def _place(self, origin: Origin) -> Origin:
        if not self.resolve:
            return origin
        where = self.resolve.get(_named(origin))
        if where is None:
            return origin
        host, _, port = where.rpartition(":")
        return Origin(origin.scheme, host.strip("[]"), int(port))


def network_of(tls: TlsConfig, proxy: str | Proxies | None, resolve: Mapping[str, str]) -> Network:
    """Return a config's network; one proxy is that of every request."""
    proxies = proxy if isinstance(proxy, Proxies) else Proxies(proxy, proxy)
    return Network(tls, proxies, dict(resolve))


def proxy_of(url: str | None) -> Proxy | None:
    """The proxy at `url`, whose user info becomes credentials."""
    if url is None:
        return None
    credentials = basic_credentials(url)
    fields = () if credentials is None else (("Proxy-Authorization", credentials),)
    return Proxy(without_user_info(url), origin_of(url), fields)


def _named(origin: Origin) -> str:
    host = origin.host.lower()
    return f"[{host}]:{origin.port}" if ":" in host else f"{host}:{origin.port}"


def _is_bypassed(origin: Origin, bypass: str) -> bool:
    # For a proxy of the environment alone; the stubs lack this function of the standard library.
    from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined] # noqa: PLC0415

    names = (_named(origin), origin.host) if ":" in origin.host else (_named(origin),)
    return any(proxy_bypass_environment(name, {"no": bypass}) for name in names)
