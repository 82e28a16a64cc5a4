"""The flows of a summary, seen as endpoints whose attempts are starts of the flow. Pure functions of a summary.

Whether a rate was kept, and why not, is asked of a flow in the same way as of an endpoint. The endpoints of a flow's steps have
no rate: theirs is the flow's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tressi.stats.summary_rows import flow_as_endpoint
from tressi.text import counted, plain, summary_labels

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Part = Mapping[str, Any]
    Summary = Mapping[str, Any]


def flows_of(summary: Summary) -> Sequence[Mapping[str, Any]]:
    """The flows of a summary; a run without any has no word of them."""
    flows: Sequence[Mapping[str, Any]] = summary.get("flows", ())
    return flows


def is_step(part: Part) -> bool:
    """Whether an endpoint is the step of a flow."""
    return part.get("flow") is not None


def is_flow(part: Part) -> bool:
    """Whether a part is a flow, by its own names or by those of an endpoint."""
    return "steps" in part


def parts_of(summary: Summary) -> list[Part]:
    """All endpoints, then each flow under the names of an endpoint."""
    return [*summary["endpoints"], *map(as_endpoint, flows_of(summary))]


def paced(summary: Summary) -> list[Part]:
    """Whatever has a rate of its own: flows, and the endpoints that are no step of one."""
    return [part for part in parts_of(summary) if not is_step(part)]


def as_endpoint(flow: Mapping[str, Any]) -> dict[str, Any]:
    """A flow under the names of an endpoint. What is still under way at the end counts as cut."""
    completed, abandoned = flow["flowsCompleted"], flow["flowsAbandoned"]
    return {
        **flow,
        "requestsMade": completed + abandoned,
        "requestsSucceeded": completed,
        "requestsFailed": abandoned,
        "requestsMissed": flow["flowsMissed"],
        "requestsCut": flow["flowsCut"] + flow["flowsUnderWay"],
        "askedRps": flow["askedStartsPerSecond"],
        "targetRps": flow["targetStartsPerSecond"],
        "rps": flow["startsPerSecond"],
        "errorRate": flow["abandonedRate"] or 0.0,
        "errors": {},
        "statusCodes": {},
        "errorReasons": [],
        "responseTimeMs": flow["durationMs"],
        "serviceTimeMs": flow["walkTimeMs"],
    }


def second_of(part: Part, whole: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The row of an endpoint or a flow in a second of the timeline, under the names of an endpoint's; None without one."""
    if not is_flow(part):
        row: Mapping[str, Any] | None = whole["endpoints"].get(part["endpointKey"])
        return row
    row = whole.get("flows", {}).get(part["endpointKey"])
    if row is None:
        return None
    return flow_as_endpoint(row)


def lost_at(flow: Mapping[str, Any], summary: Summary) -> Iterator[tuple[str, int]]:
    """The steps at which users were lost, as they are shown, the worst first, with how many."""
    shown = summary_labels(summary)
    lossy = [step for step in flow["steps"] if step["abandoned"]]
    for step in sorted(lossy, key=lambda step: -step["abandoned"]):
        yield shown.get(step["endpointKey"], plain(step["endpointKey"])), step["abandoned"]


def lost_words(flow: Mapping[str, Any], summary: Summary, most: int = 3) -> str:
    """Where users were lost, in words; nothing where none was."""
    found = list(lost_at(flow, summary))
    told = ", ".join(f"{count:,} at {place}" for place, count in found[:most])
    more = f" and {counted(len(found) - most, 'more step')}" if len(found) > most else ""
    return f"abandoned: {told}{more}" if told else ""
