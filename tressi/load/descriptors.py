"""Room for connections: one file descriptor each."""

from __future__ import annotations

import resource

from tressi.errors import EngineError

# The interpreter, the reactor, logs and results have theirs.
SPARE = 64
# Where the hard limit is none: macOS refuses a soft limit that is none, and lowers one that is more than it has.
PLENTY = 65_536


def make_room(connections: int) -> None:
    """Raise the limit of file descriptors to the hard limit, and that too where it is too low and we may.

    Raises EngineError where `connections` do not fit.
    """
    found = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = wanted_limits(*found, connections + SPARE)
    if found == wanted:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, wanted)
        is_enough = is_room(resource.getrlimit(resource.RLIMIT_NOFILE)[0], connections + SPARE)
    except (ValueError, OSError):
        is_enough = False
    if not is_enough:
        raise EngineError(
            f"{connections} connections do not fit in the hard limit of {found[1]} file descriptors: "
            f"raise it (ulimit -Hn {wanted[0]}), or use fewer workers or more --processes"
        )


def wanted_limits(soft: int, hard: int, needed: int) -> tuple[int, int]:
    """The soft and the hard limit to ask for, so that `needed` descriptors fit and as many more as may be."""
    if hard != resource.RLIM_INFINITY:
        return max(hard, needed), max(hard, needed)
    return soft if soft == resource.RLIM_INFINITY else max(soft, needed, PLENTY), hard


def is_room(soft: int, needed: int) -> bool:
    """Whether `needed` descriptors fit in a soft limit."""
    return soft == resource.RLIM_INFINITY or soft >= needed
