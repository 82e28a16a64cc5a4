"""Sheets of rows in an Excel workbook: every text a text, every number a number with a format.

Rows go to disk as they are written, so a long run costs no memory. Excel's limits are kept: what a cell cannot hold is cut,
and rows beyond the last are counted in it.
"""

from __future__ import annotations

from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from tressi.errors import TressiError
from tressi.text import plain_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime
    from io import BytesIO
    from pathlib import Path

    from xlsxwriter import Workbook
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

LAST_ROW: Final = 1_048_575  # Excel's, counted from 0
NAMED_VALUES: Final = ("figure", "value")  # the columns of a sheet of names and values
LONGEST_TEXT: Final = 32_767  # UTF-16 code units in a cell

# Characters: room for any number that a run has, and for the arrow of the filter, which stands in the header.
_NARROWEST, _WIDEST, _WIDEST_VALUE, _ARROW = 13, 70, 30, 3
_LINE_HEIGHT, _MOST_LINES = 15, 10  # points
_PRINTED_COLUMNS = 15  # that can be read on a page
_FLAG = '"TRUE";"TRUE";"FALSE"'  # LibreOffice takes a flag without a format for a number
_SECONDS = frozenset({"t", "timestamp", "failedAt", "firstAt", "lastAt", "durationSec", "warmUpSec"})
_SHARES = frozenset({"errorRate", "share", "utilisation", "completedRate", "abandonedRate", "missedRate"})
_RATES = frozenset(
    {"rps", "askedRps", "targetRps", "currentRps", "askedStartsPerSecond", "targetStartsPerSecond", "startsPerSecond"}
)
_UNROUNDED = frozenset({"value", "limit", "weight", "cpuPercent"})


@contextmanager
def book_in(stream: BytesIO, created: datetime, parts_in: Path | None = None) -> Iterator[Book]:
    """A workbook to be filled, which is in `stream` afterwards; its parts are on disk until then.

    Raises TressiError where its library is missing, OSError where there is no room for its parts or no file descriptor.
    """
    library = _library()
    # Text that looks like a formula or an address is text: nothing from outside is ever computed or followed.
    texts = dict.fromkeys(("strings_to_formulas", "strings_to_urls", "strings_to_numbers"), False)
    # The library leaves its temporary files behind where it fails.
    with TemporaryDirectory(prefix=".tressi-", dir=parts_in) as directory:
        book = library.Workbook(stream, {**texts, "constant_memory": True, "tmpdir": directory})
        yield Book(book, created)
        try:
            book.close()
        except library.exceptions.FileCreateError as failure:
            raise failure.args[0] from None


class Book:
    """A workbook in the making."""

    def __init__(self, book: Workbook, created: datetime) -> None:
        self.book = book
        # The same summary makes the same bytes.
        self.book.set_properties({"title": "tressi", "created": created.replace(tzinfo=None)})
        self.head = self.book.add_format({"bold": True, "bg_color": "#E8EDF3", "bottom": 1, "valign": "top"})
        self.wrapped = self.book.add_format({"valign": "top", "text_wrap": True})
        self._formats: dict[str, Format] = {}

    def sheet(
        self, name: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, frozen: int = 1, wrapped: bool = False
    ) -> Worksheet:
        """Add a sheet with a header that stays in sight, a filter, and a row of cells for each of `rows`.

        The first `frozen` columns stay in sight too. Long text is `wrapped`, or else runs on over empty cells.
        """
        table = _Table(self, self.book.add_worksheet(name), columns, wrapped=wrapped)
        count = 0
        for count, row in enumerate(rows, start=1):
            if count < LAST_ROW:
                table.add(count, row)
        if count >= LAST_ROW:
            table.sheet.write_string(LAST_ROW, 0, f"and {count - LAST_ROW + 1} more rows")
        table.sheet.freeze_panes(1, frozen)
        table.sheet.set_landscape()
        if len(columns) <= _PRINTED_COLUMNS:
            table.sheet.fit_to_pages(1, 0)
        table.sheet.repeat_rows(0)
        table.sheet.autofilter(0, 0, min(count, LAST_ROW - 1), len(columns) - 1)
        for number, width in enumerate(table.widths):
            # Numbers stand at the right of their column: among values of all kinds not far from their names.
            widest = _WIDEST_VALUE if columns == NAMED_VALUES else _WIDEST
            table.sheet.set_column(number, number, min(max(width, _NARROWEST), widest))
        return table.sheet

    def format(self, number_format: str) -> Format:
        """The cell format of a number; one object for each."""
        if number_format not in self._formats:
            self._formats[number_format] = self.book.add_format({"num_format": number_format, "valign": "top"})
        return self._formats[number_format]


class _Table:
    """One sheet in the making; `widths` are those that its columns need, in characters."""

    def __init__(self, book: Book, sheet: Worksheet, columns: Sequence[str], *, wrapped: bool) -> None:
        self.sheet, self.widths = sheet, [len(column) + _ARROW for column in columns]
        self._book, self._columns, self._wrapped = book, columns, wrapped
        for number, column in enumerate(columns):
            sheet.write_string(0, number, column, book.head)

    def add(self, row: int, values: Sequence[object]) -> None:
        """Write a row of cells. In a sheet of names and values, a value has the format of its name."""
        if self._wrapped:
            lines = max(_lines(cell_text(value)) for value in values if isinstance(value, str))
            self.sheet.set_row(row, _LINE_HEIGHT * min(lines, _MOST_LINES))
        for number, (column, value) in enumerate(zip(self._columns, values, strict=True)):
            name = str(values[0]) if self._columns == NAMED_VALUES else column
            width = self._write((row, number), name, value)
            self.widths[number] = max(self.widths[number], width + 1)

    def _write(self, place: tuple[int, int], name: str, value: object) -> int:
        """Write one cell; returns how many characters wide a text is."""
        if value is None:
            return 0
        if isinstance(value, bool):
            self.sheet.write_boolean(*place, value, self._book.format(_FLAG))
            return 0
        if isinstance(value, (int, float)):
            self.sheet.write_number(*place, value, self._book.format(number_format(name, value)))
            return 0
        shown = cell_text(str(value))
        self.sheet.write_string(*place, shown, self._book.wrapped if self._wrapped else None)
        return max(map(len, shown.split("\n")))


def _lines(text: str) -> int:
    """About how many lines a text takes in the widest column."""
    return sum(1 + len(line) // _WIDEST for line in text.split("\n"))


def number_format(name: str, value: float) -> str:
    """How Excel shows a number under its name in the summary."""
    if name in _SECONDS:
        return "0.000"
    if name in _SHARES:
        return "0.00%"
    if name in _RATES:
        return "#,##0.0"
    if name in _UNROUNDED:
        return "General"
    return "#,##0" if isinstance(value, int) else "#,##0.000"


def cell_text(text: str) -> str:
    """Text as a cell can hold it: nothing but what is seen and line ends, cut where it is too long."""
    shown = plain_lines(text[:LONGEST_TEXT])
    if len(text) > LONGEST_TEXT or _utf16_units(shown) > LONGEST_TEXT:
        encoded = shown.encode("utf-16-le")[: 2 * (LONGEST_TEXT - 1)]
        shown = encoded.decode("utf-16-le", "ignore") + "…"
    # The library takes this for markup of its own and would write it as it is.
    return f"{shown} " if shown.startswith("<r>") and shown.endswith("</r>") else shown


def _utf16_units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _library() -> Any:  # noqa: ANN401 - its classes have no types
    try:
        import xlsxwriter.exceptions  # noqa: PLC0415 - it belongs to an extra
    except ImportError:
        raise TressiError("it needs the library XlsxWriter, which comes with the extra tressi[report]") from None
    return xlsxwriter
