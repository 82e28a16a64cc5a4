"""Logs go to standard error through structlog; what may be a secret is masked before anything is written."""

from __future__ import annotations

import logging
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import structlog

if TYPE_CHECKING:
    from collections.abc import Iterable

LogFormat = Literal["console", "json"]

MASK = "***"
SECRET_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization", "set-cookie", "x-api-key"})

# Greedy up to the last @ of the authority: user info may itself hold an unencoded @.
_USER_INFO = re.compile(r"(?<=://)[^/?#\s]*@")


def mask_url(text: str) -> str:
    """Hide the user info of every URL in `text`: `https://name:word@host/` becomes `https://***@host/`."""
    return _USER_INFO.sub(f"{MASK}@", text)


def is_secret_header(name: str, also: Iterable[str] = ()) -> bool:
    """Tell whether a header's value must never be shown; `also` has the names given by `--mask-header`."""
    folded = name.strip().lower()
    return folded in SECRET_HEADERS or any(folded == other.strip().lower() for other in also)


def mask_headers(headers: Iterable[tuple[str, str]], also: Iterable[str] = ()) -> list[tuple[str, str]]:
    """Copy `headers` with the values of the secret ones replaced by the mask."""
    names = tuple(also)
    return [(name, MASK if is_secret_header(name, names) else value) for name, value in headers]


def set_up(log_format: LogFormat = "console", level: str = "info") -> None:
    """Send structlog's events at or above `level` to standard error; only the command line calls this."""
    # Whoever closed standard error wants no logs.
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
