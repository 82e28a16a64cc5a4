"""The outpost: the program that a carrier starts on each node, `python -m tressi.nodes.outpost CONTROL`.

It answers each order on its control socket with one frame. The empty order asks what the machine says of itself. The end of
that socket is the end of the run for this node: the outpost leaves at once, and its engines with it.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress

from gevent.socket import socket as gevent_socket

from tressi.nodes.facts import encode_facts, facts_here
from tressi.nodes.framing import receive, send
from tressi.nodes.post import Post


def main(control: str) -> None:
    """Answer until the control socket ends."""
    os.set_inheritable(int(control), False)  # noqa: FBT003 - os has no name for it
    with suppress(OSError):
        serve(gevent_socket(fileno=int(control)))
    # Connections and engines go with the process: at the end of their own sockets the engines leave, too.
    os._exit(0)


def serve(control: gevent_socket) -> None:
    """Answer the orders of one control socket until it ends. Raises OSError."""
    post = Post()
    while (order := receive(control)) is not None:
        heard_ns = time.monotonic_ns()
        send(control, encode_facts(facts_here()) if order == b"" else post.answer(order, heard_ns))


if __name__ == "__main__":
    main(*sys.argv[1:])
