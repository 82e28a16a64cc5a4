"""How many attempts may still begin in a run, counted in memory that all of its engines take from.

Engines have different numbers of workers, and a pool's workers change while the run lasts. If each had a part of the attempts,
one would be through while another had most of its part left: the rate would fall, and an engine without workers would never
make its part. So they take one attempt after the other from one count, and the last one ends it for all.
"""

from __future__ import annotations

import mmap
import os
from struct import Struct
from typing import TYPE_CHECKING, Final

from tressi.load.tables import memory_file

if TYPE_CHECKING:
    from collections.abc import Sequence

_NUMBER: Final = Struct("q")
_NO_LIMIT: Final = -1


class Allowance:
    """The count of the whole run, then one for each endpoint, in memory that several processes map by a descriptor."""

    def __init__(self, fd: int) -> None:
        """Map what is behind the descriptor, which is this object's from now on. Raises OSError."""
        self.fd = fd
        self._map = mmap.mmap(fd, os.fstat(fd).st_size)

    @classmethod
    def of(cls, run: int | None, endpoints: Sequence[int | None]) -> Allowance:
        """A new one; None is no limit. Raises OSError."""
        counts = [_NO_LIMIT if count is None else count for count in (run, *endpoints)]
        fd = memory_file("tressi-allowance")
        os.pwrite(fd, b"".join(map(_NUMBER.pack, counts)), 0)
        return cls(fd)

    @property
    def counts(self) -> memoryview:
        """The counts as 64-bit integers, to be taken from."""
        return memoryview(self._map).cast("q")

    def __del__(self) -> None:
        # The mapping stays as long as somebody takes from it.
        os.close(self.fd)
