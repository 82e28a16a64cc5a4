"""Tables on their way from files into the block of memory that all engines share; `request.block` says how they lie there.

How many rows a file has is known only at its end, and the places of the rows come before the rows. So room is made for as
many as the file has line ends, which is what it has rows unless it has empty lines or line ends in quotes; where it has
fewer, the rows are moved down at the end. The size of a cell takes one byte until a cell is too long for that; then the
table is begun again with two, or four. No more than a chunk of some thousand rows is held in Python at a time.
"""

from __future__ import annotations

from array import array
from itertools import accumulate, pairwise
from math import isfinite
from operator import add
from pathlib import Path
from struct import Struct
from typing import IO, TYPE_CHECKING, Final

import orjson

from tressi.errors import ConfigError, ConfigProblem
from tressi.frozen import dataclass
from tressi.model.data import Filled, Rows
from tressi.request.aliases import aliases
from tressi.request.encode import CellError, encoded
from tressi.request.parts import Table
from tressi.rows import Chunk, RowsError, chunks_of_file, chunks_of_values, line_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from mmap import mmap

    from tressi.model.data import Context, DataSource
    from tressi.request.parts import Source

    # A column of the file as it is encoded for a context, or what is made of several.
    Cell = tuple[str | None, Context]
    Column = Cell | Filled

HEADER: Final = Struct("=QIIIIQ")
_SIZES: Final = {1: "B", 2: "H", 4: "I"}  # the type codes of `array`
_PLACES: Final = {4: "I", 8: "Q"}
_MOST_OF_A_BYTE: Final = 3  # a byte becomes at most six by encoding (`\u001f`); the sizes and quotes are in this margin
_PIECE_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Use:
    """A source as the requests of a run use it: `columns` are those of a table, each as encoded for one context."""

    name: str
    source: DataSource
    columns: tuple[Column, ...] = ()


class _TooLongError(Exception):
    """A cell whose size needs more bytes than each size has."""


def load(uses: Sequence[Use], block: IO[bytes]) -> tuple[Source, ...]:
    """Write the tables into `block`, one behind the other, and return the sources in the order of `uses`.

    `block` is open for reading and writing; what it holds is replaced from where it stands. Raises ConfigError for a table
    that cannot be used, with the file, the line and the rule.
    """
    sources: list[Source] = []
    for use in uses:
        source = use.source
        if isinstance(source, Rows):
            sources.append(_loaded(source, use.columns, block))
        else:
            sources.append(source)
    return tuple(sources)


def _loaded(rows: Rows, columns: tuple[Column, ...], block: IO[bytes]) -> Table:
    offset = _aligned(block.tell())
    try:
        for width in _SIZES:
            try:
                count = _Writing(rows, columns, block, offset, width).done()
            except _TooLongError:
                continue
            return Table(count, len(columns), offset, rows.pick, rows.exponent)
    except RowsError as error:
        raise _problem(rows, str(error)) from None
    except OSError as error:
        raise _problem(rows, f"cannot be read: {error.strerror or error}") from None
    raise AssertionError("no cell is longer than four bytes can say")


class _Writing:
    """One table being written at `offset`, with `width` bytes for the size of each cell."""

    def __init__(self, rows: Rows, columns: tuple[Column, ...], block: IO[bytes], offset: int, width: int) -> None:
        self._rows, self._columns, self._block, self._offset, self._width = rows, columns, block, offset, width
        self._room, bytes_of_rows = _bounds(rows)
        self._place = 8 if (bytes_of_rows + self._room) << _MOST_OF_A_BYTE >= 1 << 32 else 4
        self._places = array(_PLACES[self._place])
        self._weights = array("d")

    def done(self) -> int:
        """Write it, and return the number of its rows. Raises RowsError, ConfigError, OSError."""
        begin, size = self._first_row(self._room), 0
        self._block.seek(begin)
        for columns in self._encoded():
            data, sizes = packed(columns, self._width)
            if len(self._places) + len(sizes) > self._room or size + sum(sizes) >= 1 << 8 * self._place:
                raise RowsError("grew while it was read")
            places = array(_PLACES[self._place], accumulate(sizes, initial=size))
            size = places.pop()
            self._places += places
            self._block.write(data)
        count = len(self._places)
        if not count:
            raise RowsError("has no row")
        if count < self._room:
            _move(self._block, begin, self._first_row(count), size)
        self._write_head(count, size)
        self._block.seek(self._first_row(count) + size)
        self._block.truncate()
        return count

    def _first_row(self, rows: int) -> int:
        places = _aligned(self._offset + HEADER.size + rows * self._place)
        return _aligned(places + rows * 12) if self._rows.weight is not None else places

    def _write_head(self, count: int, size: int) -> None:
        weighted = self._rows.weight is not None
        self._block.seek(self._offset)
        self._block.write(HEADER.pack(count, len(self._columns), self._width, self._place, weighted, size))
        self._block.write(self._places)
        if weighted:
            if not sum(self._weights):
                raise RowsError(f"has no row whose {self._rows.weight} is above 0")
            self._block.seek(_aligned(self._block.tell()))
            for column in aliases(self._weights):
                self._block.write(column)

    def _encoded(self) -> Iterator[list[list[bytes]]]:
        """The cells of some rows after the other, a list for each column, encoded for its context."""
        weighted, before = self._rows.weight is not None, 0
        for chunk in self._chunks():
            if weighted:
                self._weigh(chunk.columns.pop(), before)
            read = iter(chunk.columns)
            yield [
                self._whole(column, [next(read) for _ in column.columns], before)
                if isinstance(column, Filled)
                else self._column(next(read), column, chunk.odd, before)
                for column in self._columns
            ]
            before += len(chunk.columns[0])

    def _chunks(self) -> Iterator[Chunk]:
        """The columns as they stand in the file, that of the weights behind them."""
        rows = self._rows
        wanted = [one for column in self._columns for one in _wanted(column, rows)]
        wanted += [(rows.weight, False)] if rows.weight is not None else []
        if rows.file is None:
            return chunks_of_values(rows.values, wanted)
        return chunks_of_file(rows.file, rows.format, wanted)

    def _whole(self, body: Filled, columns: list[list[bytes]], before: int) -> list[bytes]:
        """What each row is made into."""
        read = orjson.loads if self._rows.is_json else bytes.decode
        made = []
        for number, cells in enumerate(zip(*columns, strict=True)):
            try:
                made.append(body.encode(dict(zip(body.columns, map(read, cells), strict=True))))
            except ValueError as error:
                raise RowsError(f"{self._where(before + number)}: {error}") from None
        return made

    def _column(
        self, cells: list[bytes], column: tuple[str | None, Context], odd: frozenset[int] | None, before: int
    ) -> list[bytes]:
        name, context = column
        try:
            return encoded(cells, context, is_json=self._rows.is_json, odd=odd)
        except CellError as error:
            what = f"the {name}" if name is not None else "the value"
            raise RowsError(f"{self._where(before + error.number)}: {what} {error}") from None

    def _weigh(self, cells: list[bytes], before: int) -> None:
        try:
            weights = array("d", map(float, cells))
        except ValueError:
            weights = array("d")
        # One that is no number spoils the sum too.
        if len(weights) != len(cells) or min(weights) < 0 or not isfinite(sum(weights)):
            number = next(number for number, cell in enumerate(cells) if not _is_weight(cell))
            text = cells[number].decode()[:40]
            raise RowsError(f"{self._where(before + number)}: the {self._rows.weight} {text!r} is no number from 0 on")
        self._weights += weights

    def _where(self, number: int) -> str:
        rows = self._rows
        return f"value {number}" if rows.file is None else f"line {line_of(rows.file, rows.format, number)}"


def _wanted(column: Column, rows: Rows) -> Iterator[tuple[str | None, bool]]:
    """The columns of the file that one of the block is made of, and whether their cells are wanted as JSON values."""
    if isinstance(column, Filled):
        yield from ((column_of(rows, name), rows.is_json) for name in column.columns)
        return
    name, context = column
    yield name, context == "value" and rows.is_json


def column_of(rows: Rows, column: str | None) -> str | None:
    """The column that a placeholder means: without a name the only one of a file, or a whole JSON value."""
    return rows.columns[0] if column is None and len(rows.columns) == 1 and not rows.is_json else column


def packed(columns: Sequence[list[bytes]], width: int) -> tuple[bytes, list[int]]:
    """Rows as they lie in the block, and the size of each in bytes. Raises _TooLongError."""
    count, step, rows = len(columns), len(columns) * width, len(columns[0])
    sizes = array(_SIZES[width], bytes(rows * step))
    total = [step] * rows
    for place, cells in enumerate(columns):
        lengths = list(map(len, cells))
        total = list(map(add, total, lengths))
        try:
            sizes[place::count] = array(_SIZES[width], bytes(lengths) if width == 1 else lengths)
        except (ValueError, OverflowError):
            raise _TooLongError from None
    raw = sizes.tobytes()
    pieces: list[bytes] = [b""] * (rows * (count + 1))
    pieces[:: count + 1] = [raw[at : at + step] for at in range(0, rows * step, step)]
    for place, cells in enumerate(columns):
        pieces[place + 1 :: count + 1] = cells
    return b"".join(pieces), total


def row_of(block: bytes | memoryview | mmap, table: Table, number: int) -> tuple[bytes, ...]:
    """The cells of one row of a table in a block, by its number from 0."""
    count, columns, width, place, weighted, _ = HEADER.unpack_from(block, table.offset)
    places = table.offset + HEADER.size
    first = _aligned(places + count * place)
    first = _aligned(first + 12 * count) if weighted else first
    at = first + Struct(f"={_PLACES[place]}").unpack_from(block, places + number * place)[0]
    lengths = Struct(f"={columns}{_SIZES[width]}").unpack_from(block, at)
    ends = list(accumulate(lengths, initial=at + columns * width))
    return tuple(bytes(block[begin:end]) for begin, end in pairwise(ends))


def _bounds(rows: Rows) -> tuple[int, int]:
    """How many rows a table has at most, and how many bytes they take as they are written. Raises OSError."""
    if rows.file is None:
        return len(rows.values), 0
    lines, size = 1, 0
    with Path(rows.file).open("rb", buffering=0) as file:
        while piece := file.read(_PIECE_BYTES):
            # Each of the three is a line end of CSV: "\n", "\r\n", and "\r" alone.
            lines += piece.count(b"\n") + (piece.count(b"\r") - piece.count(b"\r\n") if b"\r" in piece else 0)
            size += len(piece)
    return lines, size


def _move(block: IO[bytes], old: int, new: int, size: int) -> None:
    """Move bytes down, a piece at a time, from the first on: a piece never covers one that is still to be read."""
    for done in range(0, size, _PIECE_BYTES):
        block.seek(old + done)
        piece = block.read(min(_PIECE_BYTES, size - done))
        block.seek(new + done)
        block.write(piece)


def _is_weight(cell: bytes) -> bool:
    try:
        return 0 <= float(cell) < float("inf")
    except ValueError:
        return False


def _aligned(offset: int) -> int:
    return -(-offset // 8) * 8


def _problem(rows: Rows, message: str) -> ConfigError:
    what = "" if rows.file is None else f"{rows.file} "
    return ConfigError([ConfigProblem(rows.place, f"{what}{message}")])
