"""The config that sends a log's traffic again, of either kind. Pure functions.

- By rates, each endpoint has a pool of its own and stages, one for each second and of that second's number of starts; seconds
  in a row with the same number are one stage. It is a config as any other.
- By times, all endpoints share a pool whose starts are the entries themselves (`replay_of`), and the stages only tell the rate.

An endpoint whose requests differ takes them from a table of its own. By rates a row is drawn in proportion to how often it
came, or one after the other where each came equally often; by times each start has its own row.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from itertools import groupby, pairwise
from math import ceil
from typing import TYPE_CHECKING, Any, Final

from tressi.masking import mask_url
from tressi.model.replay import Replay
from tressi.replay.traffic import NS_PER_S

if TYPE_CHECKING:
    from array import array
    from collections.abc import Iterable, Mapping, Sequence

    from tressi.replay.traffic import Endpoint, Traffic

LEAST_WORKERS: Final = 10
MOST_WORKERS: Final = 1000
SHOWN_ROWS: Final = 100  # of a table, in the config that a summary has


@dataclass(frozen=True, slots=True)
class Options:
    """How traffic is sent. `base_url` None: to the servers that the log names. `workers` None: as many as the rate may need.

    `duration_s` None: as long as the log; `loops`: the log begins again until then.
    """

    base_url: str | None = None
    duration_s: int | None = None
    loops: bool = False
    workers: int | None = None
    headers: Mapping[str, Any] | None = None


def length_s(traffic: Traffic, options: Options) -> int:
    """How long the run is, in whole seconds: no start is due after that."""
    log_s = traffic.times_ns[-1] // NS_PER_S + 1
    if options.duration_s is None:
        return log_s
    return options.duration_s if options.loops else min(options.duration_s, log_s)


def config_by_rates(traffic: Traffic, options: Options) -> dict[str, Any]:
    """A config with a pool and stages for each endpoint."""
    data: dict[str, Any] = {}
    duration_s, requests = length_s(traffic, options), list[Any]()
    for number, (one, times_ns) in enumerate(zip(traffic.endpoints, traffic.starts_of(), strict=True), 1):
        rates = per_second(times_ns, traffic.period_ns if options.loops else 0, duration_s)
        if not any(rates):
            continue
        request, table = _request(one, f"r{number}" if is_even(one) else f"r{number}.path", options.base_url)
        requests.append({**request, "autoscale": {"enabled": True, "stages": stages(rates)}})
        data |= {} if table is None else {f"r{number}": _drawn(one, table)}
    whole = per_second(traffic.times_ns, traffic.period_ns if options.loops else 0, duration_s)
    most = options.workers or max(len(requests), _workers(max(whole)))
    return {**_config(data, requests, options, duration_s), "autoscale": {"enabled": True, "maxWorkers": most}}


def config_by_times(traffic: Traffic, options: Options) -> dict[str, Any]:
    """A config whose shared pool gets its starts from `replay_of`."""
    data: dict[str, Any] = {}
    duration_s, requests = length_s(traffic, options), list[Any]()
    rates = per_second(traffic.times_ns, traffic.period_ns if options.loops else 0, duration_s)
    for number, one in enumerate(traffic.endpoints, 1):
        request, table = _request(one, f"r{number}", options.base_url)
        requests.append(request)
        data |= {} if table is None else {f"r{number}": {"values": table}}
    workers = options.workers or _workers(max(rates))
    return {**_config(data, requests, options, duration_s), "workers": workers, "stages": stages(rates)}


def replay_of(traffic: Traffic, options: Options) -> Replay:
    """The starts of the shared pool of `config_by_times`."""
    duration_s, period_ns = length_s(traffic, options), traffic.period_ns if options.loops else 0
    totals = [begun_by(times_ns, period_ns, duration_s * NS_PER_S) for times_ns in traffic.starts_of()]
    rates = tuple(total / duration_s for total in totals)
    return Replay(traffic.times_ns, traffic.numbers, traffic.firsts, rates, period_ns)


def begun_by(times_ns: array[int], period_ns: int, end_ns: int) -> int:
    """How many starts there are before a time, of a log that begins again after its period (0: it does not)."""
    rounds, rest_ns = divmod(end_ns, period_ns) if period_ns else (0, end_ns)
    return rounds * len(times_ns) + bisect_left(times_ns, rest_ns)


def per_second(times_ns: array[int], period_ns: int, duration_s: int) -> list[int]:
    """How many starts each second has."""
    totals = [begun_by(times_ns, period_ns, second * NS_PER_S) for second in range(duration_s + 1)]
    return [later - earlier for earlier, later in pairwise(totals)]


def stages(rates: Sequence[int]) -> list[dict[str, Any]]:
    """Rates of one second each as the stages of a config."""
    return [{"duration": len(list(run)), "targetRps": rate, "shape": "step"} for rate, run in groupby(rates)]


def shortened(document: Mapping[str, Any]) -> dict[str, Any]:
    """A config for people: with the first rows of long tables alone, and secrets in their queries masked."""
    data = {name: {**one, "values": [_masked(row) for row in one["values"][:SHOWN_ROWS]]} for name, one in _tables(document)}
    return {**document, **({"data": data} if data else {})}


def _tables(document: Mapping[str, Any]) -> Iterable[tuple[str, dict[str, Any]]]:
    tables: Mapping[str, dict[str, Any]] = document.get("data", {})
    return tables.items()


def _masked(row: str | dict[str, Any]) -> str | dict[str, Any]:
    return mask_url(row) if isinstance(row, str) else {**row, "path": mask_url(row["path"])}


def _config(data: Mapping[str, Any], requests: list[Any], options: Options, duration_s: int) -> dict[str, Any]:
    return {
        **({"data": dict(data)} if data else {}),
        **({"headers": dict(options.headers)} if options.headers else {}),
        "requests": requests,
        "duration": duration_s,
    }


def _request(one: Endpoint, cell: str, base_url: str | None) -> tuple[dict[str, Any], list[str] | None]:
    """An endpoint's request with a placeholder for `cell`, and the rows of its table; None: it has but one target."""
    base = (base_url or one.origin).rstrip("/")
    label = {"name": f"{one.method} {'' if base_url is not None else one.origin}{one.route}"}
    method = {} if one.method == "GET" else {"method": one.method}
    if len(one.targets) == 1:
        return {**label, **method, "url": f"{base}{one.targets[0]}"}, None
    prefix = _folder(min(one.targets), max(one.targets))
    return {**label, **method, "url": f"{base}{prefix}{{{{{{{cell}}}}}}}"}, [target[len(prefix) :] for target in one.targets]


def _folder(first: str, last: str) -> str:
    """What all paths have in common up to a slash, of which these are the first and the last in order."""
    common = next((place for place, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), len(first))
    return first[: first[:common].partition("?")[0].rfind("/") + 1]


def _drawn(one: Endpoint, table: list[str]) -> dict[str, Any]:
    """A table from which each row is drawn as often as it came."""
    if is_even(one):
        return {"values": table}
    rows = [{"path": path, "times": count} for path, count in zip(table, one.counts, strict=True)]
    return {"values": rows, "pick": {"weight": "times"}}


def is_even(one: Endpoint) -> bool:
    """Whether each of its targets came equally often."""
    return len(set(one.counts)) == 1


def _workers(rps: int) -> int:
    """How many workers a rate may need: one for each request of a second, within reason."""
    return max(LEAST_WORKERS, min(MOST_WORKERS, ceil(rps)))
