"""Cells as they are written where they stand: percent-encoded, escaped for JSON, checked for a header field, or as they are.

Thousands of cells are encoded at once. They are joined with a NUL, which no cell has; what remains when every byte is
deleted that stays as it is says which bytes there are to replace, and mostly there are none.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tressi.model.data import Context

_LETTERS: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
# RFC 3986: the unreserved characters, and what `config.url` leaves alone in a URL that is written out.
_UNRESERVED: Final = _LETTERS + b"-._~"
_OF_A_URL: Final = _UNRESERVED + b"!$&'()*+,;=:@/?%[]"
_PRINTABLE: Final = bytes(range(0x20, 0x7F))
_OF_JSON: Final = bytes(byte for byte in range(0x20, 0x100) if byte not in b'"\\')
_NONE: Final = frozenset[int]()
_KEPT: Final = {name: frozenset(kept) for name, kept in (("percent", _UNRESERVED), ("url", _OF_A_URL), ("json", _OF_JSON))}
_SHORT_ESCAPES: Final = {0x08: b"\\b", 0x09: b"\\t", 0x0A: b"\\n", 0x0C: b"\\f", 0x0D: b"\\r", 0x22: b'\\"', 0x5C: b"\\\\"}
_ODD: Final = re.compile("[^\t\x20-\x7e\x80-\xff]")
_FEW: Final = 12  # so many bytes are replaced one after the other; with more, looking each byte up is faster


class CellError(ValueError):
    """A cell that cannot stand where it is used: `number` is its place among those that were encoded."""

    def __init__(self, number: int, message: str) -> None:
        super().__init__(message)
        self.number = number


def encoded(cells: list[bytes], context: Context, *, is_json: bool = False, odd: frozenset[int] | None = None) -> list[bytes]:
    """Write cells, which are UTF-8 without NUL, as they stand in a context. Raises CellError.

    `is_json` says that they are JSON values already where `context` is "value"; other cells become JSON strings there. `odd`
    has all of their bytes that are no letter and no digit, where that is known.
    """
    if context == "raw" or (context == "value" and is_json) or (odd is not None and odd <= _KEPT.get(context, _NONE)):
        return cells
    return _ENCODERS[context](cells)


def _percent(cells: list[bytes]) -> list[bytes]:
    return _replaced(cells, _UNRESERVED, _PERCENT)


def _url(cells: list[bytes]) -> list[bytes]:
    return _replaced(cells, _OF_A_URL, _PERCENT)


def _json(cells: list[bytes]) -> list[bytes]:
    return _replaced(cells, _OF_JSON, _ESCAPES)


def _value(cells: list[bytes]) -> list[bytes]:
    # One pass for all of them: what stands between two cells closes one string and opens the next.
    return (b'"' + b'"\0"'.join(_json(cells)) + b'"').split(b"\0") if cells else []


def _header(cells: list[bytes]) -> list[bytes]:
    joined = b"\0".join(cells)
    if not joined.translate(None, _PRINTABLE + b"\t\0"):
        return cells
    try:
        checked = joined.decode().encode("latin-1")
    except UnicodeEncodeError:
        checked = b"\n"
    if not checked.translate(None, _PRINTABLE + b"\t\0" + bytes(range(0x80, 0x100))):
        return checked.split(b"\0")
    for number, cell in enumerate(cells):
        odd = _ODD.search(cell.decode())
        if odd is not None:
            what = "is a control character" if odd[0] <= "\x7f" else "is beyond Latin-1"
            raise CellError(number, f"has U+{ord(odd[0]):04X}, which {what}, and which no header can carry")
    raise AssertionError("a header that cannot be carried has a reason")


def _replaced(cells: list[bytes], kept: bytes, forms: Mapping[int, bytes]) -> list[bytes]:
    joined = b"\0".join(cells)
    others = set(joined.translate(None, kept + b"\0"))
    if not others:
        return cells
    if len(others) > _FEW:
        table = [bytes([byte]) if byte in kept or not byte else forms[byte] for byte in range(256)]
        return b"".join(map(table.__getitem__, joined)).split(b"\0")
    # First those that the forms of others have in them.
    for byte in sorted(others, key=lambda byte: byte not in b"%\\"):
        joined = joined.replace(bytes([byte]), forms[byte])
    return joined.split(b"\0")


_PERCENT: Final = {byte: f"%{byte:02X}".encode() for byte in range(256)}
_ESCAPES: Final = {byte: _SHORT_ESCAPES.get(byte, f"\\u{byte:04x}".encode()) for byte in range(256)}
_ENCODERS: Final[Mapping[str, Callable[[list[bytes]], list[bytes]]]] = {
    "percent": _percent,
    "url": _url,
    "json": _json,
    "value": _value,
    "header": _header,
}
