"""Room for connections: one file descriptor each."""

from __future__ import annotations

import resource
from pathlib import Path

from tressi.errors import EngineError

# What comes to those that are open: the reactor's own, a look-up in each of gevent's ten threads, files of results.
RESERVE = 24
# As many may be open where no directory lists them.
GUESSED = 40
# Where the hard limit is none: macOS refuses a soft limit that is none, and lowers one that is more than it has.
PLENTY = 65_536


def make_room(connections: int) -> None:
    """Raise the limit of file descriptors to the hard limit, and that too where it is too low and we may.

    Raises EngineError where `connections` do not fit.
    """
    found = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = connections + open_descriptors() + RESERVE
    wanted = wanted_limits(*found, needed)
    if found == wanted:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, wanted)
        is_enough = is_room(resource.getrlimit(resource.RLIMIT_NOFILE)[0], needed)
    except (ValueError, OSError):
        is_enough = False
    if not is_enough:
        raise EngineError(
            f"{connections} connections do not fit in the hard limit of {found[1]} file descriptors: "
            f"raise it (ulimit -Hn {wanted[0]}), or use fewer workers or more --processes"
        )


def open_descriptors() -> int:
    """How many this process has open, or a guess."""
    for place in ("/proc/self/fd", "/dev/fd"):
        if Path(place).is_dir():
            return sum(1 for _ in Path(place).iterdir())
    return GUESSED


def wanted_limits(soft: int, hard: int, needed: int) -> tuple[int, int]:
    """The soft and the hard limit to ask for, so that `needed` descriptors fit and as many more as may be."""
    if hard != resource.RLIM_INFINITY:
        return max(hard, needed), max(hard, needed)
    return soft if soft == resource.RLIM_INFINITY else max(soft, needed, PLENTY), hard


def is_room(soft: int, needed: int) -> bool:
    """Whether `needed` descriptors fit in a soft limit."""
    return soft == resource.RLIM_INFINITY or soft >= needed
