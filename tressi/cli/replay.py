"""`tressi replay LOG`: the traffic of an access log, sent again. A config is made of it, and runs as one from a file does."""

from __future__ import annotations

import json
from argparse import ArgumentTypeError
from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tressi.cli.arguments import LOG_LEVELS, add_header, add_sending, count_of, integer, overrides
from tressi.cli.engines import engines_ahead
from tressi.cli.exits import Exit
from tressi.cli.flags import add_running
from tressi.cli.output import files_of_mode, remark, write
from tressi.config.messages import printable
from tressi.config.overrides import camel, headers_of
from tressi.errors import ConfigError
from tressi.log import set_up
from tressi.replay.document import Options, config_by_rates, config_by_times, length_s, replay_of, shortened
from tressi.replay.files import counted, fields_of, read_log, refused, told
from tressi.replay.fit import Fit, fit_lines
from tressi.replay.gathering import Wanted
from tressi.replay.traffic import NS_PER_S, traffic_of
from tressi.request.route import path_of

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace, _ArgumentGroup

    from tressi.model import ResolvedConfig
    from tressi.replay.gathering import Gathered
    from tressi.replay.traffic import Traffic
    from tressi.run.runner import EndpointRunner

NAME = "replay"
HELP = """Send the traffic of an access log again: of nginx, Apache, a HAR file, or JSON lines; packed by gzip or not.

By default each route of the log is an endpoint with the log's rate in every second. --as times sends each request when the
log has it. Only GET and HEAD are sent, unless --methods asks for more: a log has no bodies."""

# Keys of the config whose flags have the same name.
_SETTINGS: Final = ("name", "timeout", "connect_timeout", "connections_per_second", "graceful_stop", "seed", "warm_up")
_LAID_OVER: Final = (
    "export", "transport", "source_addresses", "mask_headers", "fail_if", "masks", "insecure", "labels", *_SETTINGS
)  # fmt: skip
_METHOD_BYTES: Final = 32


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of `tressi replay`."""
    parser.add_argument("log", metavar="LOG", help="a file, or - for standard input")
    _add_log(parser.add_argument_group("the log"))
    _add_load(parser.add_argument_group("the load"))
    add_running(parser, over_nodes=True)
    add_sending(parser.add_argument_group("connections, verdict and results"))
    logging = parser.add_argument_group("logging, to standard error")
    logging.add_argument("--log-level", choices=LOG_LEVELS, default="info", help="default: info")


def _add_log(group: _ArgumentGroup) -> None:
    """How the log is read, and what of it is sent."""
    group.add_argument(
        "--log-format",
        metavar="FORMAT",
        help="the server's own string, as in nginx's log_format or Apache's LogFormat, or one of combined, common, json and har"
        " (default: known by the first lines)",
    )
    group.add_argument(
        "--fields",
        action="append",
        default=[],
        metavar="ROLE=NAME",
        help="names of the members of JSON lines: time, start, url, request, method, host, scheme, duration (in s),"
        " duration_ms, duration_us, duration_ns; several with commas, or several times",
    )
    group.add_argument(
        "--only", action="append", default=[], metavar="PATTERN", help="only paths such as '/api/*'; or several times"
    )
    group.add_argument("--methods", type=_methods, default="GET,HEAD", metavar="LIST", help="what is sent (default: GET,HEAD)")


def _add_load(load: _ArgumentGroup) -> None:
    """Where the requests go, how fast, and for how long."""
    load.add_argument("--base-url", metavar="URL", help="where requests go, in front of the log's paths")
    load.add_argument(
        "--hosts-of-log", action="store_true", help="send to the servers that the log names, instead of --base-url"
    )
    load.add_argument("--as", choices=("rates", "times"), default="rates", dest="kind", help="default: rates")
    load.add_argument("--speed", type=_speed, default=1.0, metavar="X", help="so many times as fast as the log (default: 1)")
    load.add_argument("--loop", action="store_true", help="begin again at the log's end, until --duration is over")
    load.add_argument(
        "--duration", type=_seconds, metavar="S", help="seconds the run lasts at most (default: the log's length)"
    )
    load.add_argument(
        "--workers", type=count_of, metavar="N", help="workers of all endpoints; with --as rates at most (default: 10 to 1,000)"
    )
    add_header(load, "-H", "--header", help_="send this header")
    _add_settings(load)
    load.add_argument(
        "--save", metavar="FILE", help="write the config instead of running it, with --as rates; - for standard output"
    )


def execute(arguments: Namespace) -> int:
    """Read the log, and run it or save its config; returns the exit code. Raises TressiError."""
    _check(arguments)
    set_up("console", arguments.log_level)
    gathered = read_log(arguments.log, arguments.log_format, fields_of(arguments.fields), _wanted(arguments))
    _check_hosts(gathered, arguments)
    remark(told(gathered))
    options = _options(arguments)
    traffic = traffic_of(gathered, arguments.speed)
    if options.duration_s is not None and not options.loops:
        traffic = traffic.until(options.duration_s * NS_PER_S)
    if arguments.save is not None:
        return _save(config_by_rates(traffic, options), arguments)
    with engines_ahead(arguments) as ahead:
        from tressi.cli.running import conduct  # noqa: PLC0415 - a run reads it while its engine starts

        config = _config_of(traffic, options, arguments)
        return conduct(config, arguments, ahead, _Beside(config, gathered, traffic, options))


class _Beside:
    """The fit of a run to its log, beside the run."""

    def __init__(self, config: ResolvedConfig, gathered: Gathered, traffic: Traffic, options: Options) -> None:
        self._log = counted(gathered)
        times = zip((one.endpoint_key for one in config.endpoints), traffic.starts_of(), strict=True)
        self._fit = Fit(dict(times), traffic.period_ns if options.loops else 0, length_s(traffic, options))

    def watch(self, runner: EndpointRunner) -> None:
        """Take what the run tells."""
        runner.on("snapshot", self._fit.moment)
        runner.on("drained", self._fit.drained)

    def add_to(self, summary: dict[str, Any]) -> None:
        """Put the fit into the summary."""
        summary["replay"] = {"log": self._log, **self._fit.summed()}

    def lines(self, summary: dict[str, Any]) -> str:
        """The fit for a terminal."""
        return fit_lines(summary["replay"], summary["generator"]["lateSendsMs"])


def _config_of(traffic: Traffic, options: Options, arguments: Namespace) -> ResolvedConfig:
    by_times = arguments.kind == "times"
    document = config_by_times(traffic, options) if by_times else config_by_rates(traffic, options)
    config = _loaded(document, arguments)
    config = replace(config, document=shortened(config.document))
    return replace(config, replay=replay_of(traffic, options)) if by_times else config


def _loaded(document: dict[str, Any], arguments: Namespace) -> ResolvedConfig:
    from tressi.config.load import load_config  # noqa: PLC0415 - a run reads it while its engine starts

    try:
        return load_config(document, overrides(arguments, _LAID_OVER))
    except ConfigError as error:
        raise ConfigError([replace(problem, path=_place(problem.path)) for problem in error.problems]) from None


def _place(path: str) -> str:
    """Which flag a place of the config comes from."""
    if path.endswith(".url"):
        return "--base-url"
    if path.startswith("headers"):
        return f"--header{path.removeprefix('headers')}"
    if path.endswith("maxWorkers"):
        return "--workers"
    return next((f"--{name.replace('_', '-')}" for name in _SETTINGS if path == camel(name)), path)


def _options(arguments: Namespace) -> Options:
    base: str | None = arguments.base_url
    if base is not None and "://" not in base:
        base = f"http://{base}"
    return Options(base, arguments.duration, arguments.loop, arguments.workers, headers_of(arguments.headers))


def _wanted(arguments: Namespace) -> Wanted:
    return Wanted(frozenset(arguments.methods.split(",")), tuple(arguments.only), arguments.hosts_of_log)


def _check(arguments: Namespace) -> None:
    """Raise ConfigError for flags that contradict one another."""
    if arguments.base_url is None and not arguments.hosts_of_log:
        raise refused(
            "--base-url", "is missing: it says where requests go; or send to the log's own servers with --hosts-of-log"
        )
    if arguments.base_url is not None and arguments.hosts_of_log:
        raise refused("--hosts-of-log", "stands beside --base-url; leave one of them out")
    if arguments.loop and arguments.duration is None:
        raise refused("--loop", "has no end without --duration")
    if arguments.save is not None and arguments.kind == "times":
        raise refused("--save", "writes a config, and a config has rates and no times: leave out --as times")
    for name, value in arguments.headers:
        if "{{" in (value or ""):
            raise refused("--header", f"{name} has {{{{, and a replay has no data that a placeholder could name")
    if arguments.fields and arguments.log_format not in {None, "json"}:
        raise refused("--fields", "names members of JSON, and --log-format is another one")


def _check_hosts(gathered: Gathered, arguments: Namespace) -> None:
    """Raise ConfigError where a request would have nowhere to go."""
    if not arguments.hosts_of_log:
        return
    nowhere = next((target for _, origin, target in gathered.requests if not origin), None)
    if nowhere is not None:
        message = f"the log names no server for {printable(path_of(nowhere)[:80])}: say where requests go with --base-url"
        raise refused("--hosts-of-log", message)


def _save(document: dict[str, Any], arguments: Namespace) -> int:
    """Write the config, once it is known to be one."""
    file: str = arguments.save
    if file != "-" and Path(file).exists():
        raise refused("--save", f"{printable(file)} exists; name another file, or remove it first")
    given = {camel(name): value for name in _SETTINGS if (value := getattr(arguments, name)) is not None}
    labels = {"labels": dict(arguments.labels)} if arguments.labels else {}
    whole = {**document, **given, **labels, **({"thresholds": arguments.fail_if} if arguments.fail_if else {})}
    for warning in _loaded(document, arguments).warnings:
        remark(f"warning: {warning}")
    with files_of_mode(arguments.export_mode):
        write(json.dumps(whole, indent=2, ensure_ascii=False), file)
    if file != "-":
        remark(f"wrote {printable(file)}; to run it: tressi {printable(file)}")
    return Exit.DONE


# ------------------------------------------------------------------------------------------------------------- its flags


def _add_settings(group: _ArgumentGroup) -> None:
    group.add_argument("--timeout", type=_number, metavar="S", help="seconds until a request counts as failed")
    group.add_argument("--connect-timeout", type=_number, metavar="S", help="seconds until a connection counts as failed")
    group.add_argument("--connections-per-second", type=_number, metavar="N", help="new connections each second, at most")
    group.add_argument("--graceful-stop", type=_number, metavar="S", help="seconds that requests in flight at the end may take")
    group.add_argument("--seed", type=integer, metavar="N", help="seed of every random choice")
    group.add_argument(
        "--warm-up", type=_number, metavar="S", help="seconds at the beginning that are in no figure and no verdict"
    )


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not isfinite(number):
        raise ArgumentTypeError(f"{text!r} is not a number")
    return number


def _speed(text: str) -> float:
    number = _number(text)
    if not 1e-3 <= number <= 1e6:  # noqa: PLR2004 - beyond them nothing is left of a log, or nothing comes
        raise ArgumentTypeError(f"{text!r} is not from 0.001 to 1,000,000")
    return number


def _seconds(text: str) -> int:
    number = integer(text, "duration")
    if number < 1:
        raise ArgumentTypeError(f"{text!r} is not 1 second or more")
    return number


def _methods(text: str) -> str:
    methods = [one.strip().upper() for one in text.split(",")]
    for one in methods:
        if not one.isalpha() or not one.isascii() or len(one) > _METHOD_BYTES:
            raise ArgumentTypeError(f"{text!r} is no list of methods such as GET,HEAD,POST")
    return ",".join(methods)
