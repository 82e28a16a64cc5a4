"""The flags that several subcommands share: each named after the config key that it overrides, and the logging flags."""

from __future__ import annotations

from argparse import ArgumentTypeError
from dataclasses import fields
from itertools import chain, count
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tressi.config.overrides import Overrides
from tressi.log import set_up

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace, _ArgumentGroup
    from collections.abc import Iterable

PRIVATE: Final = 0o600
_OVERRIDES: Final = tuple(field.name for field in fields(Overrides))
STRICT: Final = "refuse a config with a property that is unknown"
LOG_LEVELS = ("debug", "info", "warning", "error")


def add_config(parser: ArgumentParser) -> None:
    """Declare the config to read, as `arguments.config`."""
    parser.add_argument("config", metavar="CONFIG", help="a file, - for standard input, or an https:// address")


def add_overrides(parser: ArgumentParser) -> None:
    """Declare the flags that override the config; `overrides` makes a value of them."""
    group = parser.add_argument_group("overriding the config")
    group.add_argument(
        "--rps",
        type=integer,
        metavar="N",
        help="requests per second of the shared pool, with the legacy autoscale: true of all endpoints together;"
        " --scale changes the rates of all",
    )
    group.add_argument("--scale", type=number, metavar="X", help="multiply every rate and bound of workers, as in 0.1")
    group.add_argument("--workers", type=integer, metavar="N", help="workers of the shared pool")
    group.add_argument("--base-url", metavar="URL", help="put in front of every url that is not absolute")
    add_header(group, "--header", help_="add this header to every request, instead of the config's own of that name")
    add_load(group)
    group.add_argument("--strict", action="store_true", help=STRICT)
    add_sending(group)


def add_identity(group: _ArgumentGroup) -> None:
    """Declare the flags that say what a run is called and found by."""
    group.add_argument("--name", metavar="TEXT", help="what the run is called in its results")
    group.add_argument(
        "--label",
        action="append",
        default=[],
        dest="labels",
        type=label,
        metavar="KEY=VALUE",
        help="what the run is found by, as in git=4f2a9c1, instead of the config's label of that key; or several times",
    )


def add_load(group: _ArgumentGroup) -> None:
    """Declare the flags that say how long and how a run sends, whatever it sends."""
    group.add_argument("--duration", type=_whole_seconds, metavar="S", help="seconds the run lasts")
    group.add_argument(
        "--warm-up", type=_seconds, metavar="S", help="of those, seconds at the beginning that are in no figure and no verdict"
    )
    group.add_argument(
        "--requests",
        type=integer,
        metavar="N",
        dest="max_requests",
        help="end the run after N requests, of all endpoints and engines together",
    )
    group.add_argument("--concurrent-requests", type=integer, metavar="N", help="requests in flight per worker")
    group.add_argument("--ramp-up-time", type=_whole_seconds, metavar="S", help="seconds until the target rate is reached")
    _add_time_limits(group)
    group.add_argument("--connections-per-second", type=number, metavar="N", help="new connections each second, at most")
    group.add_argument(
        "--graceful-stop", type=_seconds, metavar="S", help="seconds that requests in flight at the end may take"
    )
    _add_seed(group)


def add_sending(group: _ArgumentGroup) -> None:
    """Declare the flags that say over what requests are sent, how the run is judged, and where its results go."""
    add_identity(group)
    add_export(group)
    group.add_argument("--transport", choices=("wire", "urllib3"), help="default: wire, where it can do what is asked for")
    _add_reach(group)
    group.add_argument(
        "--fail-if",
        action="append",
        default=[],
        metavar="CONDITION",
        help="fail the run where this holds, as in 'p99 > 250ms'; may be given several times",
    )
    _add_masks(group)


def add_trial(group: _ArgumentGroup) -> None:
    """Declare the flags that mean something where requests are sent one by one, and no figures are made."""
    group.add_argument("--strict", action="store_true", help=STRICT)
    _add_time_limits(group)
    _add_seed(group)
    _add_reach(group)
    _add_masks(group)


def _add_time_limits(group: _ArgumentGroup) -> None:
    group.add_argument("--timeout", type=_seconds, metavar="S", help="seconds until a request counts as failed")
    group.add_argument("--connect-timeout", type=_seconds, metavar="S", help="seconds until a connection counts as failed")


def _add_seed(group: _ArgumentGroup) -> None:
    group.add_argument("--seed", type=integer, metavar="N", help="seed of every random choice")
    group.add_argument(
        "--env-file",
        action="append",
        default=[],
        dest="env_files",
        metavar="FILE",
        help="read variables for ${NAME} in the config from this file; may be given several times",
    )


def _add_reach(group: _ArgumentGroup) -> None:
    group.add_argument("--insecure", action="store_true", help="take any certificate of an https target")
    group.add_argument(
        "--source-address",
        action="append",
        default=[],
        dest="source_addresses",
        metavar="IP",
        help="connect from this address; several are used in turn",
    )


def _add_masks(group: _ArgumentGroup) -> None:
    group.add_argument(
        "--mask-header",
        action="append",
        default=[],
        dest="mask_headers",
        metavar="NAME",
        help="a header whose value is a secret; may be given several times",
    )
    group.add_argument(
        "--mask",
        action="append",
        default=[],
        dest="masks",
        metavar="WHAT",
        help="what else is a secret: query:NAME, header:NAME, or body:/path in JSON; may be given several times",
    )


def add_header(group: _ArgumentGroup, *names: str, help_: str) -> None:
    """Declare a flag for a header, as `arguments.headers`."""
    group.add_argument(
        *names,
        action="append",
        default=[],
        dest="headers",
        type=header_line,
        metavar="'NAME: VALUE'",
        help=f"{help_}; may be given several times. 'NAME:' leaves out one that would be sent, 'NAME;' sends it empty",
    )


def add_export(parser: ArgumentParser | _ArgumentGroup) -> None:
    """Declare where the result files go."""
    parser.add_argument(
        "--export",
        nargs="?",
        const="",
        type=_folder,
        metavar="DIR",
        help="write the result files into this directory; default name: tressi- and the date",
    )
    add_export_mode(parser)


def add_export_mode(parser: ArgumentParser | _ArgumentGroup) -> None:
    """Declare who may read the result files."""
    parser.add_argument(
        "--export-mode",
        type=_mode,
        default=PRIVATE,
        metavar="MODE",
        help="permissions of result files, as in chmod: 0640 lets the group read them (default: 0600)",
    )


def add_logging(parser: ArgumentParser) -> None:
    """Declare the flags that say how to log; `set_up_logging` obeys them."""
    group = parser.add_argument_group("logging, to standard error")
    group.add_argument("--log-format", choices=("console", "json"), default="console", help="default: console")
    group.add_argument("--log-level", choices=LOG_LEVELS, default="info", help="default: info")


def overrides(arguments: Namespace, names: Iterable[str] = _OVERRIDES) -> Overrides:
    """Return what the flags of `add_overrides` were given, or those of `names` alone."""
    found = ((name, getattr(arguments, name)) for name in names)
    given: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in found}
    return Overrides(**given)


def set_up_logging(arguments: Namespace) -> None:
    """Log as the flags of `add_logging` say."""
    set_up(arguments.log_format, arguments.log_level)


def listening(text: str) -> tuple[str, int]:
    """Where to listen, `HOST:PORT`, `PORT`, `HOST` or `[IPV6]:PORT`: loopback and a free port unless told otherwise."""
    text = f":{text}" if text.isdecimal() else text
    host, _, port = text.rpartition(":") if text.count(":") == 1 or "]:" in text else (text, "", "")
    host = host.removeprefix("[").removesuffix("]") or "127.0.0.1"
    if host == "localhost":
        host = "127.0.0.1"
    from ipaddress import ip_address  # noqa: PLC0415 - most runs listen nowhere

    try:
        ip_address(host)
        number = int(port or "0")
    except ValueError:
        number = -1
    if not 0 <= number <= 0xFFFF:  # noqa: PLR2004 - the last port there is
        raise ArgumentTypeError(f"{text!r} is not HOST:PORT, HOST an address of this machine (CONFIG goes before this flag)")
    return host, number


def _folder(text: str) -> str:
    """A directory, by default a new one named by the date. CONFIG behind the flag would be taken for it, so files are none."""
    if not text:
        from datetime import datetime  # noqa: PLC0415 - only a name without one needs it

        name = f"tressi-{datetime.now().astimezone():%Y%m%d-%H%M%S}"
        names = chain((name,), (f"{name}-{number}" for number in count(2)))
        return next(free for free in names if not Path(free).exists())
    if text == "-" or "://" in text or Path(text).is_file():
        raise ArgumentTypeError(f"{text!r} is no directory (CONFIG goes before this flag)")
    return text


def _mode(text: str) -> int:
    mode = int(text, 8) if text and not text.strip("01234567") else -1
    if mode < 0 or mode & ~0o666 or mode & PRIVATE != PRIVATE:
        raise ArgumentTypeError(f"{text!r} are no permissions of a file that we write: use 0600 to 0666, as in chmod")
    return mode


def header_line(text: str) -> tuple[str, str | None]:
    """A header as curl takes it: `Name: value`, `Name;` for an empty value, `Name:` (None) for one that is left out."""
    from tressi.config.messages import TOKEN  # noqa: PLC0415 - likewise
    from tressi.config.rules import NO_HEADER_NAME, header_fault  # noqa: PLC0415 - most runs add no header

    name, colon, value = text.partition(":")
    is_empty = not colon and text.endswith(";")
    name = text.removesuffix(";") if is_empty else name
    # No value is shown: it may be a secret, and so may all of a line that has no colon.
    if not colon and not is_empty:
        raise ArgumentTypeError("a header has a name, a colon and a value, as in 'Accept: text/html'")
    if not TOKEN.fullmatch(name):
        raise ArgumentTypeError(f"what stands before the colon {NO_HEADER_NAME}")
    fault = header_fault(value)
    if fault:
        raise ArgumentTypeError(f"the value of {name} has {fault}")
    return name, None if colon and not value.strip() else value.strip()


def label(text: str) -> tuple[str, str]:
    """A label as its key and its value."""
    from tressi.config.identity import LONGEST_VALUE, key_fault  # noqa: PLC0415 - most runs have none

    key, equals, value = text.partition("=")
    if not equals:
        raise ArgumentTypeError(f"{text!r} has no =: a label is KEY=VALUE, as in git=4f2a9c1")
    fault = key_fault(key)
    if fault:
        raise ArgumentTypeError(f"the key of {text!r} {fault}")
    if len(value) > LONGEST_VALUE:
        raise ArgumentTypeError(f"the value of {key} has {len(value):,} characters, and {LONGEST_VALUE:,} at most are allowed")
    return key, value


def integer(text: str, name: str = "") -> int:
    """A whole number, as argparse wants it."""
    try:
        return int(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not an integer{_remedy(name, text, 'integer')}") from None


def count_of(text: str) -> int:
    """A whole number from 1 on, as argparse wants it."""
    number = integer(text)
    if number < 1:
        raise ArgumentTypeError(f"{text!r} is not 1 or more")
    return number


def _whole_seconds(text: str) -> int:
    return integer(text, "duration")


def number(text: str, name: str = "") -> float:
    """A finite number, as argparse wants it."""
    try:
        found = float(text)
    except ValueError:
        found = float("nan")
    if not isfinite(found):
        raise ArgumentTypeError(f"{text!r} is not a number{_remedy(name, text, 'number')}")
    return found


def _remedy(name: str, text: str, wanted: str) -> str:
    from tressi.config.units import remedy  # noqa: PLC0415 - only a mistake needs it

    return remedy(name, text, [wanted])


def share(text: str) -> float:
    """A share of 1 from `5%` or `5`: percent either way."""
    try:
        number = float(text.strip().removesuffix("%"))
    except ValueError:
        number = -1.0
    if not 0 < number <= 1000:  # noqa: PLR2004 - beyond that it is a mistake
        raise ArgumentTypeError(f"{text!r} is no percentage above 0, as in 5%")
    return number / 100


def _seconds(text: str) -> float:
    return number(text, "timeout")
