"""What a target said, cut to what a reader looks at: failures with their reasons, and the beginnings of bodies.

All of it is in summary.json; here it has a bound, because 120 endpoints may have 8 MB of bodies.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tressi.run.shortfall import failures
from tressi.vocabulary import FAILED_STATUS

if TYPE_CHECKING:
    from collections.abc import Mapping

BODY_CHARACTERS: Final = 2_000
ALL_CHARACTERS: Final = 300_000
SENTENCE_CHARACTERS: Final = 500


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong so often at one endpoint: an error kind or a status, and why."""

    endpoint_key: str
    what: str
    count: int
    share: float  # of the attempts
    reasons: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The beginning of a response's body."""

    endpoint_key: str
    status: int
    body: str
    truncated: bool


def failure_rows(summary: Mapping[str, Any]) -> list[Failure]:
    """Every kind of failure of every endpoint, the most frequent first."""
    rows = [
        Failure(endpoint["endpointKey"], what, count, count / endpoint["requestsMade"], _reasons(endpoint, what))
        for endpoint in summary["endpoints"]
        for what, count in failures(endpoint).items()
    ]
    return sorted(rows, key=lambda row: -row.count)


def excerpts(summary: Mapping[str, Any]) -> tuple[list[Excerpt], int]:
    """The bodies that are shown, and how many are not: failed ones first, and one of each status before a second one."""
    seen: Counter[tuple[str, int]] = Counter()
    ranked = []
    for position, sample in enumerate(summary["samples"]):
        place = (sample["endpointKey"], sample["status"])
        ranked.append((seen[place], sample["status"] < FAILED_STATUS, position, sample))
        seen[place] += 1
    shown: list[Excerpt] = []
    room = ALL_CHARACTERS
    for *_, sample in sorted(ranked, key=lambda rank: rank[:3]):
        body = sample["body"][:BODY_CHARACTERS]
        room -= len(body)
        if room < 0:
            break
        cut = sample["truncated"] or len(body) < len(sample["body"])
        shown.append(Excerpt(sample["endpointKey"], sample["status"], body, cut))
    return shown, len(ranked) - len(shown)


def clipped(text: str) -> str:
    """A reason or a key that is not longer than a person reads."""
    more = len(text) - SENTENCE_CHARACTERS
    return f"{text[:SENTENCE_CHARACTERS]} … and {more:,} characters more" if more > 0 else text


def _reasons(endpoint: Mapping[str, Any], what: str) -> tuple[tuple[str, int], ...]:
    return tuple((one["reason"], one["count"]) for one in endpoint["errorReasons"] if one["kind"] == what)
