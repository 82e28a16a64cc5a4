"""An endpoint's request as it goes over the wire, as text and as bytes, and the origin it is sent to. No sockets here."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote, unquote_to_bytes, urlsplit

from tressi.frozen import dataclass
from tressi.request.reference import reference_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tressi.model import ResolvedEndpoint

DEFAULT_PORTS = {"http": 80, "https": 443, "http+unix": 0}

# RFC 9110 9.2.2: sending one of these twice asks for no more than sending it once.
IDEMPOTENT_METHODS = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"})

# RFC 6874 4: the zone of an address is of this machine, and no server is told.
_ZONE = re.compile(r"%[^\]]*\]")

# RFC 9110 8.6: a request of these methods says its length even when that is nothing.
_FRAMING = frozenset({"content-length", "connection"})
_METHODS_WITH_CONTENT = frozenset({"POST", "PUT", "PATCH"})


@dataclass(frozen=True, slots=True)
class Call:
    """One request as it goes out, whichever transport sends it: `headers` are all its fields, in order.

    `url` is absolute and has neither user info nor a fragment. `secret_headers` are the names that `--mask-header` gives:
    such a header goes to no other origin.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes | None
    secret_headers: tuple[str, ...] = ()

    def filled(self, sent: bytes, proxy_fields: Sequence[tuple[str, str]] | None = None) -> Call:
        """Return the request as it was sent, with all its placeholders filled; `sent` are the bytes of it.

        `proxy_fields` are those with which its head was made. Scheme and authority are the same in every request.
        """
        head, _, body = sent.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        target = first.split(" ")[1]
        parts = reference_of(self.url)
        if proxy_fields is not None:
            target = reference_of(target).target
            lines = lines[: len(lines) - len(proxy_fields)]
        named = (line.partition(": ") for line in lines)
        fields = tuple((name, value) for name, _, value in named)
        return replace(
            self,
            url=f"{parts.scheme}://{parts.authority}{target}",
            headers=fields,
            body=body if self.body is not None else None,
        )

    @property
    def closes(self) -> bool:
        """Whether its connection serves no other."""
        return ("Connection", "close") in self.headers

    @property
    def awaits_continue(self) -> bool:
        """Whether its body waits for an answer to the head (RFC 9110 10.1.1)."""
        asked = {value.strip().lower() for name, value in self.headers if name.lower() == "expect"}
        return bool(self.body) and "100-continue" in asked

    def head(self, proxy_fields: Sequence[tuple[str, str]] | None = None) -> bytes:
        """Request line and fields (RFC 9112 3 and 5), up to the body.

        A proxy that passes requests on is given the whole URL (RFC 9112 3.2.2), and `proxy_fields` for itself; None is no
        proxy.
        """
        parts = reference_of(self.url)
        whole = f"{parts.scheme}://{_ZONE.sub(']', parts.authority or '')}{parts.target}"
        target = parts.target if proxy_fields is None else whole
        fields = (*self.headers, *(proxy_fields or ()))
        lines = [f"{self.method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields), "", ""]
        return "\r\n".join(lines).encode("latin-1")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where connections go (RFC 9110 4.3.1): requests of one origin can share a connection."""

    scheme: str
    host: str
    port: int

    @property
    def is_unix(self) -> bool:
        """Whether `host` is the path of a unix socket."""
        return self.scheme == "http+unix"

    @property
    def is_tls(self) -> bool:
        """Whether connections to it speak TLS."""
        return self.scheme == "https"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}"


@lru_cache(maxsize=4096)  # a plan asks several times about the URL of each of its endpoints
def origin_of(url: str) -> Origin:
    """The origin of an absolute URL; an IPv6 host comes without its brackets, a unix socket's path decoded."""
    parts = urlsplit(url)
    if parts.scheme == "http+unix":
        return Origin(parts.scheme, unquote(parts.netloc), 0)
    # In a URL the % before an address's zone is escaped (RFC 6874).
    host = (parts.hostname or "").replace("%25", "%")
    return Origin(parts.scheme, host, parts.port or DEFAULT_PORTS[parts.scheme])


def request_bytes(endpoint: ResolvedEndpoint, user_agent: str, *, keep_alive: bool = True) -> bytes:
    """Serialise an endpoint's request once, as it is sent every time."""
    call = call_of(endpoint, user_agent, keep_alive=keep_alive)
    return call.head() + (call.body or b"")


def call_of(endpoint: ResolvedEndpoint, user_agent: str, *, keep_alive: bool = True) -> Call:
    """An endpoint's request (RFC 9112 3 to 6), the same over both transports.

    The endpoint's own headers go out as they are; Host, User-Agent and Authorization (from the URL's user info) are added
    where they are missing and not left out on purpose, Content-Length and Connection always as they must be.
    """
    fields = request_headers(endpoint, user_agent)
    if endpoint.body is not None or endpoint.method in _METHODS_WITH_CONTENT:
        fields.append(("Content-Length", str(len(endpoint.body or b""))))
    if not keep_alive:
        fields.append(("Connection", "close"))
    return Call(endpoint.method, without_user_info(endpoint.url), tuple(fields), endpoint.body)


def request_headers(endpoint: ResolvedEndpoint, user_agent: str) -> list[tuple[str, str]]:
    """The header fields of a request, without those that frame it.

    Without content nothing may be expected (RFC 9110 10.1.1).
    """
    parts = urlsplit(endpoint.url)
    left_out = _FRAMING if endpoint.body else _FRAMING | {"expect"}
    given = {name.lower() for name, _ in endpoint.headers} | endpoint.left_out
    credentials = basic_credentials(endpoint.url)
    added = [("Host", _host_field(parts)), ("User-Agent", user_agent)]
    added += [] if credentials is None else [("Authorization", credentials)]
    fields = [(name, value) for name, value in added if name.lower() not in given]
    return fields + [(name, value) for name, value in endpoint.headers if name.lower() not in left_out]


def without_user_info(url: str) -> str:
    """The URL as a proxy or a server may see it: without the fragment, too."""
    parts = reference_of(url)
    return f"{parts.scheme}://{(parts.authority or '').rpartition('@')[2]}{parts.target}"


def _host_field(parts: SplitResult) -> str:
    if parts.scheme == "http+unix":
        return "localhost"
    host = _ZONE.sub("]", parts.netloc.rpartition("@")[2])
    default = f":{DEFAULT_PORTS[parts.scheme]}"
    return host.removesuffix(default) if parts.port == DEFAULT_PORTS[parts.scheme] else host


def basic_credentials(url: str) -> str | None:
    """What the URL's user info is in a header field (RFC 7617); None without any."""
    netloc = urlsplit(url).netloc
    if "@" not in netloc:
        return None
    user, _, password = netloc.rpartition("@")[0].partition(":")
    pair = unquote_to_bytes(user) + b":" + unquote_to_bytes(password)
    return "Basic " + b64encode(pair).decode("ascii")
