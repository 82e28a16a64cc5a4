"""Every exit code, and which error leads to which: the one table."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from tressi.errors import ConfigError

if TYPE_CHECKING:
    from tressi.errors import TressiError


class Exit(IntEnum):
    """What the exit code tells a shell or a CI job."""

    DONE = 0  # what was asked for is done
    TEST_FAILED = 1  # the run ended as a failed test: early exit, a threshold, or not one success
    BAD_INPUT = 2  # the command line or the config is wrong; nothing was run
    BROKEN = 3  # tressi itself failed, or a result could not be written
    INTERRUPTED = 130  # ended by SIGINT, results written
    TERMINATED = 143  # ended by SIGTERM, results written


def exit_of(error: TressiError) -> Exit:
    """Return the exit code of an error: bad input is the user's to repair, everything else is ours."""
    return Exit.BAD_INPUT if isinstance(error, ConfigError) else Exit.BROKEN
