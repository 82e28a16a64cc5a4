"""The run in one look: passed, failed or not to be trusted, and why, for a reader in a hurry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from tressi.report.verdict import verdicts
from tressi.text import common_origin, short_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Tone = Literal["good", "warn", "bad", "none"]

# How a sentence of report.verdict begins, and what that means for the run; any other is a shortfall.
_TONES: Final[Mapping[str, Tone]] = {
    "target met": "good",
    "target failing": "bad",
    "as fast as": "none",
    "no attempt": "none",
    "the run was too short": "none",
}
_NAMED: Final = 3  # endpoints or thresholds that are named one by one
_TOLD: Final = 6  # different limits of endpoints


@dataclass(frozen=True, slots=True)
class Headline:
    """`tone` is its colour, `title` the verdict, `sentences` what it rests on, the gravest first."""

    tone: Tone
    title: str
    sentences: tuple[str, ...]


def headline(summary: Mapping[str, Any]) -> Headline:
    """Judge a run as its exit code does, and say what spoils it even so."""
    tone, title = _ending(summary) or _judged(summary)
    origin = common_origin(endpoint["endpointKey"] for endpoint in summary["endpoints"])
    return Headline(tone, title, (*_broken(summary["thresholds"], origin), *_saturated(summary), *_endpoints(summary, origin)))


def tone_of(words: str) -> Tone:
    """What a sentence on an endpoint means for the run."""
    return next((tone for beginning, tone in _TONES.items() if words.startswith(beginning)), "warn")


def _ending(summary: Mapping[str, Any]) -> tuple[Tone, str] | None:
    """The verdict where the run did not come to its end; None where it did."""
    detail = f": {summary['endDetail']}" if summary["endDetail"] else ""
    reason = summary["endReason"]
    if reason == "error":
        return "bad", f"Broken off: tressi itself failed{detail}"
    if reason == "early-exit":
        return "bad", f"Failed: ended early{detail}"
    if reason == "interrupted":
        return "warn", f"Interrupted{detail}"
    return None


def _judged(summary: Mapping[str, Any]) -> tuple[Tone, str]:
    """The verdict on a run that came to its end."""
    thresholds = summary["thresholds"]
    failed = sum(one["passed"] is False for one in thresholds)
    if failed:
        return "bad", f"Failed: {failed} of {_count(len(thresholds), 'threshold')} did not hold"
    if not summary["global"]["requestsSucceeded"]:
        return "bad", "Failed: not one request succeeded"
    tone, title = _held(thresholds) if thresholds else _targets(summary)
    if summary["generator"]["saturated"]:
        return "warn", title.replace(":", ", but the generator was saturated:", 1)
    return tone, title


def _held(thresholds: Sequence[Mapping[str, Any]]) -> tuple[Tone, str]:
    unjudged = sum(one["passed"] is None for one in thresholds)
    if not unjudged:
        return "good", "Passed: the threshold held" if len(
            thresholds
        ) == 1 else f"Passed: all {len(thresholds)} thresholds held"
    return "warn", f"Passed: {unjudged} of {_count(len(thresholds), 'threshold')} had nothing to judge"


def _targets(summary: Mapping[str, Any]) -> tuple[Tone, str]:
    """Without thresholds the targets are what there is to judge by."""
    tones = [tone_of(words) for words in verdicts(summary).values()]
    short = sum(tone in {"warn", "bad"} for tone in tones)
    if short:
        return "warn", f"Done: {short} of {_count(len(tones), 'endpoint')} fell short, no thresholds were set"
    if "good" in tones:
        return "good", "Done: the targets were met, no thresholds were set"
    return "none", "Done: no thresholds were set"


def _broken(thresholds: Sequence[Mapping[str, Any]], origin: str) -> list[str]:
    """The thresholds that failed, each with what was found."""
    failed = [one for one in thresholds if one["passed"] is False]
    told = [f"{_of(one['endpointKey'], origin)}{one['threshold']} ({one['detail']})" for one in failed[:_NAMED]]
    more = len(failed) - len(told)
    return [*told, f"and {_count(more, 'threshold')} more, below"] if more else told


def _of(endpoint_key: str | None, origin: str) -> str:
    return f"{short_key(endpoint_key, origin)}: " if endpoint_key else ""


def _saturated(summary: Mapping[str, Any]) -> list[str]:
    return [f"Generator saturated for {reason}" for reason in summary["generator"]["reasons"]]


def _endpoints(summary: Mapping[str, Any], origin: str) -> list[str]:
    """What limited the endpoints: a few by name, many by number; those that fell short come first."""
    found: dict[str, list[str]] = {}
    for key, words in verdicts(summary).items():
        found.setdefault(words, []).append(key)
    order: Sequence[Tone] = ("bad", "warn", "none", "good")
    ranked = sorted(found.items(), key=lambda item: (order.index(tone_of(item[0])), -len(item[1])))
    told = [f"{_named(keys, origin, len(summary['endpoints']))}: {words}" for words, keys in ranked[:_TOLD]]
    more = sum(len(keys) for _, keys in ranked[_TOLD:])
    return [*told, f"{_count(more, 'endpoint')} more: below"] if more else told


def _named(keys: Sequence[str], origin: str, total: int) -> str:
    if len(keys) <= _NAMED:
        return ", ".join(short_key(key, origin) for key in keys)
    return f"{len(keys)} of {total} endpoints"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"
