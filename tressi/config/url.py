"""Addresses: from what a person may write to what goes on the wire.

Two forms of one URL. As written, made absolute with the base and with the user info masked: that is the endpoint's identity.
On the wire: the host through IDNA, what RFC 3986 does not allow in path and query percent-encoded, the fragment gone; the
user info is still there, because the transport makes credentials of it, so this form is never shown.
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from itertools import count
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, quote, unquote, urlsplit, urlunsplit

from tressi.config.messages import broken_url, quoted
from tressi.frozen import dataclass
from tressi.hosts import ascii_host
from tressi.masking import is_secret_parameter, mask_url
from tressi.model.data import Placeholder, pieces_of

if TYPE_CHECKING:
    from collections.abc import Callable

UNIX = "http+unix"  # the host is the path of a socket, percent-encoded, as Docker's clients write it
SCHEMES = frozenset({"http", "https", UNIX})
MAX_SOCKET_PATH = 107  # unix(7): sun_path with its NUL
MAX_HOST = 253  # RFC 1035, section 2.3.4, without the final dot

_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_COLON_FIRST = re.compile(r"[^/?#]*:")  # `localhost:8080/x`, `mailto:x`; RFC 3986, section 4.2 allows no such relative path
_AUTHORITY = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*")
_UNSENDABLE = re.compile(r"[\x00-\x20\x7f]")
_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?")
# Scheme and host without user info; a path and a query of which nothing is percent-encoded anew, without a fragment.
_PLAIN = re.compile(r"(https?://[^/?#@\\\s]+)(/[A-Za-z0-9_.~!$&'()*+,;=:/?%-]*)")
_KEPT = "!$&'()*+,;=:@/?%[]~"  # a % stays: the path may be percent-encoded already


class AddressError(ValueError):
    """A URL that cannot be used; `str()` is the value, masked, and the rule."""


@dataclass(frozen=True, slots=True)
class Address:
    """One URL as it is sent and as it is shown."""

    wire: str
    masked: str


def address(
    url: str, base: str | None = None, *, templated: bool = False, is_secret: Callable[[str], bool] = is_secret_parameter
) -> Address:
    """Make `url` absolute with `base` in front, and ready to be sent. Raises `AddressError`.

    `templated` says that placeholders may stand in path and query: they stay as they are written, in both forms. `is_secret`
    says of a parameter by its name whether its value is hidden.
    """
    whole = url if _ABSOLUTE.match(url) else _joined(url, base)
    if templated and "{{" in whole:
        return _templated(whole, is_secret)
    if is_secret is not is_secret_parameter:
        return Address(address(whole).wire, mask_url(whole, is_secret))
    # Most of 300,000 addresses are a few origins, each with paths that are sent as they are written.
    plain = _PLAIN.fullmatch(whole)
    origin = _origin_on_the_wire(plain[1]) if plain else None
    if plain and origin is not None:
        return Address(f"{origin}{plain[2]}", mask_url(whole) if "=" in plain[2] else whole)
    return _address(whole)


def _templated(whole: str, is_secret: Callable[[str], bool]) -> Address:
    """An address with a word of letters and digits in place of each placeholder, and the placeholders back in their places."""
    word = next(word for word in (f"tressi{number}x" for number in count()) if word not in whole)
    pieces = list(pieces_of(whole))
    found = [piece for piece in pieces if isinstance(piece, Placeholder)]
    tokens = iter([f"{word}{number}z" for number in range(len(found))])
    plain = "".join(piece if isinstance(piece, str) else next(tokens) for piece in pieces)
    if word in (_AUTHORITY.match(plain) or [""])[0]:
        raise AddressError(f"{_quoted(whole)} has a placeholder in front of its path; where a request goes must be known")
    token = re.compile(rf"{word}(\d+)z")
    made = _address(plain)

    def put_back(text: str) -> str:
        return token.sub(lambda match: str(found[int(match[1])]), text)

    # A parameter that is a placeholder and nothing else gives no secret away; a quote is what keeps it from being masked.
    kept = re.sub(rf"(?<==){word}\d+z(?=[&#;]|$)", lambda match: f'"{match[0]}', plain)
    return Address(put_back(made.wire), put_back(mask_url(kept, is_secret).replace(f'"{word}', word)))


@lru_cache(maxsize=1024)
def _origin_on_the_wire(origin: str) -> str | None:
    """A scheme and a host as they are sent, without a slash; None where they cannot be."""
    try:
        return _address(f"{origin}/").wire.removesuffix("/")
    except AddressError:
        return None


def _address(whole: str) -> Address:
    parts = _split(whole)
    wire = SplitResult(parts.scheme, _wire_authority(parts, whole), _encoded(parts.path) or "/", _encoded(parts.query), "")
    # To a server `/a?` may be another target than `/a` (RFC 3986, section 6.2.3), and urllib makes one of the two.
    lone = "?" if not parts.query and "?" in whole.partition("#")[0] else ""
    return Address(f"{urlunsplit(wire)}{lone}", mask_url(whole))


def wire_base(base: str) -> str:
    """An address without query, such as a proxy's, as it goes on the wire. Raises `AddressError`."""
    parts = _split(base)
    authority = _wire_authority(parts, base)
    if "?" in base or "#" in base:
        raise AddressError(f"{_quoted(base)} has a query or a fragment; a path is put behind it")
    return urlunsplit(SplitResult(parts.scheme, authority, _encoded(parts.path), "", ""))


def _joined(url: str, base: str | None) -> str:
    # The base is put in front as it is: `http://host/v1` and `/users` are `http://host/v1/users`, not `http://host/users`.
    if _COLON_FIRST.match(url) or url.startswith("//"):
        raise AddressError(f"{_quoted(url)} is neither absolute nor a path; write http:// or https:// in front")
    if base is None:
        raise AddressError(f"{_quoted(url)} is relative; it needs baseUrl or --base-url, or http:// and a host in front")
    return f"{base.rstrip('/')}{'' if url.startswith(('/', '?')) else '/'}{url}"


def server_name(name: str) -> str:
    """The name that TLS asks for, as ASCII. Raises AddressError."""
    try:
        return _ipv6(name, name) if ":" in name else _wire_host(name, name)
    except AddressError:
        raise AddressError(f"{quoted(name)} is no name of a host") from None


def _split(url: str) -> SplitResult:
    # Looked for first, because urlsplit drops line ends and tabs without a word.
    forbidden = _UNSENDABLE.search(url)
    if forbidden:
        what = "a space, write it as %20" if forbidden[0] == " " else f"the control character U+{ord(forbidden[0]):04X}"
        raise AddressError(f"{_quoted(url)} has {what}")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise _bad_host(url) from None
    if parts.scheme not in SCHEMES or not _ABSOLUTE.match(url):
        raise AddressError(f"{_quoted(url)} is not an absolute http:// or https:// URL")
    return parts


def _wire_authority(parts: SplitResult, url: str) -> str:
    if parts.scheme == UNIX:
        return _socket_path(parts.netloc, url)
    host, port = parts.hostname, _port(parts, url)
    if not host:
        raise AddressError(f"{_quoted(url)} has no host")
    user_info, at, rest = parts.netloc.rpartition("@")
    name = f"[{_ipv6(host, url)}]" if "[" in rest else _wire_host(host, url)
    return f"{user_info}{at}{name}" if port is None else f"{user_info}{at}{name}:{port}"


def _socket_path(authority: str, url: str) -> str:
    path = unquote(authority)
    if not path.startswith("/") or len(path.encode()) > MAX_SOCKET_PATH:
        raise AddressError(f"{_quoted(url)} has no path of a unix socket, percent-encoded: http+unix://%2Frun%2Fserver.sock/")
    return authority


def _port(parts: SplitResult, url: str) -> int | None:
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise AddressError(f"{_quoted(url)} has a port that is no number from 1 to 65535")
    return port


def _wire_host(host: str, url: str) -> str:
    try:
        name = ascii_host(host)
    except UnicodeError:
        raise _bad_host(url) from None
    bare = name.removesuffix(".")
    labels = bare.split(".")
    if len(bare) > MAX_HOST or not all(_LABEL.fullmatch(label) and len(label) <= 63 for label in labels):  # noqa: PLR2004
        raise _bad_host(url)
    if labels[-1].isdigit():
        # A name may not end in digits alone (RFC 1123, section 2.1), so this is meant as an IPv4 address.
        _address_or_refusal(IPv4Address, bare, url)
    return name


def _ipv6(host: str, url: str) -> str:
    return str(_address_or_refusal(IPv6Address, host, url))


def _address_or_refusal(kind: type[IPv4Address | IPv6Address], host: str, url: str) -> IPv4Address | IPv6Address:
    try:
        return kind(host)
    except AddressValueError:
        raise _bad_host(url) from None


def _bad_host(url: str) -> AddressError:
    return AddressError(f"{_quoted(url)} has a host that cannot be")


def _encoded(part: str) -> str:
    return quote(part, safe=_KEPT)


def _quoted(url: str) -> str:
    return quoted(broken_url(url))
