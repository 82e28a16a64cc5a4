"""The run in one look: its verdict, and why, for a reader in a hurry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from tressi.run.flow_parts import is_step
from tressi.run.judgement import judge_run
from tressi.run.shortfall import verdicts
from tressi.text import counted, summary_labels

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Tone = Literal["good", "warn", "bad", "none"]

# How a sentence of run.shortfall begins, and what that means for the run; any other is a shortfall.
_TONES: Final[Mapping[str, Tone]] = {
    "target met": "good",
    "target failing": "bad",
    "users lost": "bad",
    "step of": "none",
    "as fast as": "none",
    "no attempt": "none",
    "no user started": "none",
    "the run was too short": "none",
}
_NAMED: Final = 3  # endpoints that are named one by one
_TOLD: Final = 6  # different limits of endpoints


@dataclass(frozen=True, slots=True)
class Headline:
    """`tone` is its colour, `title` the verdict, `sentences` what it rests on, the gravest first."""

    tone: Tone
    title: str
    sentences: tuple[str, ...]


def headline(summary: Mapping[str, Any]) -> Headline:
    """The judgement on a run, with all of its reasons, and what limited its endpoints."""
    judgement = judge_run(summary)
    first, *others = judgement.reasons
    return Headline(judgement.tone, f"{judgement.word}: {first}", (*others, *_endpoints(summary)))


def tone_of(words: str) -> Tone:
    """What a sentence on an endpoint means for the run."""
    return next((tone for beginning, tone in _TONES.items() if words.startswith(beginning)), "warn")


def _endpoints(summary: Mapping[str, Any]) -> list[str]:
    """What limited endpoints and flows: a few by name, many by number; those that fell short come first.

    Of the step of a flow nothing is said that its flow does not say.
    """
    steps = {one["endpointKey"] for one in summary["endpoints"] if is_step(one)}
    found: dict[str, list[str]] = {}
    for key, words in verdicts(summary).items():
        if key not in steps:
            found.setdefault(words, []).append(key)
    order: Sequence[Tone] = ("bad", "warn", "none", "good")
    ranked = sorted(found.items(), key=lambda item: (order.index(tone_of(item[0])), -len(item[1])))
    labels = summary_labels(summary)
    told = [f"{_named(keys, labels)}: {words}" for words, keys in ranked[:_TOLD]]
    more = sum(len(keys) for _, keys in ranked[_TOLD:])
    noun = "endpoint or flow" if summary.get("flows") else "endpoint"
    return [*told, f"{counted(more, noun)} more: below"] if more else told


def _named(keys: Sequence[str], labels: Mapping[str, str]) -> str:
    if len(keys) <= _NAMED:
        return ", ".join(labels[key] for key in keys)
    return f"{len(keys)} of {len(labels)} endpoints"
