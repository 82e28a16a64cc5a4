"""Socket addresses: from names, from literals, and as the bytes that the system's calls take."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING, Any

from gevent.socket import EAI_NONAME, gaierror, getaddrinfo

from tressi.hosts import ascii_host

if TYPE_CHECKING:
    from tressi.load.transport import Origin


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
        # A zone that this machine has not, or not yet: asked for again by whoever connects.
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
