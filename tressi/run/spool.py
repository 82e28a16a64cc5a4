"""What a run has measured and no longer needs at hand: records appended to a temporary file without a name.

A run of hours must not grow in memory, so each second's row and histogram deltas go here. The file has no name from the
start: it vanishes with its last user, whatever ends the process.
"""

from __future__ import annotations

import struct
import tempfile
import weakref
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_LENGTH: Final = struct.Struct("<Q")


class Spool:
    """A sequence of byte strings that lives on disk: appended one by one, read from the first as often as wanted."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="tressi-", buffering=0)  # noqa: SIM115 - lives as long as the spool
        self._bytes = 0
        self.close = weakref.finalize(self, self._file.close)

    def append(self, record: bytes) -> None:
        """Add one record. Raises OSError where the disk is full, and leaves the records before it readable."""
        self._file.seek(self._bytes)
        framed = _LENGTH.pack(len(record)) + record
        written = 0
        while written < len(framed):
            written += self._file.write(framed[written:]) or 0
        self._bytes += len(framed)

    def __iter__(self) -> Iterator[bytes]:
        position = 0
        while position < self._bytes:
            self._file.seek(position)
            (length,) = _LENGTH.unpack(self._file.read(_LENGTH.size))
            record = self._file.read(length)
            position += _LENGTH.size + length
            yield record
