"""Exports read as runs to compare: a directory, a summary with its `latency.hlog` beside it, or a summary alone.

The timeline of a summary is left out of the check of its shape: of a long run it is nearly all of the document, and the
comparison takes the seconds from the log. A log must be of the same run: it begins at the same moment, and its lines have as
many values as the summary.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from tressi._histogram import Packed
from tressi.compare.sides import Run
from tressi.config.messages import printable, refusal
from tressi.hdr import decode_histogram, packed_histogram
from tressi.report.reading import LOG, SUMMARY, bytes_of, quickly_parsed
from tressi.report.shape import check_summary

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_BASE_TIME: Final = b"#[BaseTime: "
_HEAD_BYTES: Final = 1000
# Tag, start, length and histogram of a line of response times; a tag with a colon is of service times.
_FIGURES: Final = 4  # of a line of the log, behind its tag: its start, its length, its highest value, its histogram
_SAME_MOMENT_S: Final = 0.002  # the log has milliseconds


def read_run(path: str) -> Run:
    """The run that was exported to `path`: its directory, or its summary. Raises ConfigError in words."""
    place = Path(path)
    label = printable(path)
    source = place / SUMMARY if place.is_dir() else place
    document = quickly_parsed(bytes_of(source, label), label)
    summary = _checked(document, printable(str(source)))
    whole = {one["endpointKey"]: decode_histogram(one["histograms"]["responseTime"]) for one in summary["endpoints"]}
    log = source.with_name(LOG)
    if not log.is_file():
        return Run(label, summary, whole, None, (_without_log(label, summary),))
    if not _is_of(_base_time(log, label), summary):
        return Run(label, summary, whole, None, (f"the {LOG} of {label} is not of its run, or no log: it is not used",))
    return Run(label, summary, whole, Log(log, label, {key: histogram.count for key, histogram in whole.items()}))


def _without_log(label: str, summary: Mapping[str, Any]) -> str:
    """What is not known of a run whose seconds are not there."""
    if any("confidence" in one for one in summary["endpoints"]):
        return f"{label} has no {LOG}: the intervals of its summary are used, and percentiles of all endpoints have none"
    return f"{label} has no {LOG}: how much its percentiles vary is not known"


def exports_in(path: str) -> list[str]:
    """The exports in a directory: itself, or those among the directories in it, in the order of their names.

    Raises ConfigError where there is none.
    """
    place = Path(path)
    if not place.is_dir() or (place / SUMMARY).is_file():
        return [path]
    try:
        found = sorted(str(one) for one in place.iterdir() if (one / SUMMARY).is_file())
    except OSError as error:
        raise refusal(f"cannot read {printable(path)}: {error.strerror}") from None
    if not found:
        raise refusal(f"{printable(path)} has no {SUMMARY}, and no directory in it has one: it is no export")
    return found


def _checked(document: Any, label: str) -> Mapping[str, Any]:  # noqa: ANN401 - any JSON value
    """The summary, its shape checked but for the timeline, of which `timeline_rows` takes what is there."""
    if not isinstance(document, dict):
        return check_summary(document, label)
    timeline = document.get("timeline")
    checked = check_summary({**document, "timeline": []}, label)
    if isinstance(timeline, list):
        return {**checked, "timeline": timeline}
    raise refusal(f"{label}: timeline is missing")


class Log(Mapping[str, "Sequence[tuple[float, Packed]]"]):
    """The seconds of a log, read when they are first asked for: a summary mostly says by itself how sure it is.

    They are decoded when an endpoint is asked for, because of a long run all of them at once would take gigabytes.
    """

    def __init__(self, log: Path, label: str, counts: Mapping[str, int]) -> None:
        self._log, self._label, self._counts = log, label, counts

    @cached_property
    def _lines(self) -> Mapping[str, Sequence[tuple[float, bytes]]]:
        lines: dict[str, list[tuple[float, bytes]]] = {key: [] for key in self._counts}
        keys = {b"Tag=" + quote(key, safe="").encode(): key for key in lines}
        # Lines are split and not matched: a log has tens of megabytes, and half of its lines are of service times.
        for line in bytes_of(self._log, self._label).split(b"\n"):
            tag, *figures = line.split(b",")
            key = keys.get(tag)  # none where it is of service times, or of a flow
            if key is not None and len(figures) == _FIGURES and all(map(_is_number, figures[:2])):
                lines[key].append((float(figures[0]) + float(figures[1]), figures[3]))
        return lines

    @cached_property
    def _ends(self) -> Sequence[float]:
        return sorted({end for own in self._lines.values() for end, _ in own})

    def __getitem__(self, key: str) -> Sequence[tuple[float, Packed]]:
        """The response times of an endpoint, second by second. Raises ConfigError where they are not those of the summary."""
        lines = self._lines[key]
        try:
            seconds = [(end, packed_histogram(text.decode())) for end, text in lines]
        except ValueError as error:
            raise refusal(f"the {LOG} of {self._label}: {error}; without it the summary alone is compared") from None
        if sum(second.count for _, second in seconds) != self._counts[key]:
            raise refusal(f"the {LOG} of {self._label} does not sum to its summary; without it the summary alone is compared")
        return without_gaps(seconds, self._ends)

    def __iter__(self) -> Iterator[str]:
        return iter(self._counts)

    def __len__(self) -> int:
        return len(self._counts)


def _is_number(text: bytes) -> bool:
    """Whether it is digits with a point between them, as the log's own are."""
    whole, point, part = text.partition(b".")
    return point == b"." and whole.isdigit() and part.isdigit()


def _base_time(log: Path, label: str) -> bytes:
    """The line of a log that says when its run began; empty where it has none. Raises ConfigError where it cannot be read."""
    try:
        with log.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as error:
        raise refusal(f"cannot read {label}: {error.strerror or error}") from None
    return next((line for line in head.splitlines() if line.startswith(_BASE_TIME)), b"")


def without_gaps(seconds: Sequence[tuple[float, Packed]], ends: Sequence[float]) -> Sequence[tuple[float, Packed]]:
    """The same with an empty histogram for each second in which an endpoint had no answer: the log has no line for it."""
    if len(seconds) == len(ends):
        return seconds
    there = dict(seconds)
    return [(end, there.get(end) or Packed(b"")) for end in ends]


def _is_of(line: bytes, summary: Mapping[str, Any]) -> bool:
    try:
        base_s = float(line[len(_BASE_TIME) :].split()[0])
    except (ValueError, IndexError):
        return False
    return abs(base_s - datetime.fromisoformat(summary["startedAt"]).timestamp()) < _SAME_MOMENT_S
