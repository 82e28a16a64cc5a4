"""Logs go to standard error through structlog; what may be a secret is masked before anything is written.

structlog is imported for the first event: it brings rich along, and most runs log nothing.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TextIO

from tressi.masking import MASK, is_secret_header, mask_headers, mask_url

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "MASK",
    "LogFormat",
    "be_ready",
    "is_secret_header",
    "log_error",
    "log_failure",
    "log_warning",
    "mask_headers",
    "mask_url",
    "set_up",
]

LogFormat = Literal["console", "json"]
# As the standard library numbers them, whose logging takes long to import.
_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


class _Output:
    """What logs are written by. As the program that embeds tressi has set structlog up, where `set_up` was not called."""

    def __init__(self) -> None:
        self._wanted: Callable[[], None] | None = None

    def want(self, set_up: Callable[[], None]) -> None:
        """Have structlog set up by `set_up` before the next event."""
        self._wanted = set_up

    def logger(self) -> Any:  # noqa: ANN401 - structlog's proxy is what it is configured to be
        """The logger, with structlog set up as it was wanted."""
        import structlog  # noqa: PLC0415 - see above

        if self._wanted is not None:
            self._wanted()
            self._wanted = None
        return structlog.get_logger()


_OUTPUT = _Output()


def be_ready() -> None:
    """Import what the first event takes, now: later it would hold up the greenlets that renew leases for up to a second."""
    _OUTPUT.logger()


def log_error(event: str, **facts: object) -> None:
    """Log an event as an error."""
    _write("error", event, facts)


def log_warning(event: str, **facts: object) -> None:
    """Log an event as a warning."""
    _write("warning", event, facts)


def _write(level: str, event: str, facts: dict[str, object]) -> None:
    """Log an event. A log that cannot be written (a closed pipe, a full disk, a closed file) ends nothing of the run."""
    with suppress(OSError, ValueError):
        getattr(_OUTPUT.logger(), level)(event, **facts)


def log_failure(event: str, failure: BaseException, hide: Callable[[str], str] = mask_url, **facts: object) -> None:
    """Log an exception with where it was raised, as an error; `hide` masks the secrets in it.

    As text, and without the variables: structlog, where no program has set it up, would print those of every function on
    the way, and among them a request's headers.
    """
    import traceback  # noqa: PLC0415 - hardly ever needed

    where = hide("".join(traceback.format_exception(failure)).rstrip())
    log_error(event, exception=where, **facts)


def set_up(log_format: LogFormat = "console", level: str = "info") -> None:
    """Send tressi's events at or above `level` to standard error; only the command line calls this."""
    # Standard error is closed: there is nowhere to log to.
    stream = sys.stderr or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - as long as the process
    _OUTPUT.want(lambda: _configure(log_format, level, stream))


def _configure(log_format: LogFormat, level: str, stream: TextIO) -> None:
    import structlog  # noqa: PLC0415 - see above

    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if log_format == "json" else structlog.dev.ConsoleRenderer(colors=stream.isatty())
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        # Asked for at each event: a live picture takes standard error's place while it is up.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr or stream),
        cache_logger_on_first_use=False,
    )
