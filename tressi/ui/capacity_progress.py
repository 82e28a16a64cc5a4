"""A search for a capacity while it lasts: a line for each trial, and on a terminal one that is written over each second."""

from __future__ import annotations

import shutil
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Final

from tressi.ui.characters import shown
from tressi.ui.nonblocking_stream import finish, unhurried

if TYPE_CHECKING:
    from tressi.capacity.search import Search, Step
    from tressi.capacity.trial import Second, Trial

NOTHING: Final = "nothing known yet"
_OVER: Final = "\r\x1b[2K"
_PHASES: Final = {
    "rest": "resting at",
    "explore": "exploring:",
    "narrow": "narrowing:",
    "confirm": "confirming:",
    "done": "done,",
}


class CapacityProgress:
    """Reports a search on `stream`, None: nowhere. `is_live`: the stream is a terminal that can write over a line."""

    def __init__(self, stream: IO[str] | None, *, is_live: bool) -> None:
        self._stream = None if stream is None else unhurried(stream)
        self._is_live = is_live
        self._trials = 0

    def say(self, text: str) -> None:
        """Write a line, above the one that is written over."""
        self._write(f"{_OVER if self._is_live else ''}tressi: {text}\n")

    def tell(self, search: Search, step: Step, second: Second) -> None:
        """A second is over, and `step` is what comes next."""
        for trial in search.trials[self._trials :]:
            self.say(f"{trial_words(trial)}; {bracket_words(search)}, {left_words(search)}")
        self._trials = len(search.trials)
        if self._is_live and step.phase != "done":
            width = shutil.get_terminal_size().columns - 1
            self._write(_OVER + status(search, step, second)[:width])

    def stop(self) -> None:
        """Leave the terminal as it was."""
        if self._is_live:
            self._write(_OVER)
        if self._stream is not None:
            finish(self._stream)

    def _write(self, text: str) -> None:
        if self._stream is None:
            return
        with suppress(OSError, ValueError):
            self._stream.write(shown(text, self._stream))
            self._stream.flush()


def status(search: Search, step: Step, second: Second) -> str:
    """What is under way, in one line: the trial, the bracket, the time left."""
    said = f"{_PHASES[step.phase]} {step.rps:,.1f} RPS"
    trial = search.trial
    if trial is not None and trial.seconds:
        share = "no answer yet" if (bad := _bad(trial)) is None else f"{bad:.2%} bad"
        said += f", {trial.lasted_s} of {trial.longest_s + 1:.0f} s at most, {share}"
    return f"{said}, {second.in_flight:,} in flight | {bracket_words(search)} | {left_words(search)}"


def sentences(search: Search, step: Step) -> str:
    """The same for a reader of a page, who may not know how a search goes: what is known first."""
    known = bracket_words(search)
    said = "Capacity: nothing is known yet." if known == NOTHING else f"Capacity: {known} so far."
    trial = search.trial
    if step.phase == "rest":
        said += f" The target rests at {step.rps:,.1f} RPS before the next trial"
    else:
        said += f" Trying {step.rps:,.1f} RPS"
        if trial is not None and trial.seconds:
            share = "no answer yet" if (bad := _bad(trial)) is None else f"{100 * bad:.2g} % of the starts are bad"
            said += f" for {trial.lasted_s} of {trial.longest_s + 1:.0f} s at most, {share}"
    return f"{said}; {left_words(search)}."


def _bad(trial: Trial) -> float | None:
    """The share of a trial's starts that were bad, by the worst of its conditions; None where nothing was answered yet."""
    starts = sum(one.starts for one in trial.steady())
    bad = max(sum(one.bad[place] for one in trial.steady()) for place in range(len(trial.conditions)))
    return bad / starts if starts else None


def trial_words(trial: Trial) -> str:
    """How a trial ended."""
    verdict = {"held": "held", "broke": "broke", "undecided": "not decided", None: "cut short"}[trial.verdict]
    if trial.kind == "explore" and trial.verdict == "undecided":
        verdict = "looks good" if trial.is_good_by_count() else "looks bad"
    rising = ", rising" if trial.trend == "rising" else ""
    if not trial.shares:
        return f"{trial.rps:,.1f} RPS {verdict}"
    share = trial.shares[trial.worst()]
    p99 = trial.times.get(99.0)
    time = f", p99 {p99.value_ms:.3g} ms" if p99 is not None else ""
    return f"{trial.rps:,.1f} RPS {verdict}{rising} after {trial.lasted_s} s: {share.value:.2%} bad{time}"


def bracket_words(search: Search) -> str:
    """Between which rates the capacity is, as far as is known."""
    curve = search.estimate()
    if curve is not None:
        return f"about {curve.rps:,.0f} RPS ({curve.low:,.0f} to {curve.high:,.0f})"
    low, high = search.bracket()
    if low is None:
        return f"below {high:,.0f} RPS" if high is not None else NOTHING
    return f"above {low:,.0f} RPS" if high is None else f"between {low:,.0f} and {high:,.0f} RPS"


def left_words(search: Search) -> str:
    """How long it takes at most."""
    left = round(search.left_s())
    return f"{left // 60}:{left % 60:02d} left at most"


def duration_words(seconds: float) -> str:
    """A time in minutes, or in seconds where it is shorter than two minutes."""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"  # noqa: PLR2004 - two minutes
