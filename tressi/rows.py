"""The rows of a table's file, in chunks and by columns: CSV, TSV, JSON Lines, or one value a line. All are UTF-8.

A file may have millions of rows, so nothing is done row by row where it can be done for thousands at once. A piece of a
file without quotes is cut into cells by one call; that each of its lines has as many cells as the file has columns is seen
from its separators alone, which are all that is left when every other byte is deleted. Of a piece with quotes, what stands
within them gets stand-ins for separators and line ends first. The first piece that is not so plain is left to Python's CSV
reader, and so is everything behind it.
"""

from __future__ import annotations

import csv
import io
import json
import re
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import orjson

from tressi.frozen import dataclass

if TYPE_CHECKING:
    from _csv import Reader
    from collections.abc import Callable, Iterable, Iterator, Sequence

SEPARATORS: Final = {"csv": ",", "tsv": "\t"}
BY_EXTENSION: Final = {".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".txt": "lines"}

_LETTERS: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_PIECE_BYTES: Final = 1 << 18  # their cells stay in the caches of the processor
_ROWS: Final = 1 << 14
_MOST_OF_A_CELL: Final = 1 << 24
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_STAND_INS: Final = b"\x01\x02\x03\x04"  # of the separator, of the two ends of lines, of a doubled quote
_NOTHING: Final = object()
_MANY_DIGITS: Final = re.compile(rb"\d{19}")  # orjson makes a float of an integer beyond 64 bits


@dataclass(frozen=True, slots=True)
class Chunk:
    """The cells of some rows, a list for each column; `odd` has every byte in them that is no letter and no digit of ASCII.

    It may have more than those. None: nobody has looked.
    """

    columns: list[list[bytes]]
    odd: frozenset[int] | None = None


class RowsError(ValueError):
    """A table that cannot be used; `str()` is what is wrong and on which line."""


@dataclass(frozen=True, slots=True)
class Head:
    """What stands before the first row: the names of the columns, and how many bytes and lines that takes."""

    columns: tuple[str, ...]
    offset: int = 0
    lines: int = 0


def head_of(path: str, form: str) -> Head:
    """Read the names of a file's columns; none where a row is one value. Raises RowsError, OSError."""
    if Path(path).exists() and not Path(path).is_file():
        raise RowsError("is no regular file, and a table is read more than once")
    with Path(path).open("rb") as file:
        offset = len(_BYTE_ORDER_MARK) if file.read(3) == _BYTE_ORDER_MARK else 0
        file.seek(offset)
        if form == "lines":
            return Head((), offset)
        if form == "jsonl":
            return Head(_names_of_json(file), offset)
        return _head_of_csv(file, SEPARATORS[form])


def column_names(first: object) -> tuple[str, ...]:
    """The columns of a table of JSON values by its first row: the names of an object's members, none of any other value."""
    return tuple(first) if isinstance(first, dict) else ()


def chunks_of_file(path: str, form: str, columns: Sequence[tuple[str | None, bool]]) -> Iterator[Chunk]:
    """Yield the cells of some columns, some thousand rows at a time: for each column a list of cells as UTF-8.

    A column is a name, None for the one without a name, and whether its cells are wanted as JSON values, which only
    "jsonl" has. No cell has a NUL. Raises RowsError, OSError.
    """
    head = head_of(path, form)
    with Path(path).open("rb") as file:
        file.seek(head.offset)
        if form == "jsonl":
            for values, where in _json_lines(file):
                yield Chunk([_json_cells(values, where, name, is_json=is_json) for name, is_json in columns])
        elif form == "lines":
            yield from (Chunk([cells] * len(columns)) for cells in _lines(file))
        else:
            places = [_place(name, head.columns) for name, _ in columns]
            yield from _csv_chunks(file, SEPARATORS[form], head, places)


def chunks_of_values(values: Iterable[Any], columns: Sequence[tuple[str | None, bool]]) -> Iterator[Chunk]:
    """Yield the same of JSON values; instead of a line, an error names the value by its number from 0."""
    every = list(values)
    yield Chunk([_json_cells(every, "value {}".format, name, is_json=is_json) for name, is_json in columns])


def line_of(path: str, form: str, number: int) -> int:
    """The line on which a row ends, by its number from 0; the file must be one that `chunks_of_file` could read so far."""
    head = head_of(path, form)
    with Path(path).open("rb") as file:
        file.seek(head.offset)
        if form in SEPARATORS:
            with _text(file) as text:
                reader = csv.reader(text, delimiter=SEPARATORS[form], strict=True)
                next(islice(filter(None, reader), number, None))
                return head.lines + reader.line_num
        return next(islice((line for line, text in enumerate(file, 1) if text.strip()), number, None))


def _place(name: str | None, columns: Sequence[str]) -> int:
    """Raises RowsError for a column that the file had when the config was read, and has no more."""
    if name is not None and name not in columns:
        raise RowsError(f"has no column {name!r} any more: it changed after the config was read")
    return 0 if name is None else columns.index(name)


# ------------------------------------------------------------------------------------------------------------- CSV and TSV


def _head_of_csv(file: IO[bytes], separator: str) -> Head:
    lines = (_decoded(line, number) for number, line in enumerate(iter(file.readline, b""), 1))
    reader = csv.reader(lines, delimiter=separator, strict=True)
    try:
        columns = next((row for row in reader if row), None)
    except csv.Error as error:
        raise RowsError(f"line {reader.line_num}: {error}") from None
    if columns is None:
        raise RowsError("is empty; its first line must name the columns")
    repeated = next((name for place, name in enumerate(columns) if name in columns[:place]), None)
    if repeated is not None:
        raise RowsError(f"line {reader.line_num}: names the column {repeated!r} twice")
    return Head(tuple(columns), file.tell(), reader.line_num)


def _csv_chunks(file: IO[bytes], separator: str, head: Head, places: Sequence[int]) -> Iterator[Chunk]:
    """The columns at some places, of each chunk."""
    cut, count = separator.encode(), len(head.columns)
    others = bytes(byte for byte in range(256) if byte not in cut + b"\n")
    skeleton = cut * (count - 1) + b"\n"
    line = head.lines
    for offset, piece in _pieces(file):
        found = _unquoted(piece, cut) if b'"' in piece else (piece, False)
        plain, has_inner = found or (b"", False)
        plain = plain.replace(b"\r\n", b"\n") if b"\r" in plain else plain
        rows = plain.count(b"\n")
        is_plain = b"\r" not in plain and plain[:1] != b"\n" and b"\n\n" not in plain
        if found is None or not is_plain or plain.translate(None, others) != skeleton * rows:
            file.seek(offset)
            yield from _read_csv(file, separator, head, places, line)
            return
        _check(piece, line)
        cells = plain[:-1].replace(b"\n", cut).split(cut)
        columns = [cells[place::count] for place in places]
        if has_inner:
            back = bytes.maketrans(_STAND_INS, cut + b'\n\r"')
            yield Chunk([b"\0".join(column).translate(back).split(b"\0") for column in columns])
        else:
            yield Chunk(columns, frozenset(plain.translate(None, _LETTERS)))
        line += piece.count(b"\n")


def _unquoted(piece: bytes, cut: bytes) -> tuple[bytes, bool] | None:
    """The same lines without quotes, and whether stand-ins are in them for what only a quoted cell can hold.

    Those are the separator, line ends, and doubled quotes. None where it is not as simple: a quote within a cell that is not
    quoted, a quote at the edge of a quoted cell, a cell that the end of the piece cuts, or a stand-in that is there already.
    """
    if piece.translate(None, _STAND_INS) != piece or b'"""' in piece:
        return None
    parts = piece.replace(b'""', _STAND_INS[3:]).split(b'"')
    outside, inside = b'"'.join(parts[::2]), b'"'.join(parts[1::2])
    # One mark for each quoted cell, also for each empty one: it must be all that stands between two separators.
    marks = outside.replace(_STAND_INS[3:], b'"')
    count = marks.count(b'"')
    begun = marks.startswith(b'"') + marks.count(cut + b'"') + marks.count(b'\n"')
    ended = marks.count(b'"' + cut) + marks.count(b'"\n') + marks.count(b'"\r\n')
    if len(parts) % 2 == 0 or begun != count or ended != count:
        return None
    parts[::2] = outside.replace(_STAND_INS[3:], b"").split(b'"')
    kept = inside.translate(bytes.maketrans(cut + b"\n\r", _STAND_INS[:3]))
    if len(parts) > 1:
        parts[1::2] = kept.split(b'"')
    return b"".join(parts), kept != inside or _STAND_INS[3:] in kept


def _read_csv(file: IO[bytes], separator: str, head: Head, places: Sequence[int], line: int) -> Iterator[Chunk]:
    """The same from here to the end, whatever the quotes; `line` lines are before it."""
    count = len(head.columns)
    csv.field_size_limit(_MOST_OF_A_CELL)
    with _text(file) as text:
        reader = csv.reader(text, delimiter=separator, strict=True)
        while rows := _rows(reader, file, line):
            if set(map(len, rows)) != {count}:
                raise _ragged(file, separator, count)
            columns = list(zip(*rows, strict=True))
            joined = ["\0".join(columns[place]).encode() for place in places]
            if any(column.count(0) != len(rows) - 1 for column in joined):
                raise RowsError(f"line {line + reader.line_num} or one before it has a NUL, which no cell can have")
            yield Chunk([column.split(b"\0") for column in joined])


def _rows(reader: Reader, file: IO[bytes], line: int) -> list[list[str]]:
    """Some thousand rows, none at the end; empty lines are no rows."""
    try:
        return list(islice(filter(None, reader), _ROWS))
    except csv.Error as error:
        raise RowsError(f"line {line + reader.line_num}: {error}") from None
    except UnicodeDecodeError:
        file.seek(0)
        raise _not_utf_8(file) from None


def _ragged(file: IO[bytes], separator: str, count: int) -> RowsError:
    """Name the first row with too few or too many cells; the whole file is read again for it."""
    file.seek(0)
    with _text(file) as text:
        reader = csv.reader(text, delimiter=separator, strict=True)
        row = next(row for row in reader if row and len(row) != count)
        cells = f"{len(row)} cell{'s' if len(row) != 1 else ''}"
        names = f"{count} column{'s' if count != 1 else ''}"
        return RowsError(f"line {reader.line_num} has {cells}, and the first line names {names}")


@contextmanager
def _text(file: IO[bytes]) -> Iterator[IO[str]]:
    """A file as text from where it stands; it stays open."""
    text = io.TextIOWrapper(file, "utf-8" if file.tell() else "utf-8-sig", newline="")
    try:
        yield text
    finally:
        text.detach()


# ------------------------------------------------------------------------------------------------------- lines, JSON Lines


def _lines(file: IO[bytes]) -> Iterator[list[bytes]]:
    line = 0
    for _, piece in _pieces(file):
        _check(piece, line)
        line += piece.count(b"\n")
        plain = piece.replace(b"\r\n", b"\n") if b"\r" in piece else piece
        cells = plain[:-1].split(b"\n")
        yield [cell for cell in cells if cell] if b"" in cells else cells


def _names_of_json(file: IO[bytes]) -> tuple[str, ...]:
    first = next((value for number, line in enumerate(file, 1) if (value := _parsed(line, number)) is not _NOTHING), None)
    return column_names(first)


def _json_lines(file: IO[bytes]) -> Iterator[tuple[list[Any], Callable[[int], str]]]:
    """The values of some thousand lines, and a function that says where one of them stands."""
    before = 0
    for _, piece in _pieces(file):
        lines = piece[:-1].split(b"\n")
        values = _all_parsed(piece, lines)
        if values is None:
            values = [
                value for number, line in enumerate(lines, before + 1) if (value := _parsed(line, number)) is not _NOTHING
            ]
        yield values, partial(_line_in, lines, before)
        before += len(lines)


def _all_parsed(piece: bytes, lines: list[bytes]) -> list[Any] | None:
    """All values at once; None where a line is empty or no JSON, or has a number that orjson would round."""
    try:
        return None if _MANY_DIGITS.search(piece) else list(map(orjson.loads, lines))
    except ValueError:
        return None


def _parsed(line: bytes, number: int) -> Any:  # noqa: ANN401 - any JSON value
    """The value of one line, `_NOTHING` of an empty one. Raises RowsError."""
    if not line.strip():
        return _NOTHING
    try:
        value = orjson.loads(line)
    except ValueError as error:
        raise RowsError(f"line {number} is not JSON: {str(error).partition(':')[0]}") from None
    return json.loads(line) if _MANY_DIGITS.search(line) else value


def _line_in(lines: list[bytes], before: int, index: int) -> str:
    numbers = (number for number, line in enumerate(lines, before + 1) if line.strip())
    return f"line {next(islice(numbers, index, None))}"


def _json_cells(values: list[Any], where: Callable[[int], str], name: str | None, *, is_json: bool) -> list[bytes]:
    """One column of some values, as JSON or as texts."""
    try:
        column = values if name is None else [row[name] for row in values]
    except (KeyError, TypeError, IndexError):
        index = next(index for index, row in enumerate(values) if not isinstance(row, dict) or name not in row)
        raise RowsError(f"{where(index)} has no {name!r}, which the first row has") from None
    if is_json:
        return list(map(json_bytes, column))
    cells = [value.encode() if type(value) is str else json_bytes(value) for value in column]
    if b"\0" in b"".join(cells):
        index = next(index for index, cell in enumerate(cells) if b"\0" in cell)
        raise RowsError(f"{where(index)} has a NUL, which no cell can have")
    return cells


def json_bytes(value: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """A JSON value as it is sent: compact, as UTF-8."""
    try:
        return orjson.dumps(value)
    except TypeError:  # an integer beyond 64 bits, or half of a surrogate pair
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


# ------------------------------------------------------------------------------------------------------------ pieces, UTF-8


def _pieces(file: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """Whole lines of a few hundred kilobytes together, each with where it begins; the last one ends with a line end too."""
    offset, rest = file.tell(), b""
    while True:
        read = file.read(_PIECE_BYTES)
        data = rest + read
        end = data.rfind(b"\n") + 1 if read else len(data)
        piece, rest = data[:end], data[end:]
        if piece:
            yield offset, piece if piece.endswith(b"\n") else piece + b"\n"
            offset += len(piece)
        if not read:
            return


def _check(piece: bytes, line: int) -> None:
    """Find out that a piece is text. Raises RowsError with the line; `line` lines are before it."""
    if b"\0" in piece:
        before = piece.count(b"\n", 0, piece.index(0))
        raise RowsError(f"line {line + before + 1} has a NUL, which no cell can have")
    if not piece.isascii():
        try:
            piece.decode()
        except UnicodeDecodeError as error:
            before = piece.count(b"\n", 0, error.start)
            raise RowsError(f"line {line + before + 1} is not UTF-8") from None


def _decoded(line: bytes, number: int) -> str:
    _check(line, number - 1)
    return line.decode()


def _not_utf_8(file: IO[bytes]) -> RowsError:
    """Name the first line that is not UTF-8."""
    for number, line in enumerate(file, 1):
        try:
            line.decode()
        except UnicodeDecodeError:
            return RowsError(f"line {number} is not UTF-8")
    raise AssertionError("a file that is not UTF-8 has a line that is not")
