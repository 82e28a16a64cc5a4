"""Socket addresses: from names, from literals, and as the bytes that the system's calls take."""

from __future__ import annotations

import socket
import struct
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING, Any

from gevent.socket import EAI_NONAME, gaierror, getaddrinfo

from tressi.frozen import dataclass
from tressi.hosts import ascii_host

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tressi.request.call import Origin

ATTEMPT_S = 0.25  # RFC 8305 5: the delay after which another address is tried,
LONGEST_S = 2.0  # and the most that it should be
SILENT_S = 10.0  # how long an address that did not answer comes last


@dataclass(frozen=True, slots=True)
class Address:
    """One address of a family, as the socket module has it."""

    family: int
    where: Any

    def packed(self) -> bytes:
        """The system's own structure: sockaddr_in (ip(7)), sockaddr_in6 (ipv6(7)) or sockaddr_un (unix(7))."""
        family = struct.pack("=H", self.family)
        if self.family == socket.AF_UNIX:
            return family + str(self.where).encode("utf-8", "surrogateescape") + b"\0"
        host = socket.inet_pton(self.family, self.where[0].partition("%")[0])
        port = struct.pack("!H", self.where[1])
        if self.family == socket.AF_INET:
            return family + port + host + bytes(8)
        return family + port + struct.pack("!I", self.where[2]) + host + struct.pack("=I", self.where[3])


class Answers:
    """What is known of how addresses answer, and the order in which that has them tried: the rules of `wire/address.pxd`."""

    def __init__(self) -> None:
        self._silent_until_s: dict[Address, float] = {}
        self._patience_s = ATTEMPT_S

    def order(self, addresses: Sequence[Address], nth: int, now_s: float) -> list[Address]:
        """All of them, beginning with the nth, counted round; those that did not answer of late come last."""
        silent = [address for address in addresses if self._silent_until_s.get(address, 0.0) > now_s]
        awake = [address for address in addresses if address not in silent]
        first = nth % len(awake) if awake else 0
        return [*awake[first:], *awake[:first], *sorted(silent, key=self._silent_until_s.__getitem__)]

    def behind_silence(self, left: Sequence[Address], family: int, now_s: float) -> list[Address]:
        """Those left to try behind one of `family` that did not answer: another family comes first (RFC 8305 4)."""
        return sorted(left, key=lambda address: (self._silent_until_s.get(address, 0.0) > now_s, address.family == family))

    def wait_s(self, left_s: float, others: int) -> float:
        """How long one is waited for while others are left: no longer than its share of the time that is left."""
        return max(0.0, min(self._patience_s, left_s / (others + 1)))

    def begun(self, address: Address, now_s: float) -> None:
        """It is tried. Where it was silent, one attempt alone sees whether it answers again."""
        if address in self._silent_until_s:
            self.silent(address, now_s)

    def silent(self, address: Address, now_s: float) -> None:
        """It did not answer in time."""
        self._silent_until_s[address] = now_s + SILENT_S

    def refused(self, address: Address) -> None:
        """It answered, if only so."""
        self._silent_until_s.pop(address, None)

    def taken(self, address: Address, took_s: float) -> None:
        """It took the connection; where that takes long, others are waited for as long."""
        self.refused(address)
        self._patience_s = min(max(2 * took_s, self._patience_s * 15 / 16, ATTEMPT_S), LONGEST_S)


def literal(host: str, port: int) -> list[Address]:
    """The address that `host` is, without asking anyone; empty where it is a name."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return []
    family = socket.AF_INET6 if isinstance(address, IPv6Address) else socket.AF_INET
    try:
        found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, 0, socket.AI_NUMERICHOST)
    except socket.gaierror:
        # A zone that this machine has not, or not yet: a lane that connects asks for it again.
        return []
    return [Address(entry[0], entry[4]) for entry in found]


def known(origin: Origin) -> list[Address]:
    """The addresses of an origin that needs no name service: a literal, or a unix socket's path."""
    if origin.is_unix:
        return [Address(socket.AF_UNIX, origin.host)]
    return literal(origin.host, origin.port)


def look_up(origin: Origin) -> list[Address]:
    """All addresses of an origin, in the resolver's order, cooperatively. Raises socket.gaierror."""
    if found := known(origin):
        return found
    try:
        name = ascii_host(origin.host)
        name.encode("idna")  # as getaddrinfo does, which takes no label that is empty or too long
    except UnicodeError:
        # Of a redirect: a config's hosts are checked. The resolver's thread would raise what no lane expects.
        raise gaierror(EAI_NONAME, f"{origin.host!r} is a host that cannot be") from None
    return [Address(entry[0], entry[4]) for entry in getaddrinfo(name, origin.port, 0, socket.SOCK_STREAM)]
