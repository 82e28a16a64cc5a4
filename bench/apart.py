"""Nodes of this machine that are as machines of their own: each in a network namespace, behind a cable that can be pulled.

No Ray is in it: the carrier hands orders to each outpost over one TCP connection, which goes over the same cable as what the
node sends to the target. Root on Linux and the programs `ip` and `nginx` are needed.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.request import urlopen

from gevent.socket import socket as gevent_socket

from bench.servers import start_nginx
from examples.cluster.machines import below, free_port, run
from tressi.isolation import environment
from tressi.nodes.carrier import CarrierError, Exchanged, NodeGoneError
from tressi.nodes.facts import decode_facts
from tressi.nodes.framing import receive, send

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tressi.nodes.carrier import NodeFacts

NETWORK = "10.78.0"
HOST = f"{NETWORK}.1"
BRIDGE = "tacbr"
UP_S = 20.0
# Runs in the namespace: connects to the run and becomes the outpost, with that connection as its control socket.
_JOIN = """
import os, socket, sys
control = socket.create_connection((sys.argv[1], int(sys.argv[2])))
control.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
os.set_inheritable(control.fileno(), True)
os.execv(sys.executable, [sys.executable, "-m", "tressi.nodes.outpost", str(control.fileno())])
"""
_CONFIG = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
    access_log off; keepalive_requests 1000000000; keepalive_timeout 600s;
    client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u;
    scgi_temp_path {folder}/s;
    server {{
        listen {host}:{port} backlog=4096;
        location / {{ return 200 "hello\\n"; }}
        location /status {{ stub_status; }}
    }}
}}
"""


class Target:
    """nginx on the bridge; `served()` is its own count of requests, the questions for it left out."""

    def __init__(self, port: int) -> None:
        self.port, self.url = port, f"http://{HOST}:{port}/"
        self._asked = 0

    def served(self) -> int:
        """How many requests it has taken since its start."""
        return int(self._status()[9]) - self._asked

    def _status(self) -> list[bytes]:
        self._asked += 1
        with urlopen(f"{self.url}status", timeout=30) as answer:
            words: list[bytes] = answer.read().split()
        return words


@contextmanager
def bridged() -> Iterator[Target]:
    """A bridge with a target on it, which are taken down at the end."""
    _remove()
    run("ip", "link", "add", BRIDGE, "type", "bridge")
    try:
        run("ip", "addr", "add", f"{HOST}/24", "dev", BRIDGE)
        run("ip", "link", "set", BRIDGE, "up")
        folder, port = tempfile.mkdtemp(prefix="tressi-apart-"), free_port(HOST)
        nginx = start_nginx(folder, _CONFIG.format(folder=folder, host=HOST, port=port))
        try:
            await_listener(port)
            yield Target(port)
        finally:
            nginx.terminate()
            nginx.wait()
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        _remove()


def await_listener(port: int, host: str = HOST) -> None:
    """Wait until a program listens there. Raises OSError."""
    until_s = time.monotonic() + UP_S
    while True:
        try:
            socket.create_connection((host, port), 1.0).close()
        except OSError:
            if time.monotonic() > until_s:
                raise
            time.sleep(0.02)
        else:
            return


class Apart:
    """See `carrier.Carrier`. Its nodes are called node-1, node-2 and so on, and there are `there` of them."""

    def __init__(self, there: int) -> None:
        self._there = there
        self.processes: list[subprocess.Popen[bytes]] = []
        self._controls: list[gevent_socket] = []

    def launch(self, nodes: int | None, wait_s: float) -> Sequence[NodeFacts]:  # noqa: ARG002 - no others will come
        """Make each node's network, and start an outpost there. Raises CarrierError."""
        count = self._there if nodes is None else nodes
        with socket.create_server((HOST, 0)) as listening:
            listening.settimeout(UP_S)
            for number in range(count):
                _connect(number)
                self._controls.append(self._joined(number, listening))
        return [
            replace(decode_facts(self.exchange(number, b"").answer), name=f"node-{number + 1}", address=_address(number))
            for number in range(count)
        ]

    def exchange(self, node: int, order: bytes) -> Exchanged:
        """Have an outpost answer. Raises NodeGoneError once its connection has ended."""
        sent_ns = time.monotonic_ns()
        try:
            send(self._controls[node], order)
            answer = receive(self._controls[node])
        except OSError as failure:
            raise NodeGoneError(f"its connection failed: {failure}") from failure
        if answer is None:
            raise NodeGoneError("its outpost has ended")
        return Exchanged(answer, sent_ns, time.monotonic_ns())

    def release(self) -> None:
        """Let every outpost end, and take its network down."""
        for control in self._controls:
            control.close()
        self._controls.clear()
        for number, process in enumerate(self.processes):
            cable(number, is_up=True)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(5)
            process.kill()
            process.wait()
        self.processes.clear()
        _remove_nodes()

    def kill(self, node: int) -> None:
        """Switch a node off: all its processes end at once."""
        process = self.processes[node]
        for pid in (*below(process.pid), process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _joined(self, number: int, listening: socket.socket) -> gevent_socket:
        host, port = listening.getsockname()
        self.processes.append(
            subprocess.Popen(
                ["ip", "netns", "exec", _name(number), sys.executable, "-c", _JOIN, host, str(port)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
                env=environment(),
            )
        )
        try:
            control, _ = listening.accept()
        except OSError as failure:
            raise CarrierError(f"node {number + 1} has not come: {failure}") from failure
        control.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return gevent_socket(fileno=control.detach())


def cable(node: int, *, is_up: bool) -> None:
    """Pull a node's cable, or put it back: packets in both directions are lost, and neither side is told."""
    run("ip", "link", "set", _name(node), "up" if is_up else "down", must=False)


def _name(node: int) -> str:
    return f"tac{node}"


def _address(node: int) -> str:
    return f"{NETWORK}.{10 + node}"


def _connect(node: int) -> None:
    link = _name(node)
    run("ip", "netns", "add", link)
    run("ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", link)
    run("ip", "link", "set", link, "master", BRIDGE, "up")
    run("ip", "-n", link, "addr", "add", f"{_address(node)}/24", "dev", "eth0")
    for device in ("lo", "eth0"):
        run("ip", "-n", link, "link", "set", device, "up")


def _remove_nodes() -> None:
    for node in range(9):
        run("ip", "link", "del", _name(node), must=False)
        run("ip", "netns", "del", _name(node), must=False)


def _remove() -> None:
    _remove_nodes()
    run("ip", "link", "del", BRIDGE, must=False)
