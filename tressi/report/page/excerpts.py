"""The beginnings of bodies that a target sent, cut to what a reader looks at.

All of them are in summary.json; here they have a bound, because 120 endpoints may have 8 MB of bodies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tressi.vocabulary import is_failed_status

if TYPE_CHECKING:
    from collections.abc import Mapping

BODY_CHARACTERS: Final = 2_000
ALL_CHARACTERS: Final = 300_000
SENTENCE_CHARACTERS: Final = 500


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The beginning of a response's body."""

    endpoint_key: str
    status: int | str
    body: str
    truncated: bool


def excerpts(summary: Mapping[str, Any]) -> tuple[list[Excerpt], int]:
    """The bodies that are shown, and how many are not: one of each status of each endpoint, failed ones first."""
    kinds: dict[tuple[str, int], Mapping[str, Any]] = {}
    for sample in summary["samples"]:
        kinds.setdefault((sample["endpointKey"], sample["status"]), sample)
    shown: list[Excerpt] = []
    room = ALL_CHARACTERS
    for sample in sorted(kinds.values(), key=lambda sample: not is_failed_status(sample["status"])):
        body = sample["body"][:BODY_CHARACTERS]
        room -= len(body)
        if room < 0:
            break
        cut = sample["truncated"] or len(body) < len(sample["body"])
        shown.append(Excerpt(sample["endpointKey"], sample["status"], body, cut))
    return shown, len(summary["samples"]) - len(shown)


def clipped(text: str) -> str:
    """A reason or a key that is not longer than a person reads."""
    more = len(text) - SENTENCE_CHARACTERS
    return f"{text[:SENTENCE_CHARACTERS]} … and {more:,} characters more" if more > 0 else text
