"""What the soak looks at while it lasts: memory and descriptors of the processes each second, the servers' count oftener."""

from __future__ import annotations

import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.measure import anonymous_kib, engines, resident_kib

if TYPE_CHECKING:
    from collections.abc import Callable

LOOK_S: Final = 0.02
MEMORY_S: Final = 1.0
KEPT: Final = 5000  # counts, the last 100 s of them
SPOOLS: Final = 4  # that a run has at most
OWN_SOCKETS: Final = 16  # of engines: what they are told by, and what keeps the kernel's stamps switched on


@dataclass(frozen=True)
class Memory:
    """The processes at one moment; those of engines are summed.

    Spools are the files without a name in which the command keeps what has no room in memory: some of its descriptors.
    """

    at_s: float
    command_kib: int
    command_anonymous_kib: int
    command_descriptors: int
    command_spools: int
    engine_kib: int
    engine_anonymous_kib: int
    engine_descriptors: int
    engine_sockets: int

    @property
    def command_others(self) -> int:
        """Descriptors of the command that are no spools."""
        return self.command_descriptors - self.command_spools

    @property
    def engine_others(self) -> int:
        """Descriptors of the engines that are no sockets."""
        return self.engine_descriptors - self.engine_sockets


class Watch:
    """Looks on in a thread of its own until `close`; `count` is what the servers have answered up to now."""

    def __init__(self, command: int, count: Callable[[], int]) -> None:
        self.memory: list[Memory] = []
        self._command = command
        self._count = count
        self._counts: deque[tuple[float, int, float]] = deque(maxlen=KEPT)  # the count, and when it was begun and done
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._closed.set()
        self._thread.join()

    def latest(self) -> Memory:
        """The last look at the processes."""
        return self.memory[-1]

    def answered_at(self, unix_s: float) -> tuple[int, int]:
        """What the servers had answered by the last look before a moment, and by the first after it."""
        counts = list(self._counts)
        fewest = max((count for _, count, done in counts if done <= unix_s), default=0)
        return fewest, min((count for begun, count, _ in counts if begun >= unix_s), default=self._count())

    def broken_descriptors(self, first_s: float, lanes: int) -> list[str]:
        """Which descriptors are left open: see the rules in `soak.py`. `first_s`: what counts as the beginning."""
        begun = self.memory[0].at_s
        first = [one for one in self.memory if one.at_s <= begun + first_s]
        last, most = self.memory[-1], max(one.command_others for one in first)
        found = []
        if last.command_others > most or last.command_spools > SPOOLS:
            found.append(f"the command has {last.command_others} descriptors and {last.command_spools} spools, at first {most}")
        others = max(one.engine_others for one in first)
        if last.engine_others > others:
            found.append(f"the engines have {last.engine_others} descriptors besides sockets, at first {others}")
        if last.engine_sockets > lanes + OWN_SOCKETS:
            found.append(f"the engines have {last.engine_sockets} sockets open for {lanes} lanes")
        return found

    def _look(self) -> None:
        next_s = 0.0
        while not self._closed.wait(LOOK_S):
            self._counts.append((time.time(), self._count(), time.time()))
            if time.monotonic() >= next_s:
                next_s = time.monotonic() + MEMORY_S
                # A process that ends meanwhile has no files there.
                with suppress(OSError, StopIteration):
                    self.memory.extend(_memory(self._command))


def _memory(command: int) -> list[Memory]:
    """The processes now; nothing before the engines are there, or once they are gone."""
    children = engines(command)
    if not children:
        return []
    own, links = _links(command), [kind for one in children for kind in _links(one)]
    sockets = sum(kind.startswith("socket:") for kind in links)
    return [
        Memory(
            at_s=time.monotonic(),
            command_kib=resident_kib(command),
            command_anonymous_kib=anonymous_kib(command),
            command_descriptors=len(own),
            command_spools=sum(kind.endswith(" (deleted)") and not kind.startswith("/memfd:") for kind in own),
            engine_kib=sum(map(resident_kib, children)),
            engine_anonymous_kib=sum(map(anonymous_kib, children)),
            engine_descriptors=len(links),
            engine_sockets=sockets,
        )
    ]


def _links(process: int) -> list[str]:
    """What a process has open."""
    found = []
    for entry in Path(f"/proc/{process}/fd").iterdir():
        with suppress(FileNotFoundError):
            found.append(str(entry.readlink()))
    return found
