"""Exports read as runs to compare: a directory, a summary with its `latency.hlog` beside it, or a summary alone.

The timeline of a summary is left out of the check of its shape: of a long run it is nearly all of the document, and the
comparison takes the seconds from the log. A log must be of the same run: it begins at the same moment, and its lines sum to
the summary's histograms, to the count.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

import orjson

from tressi._core import Histogram
from tressi.compare.sides import Run
from tressi.config.messages import printable, refusal
from tressi.hdr import decode_histogram
from tressi.report.latency_hlog import SERVICE
from tressi.report.shape import check_summary

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SUMMARY: Final = "summary.json"
LOG: Final = "latency.hlog"
MOST_BYTES: Final = 1 << 29  # far beyond what any run writes
_BASE_TIME: Final = b"#[BaseTime: "
_SAME_MOMENT_S: Final = 0.002  # the log has milliseconds


def read_run(path: str) -> Run:
    """The run that was exported to `path`: its directory, or its summary. Raises ConfigError in words."""
    place = Path(path)
    label = printable(path)
    source = place / SUMMARY if place.is_dir() else place
    document = _parsed(_bytes_of(source, label), label)
    summary = _checked(document, printable(str(source)))
    whole = {one["endpointKey"]: decode_histogram(one["histograms"]["responseTime"]) for one in summary["endpoints"]}
    log = source.with_name(LOG)
    if not log.is_file():
        return Run(label, summary, whole, None, (f"{label} has no {LOG}: how much its percentiles vary is not known",))
    seconds = _seconds(_bytes_of(log, label), summary)
    if seconds is None or not _is_whole(seconds, whole):
        return Run(label, summary, whole, None, (f"the {LOG} of {label} is not of its run, or not whole: it is not used",))
    return Run(label, summary, whole, seconds)


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


def _bytes_of(path: Path, label: str) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = error.strerror if isinstance(error, OSError) else None
        raise refusal(f"cannot read {label}: {reason or error}") from None
    if len(data) > MOST_BYTES:
        raise refusal(f"{label} is larger than {MOST_BYTES // 1024**2} MiB, the most that is read")
    return data


def _parsed(data: bytes, label: str) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise refusal(f"{label} is not JSON, or not whole: {error}") from None


def _checked(document: Any, label: str) -> Mapping[str, Any]:  # noqa: ANN401 - any JSON value
    """The summary, its shape checked but for the timeline, of which `timeline_rows` takes what is there."""
    if not isinstance(document, dict):
        return check_summary(document, label)
    timeline = document.get("timeline")
    checked = check_summary({**document, "timeline": []}, label)
    if isinstance(timeline, list):
        return {**checked, "timeline": timeline}
    raise refusal(f"{label}: timeline is missing")


def _seconds(data: bytes, summary: Mapping[str, Any]) -> dict[str, list[tuple[float, Histogram]]] | None:
    """The response times of each endpoint, line by line; None where the log is of another run or cannot be read."""
    seconds: dict[str, list[tuple[float, Histogram]]] = {one["endpointKey"]: [] for one in summary["endpoints"]}
    keys: dict[str, str] = {}
    for line in data.splitlines():
        if not line.startswith(b"Tag="):
            if line.startswith(_BASE_TIME) and not _is_of(line, summary):
                return None
            continue
        if line.startswith(b"Tag=" + SERVICE.encode()):
            continue
        try:
            tag, start, length, _, text = line[4:].decode().split(",")
            key = keys[tag] if tag in keys else keys.setdefault(tag, unquote(tag))
            if key in seconds:  # else it is of a flow
                seconds[key].append((float(start) + float(length), decode_histogram(text)))
        except ValueError:
            return None
    return without_gaps(seconds)


def without_gaps(seconds: dict[str, list[tuple[float, Histogram]]]) -> dict[str, list[tuple[float, Histogram]]]:
    """The same with an empty histogram for each second in which an endpoint had no answer: the log has no line for it."""
    ends = sorted({end for lines in seconds.values() for end, _ in lines})
    return {
        key: lines if len(lines) == len(ends) else [(end, there.get(end) or Histogram()) for end in ends]
        for key, lines in seconds.items()
        for there in (dict(lines),)
    }


def _is_of(line: bytes, summary: Mapping[str, Any]) -> bool:
    try:
        base_s = float(line[len(_BASE_TIME) :].split()[0])
    except (ValueError, IndexError):
        return False
    return abs(base_s - datetime.fromisoformat(summary["startedAt"]).timestamp()) < _SAME_MOMENT_S


def _is_whole(seconds: Mapping[str, Sequence[tuple[float, Histogram]]], whole: Mapping[str, Histogram]) -> bool:
    """Whether the seconds sum to the summary's histograms."""
    for key, expected in whole.items():
        together = Histogram()
        for _, second in seconds[key]:
            together.merge(second)
        if together.count != expected.count or together.counts() != expected.counts():
            return False
    return True
