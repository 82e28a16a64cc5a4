"""The relay: Ray's driver, in a process of its own beside the command line, `python -m tressi.nodes.relay CONTROL ADDRESS`.

It is the only file that imports Ray, and has no gevent in it. `ray.init` takes a second and 100 MB, starts threads, sets a
handler for SIGTERM and prints what workers say; none of that belongs into the process that conducts a run, which may be
embedded in a driver of its own.

It does what the messages on its control socket say (values of Python in MessagePack, framed by `framing`), and hands bytes on
without looking into them. The end of that socket is the end of its owner: it lets the actors go, and leaves.

A call whose node was cut off for some twenty seconds fails when the node is back: the node's kernel or Ray's gRPC has closed
the connection meanwhile, and Ray says ActorUnavailableError though the actor lives (measured with Ray 2.60: cuts of 2 and 10
seconds heal by themselves, after one of 20 the call fails 1.8 s after healing, and the next one succeeds). Orders are made to
be repeated, so the relay sends the same one again until Ray says that the actor is dead.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgpack
import ray
from ray.exceptions import ActorUnavailableError, RayError
from ray.util.placement_group import placement_group
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy, PlacementGroupSchedulingStrategy

from tressi.nodes.framing import receive, send

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# How long a worker of Ray may take to come up, beyond what the caller waits for nodes: some seconds on a busy machine.
START_S: Final = 60.0
# How long the actors have to hear that they are ended before the relay leaves all the same, which ends them too.
LEAVE_S: Final = 2.0
PINGS: Final = 20
REACH_S: Final = 10.0
_LOOK_S: Final = 0.1
_AGAIN_S: Final = 0.25
_FILES: Final = ("RAY_AUTH_TOKEN_PATH", "RAY_TLS_SERVER_CERT", "RAY_TLS_SERVER_KEY", "RAY_TLS_CA_CERT")
# Ray's workers run at nice 15 unless told otherwise, and only root could take that back.
_RUNTIME: Final = {"env_vars": {"RAY_worker_niceness": "0"}}


class RefusedError(Exception):
    """The nodes cannot be had; the words are for a person."""


class Place(NamedTuple):
    """Where an actor is put: by Ray's `strategy`, with so many CPUs to itself, and what that node is called if it is known."""

    strategy: Any
    reserved: float
    cpus: float
    name: str


class FewerError(Exception):
    """There are fewer nodes than were asked for."""

    def __init__(self, there: int) -> None:
        self.there = there


class NodeActor:
    """The actor: starts the outpost of its node, and hands bytes to it and back.

    Ray sends this class by value, as it sends all of `__main__`. So it comes up on a node that has another tressi, or none, and
    can say so; what it needs of tressi it imports where it needs it.
    """

    def start(self) -> dict[str, Any]:
        """Start the outpost; returns what this node has, with a `fault` in words where there can be no outpost."""
        said = {
            "address": ray.util.get_node_ip_address(),
            "ray": ray.__version__,
            "python": ".".join(map(str, sys.version_info[:3])),
            "token": os.environ.get("RAY_AUTH_MODE") == "token",
        }
        try:
            from tressi.nodes.hosting import Hosted  # noqa: PLC0415 - the node's own, which may be missing
            from tressi.version import __version__  # noqa: PLC0415 - likewise

            said["tressi"] = __version__
            self._hosted = Hosted()
            return {**said, "facts": self._hosted.exchange(b"")}
        except ImportError as failure:
            return {**said, "fault": f"it has no tressi that could be used ({failure})"}
        except Exception as failure:  # noqa: BLE001 - told to a person, with the node's name
            return {**said, "fault": str(failure) or type(failure).__name__}

    def clock(self) -> tuple[int, int, int]:
        """When this call was heard and answered by the node's CLOCK_MONOTONIC, and its wall clock then; all in ns."""
        return time.monotonic_ns(), time.monotonic_ns(), time.time_ns()

    def exchange(self, order: bytes) -> tuple[bool, bytes | str]:
        """True and the outpost's answer to an order, or False and why there will be none any more."""
        try:
            return True, self._hosted.exchange(order)
        except Exception as failure:  # noqa: BLE001 - as words: Ray would wrap it in a traceback
            return False, str(failure)


class Relay:
    """The nodes of one run, and what is asked of them."""

    def __init__(self, control: socket.socket, address: str) -> None:
        self._control, self._address = control, address
        self._speaking = threading.Lock()
        self._actors: list[Any] = []

    def serve(self) -> None:
        """Obey until the control socket ends; never returns."""
        waiting: SimpleQueue[dict[str, Any]] = SimpleQueue()
        threading.Thread(target=self._read, args=(waiting,), daemon=True).start()
        while True:
            # What takes long is done here, in the main thread, so that the end of the socket is heard meanwhile.
            message = waiting.get()
            getattr(self, f"_{message.pop('do')}")(**message)

    def _read(self, waiting: SimpleQueue[dict[str, Any]]) -> None:
        with suppress(OSError):
            while (order := receive(self._control)) is not None:
                message = msgpack.unpackb(order)
                if message["do"] == "exchange":
                    self._exchange(message["node"], message["order"])
                else:
                    waiting.put(message)
        self._leave()

    def _leave(self) -> None:
        """End the actors, and this process. A driver of Ray Client that only vanished would keep them for half a minute."""
        threading.Timer(LEAVE_S, os._exit, (0,)).start()
        for actor in self._actors:
            with suppress(Exception):
                ray.kill(actor)
        with suppress(Exception):
            ray.shutdown()
        os._exit(0)

    def _say(self, **message: Any) -> None:  # noqa: ANN401 - what the message has
        with self._speaking, suppress(OSError):
            send(self._control, msgpack.packb(message))

    # -------------------------------------------------------------------------------------------------------- the nodes

    def _launch(self, nodes: int | None, wait_s: float) -> None:
        """Reserve whole nodes, and start an outpost on each."""
        try:
            self._start(partial(self._reserved, nodes, wait_s))
        except FewerError as fewer:
            self._say(asked=nodes or 1, there=fewer.there)

    def _look(self) -> None:
        """Start an outpost on every node, beside whatever else is there, and reserve nothing."""
        self._start(self._everywhere, pings=PINGS)

    def _start(self, places: Callable[[], Sequence[Place]], pings: int = 0) -> None:
        try:
            _connect(self._address)
            self._actors, said = _placed(places())
            for actor, one in zip(self._actors, said, strict=True):
                one["stamps"] = [_pinged(actor) for _ in range(pings)]
        except RefusedError as refusal:
            self._say(refused=str(refusal))
        except FewerError:
            raise
        except Exception as failure:  # noqa: BLE001 - Ray raises what it likes; the words are for a person
            self._say(refused=f"Ray's cluster at {self._address} cannot be used: {_words(failure)}")
        else:
            token = os.environ.get("RAY_AUTH_MODE") == "token"
            self._say(launched=said, ray=ray.__version__, token=token, idle=_without_cpus())

    def _everywhere(self) -> list[Place]:
        found = _alive()
        if not found:
            raise RefusedError(f"no node of Ray's cluster at {self._address} has a CPU for Ray")
        return [Place(NodeAffinitySchedulingStrategy(identity, soft=False), 0, cpus, name) for identity, name, cpus in found]

    def _reserved(self, nodes: int | None, wait_s: float) -> list[Place]:
        until_s = time.monotonic() + wait_s
        found = _awaited(nodes, until_s)
        if len(found) < (nodes or 1):
            raise FewerError(len(found))
        chosen = sorted(found, key=lambda one: -one[2])[:nodes]
        # One bundle a node, each as large as a node: nothing else of Ray's is put beside it.
        group = placement_group([{"CPU": cpus} for _, _, cpus in chosen], strategy="STRICT_SPREAD")
        if not group.wait(max(1.0, until_s - time.monotonic())):
            raise RefusedError(
                f"{len(chosen)} whole nodes are not free after {wait_s:g} s: Ray has given some of their CPUs to other work"
            )
        strategies = [PlacementGroupSchedulingStrategy(group, number) for number in range(len(chosen))]
        return [Place(strategy, cpus, cpus, "") for strategy, (_, _, cpus) in zip(strategies, chosen, strict=True)]

    # ---------------------------------------------------------------------------------------------------- the exchanges

    def _exchange(self, node: int, order: bytes) -> None:
        self._call(node, order, time.monotonic_ns())

    def _call(self, node: int, order: bytes, sent_ns: int) -> None:
        try:
            answering = self._actors[node].exchange.remote(order).future()
        except Exception as failure:  # noqa: BLE001 - the driver has lost its cluster
            self._say(node=node, gone=_words(failure))
        else:
            answering.add_done_callback(partial(self._answered, node, order, sent_ns))

    def _answered(self, node: int, order: bytes, sent_ns: int, answering: Any) -> None:  # noqa: ANN401 - a future of Ray's
        received_ns = time.monotonic_ns()
        try:
            is_there, answer = answering.result()
        except ActorUnavailableError:
            again = threading.Timer(_AGAIN_S, lambda: self._call(node, order, time.monotonic_ns()))
            again.daemon = True
            again.start()
        except Exception as failure:  # noqa: BLE001 - see `_call`
            self._say(node=node, gone=_words(failure))
        else:
            if is_there:
                self._say(node=node, answer=answer, sent_ns=sent_ns, received_ns=received_ns)
            else:
                self._say(node=node, gone=answer)


def _pinged(actor: Any) -> tuple[int, int, int, int, int, int]:  # noqa: ANN401 - an actor of Ray's
    """When we asked, the node heard and answered, and its answer came; then the two wall clocks. All in ns."""
    sent_ns = time.monotonic_ns()
    heard_ns, said_ns, wall_ns = ray.get(actor.clock.remote())
    return sent_ns, heard_ns, said_ns, time.monotonic_ns(), wall_ns, time.time_ns()


def _connect(address: str) -> None:
    """Become a driver of the cluster. Raises RefusedError."""
    # Ray has every worker import from the driver's current directory: it gets one without modules.
    for name in _FILES:
        if os.environ.get(name):
            os.environ[name] = str(Path(os.environ[name]).resolve())
    os.chdir("/")
    _check_reachable(address)
    try:
        ray.init(address=address, log_to_driver=False, configure_logging=False)
    except Exception as failure:  # noqa: BLE001 - see `_start`
        raise RefusedError(f"Ray's cluster at {address} cannot be joined: {_why(failure)}") from None


def _check_reachable(address: str) -> None:
    """Ask the kernel first: Ray tries for minutes where nobody listens. Raises RefusedError."""
    host, _, port = address.rpartition(":")
    if "://" in address or not host or not port.isdecimal():
        return
    try:
        with socket.create_connection((host.strip("[]"), int(port)), REACH_S):
            pass
    except (OSError, ValueError, OverflowError) as failure:
        raise RefusedError(f"Ray's cluster at {address} cannot be reached: {failure}") from None


def _why(failure: BaseException) -> str:
    """Why a cluster was not joined, and what to do. Where somebody listens, Ray says so in the cause of its error at best."""
    said = _words(failure.__cause__ or failure)
    if "raylet" in said.lower() or "node_ip_address" in said or "node info" in said:
        return f"{said} (this machine must be one of its nodes: ray start --address HOST:PORT --num-cpus 0; or use ray://HOST:10001)"
    if said.startswith("Failed to connect"):
        return f"{said} (RAY_AUTH_MODE and RAY_AUTH_TOKEN must be here as they are there)"
    return said


def _alive() -> list[tuple[str, str, float]]:
    """The nodes that are there and have CPUs: identity, name, and how many CPUs."""
    found = [
        (str(node["NodeID"]), _name(node), float(node["Resources"].get("CPU", 0))) for node in ray.nodes() if node["Alive"]
    ]
    return sorted((one for one in found if one[2]), key=lambda one: one[1])


def _without_cpus() -> list[str]:
    return sorted(_name(node) for node in ray.nodes() if node["Alive"] and not node["Resources"].get("CPU"))


def _name(node: dict[str, Any]) -> str:
    return f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})"


def _awaited(nodes: int | None, until_s: float) -> list[tuple[str, str, float]]:
    """The nodes once so many are there, or those that are there at `until_s`."""
    while len(found := _alive()) < (nodes or 1) and time.monotonic() < until_s:
        time.sleep(_LOOK_S)  # Ray has no event for it
    return found


def _placed(places: Sequence[Place]) -> tuple[list[Any], list[dict[str, Any]]]:
    """Actors at the places, and what each says, both in the order of their addresses. Raises RefusedError."""
    kind: Any = ray.remote(max_restarts=0, max_task_retries=0, runtime_env=_RUNTIME)(NodeActor)
    actors = [kind.options(num_cpus=one.reserved, scheduling_strategy=one.strategy).remote() for one in places]
    starting = [actor.start.remote() for actor in actors]
    ready, late = ray.wait(starting, num_returns=len(starting), timeout=START_S)
    if late:
        silent = ", ".join(place.name for place, one in zip(places, starting, strict=True) if one not in ready and place.name)
        on = f": {silent}" if silent else ""
        raise RefusedError(f"{len(late)} of {len(places)} nodes have not started an actor within {START_S:g} s{on}")
    said = [{**_said(one), "cpus": place.cpus, "stamps": []} for one, place in zip(starting, places, strict=True)]
    order = sorted(range(len(actors)), key=lambda number: str(said[number].get("address")))
    return [actors[number] for number in order], [said[number] for number in order]


def _said(starting: Any) -> dict[str, Any]:  # noqa: ANN401 - a reference of Ray's
    try:
        said: dict[str, Any] = ray.get(starting)
    except RayError as failure:
        raise RefusedError(f"an actor ended while it started: {_words(failure)}") from None
    return said


def _words(failure: BaseException) -> str:
    """What failed, in one line: Ray's own messages have many, with colours and a traceback."""
    lines = [line.strip() for line in str(failure).splitlines() if line.strip()]
    if not lines:
        return type(failure).__name__
    if lines[0].endswith(":") and "Traceback" not in lines[0]:
        return f"{lines[0]} {lines[-1]}"
    return lines[-1] if "Traceback" in lines[0] else lines[0]


def main(control: str, address: str) -> None:
    """Serve until the control socket ends."""
    os.set_inheritable(int(control), False)  # noqa: FBT003 - os has no name for it
    Relay(socket.socket(fileno=int(control)), address).serve()


if __name__ == "__main__":
    main(*sys.argv[1:])
