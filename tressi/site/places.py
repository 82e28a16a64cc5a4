"""Which connections of a server keep their place when there are too many: a decision about values, without a socket.

Any program of this machine, and on an open address any machine, can open connections and say nothing. Refusing the next one
when all places are taken would let such a program lock out everybody else. So the next one always gets a place, and an older
one loses its own: of the address that holds the most places, the one that has longest waited without sending a request, and
only where all of that address are being answered, the oldest of those.

A connection that has shown that it may be there (it knows a token) gets a place of another kind, which no stranger can
take.
"""

from __future__ import annotations

from collections import Counter
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable

STRANGERS: Final = 64
STRANGERS_PER_ADDRESS: Final = 32
KNOWN: Final = 64  # a browser opens six at most
_NETWORK_BITS: Final = 64

Guest = TypeVar("Guest", bound="Hashable")


class Places(Generic[Guest]):
    """The places of a server, each held by a connection."""

    def __init__(self, strangers: int = STRANGERS, per_address: int = STRANGERS_PER_ADDRESS, known: int = KNOWN) -> None:
        self._strangers_most, self._per_address, self._known_most = strangers, per_address, known
        # In the order in which they last did something, the latest at the end.
        self._strangers: dict[Guest, str] = {}
        self._answered: set[Guest] = set()
        self._known: set[Guest] = set()

    def enter(self, guest: Guest, address: str) -> Guest | None:
        """Give a place to a new connection from an address. Returns the one that has lost its own for it, if one has."""
        rival = self._displaced(holder_of(address))
        if rival is not None:
            self.leave(rival)
        self._strangers[guest] = holder_of(address)
        return rival

    def asks(self, guest: Guest) -> None:
        """It waits for a request, or for the rest of one."""
        self._answered.discard(guest)
        self._moved(guest)

    def is_answered(self, guest: Guest) -> None:
        """It has sent a whole request, or has taken a piece of the answer."""
        if guest in self._strangers:
            self._answered.add(guest)
            self._moved(guest)

    def trust(self, guest: Guest) -> bool:
        """It has shown that it may be here. False: all places of such connections are taken."""
        if guest not in self._known and len(self._known) >= self._known_most:
            return False
        if guest in self._strangers:
            self.leave(guest)
            self._known.add(guest)
        return guest in self._known

    def leave(self, guest: Guest) -> None:
        """It is closed, or about to be."""
        self._strangers.pop(guest, None)
        self._answered.discard(guest)
        self._known.discard(guest)

    def _moved(self, guest: Guest) -> None:
        if guest in self._strangers:
            self._strangers[guest] = self._strangers.pop(guest)

    def _displaced(self, holder: str) -> Guest | None:
        """Who has to go so that one more stranger of `holder` can come."""
        held = Counter(self._strangers.values())
        if held[holder] < self._per_address:
            if len(self._strangers) < self._strangers_most:
                return None
            holder = held.most_common(1)[0][0]
        rivals = [guest for guest, at in self._strangers.items() if at == holder]
        return min(rivals, key=self._answered.__contains__)  # the first of those that wait, else the first


def holder_of(address: str) -> str:
    """Who an address stands for: one machine has all the addresses of an IPv6 network of 64 bits."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return f"{int(parsed) >> _NETWORK_BITS:x}/64"
