"""The run in one look: passed, failed or not to be trusted, and why, for a reader in a hurry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from tressi.report.outcome import doubts, outcome
from tressi.report.verdict import verdicts
from tressi.text import common_origin, short_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tressi.report.outcome import Word

Tone = Literal["good", "warn", "bad", "none"]

# How a sentence of report.verdict begins, and what that means for the run; any other is a shortfall.
_TONES: Final[Mapping[str, Tone]] = {
    "target met": "good",
    "target failing": "bad",
    "as fast as": "none",
    "no attempt": "none",
    "the run was too short": "none",
}
_WORDS: Final[Mapping[Word, tuple[Tone, str]]] = {
    "passed": ("good", "Passed"),
    "done": ("none", "Done"),
    "failed": ("bad", "Failed"),
    "interrupted": ("warn", "Interrupted"),
    "broken": ("bad", "Broken off"),
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
    """The outcome of a run, and what spoils it even so."""
    tone, title = _title(summary)
    origin = common_origin(endpoint["endpointKey"] for endpoint in summary["endpoints"])
    return Headline(tone, title, (*_broken(summary["thresholds"], origin), *_doubted(summary), *_endpoints(summary, origin)))


def tone_of(words: str) -> Tone:
    """What a sentence on an endpoint means for the run."""
    return next((tone for beginning, tone in _TONES.items() if words.startswith(beginning)), "warn")


def _title(summary: Mapping[str, Any]) -> tuple[Tone, str]:
    word, reasons = outcome(summary)
    tone, shown = _WORDS[word]
    if word == "done":
        tone, *reasons_of_targets = _targets(summary)
        reasons = (*reasons_of_targets, *reasons)
    if word in {"passed", "done"} and doubts(summary):
        spoilt = "the generator was saturated" if summary["generator"]["saturated"] else "an engine was lost"
        tone, shown = "warn", f"{shown}, but {spoilt}"
    return tone, f"{shown}: {', '.join(reasons)}"


def _targets(summary: Mapping[str, Any]) -> tuple[Tone, str] | tuple[Tone]:
    """Without thresholds the targets are what there is to judge by."""
    tones = [tone_of(words) for words in verdicts(summary).values()]
    short = sum(tone in {"warn", "bad"} for tone in tones)
    if short:
        return "warn", f"{short} of {_count(len(tones), 'endpoint')} fell short"
    return ("good", "the targets were met") if "good" in tones else ("none",)


def _broken(thresholds: Sequence[Mapping[str, Any]], origin: str) -> list[str]:
    """The thresholds that failed, each with what was found."""
    failed = [one for one in thresholds if one["passed"] is False]
    told = [f"{_of(one['endpointKey'], origin)}{one['threshold']} ({one['detail']})" for one in failed[:_NAMED]]
    more = len(failed) - len(told)
    return [*told, f"and {_count(more, 'threshold')} more, below"] if more else told


def _of(endpoint_key: str | None, origin: str) -> str:
    return f"{short_key(endpoint_key, origin)}: " if endpoint_key else ""


def _doubted(summary: Mapping[str, Any]) -> list[str]:
    beginnings = {"saturated": "Generator saturated for ", "lost": "An engine's work is missing: "}
    return [f"{beginnings[word]}{reason}" for word, reason in doubts(summary)]


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
