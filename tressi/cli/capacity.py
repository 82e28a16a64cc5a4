"""`tressi capacity CONFIG`: how many requests per second an endpoint carries while a condition holds."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError
from typing import TYPE_CHECKING, Final

from tressi.cli.arguments import (
    add_config,
    add_header,
    add_logging,
    add_trial,
    count_of,
    number,
    overrides,
    set_up_logging,
)
from tressi.cli.engines import engines_ahead
from tressi.cli.flags import add_running

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace, _ArgumentGroup

NAME = "capacity"
HELP = """Find out how many requests per second a target carries while conditions hold, such as p99 < 200ms.

One endpoint's rate is searched while all others keep theirs, or with --together that of all endpoints at once. The rate rises
until a condition clearly breaks, is narrowed down by trials that last until they are sure, and is confirmed from both sides.
The answer is a rate with its 95 % interval. Ctrl-C ends the search, and what is known by then is written."""

_OVERRIDES: Final = (
    *("seed", "base_url", "headers", "timeout", "connect_timeout", "env_files", "insecure", "source_addresses"),
    *("mask_headers", "masks", "strict"),
)
_UNITS: Final = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_LEAST_BUDGET_S: Final = 15
_MOST_BUDGET_S: Final = 86_400


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of `tressi capacity`."""
    add_config(parser)
    _add_search(parser.add_argument_group("the search"))
    group = parser.add_argument_group("overriding the config")
    group.add_argument("--base-url", metavar="URL", help="put in front of every url that is not absolute")
    add_header(group, "--header", help_="add this header to every request, instead of the config's own of that name")
    add_trial(group)
    add_running(parser, over_nodes=True)
    add_logging(parser)


def _add_search(group: _ArgumentGroup) -> None:
    group.add_argument(
        "--slo",
        action="append",
        required=True,
        metavar="CONDITION",
        help="what must hold, as in 'p99 < 200ms', 'errorRate < 1%%' or 'missed < 1%%'; may be given several times",
    )
    group.add_argument("--endpoint", metavar="NAME", help="the endpoint whose rate is searched, by name or key")
    group.add_argument("--together", action="store_true", help="search the rate of all endpoints, each with its share of it")
    group.add_argument("--precision", type=_share, default=0.02, metavar="P", help="how close it is to be (default: 2%%)")
    group.add_argument("--budget", type=_duration, default=600.0, metavar="T", help="time at most, as in 10m (default: 10m)")
    group.add_argument(
        "--from", type=_rate, dest="first_rps", metavar="RPS", help="the first rate (default: a tenth of the config's)"
    )
    group.add_argument("--max-workers", type=count_of, metavar="N", help="workers of what is searched, instead of the config's")
    group.add_argument("--markdown", metavar="FILE", help="write the answer and the trials as Markdown; - for standard output")
    group.add_argument("--html", metavar="FILE", help="write a page with the picture of the trials")
    group.add_argument("--svg", metavar="FILE", help="write the picture alone")


def execute(arguments: Namespace) -> int:
    """Search, and write what was found; returns the exit code. Raises TressiError."""
    with engines_ahead(arguments) as ahead:
        from tressi.config.load import load_config  # noqa: PLC0415 - while it is read, the engine's process starts

        set_up_logging(arguments)
        config = load_config(arguments.config, overrides(arguments, _OVERRIDES))
        from tressi.cli.capacity_asked import asked_of  # noqa: PLC0415 - likewise
        from tressi.cli.capacity_search import search  # noqa: PLC0415 - likewise

        return search(asked_of(config, arguments), arguments, ahead)


# ------------------------------------------------------------------------------------------------------------- its flags


def _duration(text: str) -> float:
    """Seconds of `90`, `90s`, `10m` or `1h`."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|m|min|h|)", text.strip())
    seconds = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if not _LEAST_BUDGET_S <= seconds <= _MOST_BUDGET_S:
        raise ArgumentTypeError(f"{text!r} is no time from {_LEAST_BUDGET_S} s to 24 h, as in 90s, 10m or 1h")
    return seconds


def _share(text: str) -> float:
    """A share of 0.1 % to 25 %, as in `2%` or `0.02`."""
    stripped = text.strip().removesuffix("%").rstrip()
    value = number(stripped) / (100 if "%" in text else 1)
    if not 0.001 <= value <= 0.25:  # noqa: PLR2004 - below it no search ends, above it there is nothing to search for
        raise ArgumentTypeError(f"{text!r} is not from 0.1% to 25%")
    return value


def _rate(text: str) -> float:
    value = number(text)
    if not 0 < value <= 1e6:  # noqa: PLR2004 - no engine sends more
        raise ArgumentTypeError(f"{text!r} is not above 0 and up to 1,000,000")
    return value
