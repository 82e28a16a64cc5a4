"""The run in one look: its verdict in one word, with its causes and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tressi.run.judgement import exit_words, judge_run
from tressi.vocabulary import MET_SHARE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tressi.run.tones import Tone


@dataclass(frozen=True, slots=True)
class Chip:
    """A remark of a few words beside the verdict."""

    words: str
    tone: Tone = "none"


@dataclass(frozen=True, slots=True)
class Headline:
    """`tone` is its colour, `word` the verdict, `causes` what it rests on, the gravest first, `chips` what else to know."""

    tone: Tone
    word: str
    causes: tuple[str, ...]
    chips: tuple[Chip, ...] = ()

    @property
    def title(self) -> str:
        """The verdict with its first cause, as a page is called."""
        return f"{self.word}: {self.causes[0]}"


def headline(summary: Mapping[str, Any]) -> Headline:
    """The judgement on a run, with all of its causes; which endpoints kept their rates is said at the endpoints."""
    judgement = judge_run(summary)
    over = Chip(f"the run is over, {exit_words(judgement, summary)}")
    return Headline(judgement.tone, judgement.word, judgement.reasons, (over, *_chips(summary)))


def limited_spans(timeline: Sequence[Mapping[str, Any]], *, cost_rate: bool = False) -> list[list[float]]:
    """From when to when the generator was limited; a row speaks of the time since the one before it.

    `cost_rate`: only where that cost the run some of its rate.
    """
    spans: list[list[float]] = []
    before = 0.0
    for row in timeline:
        if row["saturated"] and (_lacks_rate(row) or not cost_rate):
            if spans and spans[-1][1] == before:
                spans[-1][1] = row["t"]
            else:
                spans.append([before, row["t"]])
        before = row["t"]
    return spans


def _chips(summary: Mapping[str, Any]) -> list[Chip]:
    chips = []
    timeline = summary["timeline"]
    limited_s = _length_s(limited_spans(timeline))
    if limited_s:
        lost_s = _length_s(limited_spans(timeline, cost_rate=True))
        cost = f"{lost_s:.0f} s of them below the rate asked for" if lost_s else "without losing rate"
        words = f"generator limited for {limited_s:.0f} of {summary['durationSec']:.0f} s, {cost}"
        chips.append(Chip(words, "warn" if lost_s else "none"))
    if "warmUpSec" in summary:
        chips.append(Chip(f"the first {summary['warmUpSec']:g} s are warm-up and are not judged"))
    return chips


def _length_s(spans: Sequence[Sequence[float]]) -> float:
    return sum(end - begin for begin, end in spans)


def _lacks_rate(row: Mapping[str, Any]) -> bool:
    """Whether starts were missed in a second, or less came than was asked for; without a rate, all that is limited is rate."""
    total, flows = row.get("global"), row.get("flows", {}).values()
    asked = [(total["targetRps"], total["currentRps"])] if total else []
    asked += [(flow["targetStartsPerSecond"], flow["startsPerSecond"]) for flow in flows]
    paced = [(target, got) for target, got in asked if target is not None]
    if not paced or any(part["missed"] for part in (*([total] if total else []), *flows)):
        return True
    return any(got < MET_SHARE * target for target, got in paced)
