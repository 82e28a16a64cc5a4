"""`tressi validate`: check a config without running it, and print the plan that it resolves to."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

from tressi.cli.arguments import add_config, add_overrides, overrides
from tressi.cli.engines import nodes_ahead
from tressi.cli.exits import Exit, exit_of
from tressi.cli.flags import add_cluster, count_or
from tressi.cli.output import remark, say, write
from tressi.config.load import load_config
from tressi.config.remarks import remarks
from tressi.errors import ConfigError
from tressi.text import counted

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Mapping, Sequence

    from tressi.cli.preview import Preview
    from tressi.model import ResolvedConfig, ResolvedEndpoint

_MOST_SHOWN = 10  # endpoints whose requests a person reads

NAME = "validate"
HELP = "Check a config, all problems at once, and print what a run of it would do. Nothing is sent."


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the config, the form of the answer, and the overrides."""
    add_config(parser)
    parser.add_argument("--json", action="store_true", help="print the plan, or the errors, as JSON")
    add_cluster(parser)
    parser.add_argument(
        "--processes", type=count_or("auto"), metavar="N", help="engine processes of each node, or auto (default: auto)"
    )
    add_overrides(parser)


def execute(arguments: Namespace) -> int:
    """Print the plan. Raises `ConfigError`, unless the errors are to be printed as JSON."""
    try:
        config = load_config(arguments.config, overrides(arguments))
        shown = _preview(config)
        nodes = _nodes(config, arguments)
    except ConfigError as error:
        if not arguments.json:
            raise
        problems = [{"path": problem.path, "message": problem.message} for problem in error.problems]
        write(json.dumps({"errors": problems}, indent=2))
        return exit_of(error)
    starting = _starting(config)
    said = remarks(config, os.environ)
    if sys.stdout is None or not sys.stdout.isatty():
        # The plan, which has them too, goes to a file or a program: they would be seen by no person.
        for sentence in (*said, *(f"warning: {warning}" for warning in config.warnings)):
            remark(sentence)
    if arguments.json:
        document = plan(config, starting, said, shown)
        write(json.dumps(document if nodes is None else {**document, "nodes": nodes}, indent=2))
    else:
        say("\n".join([text(config, starting, said, shown), *([] if nodes is None else ["", *_node_lines(nodes)])]))
    return Exit.DONE


def _nodes(config: ResolvedConfig, arguments: Namespace) -> list[dict[str, Any]] | None:
    """What each node of the cluster would do; None without one. Raises TressiError."""
    ahead = nodes_ahead(arguments)
    if ahead is None:
        return None
    from tressi.cli.shares import shares  # noqa: PLC0415 - most plans are of one machine

    with ahead:
        return shares(config, ahead.planned())


def _node_lines(nodes: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = [("node", "engines", "workers at start", "target RPS")]
    rows += [(one["name"], str(one["engines"]), str(one["workers"]), f"{one['targetRps']:g}") for one in nodes]
    return _aligned(rows)


def _preview(config: ResolvedConfig) -> Preview | None:
    if not config.is_filled_in:
        return None
    from tressi.cli.preview import preview  # noqa: PLC0415 - most configs have nothing to fill in

    return preview(config)


def plan(
    config: ResolvedConfig, starting: Mapping[str, int], said: Sequence[str] = (), shown: Preview | None = None
) -> dict[str, Any]:
    """Return the plan for programs.

    `starting` has the first worker count of each autoscaled endpoint, `said` the remarks, `shown` the requests.
    """
    pool = config.shared_pool
    return {
        "endpoints": [_entry(endpoint, starting) for endpoint in config.endpoints],
        "workerLimit": config.worker_limit,
        "sharedPool": None if pool is None else {"workers": pool.workers, "targetRps": _round(pool.target_rps)},
        "warnings": [*said, *config.warnings],
        **({} if shown is None else _shown(shown)),
    }


def _shown(shown: Preview) -> dict[str, Any]:
    return {
        "tables": [{"name": table.name, "rows": table.rows, "bytes": table.size_bytes} for table in shown.tables],
        "requests": [{"endpointKey": key, "variants": list(texts)} for key, texts in shown.requests.items()],
        **({"flows": list(shown.flows)} if shown.flows else {}),
    }


def text(config: ResolvedConfig, starting: Mapping[str, int], said: Sequence[str] = (), shown: Preview | None = None) -> str:
    """Return the plan for people: the remarks, a table of the endpoints, the pools, the warnings, then the requests."""
    rows: list[tuple[str, ...]] = [("endpoint", "target RPS", "workers", "at start", "weight", "priority")]
    rows += [_row(endpoint, starting) for endpoint in config.endpoints]
    closing = [_length(config), _time_limits(config), *_limits(config, starting), *_conditions(config)]
    closing += [f"warning: {warning}" for warning in config.warnings]
    closing += _requests(config, shown) if shown is not None else []
    return "\n".join([*said, *([""] if said else []), *_aligned(rows), "", *closing])


def _requests(config: ResolvedConfig, shown: Preview) -> list[str]:
    """The tables, the way of one user through each flow, and a request of each other endpoint with the tables' first rows."""
    from tressi.cli.walk import way_lines  # noqa: PLC0415 - most configs have nothing to fill in

    lines = [f"table {table}" for table in shown.tables]
    lines += [line for way in shown.flows for line in way_lines(way)]
    steps = {one.endpoint_key for one in config.endpoints if one.flow is not None}
    others = {key: texts for key, texts in shown.requests.items() if key not in steps}
    filled = "with the first rows" if config.data else "as it is sent"
    for key, texts in list(others.items())[:_MOST_SHOWN]:
        for number, request in enumerate(texts, 1):
            which = f", variant {number} of {len(texts)}" if len(texts) > 1 else ""
            lines += ["", f"{key}{which}, {filled}:", *(f"    {line}".rstrip() for line in request.split("\n"))]
    more = len(others) - _MOST_SHOWN
    return [*lines, "", f"The requests of {counted(more, 'more endpoint')} are in the plan by --json."] if more > 0 else lines


def _starting(config: ResolvedConfig) -> dict[str, int]:
    if not any(one.autoscale for one in config.endpoints):
        return {}
    from tressi.autoscale.allocate import allocate  # noqa: PLC0415 - a bad config is refused without it

    return {allocation.endpoint_key: allocation.worker_count for allocation in allocate(config)}


def _entry(endpoint: ResolvedEndpoint, starting: Mapping[str, int]) -> dict[str, Any]:
    own = endpoint.autoscale
    return {
        "endpointKey": endpoint.endpoint_key,
        "method": endpoint.method,
        "url": endpoint.masked_url,
        "autoscale": own is not None,
        "targetRps": _round(own.target_rps) if own else None,
        "minWorkers": own.min_workers if own else None,
        "maxWorkers": own.max_workers if own else None,
        "weight": _round(own.weight) if own else None,
        "priority": own.priority if own else None,
        "rampUpTime": _round(own.ramp_up_time) if own else None,
        "scaleUpThreshold": own.scale_up_threshold if own else None,
        "scaleDownThreshold": own.scale_down_threshold if own else None,
        "scaleUpFactor": own.scale_up_factor if own else None,
        "scaleDownFactor": own.scale_down_factor if own else None,
        "cooldownPeriod": _round(own.cooldown_period) if own else None,
        "initialWorkers": starting.get(endpoint.endpoint_key),
        **({} if endpoint.flow is None else {"flow": endpoint.flow}),
    }


def _conditions(config: ResolvedConfig) -> list[str]:
    return [
        f"threshold: {threshold.text}, of {threshold.endpoint_key or 'the run'}{', ends it' * threshold.aborts}"
        for threshold in config.thresholds
    ]


def _row(endpoint: ResolvedEndpoint, starting: Mapping[str, int]) -> tuple[str, ...]:
    label = f"{endpoint.endpoint_key} ({endpoint.name})" if endpoint.name else endpoint.endpoint_key
    own = endpoint.autoscale
    if own is None:
        return (label, "", "shared" if endpoint.flow is None else endpoint.flow, "", "", "")
    at_start = str(starting[endpoint.endpoint_key])
    return (label, f"{own.target_rps:g}", f"{own.min_workers}-{own.max_workers}", at_start, f"{own.weight:g}", own.priority)


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    sides = (str.ljust, *(str.rjust for _ in widths[1:]))
    return ["  ".join(side(cell, width) for side, cell, width in zip(sides, row, widths, strict=True)).rstrip() for row in rows]


def _length(config: ResolvedConfig) -> str:
    requests = "request" if config.concurrent_requests == 1 else "requests"
    warm_up = f" (the first {config.warm_up_s:g} s of them are warm-up)" if config.warm_up_s else ""
    most = f" or {counted(config.max_requests, 'request')}" if config.max_requests is not None else ""
    return f"{config.duration_s:g} s{warm_up}{most}, {config.concurrent_requests} {requests} in flight per worker at most"


def _time_limits(config: ResolvedConfig) -> str:
    connecting = [one.connect_timeout_s for one in config.endpoints if one.connect_timeout_s is not None]
    requests = f"time limits: {_span([one.timeout_s for one in config.endpoints])} s for a request"
    return f"{requests}, {_span(connecting)} s for a connection" if connecting else requests


def _span(values: Sequence[float]) -> str:
    least, most = min(values), max(values)
    return f"{least:g}" if least == most else f"{least:g} to {most:g}"


def _limits(config: ResolvedConfig, starting: Mapping[str, int]) -> list[str]:
    lines = []
    if config.autoscaled:
        counts = f"{sum(starting.values())} at start, {config.worker_limit} at most"
        lines.append(f"autoscaled workers: {counts}, {config.strategy} distribution")
    if config.shared_pool:
        target = config.shared_pool.target_rps
        rate = "as fast as responses come back" if target is None else f"{target:g} RPS"
        lines.append(f"shared pool: {config.shared_pool.workers} workers, {rate}")
    if config.connections_per_second is not None:
        lines.append(f"new connections: {config.connections_per_second:g} per second at most")
    return lines


def _round(number: float | None) -> float | None:
    """Write 1500.0 as 1500, as the config does."""
    return int(number) if number is not None and number == int(number) else number
