"""What limited each endpoint, in words that a person understands."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from tressi.text import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

MET_SHARE = 0.99  # of the target
FAILING_SHARE = 0.5  # of the attempts


def verdicts(summary: Mapping[str, Any]) -> dict[str, str]:
    """A short sentence for each endpoint, by its key."""
    return {endpoint["endpointKey"]: verdict(endpoint, summary) for endpoint in summary["endpoints"]}


def verdict(endpoint: Mapping[str, Any], summary: Mapping[str, Any]) -> str:
    """What limited one endpoint of a summary: nothing, its target, its workers, or ourselves."""
    made, target = endpoint["requestsMade"], endpoint["targetRps"]
    if made and endpoint["requestsFailed"] >= FAILING_SHARE * made:
        return f"target failing: {_why(endpoint)}"
    if not made and endpoint["requestsMissed"]:
        return "no attempt ended: the target hangs"
    if target is None:
        return "as fast as responses came"
    if endpoint["rps"] >= MET_SHARE * target:
        return "target met"
    if summary["generator"]["saturated"] and summary["generator"]["cpuPercent"] >= 95:  # noqa: PLR2004 - blueprint of the self-check
        return "generator saturated"
    return _short_of_workers(endpoint, summary)


def _why(endpoint: Mapping[str, Any]) -> str:
    """The most frequent kind of failure, with its share."""
    kinds = Counter(endpoint["errors"])
    kinds.update({code: count for code, count in endpoint["statusCodes"].items() if int(code) >= 400})  # noqa: PLR2004 - RFC 9110 15
    share = endpoint["requestsFailed"] / endpoint["requestsMade"]
    return f"{share:.0%} failed ({', '.join(plain(kind) for kind, _ in kinds.most_common(2))})"


def _short_of_workers(endpoint: Mapping[str, Any], summary: Mapping[str, Any]) -> str:
    most = endpoint["maxWorkers"]
    if most is None:
        return "all workers of the shared pool were busy"
    if endpoint["workerCount"] >= most:
        return f"worker cap: maxWorkers {most} reached"
    if any("limit is reached" in decision["reason"] for decision in _of(endpoint, summary)):
        return "worker cap: the run's limit reached"
    if _met_at_the_end(endpoint, summary):
        return "target met in the end, after the pool had grown"
    return "short of workers: the pool was still growing, or at the run's limit"


def _of(endpoint: Mapping[str, Any], summary: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [decision for decision in summary["scaling"] if decision["endpointKey"] == endpoint["endpointKey"]]


def _met_at_the_end(endpoint: Mapping[str, Any], summary: Mapping[str, Any]) -> bool:
    """Whether the last second of the run had the target's rate."""
    if not summary["timeline"]:
        return False
    last = summary["timeline"][-1]["endpoints"].get(endpoint["endpointKey"])
    return bool(last) and last["targetRps"] is not None and last["currentRps"] >= MET_SHARE * last["targetRps"]
