"""What a body says, whatever its Content-Encoding (RFC 9110 8.4): decoded as it comes, searched, its beginning kept.

Memory is bounded whatever a server sends: a few KiB of compressed data may stand for gigabytes, so data are decoded in
pieces of 64 KiB that are searched and forgotten, and decoding ends at 64 MiB. It also ends once the text is found and the
beginning is kept.
No sockets here.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final, Protocol

from tressi.load.decoding import DECODED_BYTES, PIECE_BYTES, CodingError
from tressi.text import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

KEPT_BYTES: Final = 4096  # a little more than a sample has room for, so that it knows of being cut
JUDGED_BYTES: Final = 1024 * 1024  # of a body that is judged as a whole, as in wire/check.pxd

_CODINGS = 8  # one after another; more are an attack and no body
_SHOWN_CHARACTERS = 24  # of a coding's name in a reason
_GZIP = 16 + zlib.MAX_WBITS
_DEFLATE_HEADER_BYTES = 2


class _Decoder(Protocol):
    def pieces(self, data: bytes) -> Iterator[bytes]:
        """What `data` add to the decoded body, in bounded pieces. Raises CodingError."""

    def end(self) -> None:
        """The body is over. Raises CodingError where it is not whole."""


class _Inflater:
    """Decodes gzip, of one member or of several, and deflate."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._waiting = b""
        self._inflate = zlib.decompressobj(_GZIP) if name == "gzip" else None
        self._left = DECODED_BYTES
        self._fed = False
        self._begun = False  # the member being read, by its first byte of output
        self._members = 0
        self._over = False

    def pieces(self, data: bytes) -> Iterator[bytes]:
        data = self._waiting + data
        self._fed = self._fed or bool(data)
        if self._inflate is None:
            if len(data) < _DEFLATE_HEADER_BYTES:
                self._waiting = data
                return
            self._inflate = zlib.decompressobj(_window_of(data))
        self._waiting = b""
        piece = b""
        # A full piece may have left output behind although all of the input is used.
        while not self._over and (data or len(piece) == PIECE_BYTES):
            piece, data = self._decode(data)
            if piece:
                yield piece

    def end(self) -> None:
        # A body of no bytes has no coding that could be broken, and after a whole member another need not begin.
        is_whole = self._over or not self._fed or (self._members > 0 and not self._begun)
        if not is_whole:
            raise CodingError(f"its {self._name} data are cut short")

    def _decode(self, data: bytes) -> tuple[bytes, bytes]:
        """One piece, and what is left of the input."""
        inflate = self._inflate
        if inflate is None:
            raise CodingError("it has not begun")
        try:
            piece = inflate.decompress(data, PIECE_BYTES)
        except zlib.error:
            if self._members and not self._begun:
                # What follows on a whole member and is none is passed over, as other clients do.
                self._over = True
                return b"", b""
            raise CodingError(f"its data are no {self._name}") from None
        self._begun = self._begun or bool(piece)
        self._left -= len(piece)
        if self._left < 0:
            raise CodingError(f"it decodes to more than {DECODED_BYTES >> 20} MiB")
        if not inflate.eof:
            return piece, inflate.unconsumed_tail
        return piece, self._next_member(inflate.unused_data)

    def _next_member(self, data: bytes) -> bytes:
        """A member is whole: gzip may have another (RFC 1952 2.2)."""
        self._members += 1
        self._begun = False
        self._over = self._name != "gzip"
        self._inflate = zlib.decompressobj(_GZIP)
        return b"" if self._over else data


def _window_of(data: bytes) -> int:
    """How deflate begins: with zlib's header, as RFC 9110 8.4.1.2 has it, or without, as some servers do (RFC 1950 2.2)."""
    has_header = data[0] & 0x0F == zlib.DEFLATED and (256 * data[0] + data[1]) % 31 == 0
    return zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS


_NAMES = {"gzip": "gzip", "x-gzip": "gzip", "deflate": "deflate", "br": "br", "zstd": "zstd"}


def decoders_of(values: Sequence[str]) -> list[_Decoder]:
    """Decoders in the order in which they are used, for the values of all Content-Encoding fields. Raises CodingError."""
    names = [name.strip().lower() for value in values for name in value.split(",")]
    codings = [name for name in names if name not in {"", "identity"}]
    if len(codings) > _CODINGS:
        raise CodingError(f"it has more than {_CODINGS} codings")
    for name in codings:
        if name not in _NAMES:
            raise CodingError(f"its coding '{plain(name[:_SHOWN_CHARACTERS])}' is not known")
    # The list is in the order in which they were applied.
    return [_decoder_of(_NAMES[name]) for name in reversed(codings)]


def _decoder_of(coding: str) -> _Decoder:
    """Raises CodingError where its library is not installed."""
    if coding in {"gzip", "deflate"}:
        return _Inflater(coding)
    from tressi.load.newer_coding import Brotli, Zstd  # noqa: PLC0415 - see there; few bodies need one

    return Brotli() if coding == "br" else Zstd()


def decoded(data: bytes, codings: str, most: int) -> bytes:
    """A whole body without its codings. Raises CodingError, also where it would be more than `most` bytes."""
    pieces: list[bytes] = [data]
    for decoder in decoders_of([codings]):
        found: list[bytes] = []
        left = most
        for piece in (part for whole in pieces for part in decoder.pieces(whole)):
            found.append(piece)
            left -= len(piece)
            if left < 0:
                raise CodingError(f"it decodes to more than {most >> 20} MiB")
        decoder.end()
        pieces = found
    return b"".join(pieces)


class Body:
    """One body as it comes: its beginning, and whether `needle` is in it (None: nothing is looked for).

    `pause` is called between two pieces that were decoded, so that the reader can let other greenlets run.
    """

    def __init__(self, needle: bytes | None, codings: Sequence[str], pause: Callable[[], None]) -> None:
        self.beginning = b""
        self.found = needle is None
        self.reason: str | None = None
        self._needle = needle
        self._seam = b""
        self._pause = pause
        self._pieces: list[bytes] | None = None  # decoded, for somebody else who reads them
        self._is_packed = False  # what is kept is not decoded
        self._decoders: list[_Decoder] = []
        try:
            self._decoders = decoders_of(codings)
        except CodingError as failure:
            self._fail(failure)

    def hand_over(self) -> None:
        """Keep what is decoded from now on, for `taken`: all of it is read."""
        self._pieces = []

    def taken(self) -> list[bytes]:
        """What was decoded since the last time."""
        pieces, self._pieces = self._pieces or [], []
        return pieces

    def feed(self, data: bytes) -> None:
        """So much more of it came."""
        try:
            for piece in self._decoded(data, 0) if self.reason is None else ():
                self._look_at(piece)
        except CodingError as failure:
            self._fail(failure)
        if self._is_packed:
            self._keep(data)

    def end(self) -> None:
        """It is over: what is cut short has not been looked at whole."""
        try:
            for decoder in self._decoders if self.reason is None and not self._is_satisfied() else ():
                decoder.end()
        except CodingError as failure:
            self._fail(failure)

    def _decoded(self, data: bytes, depth: int) -> Iterator[bytes]:
        if self._is_satisfied():
            return
        if depth == len(self._decoders):
            yield data
            return
        for piece in self._decoders[depth].pieces(data):
            yield from self._decoded(piece, depth + 1)
            self._pause()

    def _look_at(self, piece: bytes) -> None:
        self._keep(piece)
        if self._pieces is not None:
            self._pieces.append(piece)
        if self._needle is not None and not self.found:
            searched = self._seam + piece
            self.found = self._needle in searched
            self._seam = searched[max(0, len(searched) - len(self._needle) + 1) :]

    def _keep(self, piece: bytes) -> None:
        self.beginning += piece[: KEPT_BYTES - len(self.beginning)]

    def _is_satisfied(self) -> bool:
        return self.found and self._pieces is None and len(self.beginning) == KEPT_BYTES

    def _fail(self, failure: CodingError) -> None:
        self.reason = f"the body cannot be searched: {failure}"
        # What cannot be decoded at all is kept as it is, which is the best that a sample can have.
        self._is_packed = not self.beginning
