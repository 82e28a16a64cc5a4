"""The flags of a run on the command line. Apart from what does the run, which is imported while its engine starts."""

from __future__ import annotations

from argparse import ArgumentTypeError
from typing import TYPE_CHECKING, Any

from tressi.cli.arguments import listening, number

if TYPE_CHECKING:
    from argparse import ArgumentParser


def add_running(parser: ArgumentParser) -> None:
    """Declare the flags that say how a run is done, how it is watched, and where its results go."""
    group = parser.add_argument_group("running and results")
    group.add_argument("--json", metavar="FILE", help="write the summary as JSON; - for standard output")
    group.add_argument("--processes", type=_processes, default=1, metavar="N", help="engine processes, or auto (default: 1)")
    group.add_argument(
        "--journal", metavar="DIR", help="keep every second of the run in DIR/run.journal, for `tressi recover` (see --export)"
    )
    add_watching(parser)


def _processes(text: str) -> int:
    """A count of 1 or more, or 0 for `auto`."""
    count = 0 if text == "auto" else int(text) if text.isdecimal() else -1
    if count < 0 or text == "0":
        raise ArgumentTypeError(f"{text!r} is neither a count of 1 or more nor auto")
    return count


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
