"""Room for connections: one file descriptor each."""

from __future__ import annotations

import resource

from tressi.errors import EngineError

# The interpreter, the reactor, logs and results have theirs.
SPARE = 64


def make_room(connections: int) -> None:
    """Raise the limit of file descriptors to the hard limit, and that too where it is too low and we may.

    Raises EngineError where `connections` do not fit.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max(hard, connections + SPARE) if hard != resource.RLIM_INFINITY else hard
    if (soft, hard) == (wanted, wanted):
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
    except (ValueError, OSError):
        raise EngineError(
            f"{connections} connections do not fit in the hard limit of {hard} file descriptors: "
            f"raise it (ulimit -Hn {wanted}), or use fewer workers or more --processes"
        ) from None
