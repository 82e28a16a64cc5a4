"""Logs go to standard error through structlog; what may be a secret is masked before anything is written."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import structlog

from tressi.masking import MASK, is_secret_header, mask_headers, mask_url

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MASK", "LogFormat", "is_secret_header", "log_failure", "mask_headers", "mask_url", "set_up"]

LogFormat = Literal["console", "json"]


def log_failure(event: str, failure: BaseException, hide: Callable[[str], str] = mask_url, **facts: object) -> None:
    """Log an exception with where it was raised, as an error; `hide` masks the secrets in it.

    As text, and without the variables: structlog, where no program has set it up, would print those of every function on
    the way, and among them a request's headers.
    """
    where = hide("".join(traceback.format_exception(failure)).rstrip())
    structlog.get_logger().error(event, exception=where, **facts)


def set_up(log_format: LogFormat = "console", level: str = "info") -> None:
    """Send structlog's events at or above `level` to standard error; only the command line calls this."""
    # Standard error is closed: there is nowhere to log to.
    stream = sys.stderr or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - as long as the process
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
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        # Asked for at each event: a live picture takes standard error's place while it is up.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr or stream),
        cache_logger_on_first_use=False,
    )
