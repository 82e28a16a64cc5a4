"""`--baseline`: a run that is compared with earlier ones as soon as it is over, and fails where it is surely slower."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tressi.cli.drawing import drawn
from tressi.compare.baseline import held
from tressi.compare.exports import exports_in, read_run, without_gaps
from tressi.compare.sides import Run
from tressi.compare.table import comparison_table
from tressi.hdr import decode_histogram, packed_histogram
from tressi.run.judgement import judge_run

if TYPE_CHECKING:
    from tressi._histogram import Packed
    from tressi.compare.result import Comparison
    from tressi.run.runner import EndpointRunner


class Baseline:
    """What a run is compared with, beside the run: read before it, so that a bad one is refused before anything is sent.

    Raises ConfigError for a directory without exports.
    """

    def __init__(self, directory: str, max_slowdown: float) -> None:
        self._runs = [read_run(path) for path in exports_in(directory)]
        self._max_slowdown = max_slowdown
        self._runner: EndpointRunner | None = None
        self._comparison: Comparison | None = None

    def watch(self, runner: EndpointRunner) -> None:
        """Keep the run, whose seconds are asked for at its end."""
        self._runner = runner

    def add_to(self, summary: dict[str, Any]) -> None:
        """Put what was found among the summary's thresholds, and judge it anew."""
        found = held(self._runs, self._run(summary), self._max_slowdown)
        self._comparison = found.comparison
        summary["thresholds"].append(found.row)
        judgement = judge_run(summary)
        summary["verdict"] |= {"word": judgement.word, "reasons": list(judgement.reasons)}

    def lines(self, summary: dict[str, Any]) -> str:
        """The comparison for a terminal."""
        if self._comparison is None:
            return f"baseline: {summary['thresholds'][-1]['detail']}"
        return f"\nagainst the baseline\n{drawn(comparison_table(self._comparison), None)}".rstrip()

    def _run(self, summary: dict[str, Any]) -> Run:
        seconds: dict[str, list[tuple[float, Packed]]] = {one["endpointKey"]: [] for one in summary["endpoints"]}
        if self._runner is not None:
            for one in self._runner.intervals():
                if one.time == "response" and one.endpoint_key in seconds:
                    seconds[one.endpoint_key].append((one.start_s + one.length_s, packed_histogram(one.histogram)))
        whole = {one["endpointKey"]: decode_histogram(one["histograms"]["responseTime"]) for one in summary["endpoints"]}
        ends = sorted({end for lines in seconds.values() for end, _ in lines})
        return Run("this run", summary, whole, {key: without_gaps(lines, ends) for key, lines in seconds.items()})
