"""How many attempts may still begin in a run, counted in memory that all of its engines take from.

Engines have different numbers of workers, and a pool's workers change while the run lasts. If each had a part of the attempts,
one would be through while another had most of its part left: the rate would fall, and an engine without workers would never
make its part. So they take one attempt after the other from one count, and the last one ends it for all.

The engines of several machines cannot share memory. Those of each have a count that is granted to them bit by bit
(`is_open`): while more may come, a count of 0 ends nothing, and a start that finds it is nobody's.
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
    """The count of the whole run, then one for each endpoint, in memory that several processes map by a descriptor.

    Behind them are as many numbers that say whether more of each may come.
    """

    def __init__(self, fd: int) -> None:
        """Map what is behind the descriptor, which is this object's from now on. Raises OSError."""
        self.fd = fd
        self._map = mmap.mmap(fd, os.fstat(fd).st_size)

    @classmethod
    def of(cls, run: int | None, endpoints: Sequence[int | None], *, is_open: bool = False) -> Allowance:
        """A new one; None is no limit. `is_open`: more of each may come (`change`). Raises OSError."""
        counts = [_NO_LIMIT if count is None else count for count in (run, *endpoints)]
        more = [int(is_open)] * len(counts)
        fd = memory_file("tressi-allowance")
        os.pwrite(fd, b"".join(map(_NUMBER.pack, (*counts, *more))), 0)
        return cls(fd)

    def change(self, place: int, by: int) -> int:
        """Let so many more attempts begin by a count, or fewer, as far as they are left; returns by how many it changed."""
        from tressi._planned import allowance_change  # noqa: PLC0415 - some systems lack it

        return allowance_change(self.counts, place, by)

    def close(self, place: int) -> None:
        """No more will come to that count: the engines are through once it is used up."""
        from tressi._planned import allowance_finish  # noqa: PLC0415 - some systems lack it

        counts = self.counts
        allowance_finish(counts, len(counts) // 2 + place)

    @property
    def counts(self) -> memoryview:
        """The counts as 64-bit integers, to be taken from."""
        return memoryview(self._map).cast("q")

    def __del__(self) -> None:
        # The mapping stays as long as somebody takes from it.
        os.close(self.fd)
