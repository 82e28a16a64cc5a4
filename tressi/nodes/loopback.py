"""A carrier whose nodes are all this machine: each outpost is a process of its own. For tests, and to try a run of several."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import gevent
from gevent.socket import socket as gevent_socket

from tressi.nodes.carrier import CarrierError, Exchanged, NodeGoneError
from tressi.nodes.facts import decode_facts
from tressi.nodes.framing import receive, send
from tressi.nodes.hosting import Hosted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tressi.nodes.carrier import NodeFacts


class Loopback:
    """See `carrier.Carrier`. Its nodes are called node-1, node-2 and so on, and there are `there` of them.

    `host` starts an outpost.
    """

    def __init__(self, there: int, host: Callable[[], Hosted] = Hosted) -> None:
        self._there, self._host = there, host
        self.hosted: list[Hosted] = []
        self._controls: list[gevent_socket] = []

    def launch(self, nodes: int | None, wait_s: float) -> Sequence[NodeFacts]:  # noqa: ARG002 - no others will come
        """Start an outpost for each node, and hear what they say of themselves. Raises CarrierError."""
        if nodes is not None and nodes > self._there:
            raise CarrierError(f"asked for {nodes} nodes, {self._there} are there")
        try:
            for _ in range(self._there if nodes is None else nodes):
                self.hosted.append(self._host())
                self._controls.append(gevent_socket(fileno=self.hosted[-1].control.detach()))
            return [
                replace(decode_facts(self.exchange(number, b"").answer), name=f"node-{number + 1}", address="127.0.0.1")
                for number in range(len(self.hosted))
            ]
        except BaseException:
            self.release()
            raise

    def exchange(self, node: int, order: bytes) -> Exchanged:
        """Have an outpost answer. Raises NodeGoneError once its socket has ended."""
        control, process = self._controls[node], self.hosted[node].process
        sent_ns = time.monotonic_ns()
        try:
            send(control, order)
            answer = receive(control)
        except OSError as failure:
            raise NodeGoneError(f"outpost {process.pid} has ended") from failure
        if answer is None:
            raise NodeGoneError(f"outpost {process.pid} has ended")
        return Exchanged(answer, sent_ns, time.monotonic_ns())

    def release(self) -> None:
        """Let every outpost end, and wait for that."""
        while self._controls:
            self._controls.pop().close()
        hosted, self.hosted = self.hosted, []
        gevent.joinall([gevent.get_hub().threadpool.spawn(one.close) for one in hosted])
