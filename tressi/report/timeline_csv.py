"""One row a second for all endpoints together, and one for each.

A run writes it as it goes, so that it is there, second by second, however long the run is and whatever ends it. From a
summary it has the rows of its timeline, of which a long run has one for several seconds.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from tressi.report.csv_table import header, lines
from tressi.report.rows import EARLIER_TIMELINE, TIMELINE, second_rows, timeline_columns
from tressi.stats.summary_rows import row_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tressi.model import Moment

COLUMNS = TIMELINE  # of a run without a warm-up
NAME = "timeline.csv"


def render(summary: Mapping[str, Any]) -> bytes:
    """Write the timeline of a summary as CSV."""
    return b"".join(pieces(summary))


def pieces(summary: Mapping[str, Any]) -> Iterator[bytes]:
    """The same, second by second."""
    columns = timeline_columns(warm_up="warmUpSec" in summary)
    yield header(columns)
    yield from (lines(columns, second_rows(moment)) for moment in summary["timeline"])


def belongs(log: Iterable[bytes], summary: Mapping[str, Any]) -> bool:
    """Whether a `timeline.csv` is of the run of that summary, and whole: it has its last moment, to the millisecond."""
    rows, has_last, first, last = summary["timeline"], False, b"", b""
    moment = f"{rows[-1]['t']},".encode() if rows else None
    for last in log:
        first = first or last
        has_last = has_last or (moment is not None and last.startswith(moment))
    heads = (header(timeline_columns(warm_up="warmUpSec" in summary, known=known)) for known in (TIMELINE, EARLIER_TIMELINE))
    return first in heads and last.endswith(b"\r\n") and has_last


class Running:
    """The file in `directory` while the run lasts. A disk that is full ends it, and gives back the room it took.

    `warm_up`: the run has one.
    """

    def __init__(self, directory: str, *, warm_up: bool = False) -> None:
        self._columns = timeline_columns(warm_up=warm_up)
        self.path = Path(directory) / NAME
        self.failure: OSError | None = None
        self._file: BinaryIO | None = None

    def moment(self, moment: Moment) -> None:
        """Write a second."""
        if self.failure is not None:
            return
        try:
            if self._file is None:
                self._file = self.path.open("wb", buffering=0)
                _write_all(self._file, header(self._columns))
            _write_all(self._file, lines(self._columns, second_rows(row_of(moment))))
        except OSError as failure:
            self.failure = failure
            self.discard()

    def finish(self) -> bool:
        """Close it; says whether it is whole."""
        if self._file is None:
            return False
        try:
            self._file.close()
        except OSError as failure:
            self.failure = failure
            self.discard()
        return self.failure is None

    def discard(self) -> None:
        """Remove it: what matters more needs the room."""
        with suppress(OSError):
            if self._file is not None:
                self._file.close()
        with suppress(OSError):
            self.path.unlink(missing_ok=True)


def _write_all(file: BinaryIO, data: bytes) -> None:
    """Write all of it: a file without a buffer may take a part, as on a disk that is filling up."""
    written = 0
    while written < len(data):
        written += file.write(data[written:])
