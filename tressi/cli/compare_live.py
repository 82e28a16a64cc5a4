"""Two targets in one run, in turn: the part of `tressi compare` that sends."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tressi.cli.arguments import overrides
from tressi.cli.output import remark
from tressi.cli.signals import Signals
from tressi.compare.blocks import interleaved_config, measured_s, paired_keys, turns
from tressi.compare.interleaved import interleaved
from tressi.compare.live import Watched
from tressi.compare.result import FAILURES, PERCENTS
from tressi.compare.verdict import ALPHA, concluded, judged
from tressi.config.load import load_config
from tressi.config.messages import printable, refusal
from tressi.load.cluster import Cluster
from tressi.load.process import ProcessEngine
from tressi.masking import mask_url
from tressi.run.runner import EndpointRunner
from tressi.stats.contrast import levels_of_looks
from tressi.stats.spending import PAIRS
from tressi.text import common_origin, labels, plain

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from tressi.compare.answer import Settings
    from tressi.compare.blocks import Turns
    from tressi.compare.page_html import Distributions
    from tressi.compare.result import Comparison, Judged
    from tressi.load.spawn import Ahead
    from tressi.model import Moment, ResolvedConfig

_MISSED: Final = 0.01
_LIMITED: Final = 0.1  # of all seconds: beyond that it is the generator that is compared
_TAKEN: Final = (
    "seed",
    "timeout",
    "connect_timeout",
    "insecure",
    "strict",
    "env_files",
    "source_addresses",
    "masks",
    "mask_headers",
)


def run_in_turn(arguments: Namespace, settings: Settings, ahead: Ahead) -> tuple[Comparison, Distributions]:
    """Send to both sides in turn, and compare; returns the answer and the response times of both. Raises TressiError."""
    first, second, sides = _configs(arguments)
    percent = (
        max(PERCENTS[name] for name in settings.primary if name != FAILURES) if set(settings.primary) - {FAILURES} else 50.0
    )
    pairs = PAIRS[-1] if arguments.until_decided else arguments.pairs
    plan = turns(pairs, measured_s(first, percent, at_once=arguments.at_once), first.seed, at_once=arguments.at_once)
    keys = paired_keys(first.endpoints, second.endpoints)
    watched = Watched(plan, keys)
    config = interleaved_config(first, second, plan)
    for warning in config.warnings:
        remark(f"warning: {warning}")
    if not arguments.quiet:
        remark(f"{pairs} pairs of blocks of {plan.blocks[0].end_s - plan.blocks[0].measured_s} s: {plan.length_s} s at most")
    runner = EndpointRunner(config, engine=Cluster([ProcessEngine(ahead.take)]))
    course = Course(watched, settings, sides, first, plan, looks=arguments.until_decided)
    runner.on("snapshot", lambda moment: course.moment(moment, runner, quiet=arguments.quiet))
    runner.on("drained", watched.drained)
    with Signals() as signals:
        signals.tell(runner.interrupt)
        runner.start()
        runner.wait()
        summary = runner.summary()
    if summary["endReason"] == "error":
        raise refusal(f"the run failed: {plain(str(summary['endDetail']))}")
    if summary["endReason"] == "interrupted":
        course.notes.append(f"the run was ended by {summary['endDetail']}, after {watched.complete()} of {pairs} pairs")
    return course.result(), watched.distributions()


class Course:
    """An interleaved run while it lasts: pairs are counted, and at each look it may be decided."""

    def __init__(
        self, watched: Watched, settings: Settings, sides: tuple[str, str], config: ResolvedConfig, plan: Turns, *, looks: bool
    ) -> None:
        self._watched, self._settings, self._sides, self._config, self._plan = watched, settings, sides, config, plan
        self._levels = dict(zip(PAIRS, levels_of_looks(PAIRS), strict=True)) if looks else {}
        self._told = 0
        self.notes: list[str] = []
        self._found: Comparison | None = None

    def moment(self, moment: Moment, runner: EndpointRunner, *, quiet: bool) -> None:
        """Take a second, tell of a pair that is over, and end the run where a look decides."""
        self._watched.moment(moment)
        complete = self._watched.complete()
        if complete == self._told or self._found is not None:
            return
        self._told = complete
        if not quiet and (complete % 5 == 0 or sys.stderr.isatty()):
            remark(f"{complete} pairs are over")
        if complete in self._levels and complete < PAIRS[-1]:
            found = self._compared(complete, self._levels[complete])
            if found.verdict != "cannot-tell":
                self._found = found
                runner.stop()

    def result(self) -> Comparison:
        """The answer of the look that decided, or of all pairs."""
        return self._found or self._compared(None, self._levels.get(PAIRS[-1], ALPHA))

    def _compared(self, pairs: int | None, level: float) -> Comparison:
        watched, settings = self._watched, self._settings
        measured = watched.pairs(pairs)
        count = min(map(len, measured.values()))
        if not count:
            raise refusal("not one pair of blocks was measured whole")
        estimates = interleaved(measured, level)
        named = labels({one.endpoint_key: one.name for one in self._config.endpoints})
        shown: dict[str | None, str] = {None: "all endpoints", **{key: named.get(key, plain(key)) for key in measured}}
        metrics = judged(estimates, shown, settings.primary, settings.margin, names_side=True, alpha=level)
        warnings, blocked = list(self.notes), list[str]()
        if watched.missed_share() > _MISSED:
            warnings.append(f"{100 * watched.missed_share():.1f} % of all starts were missed: no lane was free for them")
        if watched.limited_share():
            why = plain(next(iter(watched.limits)))
            said = f"the generator was at its limit in {100 * watched.limited_share():.0f} % of all seconds: {why}"
            (blocked if watched.limited_share() > _LIMITED else warnings).append(said)
        if self._plan.at_once:
            warnings.append("both sides were sent to at once, each at half its rate")
        warnings += _of_failures(metrics)
        return concluded(
            "interleaved", metrics, settings.margin, sides=self._sides, units=(count, count), warnings=warnings, blocked=blocked
        )


def _of_failures(metrics: Sequence[Judged]) -> list[str]:
    shares = [one.estimate for one in metrics if one.estimate.metric == FAILURES]
    if any(abs((one.after or 0) - (one.before or 0)) > _MISSED for one in shares):
        return ["one side fails more often: a fast failure is no speed-up, so its times say little"]
    return []


def _configs(arguments: Namespace) -> tuple[ResolvedConfig, ResolvedConfig, tuple[str, str]]:
    """The configs of both sides, and what they are called."""
    given = overrides(arguments, _TAKEN)
    if arguments.live:
        one, other = arguments.live
        if arguments.base_url or arguments.versus or arguments.runs:
            raise refusal("--live takes two configs, and nothing beside them says where requests go")
        return load_config(one, given), load_config(other, given), (printable(one), printable(other))
    if len(arguments.runs) != 1 or arguments.new:
        raise refusal("--versus takes one CONFIG, whose requests go to both addresses in turn")
    config = arguments.runs[0]
    first = load_config(config, replace(given, base_url=arguments.base_url))
    second = load_config(config, replace(given, base_url=arguments.versus))
    before = arguments.base_url or common_origin(one.endpoint_key for one in first.endpoints)
    return first, second, (printable(mask_url(before or config)), printable(mask_url(arguments.versus)))
