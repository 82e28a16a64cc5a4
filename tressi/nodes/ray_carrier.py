"""The carrier over Ray: gevent's end of the relay's socket pair. What Ray needs is in `relay`, another process.

The relay is started when the carrier is made, because importing Ray and joining the cluster take longer than reading a config.
"""

from __future__ import annotations

import platform
import socket
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import IO, TYPE_CHECKING, Any, Final, Self

import gevent
import msgpack
from gevent.event import AsyncResult
from gevent.lock import BoundedSemaphore
from gevent.socket import socket as gevent_socket

from tressi.errors import ConfigError, ConfigProblem
from tressi.isolation import command_of, environment
from tressi.nodes.carrier import CarrierError, Exchanged, NodeFacts, NodeGoneError
from tressi.nodes.clocks import Clock, Stamps, best_of
from tressi.nodes.facts import decode_facts
from tressi.nodes.framing import receive, send
from tressi.version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

# More than the relay takes to end its actors and to leave.
_LEAVES_S: Final = 5.0
_MISSING: Final = "--cluster needs Ray: pip install tressi[cluster]"
_LET_GO: Final = "the nodes were let go"
# What Ray would send to its makers.
_SILENT: Final = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_USAGE_STATS_PROMPT_ENABLED": "0"}


@dataclass(frozen=True, slots=True)
class RayNode:
    """A node as Ray has it: its versions, and what its outpost says of it, or the `fault` that kept it from saying so.

    `cpus` is what Ray counts there, which need not be what the machine has. `token`: its Ray asks for a token. `clock` is
    known where the cluster was only looked at.
    """

    address: str
    cpus: float
    ray: str
    python: str
    tressi: str
    token: bool
    facts: NodeFacts | None
    fault: str | None
    clock: Clock | None

    @property
    def name(self) -> str:
        """What to call it: its host's name where that is known, and its address."""
        return self.address if self.facts is None else f"{self.facts.name} ({self.address})"


@dataclass(frozen=True, slots=True)
class Sight:
    """A cluster as `tressi nodes` shows it: its nodes, and which ones have no CPU for Ray and get no load."""

    nodes: tuple[RayNode, ...]
    idle: tuple[str, ...]
    ray: str
    token: bool


class RayCarrier:
    """See `carrier.Carrier`. `address` is what Ray takes: `auto`, `HOST:PORT` or `ray://HOST:PORT`.

    Raises ConfigError where Ray is not installed, CarrierError where the relay cannot be started.
    """

    def __init__(self, address: str) -> None:
        if find_spec("ray") is None:
            raise ConfigError([ConfigProblem("", _MISSING)])
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `release`
        self._process, self._control = _started(address, self._errors)
        self._speaking = BoundedSemaphore()
        self._launched: AsyncResult = AsyncResult()
        self._waiting: dict[int, AsyncResult] = {}
        self._ended: str | None = None
        self._listener = gevent.spawn(self._listen)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def launch(self, nodes: int | None, wait_s: float) -> Sequence[NodeFacts]:
        """See `carrier.Carrier`. Raises CarrierError, with the nodes named that cannot be used.

        It may be called ahead of the run: a second call says what the first one did.
        """
        if not self._launched.ready():
            self._say(do="launch", nodes=nodes, wait_s=wait_s)
        return [node.facts for node in usable(self._sight()) if node.facts is not None]

    def look(self) -> Sight:
        """Start an outpost on each node, beside whatever runs there, and reserve nothing; faults are told, not raised.

        Raises CarrierError.
        """
        self._say(do="look")
        return self._sight()

    def exchange(self, node: int, order: bytes) -> Exchanged:
        """See `carrier.Carrier`."""
        if self._ended is not None:
            raise NodeGoneError(self._ended or _LET_GO)
        self._waiting[node] = answer = AsyncResult()
        self._say(do="exchange", node=node, order=order)
        return answer.get()  # type: ignore[no-any-return] # gevent's are of no type

    def release(self) -> None:
        """See `carrier.Carrier`."""
        if self._ended != "":
            self._ended = ""
            # A greenlet that sends or waits finds the socket shut; only then is it closed.
            with suppress(OSError):
                self._control.shutdown(socket.SHUT_RDWR)
            self._listener.join()
            self._control.close()
            gevent.get_hub().threadpool.apply(_end, (self._process,))
            self._errors.close()

    # ---------------------------------------------------------------------------------------------------- its small parts

    def _sight(self) -> Sight:
        """What the relay has found. Raises CarrierError."""
        said: dict[str, Any] = self._launched.get()
        if "refused" in said:
            raise CarrierError(said["refused"])
        if "there" in said:
            raise CarrierError(fewer(said["asked"], said["there"]))
        token = said["token"] and all(one["token"] for one in said["launched"])
        return Sight(tuple(map(_node_of, said["launched"])), tuple(said["idle"]), said["ray"], token)

    def _say(self, **message: Any) -> None:  # noqa: ANN401 - what the message has
        # Two greenlets that send would mix their bytes. What cannot be sent is told by the end of the socket.
        with self._speaking, suppress(OSError):
            send(self._control, msgpack.packb(message))

    def _listen(self) -> None:
        with suppress(OSError):
            while (message := receive(self._control)) is not None:
                self._take(msgpack.unpackb(message))
        if self._ended is None:
            self._ended = f"the relay to Ray has ended{self._last_words()}"
        for answer in self._waiting.values():
            answer.set_exception(NodeGoneError(self._ended or _LET_GO))
        self._waiting.clear()
        if not self._launched.ready():
            self._launched.set({"refused": self._ended or _LET_GO})

    def _take(self, message: dict[str, Any]) -> None:
        if "node" not in message:
            self._launched.set(message)
            return
        answer = self._waiting.pop(message["node"], None)
        if answer is None:
            return  # its caller has gone
        if "gone" in message:
            answer.set_exception(NodeGoneError(message["gone"]))
        else:
            answer.set(Exchanged(message["answer"], message["sent_ns"], message["received_ns"]))

    def _last_words(self) -> str:
        """What it printed last, such as a missing library's name."""
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").split("\n")
        said = [line.strip() for line in lines if line.strip()]
        return f": {said[-1]}" if said else ""


def usable(sight: Sight, asked: int | None = None) -> Sequence[RayNode]:
    """So many nodes of a cluster, all by default. Raises CarrierError where one cannot take part, or there are fewer."""
    chosen = sight.nodes if asked is None else sorted(sight.nodes, key=lambda one: -one.cpus)[:asked]
    if asked is not None and len(chosen) < asked:
        raise CarrierError(fewer(asked, len(chosen)))
    faults = [f"{node.name}: {fault}" for node in chosen for fault in faults_of(node, sight.ray)]
    if faults:
        raise CarrierError("\n".join(faults))
    return chosen


def fewer(asked: int, there: int) -> str:
    """What is said where there are fewer nodes than were asked for."""
    return f"asked {asked} {'node' if asked == 1 else 'nodes'}, {there} {'is' if there == 1 else 'are'} there"


def faults_of(node: RayNode, ray: str) -> list[str]:
    """Why a node cannot take part, in words; nothing where it can. `ray` is the version here."""
    if node.fault is not None and not node.tressi:
        return [f"{node.fault}; install tressi {__version__} there, with its extra: tressi[cluster]"]
    ours = {"tressi": __version__, "Ray": ray, "Python": minor(platform.python_version())}
    theirs = {"tressi": node.tressi, "Ray": node.ray, "Python": minor(node.python)}
    wrong = [f"it has {name} {theirs[name]}, and this machine {ours[name]}" for name in ours if theirs[name] != ours[name]]
    return wrong or ([] if node.fault is None else [node.fault])


def minor(version: str) -> str:
    """The part of a Python's version that must be the same on all machines: 3.12 of 3.12.4."""
    return ".".join(version.split(".")[:2])


def _node_of(said: dict[str, Any]) -> RayNode:
    facts = decode_facts(said["facts"]) if "facts" in said else None
    # Ray's address is the one by which its users know the node.
    facts = None if facts is None else replace(facts, address=said["address"])
    tressi, fault = said.get("tressi", ""), said.get("fault")
    clock = best_of(Stamps(*one) for one in said["stamps"]) if said["stamps"] else None
    return RayNode(said["address"], said["cpus"], said["ray"], said["python"], tressi, said["token"], facts, fault, clock)


def _started(address: str, errors: IO[bytes]) -> tuple[subprocess.Popen[bytes], gevent_socket]:
    """The relay, and our end of its control socket; a terminal's signals do not reach it. Raises CarrierError."""
    ours, theirs = socket.socketpair()
    with theirs:
        try:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                command_of("tressi.nodes.relay", str(theirs.fileno()), address),
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                start_new_session=True,
                env={**environment(), **_SILENT},
            )
        except OSError as failure:
            ours.close()
            raise CarrierError(f"the relay to Ray cannot be started: {failure}") from failure
    return process, gevent_socket(fileno=ours.detach())


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(_LEAVES_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
