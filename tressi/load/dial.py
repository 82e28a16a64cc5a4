"""How a lane connects: names looked up again once a second at most, their addresses in turn, TCP without blocking the hub."""

from __future__ import annotations

import errno
import socket
import time
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING, Any, TypeAlias

from gevent import Timeout
from gevent.socket import gaierror, getaddrinfo, wait_write

if TYPE_CHECKING:
    from tressi.load.transport import Origin

LOOK_UP_S = 1.0

Address: TypeAlias = tuple[int, tuple[Any, ...]]


class DialError(Exception):
    """A connection could not be made: `kind` is one of model.ERROR_KINDS, `waited` tells that time ran out."""

    def __init__(self, kind: str, *, waited: bool = False) -> None:
        self.kind = kind
        self.waited = waited
        super().__init__(kind)


class Dialer:
    """Connects to one origin. Several greenlets may dial at once."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self._addresses: list[Address] = []
        self._looked_up = float("-inf")
        self._turn = 0

    def dial(self, timeout_s: float) -> int:
        """Connect within `timeout_s`; returns the file descriptor of a non-blocking socket. Raises DialError."""
        timeout = Timeout.start_new(timeout_s)
        try:
            return self._connect(self._next_address())
        except Timeout as reached:
            if reached is not timeout:
                raise
            raise DialError("timeout", waited=True) from None
        except gaierror:
            raise DialError("dns") from None
        except OSError:
            raise DialError("connect") from None
        finally:
            timeout.close()

    def _next_address(self) -> Address:
        now = time.monotonic()
        if now - self._looked_up >= LOOK_UP_S:
            self._addresses = _look_up(self.origin.host, self.origin.port)
            self._looked_up = now
        self._turn += 1
        return self._addresses[self._turn % len(self._addresses)]

    @staticmethod
    def _connect(address: Address) -> int:
        family, where = address
        with socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC) as connecting:
            connecting.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            failure = connecting.connect_ex(where)
            if failure == errno.EINPROGRESS:
                wait_write(connecting.fileno())
                failure = connecting.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if failure:
                raise OSError(failure, "connect")
            return connecting.detach()


def _look_up(host: str, port: int) -> list[Address]:
    """Addresses of a host; one that is an address already costs no look-up."""
    try:
        literal = ip_address(host.partition("%")[0])
    except ValueError:
        found = getaddrinfo(host, port, 0, socket.SOCK_STREAM)
    else:
        family = socket.AF_INET6 if isinstance(literal, IPv6Address) else socket.AF_INET
        found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, 0, socket.AI_NUMERICHOST)
    return [(entry[0], entry[4]) for entry in found]
