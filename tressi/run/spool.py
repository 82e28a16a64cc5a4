"""Measurements that a run no longer needs in memory: records appended to a temporary file without a name.

A run of hours must not grow in memory, so each second's row and histogram deltas go here. The file has no name from the
start: it vanishes with its last user, whatever ends the process.
"""

from __future__ import annotations

import struct
import tempfile
import weakref
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from io import FileIO

KEPT_BYTES: Final = 1 << 20
_LENGTH: Final = struct.Struct("<Q")


class Spool:
    """A sequence of byte strings, appended one by one, read from the first as often as wanted.

    The first `kept_bytes` stay in memory, so that a short run needs no disk; what is more goes there with them.
    """

    def __init__(self, kept_bytes: int = KEPT_BYTES) -> None:
        self._kept_bytes = kept_bytes
        self._kept: list[bytes] = []
        self._file: FileIO | None = None
        self._bytes = 0
        self._count = 0
        self.close: Callable[[], object] = self._kept.clear

    def __len__(self) -> int:
        return self._count

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return self._bytes

    def append(self, record: bytes) -> None:
        """Add one record. Raises OSError where the disk is full or there is none, and leaves the records before it readable."""
        if self._file is None and self._bytes + len(record) <= self._kept_bytes:
            self._kept.append(record)
            self._bytes += len(record)
        else:
            if self._file is None:
                self._spill()
            self._write(record)
        self._count += 1

    def __iter__(self) -> Iterator[bytes]:
        if self._file is None:
            yield from self._kept
            return
        position = 0
        while position < self._bytes:
            self._file.seek(position)
            (length,) = _LENGTH.unpack(self._file.read(_LENGTH.size))
            record = self._file.read(length)
            position += _LENGTH.size + length
            yield record

    def _spill(self) -> None:
        """Move what is in memory to disk, all of it or nothing."""
        file = tempfile.TemporaryFile(prefix="tressi-", buffering=0)  # noqa: SIM115 - lives as long as the spool
        try:
            written = _write_all(file, b"".join(_LENGTH.pack(len(record)) + record for record in self._kept))
        except OSError:
            file.close()
            raise
        self._file, self._bytes = file, written
        self._kept.clear()
        self.close = weakref.finalize(self, file.close)

    def _write(self, record: bytes) -> None:
        file = cast("FileIO", self._file)
        file.seek(self._bytes)
        self._bytes += _write_all(file, _LENGTH.pack(len(record)) + record)


def _write_all(file: FileIO, data: bytes) -> int:
    """Write all of it: a file without a buffer may take a part, as on a disk that is filling up."""
    written = 0
    while written < len(data):
        written += file.write(data[written:])
    return len(data)
