"""The flags of a run on the command line. Apart from what does the run, which is imported while its engine starts."""

from __future__ import annotations

from argparse import ArgumentTypeError
from typing import TYPE_CHECKING, Any, Final

from tressi.cli.arguments import listening, number

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable

NODES_WAIT_S: Final = 60.0
LEASE_S: Final = 1.0
# A node hears of the run four times a second: a shorter lease would end between two of them.
_SHORTEST_LEASE_S: Final = 0.5
_LONGEST_LEASE_S: Final = 60.0


def add_running(parser: ArgumentParser, *, over_nodes: bool = False) -> None:
    """Declare the flags that say how a run is done, how it is watched, and where its results go.

    `over_nodes`: it may be done over the nodes of a cluster.
    """
    group = parser.add_argument_group("running and results")
    group.add_argument("--json", metavar="FILE", help="write the summary as JSON; - for standard output")
    default = "(default: 1; with --cluster: on each node, auto)" if over_nodes else "(default: 1)"
    group.add_argument("--processes", type=count_or("auto"), metavar="N", help=f"engine processes, or auto {default}")
    group.add_argument(
        "--journal", metavar="DIR", help="keep every second of the run in DIR/run.journal, for `tressi recover` (see --export)"
    )
    add_watching(parser)
    if over_nodes:
        add_cluster(parser)


def add_cluster(parser: ArgumentParser) -> None:
    """Declare the flags that say over which machines a run is done."""
    group = parser.add_argument_group("running on several machines")
    group.add_argument("--cluster", metavar="ADDRESS", help=CLUSTER)
    group.add_argument(
        "--nodes",
        type=count_or("all"),
        metavar="N",
        help="how many nodes of the cluster make load, or all (default: all that are there)",
    )
    group.add_argument(
        "--nodes-wait",
        type=_wait,
        metavar="S",
        help=f"seconds that nodes which are not there, or not free yet, are waited for (default: {NODES_WAIT_S:g})",
    )
    group.add_argument(
        "--lease",
        type=_lease,
        metavar="S",
        help=f"seconds after which a node that hears nothing of the run stops by itself (default: {LEASE_S:g})",
    )


CLUSTER: Final = (
    "have the nodes of this Ray cluster make the load: auto where this machine is one of them, HOST:PORT of its head, or"
    " ray://HOST:PORT of its Ray Client (see docs/cluster.md)"
)


def count_or(word: str) -> Callable[[str], int]:
    """What reads a count of 1 or more, or 0 for the word."""

    def read(text: str) -> int:
        count = 0 if text == word else int(text) if text.isdecimal() else -1
        if count < 0 or text == "0":
            raise ArgumentTypeError(f"{text!r} is neither a count of 1 or more nor {word}")
        return count

    return read


def _wait(text: str) -> float:
    seconds = number(text, "duration")
    if seconds < 0:
        raise ArgumentTypeError(f"{text!r} is less than 0 seconds")
    return seconds


def _lease(text: str) -> float:
    seconds = number(text, "duration")
    if not _SHORTEST_LEASE_S <= seconds <= _LONGEST_LEASE_S:
        raise ArgumentTypeError(f"{text!r} is not {_SHORTEST_LEASE_S:g} to {_LONGEST_LEASE_S:g} seconds")
    return seconds


def _interval(text: str) -> float:
    """Seconds from one line to the next; a run tells its figures once a second. 0: there is no such line."""
    seconds = number(text, "duration")
    if seconds and seconds < 1:
        raise ArgumentTypeError(f"{text!r} is neither 1 second or more nor 0")
    return seconds


def add_watching(parser: ArgumentParser) -> None:
    """Declare the flags that say how a run is watched."""
    group = parser.add_argument_group("watching")
    group.add_argument("--no-ui", action="store_true", help="plain lines of progress instead of a live display")
    group.add_argument(
        "--progress-interval",
        type=_interval,
        metavar="S",
        help="seconds from one plain line of progress to the next; 0: only what happens is told (default: 5)",
    )
    group.add_argument("--quiet", action="store_true", help="no progress at all, only results")
    group.add_argument("--stream", metavar="FILE", help="write the run as JSON lines while it lasts; - for standard output")
    place: dict[str, Any] = {"nargs": "?", "const": "", "type": listening, "metavar": "HOST:PORT"}
    where = "(default: loopback, a free port)"
    group.add_argument("--dashboard", **place, help=f"show and steer the run in a browser {where}")
    group.add_argument("--prometheus", **place, help=f"serve the run's metrics for Prometheus {where}")
