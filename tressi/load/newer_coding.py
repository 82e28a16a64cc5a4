"""The codings br (RFC 7932) and zstd (RFC 8878), decoded in bounded pieces by libraries that are extras."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from tressi.load.decoding import DECODED_BYTES, PIECE_BYTES, CodingError

if TYPE_CHECKING:
    from collections.abc import Iterator

WINDOW_LOG: Final = 23  # RFC 9659: a decoder of the content coding needs no more than 8 MiB


class _Counted:
    """What both have in common: how much came out, and whether anything went in."""

    name: str

    def __init__(self) -> None:
        self._fed = False
        self._left = DECODED_BYTES

    def _counted(self, piece: bytes) -> bytes:
        self._left -= len(piece)
        if self._left < 0:
            raise CodingError(f"it decodes to more than {DECODED_BYTES >> 20} MiB")
        return piece

    def end(self) -> None:
        """The body is over; one of no bytes has no coding that could be broken. Raises CodingError."""
        if self._fed and not self._is_whole():
            raise CodingError(f"its {self.name} data are cut short")

    def _is_whole(self) -> bool:
        raise NotImplementedError


class Brotli(_Counted):
    """Decodes br."""

    name = "br"

    def __init__(self) -> None:
        super().__init__()
        self._library = _library("brotli", "brotli")
        self._decoder = self._library.Decompressor()

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """What `data` add to the body. Raises CodingError."""
        self._fed = self._fed or bool(data)
        if data and self._decoder.is_finished():
            raise CodingError("its data are no br")
        while not self._decoder.is_finished():
            try:
                piece = self._decoder.process(data, output_buffer_limit=PIECE_BYTES)
            except self._library.error:
                raise CodingError("its data are no br") from None
            data = b""
            if piece:
                yield self._counted(piece)
            if self._decoder.can_accept_more_data():
                return

    def _is_whole(self) -> bool:
        return bool(self._decoder.is_finished())


class Zstd(_Counted):
    """Decodes zstd, of one frame or of several."""

    name = "zstd"

    def __init__(self) -> None:
        super().__init__()
        self._library = _library("compression.zstd", "backports.zstd")
        self._decoder = self._new()
        self._begun = False  # the frame being read
        self._frames = 0

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """What `data` add to the body. Raises CodingError."""
        self._fed = self._fed or bool(data)
        while data or not self._decoder.needs_input:
            self._begun = True
            try:
                piece = self._decoder.decompress(data, PIECE_BYTES)
            except self._library.ZstdError:
                raise CodingError("its data are no zstd") from None
            data = b""
            if piece:
                yield self._counted(piece)
            if self._decoder.eof:
                data = self._decoder.unused_data
                self._decoder, self._begun = self._new(), False
                self._frames += 1

    def _is_whole(self) -> bool:
        return self._frames > 0 and not self._begun

    def _new(self) -> Any:  # noqa: ANN401 - the library has no types
        options = {self._library.DecompressionParameter.window_log_max: WINDOW_LOG}
        return self._library.ZstdDecompressor(options=options)


def _library(*names: str) -> Any:  # noqa: ANN401 - a module
    """The first of the modules that is here. Raises CodingError where none is."""
    for name in names:
        try:
            return import_module(name)
        except ImportError:
            continue
    raise CodingError(f"the library {names[-1]} is not installed (see the extra tressi[checks])")
