"""How a run came out, in a word and the reasons for it: by the rules of the exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

Word = Literal["passed", "done", "failed", "interrupted", "broken"]


class Outcome(NamedTuple):
    """`passed` needs thresholds, `done` is a run without any; `broken` is our own failure, not the target's."""

    word: Word
    reasons: tuple[str, ...]


def outcome(summary: Mapping[str, Any]) -> Outcome:
    """The outcome of a run. A reason is never empty, and may hold text of the target's or of the config's."""
    reason, detail = summary["endReason"], summary["endDetail"]
    if reason == "error":
        return Outcome("broken", (f"tressi itself failed: {detail}",))
    if reason == "interrupted":
        return Outcome("interrupted", (f"ended by {detail}",))
    failures = _failures(summary)
    if failures:
        return Outcome("failed", failures)
    judged = [verdict for verdict in summary["thresholds"] if verdict["passed"] is not None]
    if judged:
        return Outcome("passed", (f"{_of('threshold', len(judged), len(judged))} held",))
    return Outcome("done", ("no thresholds were set",))


def doubts(summary: Mapping[str, Any]) -> list[tuple[Literal["saturated", "lost"], str]]:
    """What spoils the figures of a run, whatever its outcome: that the generator was saturated, or that engines were lost."""
    generator = summary["generator"]
    return [*(("saturated", reason) for reason in generator["reasons"]), *(("lost", reason) for reason in generator["lost"])]


def exited_early(summary: Mapping[str, Any]) -> str | None:
    """Why the run ended before its time because the test had failed; None where it did not."""
    return f"early exit: {summary['endDetail']}" if summary["endReason"] == "early-exit" else None


def never_succeeded(summary: Mapping[str, Any]) -> str | None:
    """That not one request succeeded, with their number; None where one did."""
    made = summary["global"]["requestsMade"]
    if summary["global"]["requestsSucceeded"]:
        return None
    return f"not one of {made} requests succeeded" if made else "no request was made"


def _failures(summary: Mapping[str, Any]) -> tuple[str, ...]:
    thresholds = summary["thresholds"]
    broken = sum(verdict["passed"] is False for verdict in thresholds)
    of_thresholds = f"{_of('threshold', broken, len(thresholds))} broken" if broken else None
    return tuple(filter(None, (of_thresholds, exited_early(summary), never_succeeded(summary))))


def _of(noun: str, some: int, many: int) -> str:
    """So many of all, in words."""
    whole = f"{many} {noun}{'s' * (many != 1)}"
    return (f"all {whole}" if many > 1 else f"the {noun}") if some == many else f"{some} of {whole}"
