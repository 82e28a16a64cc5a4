"""What a redirect asks for: the next request, from the last one and what the server said. No sockets here.

The rules are those of RFC 9110 15.4 and of the Fetch standard's "HTTP-redirect fetch":

    status         method                               body
    301, 302       POST becomes GET, others stay        goes with a method that became GET
    303            all but GET and HEAD become GET      likewise
    307, 308       stays                                stays

Every other status is the answer, and so is one of these without a Location. Where the origin changes, the request names the
new host and gives away no credentials, which are not given back when a later redirect returns to the first origin.
"""

from __future__ import annotations

import re
from dataclasses import replace
from ipaddress import AddressValueError, IPv6Address
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote_to_bytes

from tressi.config.url import AddressError, server_name
from tressi.frozen import dataclass
from tressi.log import is_secret_header, mask_url
from tressi.model import REDIRECTS
from tressi.request.call import DEFAULT_PORTS, Call, Origin, basic_credentials, origin_of
from tressi.request.reference import Reference, reference_of, resolved
from tressi.text import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

_STATUSES = frozenset({301, 302, 303, 307, 308})
_SCHEMES = frozenset({"http", "https"})
_KEPT_OF_USERS = "!$%&'()*+,;=:~"
_KEPT = f"{_KEPT_OF_USERS}@/?[]"  # as in a config's URL; a % stays, because what it begins may be an encoded byte

# RFC 9110 15.4 names the first ones; the others speak of the body, or of how it is sent, as well.
_OF_THE_BODY = frozenset({"digest", "expect", "last-modified", "repr-digest", "trailer", "transfer-encoding"})

_SHOWN_CHARACTERS = 40  # of a Location, in a reason that has room for 111 bytes
_AUTHORITY = re.compile(r"(?:(?P<user>.*)@)?(?P<host>\[[^\]]*\]|[^:@]*)(?::(?P<port>[0-9]*))?", re.DOTALL)
_HOST = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=-]+")  # RFC 3986 3.2.2: reg-name, its encoded bytes decoded
_MAX_PORT = 65535


@dataclass(frozen=True, slots=True)
class Refused:
    """A redirect that cannot be followed, and why: the attempt fails as `protocol`."""

    reason: str


class _BadLocationError(ValueError):
    """Why a Location leads nowhere, in words that go on after it."""


def redirected(
    call: Call, status: int, locations: Sequence[bytes], followed: int, most: int = REDIRECTS
) -> Call | Refused | None:
    """The request that follows on a response to `call`; None: the response is the answer.

    `locations` are the values of its Location fields as they came, `followed` the redirects that led to `call`, of `most`
    that one attempt may follow.
    """
    if status not in _STATUSES or not locations:
        return None
    if followed >= most:
        return Refused(too_many(most))
    if len(set(locations)) > 1:
        return Refused(f"status {status} with two Locations that differ")
    try:
        return _next(call, status, locations[0])
    except _BadLocationError as failure:
        return Refused(f"redirected to {_shown(locations[0])}, which {failure}")


def too_many(most: int) -> str:
    """Why an attempt fails that was redirected once more than it may be."""
    return f"more than {most} redirect{'' if most == 1 else 's'}"


def _next(call: Call, status: int, location: bytes) -> Call:
    url, credentials = _url(call.url, location)
    becomes_get = call.method not in {"GET", "HEAD"} if status == 303 else status < 303 and call.method == "POST"  # noqa: PLR2004 - the table above
    headers = [(name, value) for name, value in call.headers if not (becomes_get and _is_of_the_body(name))]
    before, after = origin_of(call.url), origin_of(url)
    if after != before:
        headers = [
            (name, value)
            for name, value in headers
            if name.lower() != "host" and not is_secret_header(name, call.secret_headers)
        ]
        headers.insert(0, ("Host", _host_field(after)))
    if credentials is not None:
        headers = [(name, value) for name, value in headers if name.lower() != "authorization"]
        headers.insert(1, ("Authorization", credentials))
    method, body = ("GET", None) if becomes_get else (call.method, call.body)
    return replace(call, method=method, url=url, headers=tuple(headers), body=body)


def _is_of_the_body(name: str) -> bool:
    folded = name.lower()
    return folded.startswith("content-") or folded in _OF_THE_BODY


def _url(base: str, location: bytes) -> tuple[str, str | None]:
    """The absolute URL that a Location names, without user info, and the credentials that the user info is.

    Raises _BadLocationError.
    """
    # One character is one byte until the end: a byte beyond ASCII is percent-encoded as it stands, whatever its encoding.
    text = location.strip().replace(b"\t", b"").decode("latin-1")
    path, mark, rest = re.fullmatch(r"([^?#]*)([?#]?)(.*)", text, re.DOTALL).groups()  # type: ignore[union-attr] # it matches all
    # Browsers take both slashes for the same in front of the query.
    reference = reference_of(path.replace("\\", "/") + mark + rest)
    to = resolved(reference_of(base), reference)
    if to.scheme not in _SCHEMES:
        raise _BadLocationError("is neither http nor https")
    user_info, authority = _authority(to.authority or "", to.scheme)
    target = Reference(None, None, _encoded(to.path), None if to.query is None else _encoded(to.query)).target
    credentials = None
    if user_info is not None:
        credentials = basic_credentials(f"{to.scheme}://{_encoded(user_info, _KEPT_OF_USERS)}@{authority}")
    return f"{to.scheme}://{authority}{target}", credentials


def _authority(authority: str, scheme: str) -> tuple[str | None, str]:
    """User info, and host with its port where that is not the scheme's own. Raises _BadLocationError."""
    parts = _AUTHORITY.fullmatch(authority)
    if parts is None:
        raise _BadLocationError("has a host or a port that cannot be")
    port = int(parts["port"] or DEFAULT_PORTS[scheme])
    if not 0 < port <= _MAX_PORT:
        raise _BadLocationError(f"has a port that is no number from 1 to {_MAX_PORT}")
    host = _host(parts["host"])
    return parts["user"], host if port == DEFAULT_PORTS[scheme] else f"{host}:{port}"


def _host(host: str) -> str:
    """A host as it is looked up: in small letters, decoded, and in ASCII. Raises _BadLocationError."""
    if not host:
        raise _BadLocationError("names no host")
    if host.startswith("["):
        try:
            # A zone would be one of the server's machine.
            return f"[{IPv6Address(host[1:-1])}]" if "%" not in host else _no_host()
        except AddressValueError:
            return _no_host()
    raw = unquote_to_bytes(host.encode("latin-1"))
    try:
        name = raw.decode("utf-8")
        name = name.lower() if name.isascii() else server_name(name)
    except (UnicodeDecodeError, AddressError):
        return _no_host()
    return name if _HOST.fullmatch(name) else _no_host()


def _no_host() -> str:
    raise _BadLocationError("has a host that cannot be")


def _encoded(part: str, kept: str = _KEPT) -> str:
    return quote(part.encode("latin-1"), safe=kept)


def _host_field(origin: Origin) -> str:
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    return host if origin.port == DEFAULT_PORTS[origin.scheme] else f"{host}:{origin.port}"


def _shown(location: bytes) -> str:
    text = mask_url(location.decode("utf-8", "replace"))
    return plain(text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…")
