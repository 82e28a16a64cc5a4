"""The rows of the endpoints' table: those that went wrong first, each with its state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tressi.report.page.headline import tone_of
from tressi.run.flow_parts import is_step
from tressi.run.judgement import has_many_failures
from tressi.run.shortfall import course_words, limits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tressi.report.page.headline import Tone

_ORDER: Final[tuple[Tone, ...]] = ("bad", "warn", "none", "good")


@dataclass(frozen=True, slots=True)
class Row:
    """An endpoint with its place in the summary, what limited it, and how that is to be read."""

    place: int
    endpoint: Mapping[str, Any]
    words: str
    tone: Tone
    is_short: bool  # of its rate

    @property
    def failed(self) -> Tone:
        """How many of its requests failed: none, a few, or more than a percent."""
        if has_many_failures(self.endpoint):
            return "bad"
        return "warn" if self.endpoint["requestsFailed"] else "none"


def ranked(summary: Mapping[str, Any]) -> list[Row]:
    """The endpoints of a summary: bad ones first, then those with the most failures and missed starts, then the rest in order.

    An endpoint that kept its rate is not good as long as some of its requests failed.
    """
    found = limits(summary)
    rows = []
    for place, endpoint in enumerate(summary["endpoints"]):
        limit = found[endpoint["endpointKey"]]
        tone = tone_of(limit.words)
        is_flawed = endpoint["requestsFailed"] or (endpoint["requestsMissed"] and not is_step(endpoint))
        if has_many_failures(endpoint):
            tone = "bad"
        elif is_flawed and tone in {"good", "none"}:
            tone = "warn"
        rows.append(Row(place, endpoint, course_words(endpoint, limit), tone, limit.is_short))
    return sorted(rows, key=_rank)


def _rank(row: Row) -> tuple[int, bool, float, int, int]:
    one = row.endpoint
    return _ORDER.index(row.tone), not row.is_short, -one["errorRate"], -one["requestsMissed"], row.place
