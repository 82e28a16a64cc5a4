"""The block of memory with the tables of a run: loaded once, mapped by every engine, however many processes they are in."""

from __future__ import annotations

import mmap
import os
import tempfile
from typing import IO, TYPE_CHECKING

from tressi.frozen import dataclass
from tressi.load.planned import PlannedReplay
from tressi.request.tables import load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tressi.model.replay import Replay
    from tressi.request.parts import Source
    from tressi.request.tables import Use


class Block:
    """Memory that several processes can map, by a descriptor; it goes with the last of them."""

    def __init__(self, fd: int) -> None:
        """Map what is behind the descriptor, which is this object's from now on. Raises OSError."""
        self.fd = fd
        self.size = os.fstat(fd).st_size
        self._map = mmap.mmap(fd, self.size, access=mmap.ACCESS_READ) if self.size else None

    @property
    def memory(self) -> memoryview:
        """All of it, to be read."""
        return memoryview(b"" if self._map is None else self._map)

    def __del__(self) -> None:
        # The mapping stays as long as somebody reads it.
        os.close(self.fd)


@dataclass(frozen=True, slots=True)
class Tables:
    """The sources of a run, by the numbers that the holes of its requests have, and the block that their tables are in.

    So is the log that the run replays, if it does.
    """

    sources: tuple[Source, ...] = ()
    block: Block | None = None
    replay: PlannedReplay | None = None


def load_tables(uses: Sequence[Use], replay: Replay | None = None) -> Tables:
    """Load the tables of all sources, and a log. Raises ConfigError for one that cannot be used, with file, line and rule."""
    if not uses and replay is None:
        return Tables()
    with os.fdopen(memory_file("tressi-tables"), "w+b") as file:
        sources = load(uses, file)
        planned = None if replay is None else _written(replay, file)
        file.flush()
        return Tables(sources, Block(os.dup(file.fileno())), planned)


def _written(replay: Replay, file: IO[bytes]) -> PlannedReplay:
    """Write a log behind what the file holds."""
    offset = -(-file.seek(0, os.SEEK_END) // 8) * 8
    file.seek(offset)
    file.write(memoryview(replay.times_ns))
    file.write(memoryview(replay.numbers))
    return PlannedReplay(offset, len(replay.times_ns), replay.period_ns, replay.firsts)


def memory_file(name: str) -> int:
    """A descriptor of memory that other processes can map; `name` is for people who look for it."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create(name, os.MFD_CLOEXEC)
    fd, path = tempfile.mkstemp(prefix=f"{name}-")
    os.unlink(path)  # noqa: PTH108 - it has a descriptor, and needs no name any more
    return fd
