"""What failed, by kind: how often, from when to when, at which endpoints, and what was said of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tressi.run.shortfall import failures

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tressi.report.page.excerpts import Excerpt

_STATUS: Final = "status "  # how run.shortfall calls a status; a second of the timeline has it without


@dataclass(frozen=True, slots=True)
class FailedKind:
    """A status or a kind of error. `first_s` and `last_s` are None where no second of the timeline has it.

    `reasons` are the system's words, `bodies` the beginnings of what was answered.
    """

    what: str
    count: int
    share: float  # of all attempts
    first_s: float | None
    last_s: float | None
    endpoints: tuple[tuple[str, int], ...]
    reasons: tuple[tuple[str, int], ...]
    bodies: tuple[Excerpt, ...] = ()


def failed_kinds(summary: Mapping[str, Any], bodies: Sequence[Excerpt] = ()) -> list[FailedKind]:
    """Every kind of failure of a run, the most frequent first; a body stands under the status that it came with."""
    counts, reasons = Counter[str](), Counter[tuple[str, str]]()
    places: dict[str, Counter[str]] = {}
    for endpoint in summary["endpoints"]:
        for what, count in failures(endpoint).items():
            counts[what] += count
            places.setdefault(what, Counter())[endpoint["endpointKey"]] += count
        for one in endpoint["errorReasons"]:
            reasons[one["kind"], one["reason"]] += one["count"]
    spans = _spans(summary["timeline"])
    made = summary["global"]["requestsMade"] or 1
    unknown: tuple[float | None, float | None] = (None, None)
    return [
        FailedKind(
            what,
            count,
            count / made,
            spans.get(what.removeprefix(_STATUS), unknown)[0],
            spans.get(what.removeprefix(_STATUS), unknown)[1],
            tuple(places[what].most_common()),
            tuple((reason, number) for (kind, reason), number in reasons.most_common() if kind == what),
            tuple(body for body in bodies if f"{_STATUS}{body.status}" == what),
        )
        for what, count in counts.most_common()
    ]


def _spans(timeline: Sequence[Mapping[str, Any]]) -> dict[str, tuple[float, float]]:
    """When each kind came first and last, in seconds since the start; what failed in a warm-up is in no figure."""
    found: dict[str, tuple[float, float]] = {}
    for row in timeline:
        if row.get("warmUp"):
            continue
        for kind in row.get("global", {}).get("failures", ()):
            found[kind] = (found.get(kind, (row["t"],))[0], row["t"])
    return found
