"""What limited each endpoint, in words that a person understands.

The whole run's figures say whether the target was met; why it was not is asked second by second, of the starts that were
missed. A pool may have all the workers it can have without needing them (a run starts that way), and a generator may be
saturated while nothing is missed: only what held when starts were missed was a limit.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from tressi.text import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MET_SHARE = 0.99  # of the target
FAILING_SHARE = 0.5  # of the attempts
LIMITING_SHARE = 0.5  # of the starts missed
FAILED_STATUS = 400  # RFC 9110, section 15: from here on the request was not served
_USED_SHARE = 0.9  # of the connections that the config allows
_SETTLED_SHARE = 0.1  # of the run, at its end, without a missed start
# A sentence of the self-check: for how long it held, and what it spoils.
_SPOILS_RATES = re.compile(r"([0-9.]+) of [0-9.]+ s: .*; it spoils: (?:the )?rates?\b", re.DOTALL)


class _Second(NamedTuple):
    """A second in which starts of the endpoint were missed: its row, and the whole row of that second."""

    row: Mapping[str, Any]
    whole: Mapping[str, Any]


def verdicts(summary: Mapping[str, Any]) -> dict[str, str]:
    """A short sentence for each endpoint, by its key."""
    return {endpoint["endpointKey"]: verdict(endpoint, summary) for endpoint in summary["endpoints"]}


def verdict(endpoint: Mapping[str, Any], summary: Mapping[str, Any]) -> str:
    """What limited one endpoint of a summary: nothing, its target, its workers, or ourselves."""
    made = endpoint["requestsMade"]
    if not made:
        return "target failing: no attempt ended" if endpoint["requestsMissed"] else "no attempt was made"
    if endpoint["requestsFailed"] >= FAILING_SHARE * made:
        return f"target failing: {_why(endpoint)}"
    if endpoint["targetRps"] is None:
        ours = _rates_spoilt_s(summary) >= LIMITING_SHARE * summary["durationSec"]
        return f"as fast as {'the generator could' if ours else 'responses came'}"
    if _is_met(endpoint, summary):
        return "target met"
    return _limit(endpoint, summary)


def failures(endpoint: Mapping[str, Any]) -> Counter[str]:
    """How often what went wrong: errors by kind, and statuses from 400 on."""
    found = Counter(endpoint["errors"])
    found.update({f"status {code}": n for code, n in endpoint["statusCodes"].items() if int(code) >= FAILED_STATUS})
    return found


def _why(endpoint: Mapping[str, Any]) -> str:
    share = endpoint["requestsFailed"] / endpoint["requestsMade"]
    kinds = ", ".join(plain(kind) for kind, _ in failures(endpoint).most_common(2))
    return f"{share:.0%} failed ({kinds})" if kinds else f"{share:.0%} failed"


def _is_met(endpoint: Mapping[str, Any], summary: Mapping[str, Any]) -> bool:
    missed, made = endpoint["requestsMissed"], endpoint["requestsMade"]
    if summary["config"].get("arrival") == "poisson":
        # Chance alone puts such a rate a little off the target: only a missed start is a shortfall.
        return bool(missed <= (1 - MET_SHARE) * (made + missed))
    return bool(endpoint["rps"] >= MET_SHARE * endpoint["targetRps"])


def _limit(endpoint: Mapping[str, Any], summary: Mapping[str, Any]) -> str:
    """Why the target was not met."""
    seconds = _seconds_short(endpoint, summary)
    if not seconds:
        return "the run was too short to tell"
    if _is_ours(seconds, summary):
        return "generator saturated"
    if _wants_connections(summary):
        return f"connection limit: all {summary['config']['connectionsPerSecond']:g} new connections per second were made"
    return _worker_cap(endpoint, seconds, summary) or _growing(seconds[-1].whole["t"], summary["durationSec"])


def _worker_cap(endpoint: Mapping[str, Any], seconds: list[_Second], summary: Mapping[str, Any]) -> str | None:
    """Which limit of workers was reached when most of the starts were missed."""
    most, limit = endpoint["maxWorkers"], _worker_limit(summary)
    if most is None:
        return f"worker cap: all {endpoint['workerCount']} workers of the shared pool were busy"
    if _is_mostly(seconds, (second for second in seconds if second.row["workerCount"] >= most)):
        return f"worker cap: maxWorkers {most} reached"
    if limit and _is_mostly(seconds, (second for second in seconds if _workers(second, summary) >= limit)):
        return f"worker cap: the run's limit of {limit} reached"
    return None


def _wants_connections(summary: Mapping[str, Any]) -> bool:
    """Whether about as many connections were begun, by all endpoints, as the config allows."""
    limit = summary["config"].get("connectionsPerSecond")
    whole = summary["global"]
    begun = whole["connectionsOpened"] + sum(whole["errors"].get(kind, 0) for kind in ("connect", "tls"))
    return limit is not None and begun >= _USED_SHARE * limit * summary["durationSec"]


def _growing(last_missed_s: float, duration_s: float) -> str:
    if duration_s - last_missed_s < _SETTLED_SHARE * duration_s:
        return "short of workers: the pool was still growing"
    return f"target met from {last_missed_s:.0f} s on, once the pool had grown"


def _seconds_short(endpoint: Mapping[str, Any], summary: Mapping[str, Any]) -> list[_Second]:
    """The seconds in which starts were missed, in their order."""
    key = endpoint["endpointKey"]
    seconds = (_Second(whole["endpoints"].get(key), whole) for whole in summary["timeline"])
    return [second for second in seconds if second.row and second.row["missed"] > 0]


def _is_mostly(seconds: Iterable[_Second], some: Iterable[_Second]) -> bool:
    """Whether `some` of the seconds have at least half of the starts missed in all of them."""
    missed, of_all = (sum(int(one.row["missed"]) for one in found) for found in (some, seconds))
    return missed >= LIMITING_SHARE * of_all


def _is_ours(seconds: list[_Second], summary: Mapping[str, Any]) -> bool:
    """Whether the generator cost the starts: it was saturated when they were missed, and for as long, so that rates suffer."""
    long_enough = _rates_spoilt_s(summary) >= LIMITING_SHARE * len(seconds)
    return long_enough and _is_mostly(seconds, (second for second in seconds if second.whole["saturated"]))


def _rates_spoilt_s(summary: Mapping[str, Any]) -> float:
    """For how many seconds a finding of the self-check says that rates were ours; late sends alone spoil none."""
    found = (_SPOILS_RATES.match(reason) for reason in summary["generator"]["reasons"])
    return max((float(one[1]) for one in found if one), default=0.0)


def _worker_limit(summary: Mapping[str, Any]) -> int | None:
    """The most workers that all autoscaled endpoints may have together; None where the config does not say."""
    config = summary["config"]
    limit: int | None = (config.get("autoscale") or {}).get("maxWorkers", config.get("workers"))
    return limit


def _workers(second: _Second, summary: Mapping[str, Any]) -> int:
    """The workers of all autoscaled endpoints in that second."""
    keys = {endpoint["endpointKey"] for endpoint in summary["endpoints"] if endpoint["autoscale"]}
    return sum(row["workerCount"] for key, row in second.whole["endpoints"].items() if key in keys)
