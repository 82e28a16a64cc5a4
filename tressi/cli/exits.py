"""Every exit code, and which error leads to which: the one table."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from tressi.errors import ConfigError

if TYPE_CHECKING:
    from tressi.errors import TressiError


class Exit(IntEnum):
    """What the exit code tells a shell or a CI job."""

    DONE = 0
    TEST_FAILED = 1
    BAD_INPUT = 2
    BROKEN = 3
    HUNG_UP = 129
    INTERRUPTED = 130
    QUIT = 131
    TERMINATED = 143


MEANINGS = {
    Exit.DONE: "done",
    Exit.TEST_FAILED: "the test failed: a threshold, an early exit, an endpoint without one success, an abandoned trace,"
    " a side or a baseline that was faster or failed less, a node that cannot take part",
    Exit.BAD_INPUT: "bad usage or config; nothing was run",
    Exit.BROKEN: "tressi itself failed, or a result could not be written",
    Exit.HUNG_UP: "ended by SIGHUP, results written",
    Exit.INTERRUPTED: "ended by SIGINT, results written",
    Exit.QUIT: "ended by SIGQUIT, results written",
    Exit.TERMINATED: "ended by SIGTERM, results written",
}


def exit_of(error: TressiError) -> Exit:
    """Return the exit code of an error: bad input is the user's to repair, everything else is ours."""
    return Exit.BAD_INPUT if isinstance(error, ConfigError) else Exit.BROKEN
