"""A Ray cluster of a few nodes on one machine, to try `--cluster` on: each node in a network of its own, or all on loopback.

With `isolated`, which takes root on Linux, every node is as a machine of its own: it has a network namespace with an address,
behind a bridge, and its own processes and shared memory. Its cable can be pulled (`cut`) and put back
(`heal`), and it can be switched off (`kill`). Otherwise the nodes are processes side by side on 127.0.0.1.

The cluster asks for a token. It is made for this cluster and stands in `environment`, which every program needs that joins it.
Everything is taken down at the end of the `with`, however that comes. A kill -9 of this very process leaves namespaces behind;
the next cluster of the same name removes them.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

PLASMA_BYTES = 80_000_000  # the least that Ray takes is 75 MB
UP_S = 60.0
TRIES = 3
JOINED = "Ray runtime started"
MOST = 9  # nodes, of which the network has a place for each


def may_isolate() -> bool:
    """Whether this machine lets us make network namespaces."""
    if sys.platform != "linux" or os.geteuid() != 0 or not (shutil.which("ip") and shutil.which("unshare")):
        return False
    name = f"try{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], stderr=subprocess.DEVNULL, check=False).returncode == 0
    if made:
        subprocess.run(["ip", "netns", "del", name], check=False)
    return made


class Node:
    """One of Ray's nodes, the head or another. `process` is `ray start --block`, or what it runs inside of."""

    def __init__(self, address: str, process: subprocess.Popen[bytes], log: Path, link: str | None = None) -> None:
        self.address, self.process, self.log, self._link = address, process, log, link

    def cut(self) -> None:
        """Pull its cable: packets in both directions are lost, and neither side is told."""
        run("ip", "link", "set", str(self._link), "down")

    def heal(self) -> None:
        """Put its cable back."""
        run("ip", "link", "set", str(self._link), "up")

    def kill(self) -> None:
        """Switch it off: all its processes end at once."""
        if self._link is None:
            for pid in below(self.process.pid):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        self.process.kill()
        self.process.wait()


class Machines:
    """The cluster: `address` is its head's, `nodes` are those that have `cpus` CPUs each; the head has none."""

    def __init__(
        self, count: int = 3, cpus: int = 2, *, isolated: bool, name: str = "tressi", network: str = "10.77.0"
    ) -> None:
        self._count, self._cpus, self.isolated, self._name, self._network = count, cpus, isolated, name, network
        # Short: Ray's sockets lie some folders deeper, and 107 characters are all that the name of a socket may have.
        self._folder = Path(tempfile.mkdtemp(prefix="trs-", dir="/tmp"))
        self._host = f"{network}.1" if isolated else "127.0.0.1"
        self.nodes: list[Node] = []
        self._made = 0
        self._started: list[Node] = []  # those that have not joined, too
        self.head: Node | None = None
        self.environment = {
            **os.environ,
            "HOME": str(self._folder),
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": secrets.token_hex(32),
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "1",  # the loopback cluster on macOS
        }

    @property
    def host(self) -> str:
        """The address by which every node reaches what listens here."""
        return self._host

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._take_down()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._take_down()

    def start_node(self, environment: dict[str, str] | None = None) -> Node:
        """Start one more node, with this in its environment beside the cluster's own, and wait until it has joined."""
        self._made += 1
        name, address = f"node{self._made}", self._host
        if self.isolated:
            address = f"{self._network}.{10 + self._made}"
            self._connect(name, address)
        arguments = ["--address", self.address, "--num-cpus", str(self._cpus)]
        for _ in range(TRIES):
            node = self._ray(name, address, arguments, environment)
            if has_joined(node):
                self.nodes.append(node)
                return node
            node.kill()
        raise RuntimeError(f"a node has not started:\n{node.log.read_text()[-2000:]}")

    def replace(self, gone: Node) -> None:
        """Have another node in the place of one that was killed."""
        self.nodes.remove(gone)
        self.start_node()

    # -------------------------------------------------------------------------------------------------------- its small parts

    def _start(self) -> None:
        if self.isolated:
            self._make_bridge()
        for _ in range(TRIES):
            port = free_port(self._host)
            self.address = f"{self._host}:{port}"
            arguments = ["--head", "--port", str(port), "--num-cpus", "0", "--include-dashboard=false"]
            self.head = self._ray("head", self._host, arguments)
            if has_joined(self.head):
                break
            self.head.kill()
        else:
            raise RuntimeError(f"Ray's head has not started:\n{self.head.log.read_text()[-2000:]}")
        for _ in range(self._count):
            self.start_node()

    def _ray(self, name: str, address: str, arguments: list[str], environment: dict[str, str] | None = None) -> Node:
        log = self._folder / f"{name}.log"
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--node-ip-address", address, *arguments]
        command += ["--object-store-memory", str(PLASMA_BYTES), "--include-log-monitor=false"]
        is_apart = self.isolated and name != "head"
        # Nodes that start side by side in one folder would choose the same names for their sockets.
        command += ["--temp-dir", str(self._folder / name)]
        if self.isolated:
            mounts = "mount -t tmpfs none /dev/shm; " if is_apart else ""
            inside = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--uts", "sh", "-c"]
            command = [*inside, f'hostname {name}; {mounts}exec "$@"', "sh", *command]
            command = ["ip", "netns", "exec", self._link(name), *command] if is_apart else command
        with log.open("wb") as said:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, env={**self.environment, **(environment or {})}
            )
        node = Node(address, process, log, self._link(name) if is_apart else None)
        self._started.append(node)
        return node

    def _link(self, name: str) -> str:
        """What the namespace of a node is called, and its end of the cable on the bridge."""
        return f"{self._name}{name.removeprefix('node')}"

    @property
    def bridge(self) -> str:
        """The bridge that all cables end on, where everything that is sent can be seen."""
        return f"{self._name}br"

    def _make_bridge(self) -> None:
        self._remove_network()
        run("ip", "link", "add", self.bridge, "type", "bridge")
        run("ip", "addr", "add", f"{self._host}/24", "dev", self.bridge)
        run("ip", "link", "set", self.bridge, "up")

    def _connect(self, name: str, address: str) -> None:
        link = self._link(name)
        run("ip", "netns", "add", link)
        run("ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", link)
        run("ip", "link", "set", link, "master", self.bridge, "up")
        run("ip", "-n", link, "addr", "add", f"{address}/24", "dev", "eth0")
        for device in ("lo", "eth0"):
            run("ip", "-n", link, "link", "set", device, "up")
        run("ip", "-n", link, "route", "add", "default", "via", self._host)

    def _remove_network(self) -> None:
        for number in range(1, MOST + 1):
            # The namespace itself goes with its last process, and its end of the cable only then.
            run("ip", "link", "del", self._link(f"node{number}"), must=False)
            run("ip", "netns", "del", self._link(f"node{number}"), must=False)
        run("ip", "link", "del", self.bridge, must=False)

    def _take_down(self) -> None:
        for node in reversed(self._started):
            node.kill()
        if self.isolated:
            self._remove_network()
        shutil.rmtree(self._folder, ignore_errors=True)


def run(*command: str, must: bool = True) -> None:
    """Run a command of the system; raises where it must succeed and does not."""
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    if must and done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")


def has_joined(node: Node) -> bool:
    """Wait until a node has started, and joined its cluster; False where it gives up, as on a busy machine."""
    until_s = time.monotonic() + UP_S
    while JOINED not in node.log.read_text(errors="replace"):
        if node.process.poll() is not None or time.monotonic() > until_s:
            return False
        time.sleep(0.05)
    return True


def below(root: int) -> set[int]:
    """The processes that descend from one."""
    said = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], stdout=subprocess.PIPE, text=True, check=True).stdout
    parents = {int(pid): int(parent) for pid, parent in (line.split() for line in said.splitlines())}
    found = {root}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {root}


def free_port(host: str) -> int:
    """A port on which no program listens."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
