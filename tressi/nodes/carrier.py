"""The line between a run and the machines that it runs on: bytes to a node, bytes back, and nothing else.

A carrier knows neither what the bytes say nor what a run is. One carries them over Ray, another to processes of this machine.
On each node it starts an *outpost* (`python -m tressi.nodes.outpost`), a program that answers each order with one frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from tressi.errors import TressiError

if TYPE_CHECKING:
    from collections.abc import Sequence


class CarrierError(TressiError):
    """The nodes cannot be had; the words say which, and why."""


class NodeGoneError(TressiError):
    """A node's outpost has ended or cannot be reached any more, and will answer nothing; the words say why."""


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """What a machine says of itself before anything is planned for it.

    `engines` is how many it would run by itself: its cores less one, one at least. `descriptors` is its limit of open files,
    `nice` the nice value of its outpost, 0 at best.
    """

    name: str
    address: str
    cores: int
    engines: int
    memory_bytes: int
    descriptors: int
    nice: int
    python: str
    tressi: str


class Exchanged(NamedTuple):
    """A node's answer, and when its order was sent and the answer received: CLOCK_MONOTONIC of the machine that asks, in ns.

    The stamps are taken as near to the network as the carrier comes, for the offset of the node's clock is told by them.
    """

    answer: bytes
    sent_ns: int
    received_ns: int


class Carrier(Protocol):
    """Finds nodes, starts an outpost on each, carries orders there and frames back. Its methods are cooperative (gevent).

    `launch` comes first and `release` last; `exchange` may then be called for several nodes at once, one call a node at a time.
    """

    def launch(self, nodes: int | None, wait_s: float) -> Sequence[NodeFacts]:
        """Start an outpost on each of so many nodes (None: on all that are there now), and return what they say of themselves.

        Nodes that are not there yet are waited for, `wait_s` seconds at most. Raises CarrierError.
        """

    def exchange(self, node: int, order: bytes) -> Exchanged:
        """Have node number `node`, in the order of `launch`, answer an order. Raises NodeGoneError once that is certain.

        It has no time limit: while a node is cut off, the call waits, for the connection may heal.
        """

    def release(self) -> None:
        """End every outpost and let the nodes go; idempotent, never raises."""
