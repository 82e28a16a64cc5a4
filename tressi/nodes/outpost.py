"""The outpost: the program that a carrier starts on each node, `python -m tressi.nodes.outpost CONTROL`.

It answers each order on its control socket with one frame. The empty order asks what the machine says of itself. The end of
that socket is the end of the run for this node: the outpost leaves at once, and its engines with it.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from gevent.socket import socket as gevent_socket

from tressi.nodes.facts import encode_facts, facts_here
from tressi.nodes.framing import receive, send


def main(control: str) -> None:
    """Answer until the control socket ends."""
    os.set_inheritable(int(control), False)  # noqa: FBT003 - os has no name for it
    with suppress(OSError):
        serve(gevent_socket(fileno=int(control)))
    os._exit(0)


def serve(control: gevent_socket) -> None:
    """Answer the orders of one control socket until it ends. Raises OSError."""
    while (order := receive(control)) is not None:
        send(control, answer(order))


def answer(order: bytes) -> bytes:
    """What is said to one order."""
    if order == b"":
        return encode_facts(facts_here())
    raise ValueError(f"an order of {len(order)} bytes says nothing")


if __name__ == "__main__":
    main(*sys.argv[1:])
