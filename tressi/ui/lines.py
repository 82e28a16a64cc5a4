"""Progress in plain lines, for logs, pipes and terminals that only print."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from itertools import zip_longest
from math import inf
from typing import TYPE_CHECKING, Final, NamedTuple

from rich.console import Console
from rich.text import Text

from tressi.run.trouble import failures_of
from tressi.text import counted, plain, three_digits
from tressi.ui.characters import shown
from tressi.ui.first_decisions import first_s, is_first, lasts_s, told_together
from tressi.ui.nonblocking_stream import finish
from tressi.ui.sentences import (
    LIMITED,
    change_line,
    decision_line,
    draining_words,
    label_of,
    labels_of,
    left_words,
    running,
    threshold_news,
)
from tressi.ui.standing import standing_of
from tressi.ui.trouble import Beginnings, Told
from tressi.ui.watcher import Watcher

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tressi.model import (
        Change,
        Draining,
        EndpointMoment,
        FlowMoment,
        Moment,
        ResolvedConfig,
        ScalingDecision,
        ThresholdVerdict,
    )

INTERVAL_S = 5.0
# Plain lines are read in logs, where a hundred of them every few seconds bury the rest.
FAILING_SHOWN = 10
_REASONS_SHOWN = 2


class LenientConsole(Console):
    """A console that falls silent when its stream is gone, where rich would end the program (or raise, before 13.8)."""

    def on_broken_pipe(self) -> None:
        """Say no more."""
        self.quiet = True


class Lines(Watcher):
    """A line for each decision, one when a trouble begins, and one for all endpoints every `interval_s` seconds; 0: never."""

    def __init__(self, console: Console, interval_s: float = INTERVAL_S) -> None:
        self._console = console
        self._interval_s = interval_s or inf
        self._next_s = self._interval_s
        self._t = 0.0
        self._labels: dict[str, str] = {}
        self._first_s = 0.0
        self._first: list[ScalingDecision] = []
        self._was_limited = self._is_draining = False
        self._thresholds: Sequence[ThresholdVerdict] = ()
        self._beginnings = Beginnings()
        self._told: Mapping[str, Counts] = {}

    def start(self, config: ResolvedConfig) -> None:
        """Say what is about to happen."""
        self._labels, self._first_s = labels_of(config), first_s(config)
        # The command line has said already that no rate is set, in front of all its warnings.
        self._print(running(config))

    def moment(self, moment: Moment) -> None:
        """Say at once what goes wrong, and how the run stands when it is time again."""
        self._t = moment.t
        if moment.t > self._first_s:
            self._show_first()
        is_time = moment.t >= self._next_s
        if is_time or not self._was_limited:
            for reason in moment.saturated_by:
                self._say(moment, f"{LIMITED}: {plain(reason)}")
        self._was_limited = bool(moment.saturated_by)
        self._show_troubles(moment)
        self._show_thresholds(moment)
        if is_time:
            self._next_s = moment.t + self._interval_s - 0.5
            self._show_progress(moment)

    def decision(self, decision: ScalingDecision) -> None:
        """Show it with its reason; those by which pools shrink to their need at first are told together."""
        self._first_s = lasts_s(self._first_s, decision)
        if is_first(decision, self._first_s):
            self._first.append(decision)
            return
        if decision.timestamp > self._first_s:
            self._show_first()
        self._print(decision_line(decision, self._labels))

    def change(self, change: Change) -> None:
        """Show it."""
        self._print(change_line(change, self._labels))

    def draining(self, draining: Draining) -> None:
        """Say it when it begins to take long, and when it is time again."""
        if draining.t >= self._next_s or not self._is_draining:
            self._is_draining = True
            self._next_s = draining.t + self._interval_s - 0.5
            self._print(f"{draining.t:6.1f} s  {draining_words(draining)}")

    def stop(self) -> None:
        """Everything is said."""
        self._show_first()
        finish(self._console.file)

    def _show_first(self) -> None:
        """Tell the decisions that were held back, together where they are of several pools."""
        held, self._first = self._first, []
        together = told_together(held)
        if together is not None:
            # At the time at which it is said, so that lines are in their order.
            self._print(f"{max(self._t, together.timestamp):6.1f} s  {together.words}")
            return
        for one in held:
            self._print(decision_line(one, self._labels))

    def _show_troubles(self, moment: Moment) -> None:
        """Say once that endpoints only fail or give no answer, and once that they succeed again."""
        begun, over = self._beginnings.see(moment)
        for one in begun:
            self._say(moment, one.sentence(self._labels))
        for kind, keys in over:
            if kind == "failing":
                self._say(moment, Told(kind, keys, "requests succeed again").sentence(self._labels))

    def _show_thresholds(self, moment: Moment) -> None:
        """Say once of each threshold that it does not hold, that it cannot hold any more, and that it holds again."""
        for before, now in zip_longest(self._thresholds, moment.thresholds):
            news = threshold_news(before, now, self._labels)
            if news is not None:
                self._say(moment, news)
        self._thresholds = moment.thresholds

    def _show_progress(self, moment: Moment) -> None:
        """One line for all endpoints, and one for each of which attempts failed since the last time."""
        now = counts_of(moment)
        self._say(moment, progress_words(moment, self._labels))
        failing = failing_since(self._told, now)
        for key in failing[:FAILING_SHOWN]:
            label = label_of(key, self._labels)
            self._say(moment, f"  {label}: {failing_words(self._told.get(key, NOTHING), now[key])}")
        if len(failing) > FAILING_SHOWN:
            self._say(moment, f"  and {counted(len(failing) - FAILING_SHOWN, 'more endpoint')} with failures")
        self._told = now

    def _say(self, moment: Moment, words: str) -> None:
        self._print(f"{moment.t:6.1f} s  {words}")

    def _print(self, line: str) -> None:
        with suppress(OSError):
            self._console.print(Text(shown(line, self._console.file)))


class Counts(NamedTuple):
    """What was counted of an endpoint since the start: attempts, and failures by their kind. Of a flow, of its starts."""

    made: int
    failures: Counter[str]


NOTHING: Final = Counts(0, Counter())


def counts_of(moment: Moment) -> dict[str, Counts]:
    """What was counted of each endpoint, then of each flow, by key."""
    read = moment.reading.endpoints
    counts = {key: Counts(one.succeeded + one.failed, failures_of(one)) for key, one in read.items()}
    return counts | {
        flow.endpoint_key: Counts(flow.requests_made, Counter({"abandoned": flow.abandoned})) for flow in moment.flows
    }


def failing_since(before: Mapping[str, Counts], now: Mapping[str, Counts]) -> list[str]:
    """The keys of which attempts failed since `before`, the most failures first."""
    failed = {key: counts.failures.total() - before.get(key, NOTHING).failures.total() for key, counts in now.items()}
    return sorted((key for key, count in failed.items() if count > 0), key=lambda key: -failed[key])


def failing_words(before: Counts, now: Counts) -> str:
    """How many attempts failed between two counts, and of what."""
    made, failures = now.made - before.made, now.failures - before.failures
    more = len(failures) - _REASONS_SHOWN
    kinds = ", ".join(f"{count:,} {plain(kind)}" for kind, count in failures.most_common(_REASONS_SHOWN))
    kinds = plain(next(iter(failures))) if len(failures) == 1 else kinds
    return f"{failures.total():,} of {made:,} failed ({kinds}{f' and {more} other kinds' if more > 0 else ''})"


def progress_words(moment: Moment, labels: Mapping[str, str]) -> str:
    """All endpoints in one line: how the run stands, the last second's rate and latencies, and the counts since the start."""
    total = moment.total
    failed = sum(one.failed for one in moment.reading.endpoints.values())
    parts = [
        standing_of(moment, labels).word,
        f"{three_digits(total.current_rps)}{_asked(total)} RPS",
        *(_flow_words(flow, labels) for flow in moment.flows),
        f"p50 {three_digits(total.p50_ms)} p99 {three_digits(total.p99_ms)} ms",
        counted(total.worker_count, "worker"),
        f"{failed:,} failed",
        f"{total.missed + sum(flow.missed for flow in moment.flows):,} missed",
        left_words(moment),
    ]
    return "  ".join(parts)


def _asked(one: EndpointMoment) -> str:
    return "" if one.asked_rps is None else f" of {three_digits(one.asked_rps)}"


def _flow_words(flow: FlowMoment, labels: Mapping[str, str]) -> str:
    return f"{label_of(flow.endpoint_key, labels)} {three_digits(flow.current_rps)}{_asked(flow)} starts/s"
