"""`tressi quick URL`: one endpoint without a config file. A config is made of the flags, and runs as one from a file does."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tressi.cli.arguments import add_header, add_load, add_logging, add_sending, integer, overrides, set_up_logging
from tressi.cli.engines import engines_ahead
from tressi.cli.exits import Exit
from tressi.cli.flags import add_running
from tressi.cli.output import files_of_mode, remark, write
from tressi.config.messages import printable, quoted
from tressi.config.overrides import camel, headers_of, kebab
from tressi.errors import ConfigError, ConfigProblem

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable, Mapping, Sequence

    from tressi.model import ResolvedConfig

NAME = "quick"
HELP = """Send one request over and over, without a config: as fast as answers come, or at the rate of --rps.

A config of one endpoint is made of the flags, and runs as one from a file does: ${NAME} is a variable of the environment.
--save writes that config and sends nothing: a config to start from."""

# Without a bound of the user's own the rate is kept by a target that answers within a second.
LEAST_WORKERS, MOST_WORKERS = 10, 1000
DURATION_S: Final = 10
# With a number of requests all of them are to be made, and a target that does not answer is not to be asked for ever.
REQUESTS_S: Final = 3600
_FORM: Final = "application/x-www-form-urlencoded"

# Keys of the config whose flags have the same name, in the order of a config.
_SETTINGS: Final = (
    "name", "duration", "warm_up", "max_requests", "ramp_up_time", "concurrent_requests", "timeout", "connect_timeout",
    "connections_per_second", "graceful_stop", "seed",
)  # fmt: skip
# What no config can say, or not with a name of its own in messages.
_LAID_OVER: Final = ("export", "transport", "source_addresses", "mask_headers", "fail_if", "masks", "env_files")
# Which argument a place of the config comes from.
_ARGUMENTS: Final = {
    "requests[0].url": "URL",
    "requests[0].method": "--method",
    "requests[0].headers": "--header",
    "requests[0].body": "--data",
    "autoscale.targetRps": "--rps",
    "autoscale.maxWorkers": "--workers",
    "workers": "--workers",
    "thresholds": "--fail-if",
    "labels": "--label",
}


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of `tressi quick`."""
    parser.add_argument("url", metavar="URL", help="http:// or https://; http:// where neither is given")
    group = parser.add_argument_group("the request")
    group.add_argument("-X", "--method", metavar="METHOD", help="default: GET, or POST with --data")
    add_header(group, "-H", "--header", help_="send this header")
    group.add_argument(
        "-d",
        "--data",
        action="append",
        default=[],
        metavar="TEXT",
        help="send this body, @FILE: what is in a file, @-: on standard input; several are joined by &. Without a Content-Type"
        " of your own, JSON objects and lists go as application/json, all else as curl's application/x-www-form-urlencoded",
    )
    load = parser.add_argument_group("the load")
    load.add_argument("--rps", type=integer, metavar="N", help="requests per second, by as many workers as that takes")
    load.add_argument(
        "--workers",
        type=integer,
        metavar="N",
        help="workers that send, 10 without this flag; with --rps as many at most (default: 10 to 1,000, one for each RPS)",
    )
    add_load(load)
    load.add_argument("--save", metavar="FILE", help="write the config instead of running it; - for standard output")
    add_running(parser, over_nodes=True)
    add_sending(parser.add_argument_group("connections, verdict and results"))
    add_logging(parser)


def execute(arguments: Namespace) -> int:
    """Run the one endpoint, or save its config; returns the exit code. Raises TressiError."""
    document = quick_config(arguments, body_of(arguments.data, sys.stdin.buffer.read if sys.stdin else bytes))
    if arguments.save is not None:
        return _save(document, arguments)
    with engines_ahead(arguments) as ahead:
        # While the engine's process imports what it needs, this one does.
        from tressi.cli.running import conduct  # noqa: PLC0415 - see above

        set_up_logging(arguments)
        return conduct(_loaded(document, arguments), arguments, ahead)


def quick_config(arguments: Namespace, body: str | None) -> dict[str, Any]:
    """The config that the flags ask for; `body` is what their data are."""
    url: str = arguments.url
    request: dict[str, Any] = {"url": url if "://" in url else f"http://{url}"}
    if arguments.method is not None or body is not None:
        request["method"] = arguments.method or "POST"
    headers = headers_of(arguments.headers)
    if body is not None and not any(name.lower() == "content-type" for name in headers):
        headers = {"Content-Type": content_type(body), **headers}
    request |= {"headers": headers} if headers else {}
    request |= {} if body is None else {"body": body}
    given = {camel(name): value for name in _SETTINGS if (value := getattr(arguments, name)) is not None}
    duration_s = DURATION_S if arguments.max_requests is None else REQUESTS_S
    labels = {"labels": dict(arguments.labels)} if arguments.labels else {}
    named = {"name": given.pop("name")} if "name" in given else {}
    return {**named, **labels, "duration": duration_s, **given, **_load(arguments), **_tls(arguments), "requests": [request]}


def _load(arguments: Namespace) -> dict[str, Any]:
    rps, workers = arguments.rps, arguments.workers
    if rps is None:
        return {} if workers is None else {"workers": workers}
    most = max(LEAST_WORKERS, min(MOST_WORKERS, rps)) if workers is None else workers
    return {"autoscale": {"enabled": True, "targetRps": rps, "maxWorkers": most}}


def _tls(arguments: Namespace) -> dict[str, Any]:
    return {"tls": {"verify": False}} if arguments.insecure else {}


def content_type(body: str) -> str:
    """What data are where nobody says: JSON where they are an object or a list of it, else what curl says of any data."""
    if body.lstrip()[:1] in {"{", "["}:
        try:
            json.loads(body)
        except (ValueError, RecursionError):
            return _FORM
        return "application/json"
    return _FORM


def body_of(data: Sequence[str], standard_input: Callable[[], bytes]) -> str | None:
    """The body that the values of --data make; None without any. Raises ConfigError where it cannot be read, or sent."""
    return "&".join(_piece(one, standard_input) for one in data) if data else None


def _piece(text: str, standard_input: Callable[[], bytes]) -> str:
    if not text.startswith("@"):
        return text
    name = text[1:]
    try:
        return (standard_input() if name == "-" else Path(name).read_bytes()).decode()
    except UnicodeDecodeError as error:
        raise _refused(
            "--data", f"{quoted(text)} is not UTF-8: byte {error.start + 1} is 0x{error.object[error.start]:02x}"
        ) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise _refused("--data", f"{quoted(text)} cannot be read: {reason}") from None


def _refused(place: str, message: str) -> ConfigError:
    return ConfigError([ConfigProblem(place, message)])


def _loaded(document: Mapping[str, Any], arguments: Namespace) -> ResolvedConfig:
    """Resolve the config; what is wrong with it is told by the names of the flags. Raises ConfigError."""
    from tressi.config.load import load_config  # noqa: PLC0415 - a run reads it while its engine starts

    try:
        return load_config(document, overrides(arguments, _LAID_OVER))
    except ConfigError as error:
        raise ConfigError([replace(problem, path=_argument(problem.path)) for problem in error.problems]) from None


def _argument(path: str) -> str:
    for place, flag in _ARGUMENTS.items():
        if path == place or path.startswith((f"{place}.", f"{place}[")):
            return flag + path.removeprefix(place)
    return f"--{kebab(path)}" if path in map(camel, _SETTINGS) else path


def _save(document: dict[str, Any], arguments: Namespace) -> int:
    """Write the config, once it is known to be one. Only its owner may read it, for its headers may have secrets."""
    file: str = arguments.save
    if file != "-" and Path(file).exists():
        raise _refused("--save", f"{printable(file)} exists; name another file, or remove it first")
    for warning in _loaded(document, arguments).warnings:
        remark(f"warning: {warning}")
    whole = {**document, **({"thresholds": arguments.fail_if} if arguments.fail_if else {})}
    with files_of_mode(arguments.export_mode):
        write(json.dumps(whole, indent=2, ensure_ascii=False), file)
    if file != "-":
        remark(f"wrote {printable(file)}; to run it: tressi {printable(file)}")
    return Exit.DONE
