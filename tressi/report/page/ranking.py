"""The rows of the endpoints' table: those that went wrong first, each with its state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tressi.run.flow_parts import is_step
from tressi.run.judgement import has_many_failures
from tressi.run.shortfall import course_words, limits
from tressi.run.tones import bounds_behind, broken_bounds, tone_of_endpoint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tressi.run.tones import Tone

_ORDER: Final[tuple[Tone, ...]] = ("bad", "warn", "none", "good")


@dataclass(frozen=True, slots=True)
class Row:
    """An endpoint with its place in the summary, what limited it, and how that is to be read."""

    place: int
    endpoint: Mapping[str, Any]
    words: str
    tone: Tone
    is_short: bool  # of its rate
    beyond: frozenset[str] = frozenset()  # the response times with which it stands behind a broken threshold

    @property
    def failed(self) -> Tone:
        """How many of its requests failed: none, a few, or more than a percent."""
        if has_many_failures(self.endpoint):
            return "bad"
        return "warn" if self.endpoint["requestsFailed"] else "none"


def ranked(summary: Mapping[str, Any]) -> list[Row]:
    """The endpoints of a summary: bad ones first, then those with the most failures and missed starts, then the rest in order.

    An endpoint that kept its rate is not good as long as some of its requests failed, or where it stands behind a latency
    threshold that is broken.
    """
    found, broken = limits(summary), broken_bounds(summary["thresholds"])
    rows = []
    for place, endpoint in enumerate(summary["endpoints"]):
        limit, behind = found[endpoint["endpointKey"]], bounds_behind(endpoint, broken)
        tone = tone_of_endpoint(endpoint, limit, behind, is_step=is_step(endpoint))
        words = "; ".join([*(one.words() for one in behind), course_words(endpoint, limit)])
        rows.append(Row(place, endpoint, words, tone, limit.is_short, frozenset(one.name for one in behind)))
    return sorted(rows, key=_rank)


def _rank(row: Row) -> tuple[int, bool, float, int, int]:
    one = row.endpoint
    return _ORDER.index(row.tone), not row.is_short, -one["errorRate"], -one["requestsMissed"], row.place
