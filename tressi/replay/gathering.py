"""The entries of a log gathered, line by line: what is to be sent again, what is left out, what could not be read. Pure.

An entry is kept as three numbers, 20 bytes, and each request that differs from all others once; so a log of ten million lines
is gathered in 200 MB and what its paths need.
"""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from tressi.replay.entries import LineError
from tressi.request.route import path_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tressi.replay.entries import Entry

SHOWN: Final = 5  # unreadable lines, with their reasons
_MOST_SHOWN_CHARACTERS: Final = 120

Request = tuple[str, str, str]  # method, origin, target


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A line that says nothing that can be sent: its number from 1, why, and how it begins."""

    number: int
    reason: str
    line: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries of a log are to be sent again. `paths` are patterns of the shell, one of which must match the path.

    `keeps_servers`: requests to different servers are different ones; else all go to one.
    """

    methods: frozenset[str] = frozenset({"GET", "HEAD"})
    paths: tuple[str, ...] = ()
    keeps_servers: bool = False


@dataclass(slots=True)
class Gathered:
    """What was found in a log. `times_ns` since 1970, `delays_ns` and `numbers` (of `requests`) have one value an entry."""

    times_ns: array[int] = field(default_factory=lambda: array("q"))
    delays_ns: array[int] = field(default_factory=lambda: array("q"))
    numbers: array[int] = field(default_factory=lambda: array("i"))
    requests: dict[Request, int] = field(default_factory=dict)
    are_whole: bool = True  # every stamp has a resolution of a second
    lines: int = 0
    left_out: Counter[str] = field(default_factory=Counter)  # entries, by their methods
    elsewhere: int = 0  # entries of other paths
    unreadable: int = 0
    first_unreadable: list[Unreadable] = field(default_factory=list)

    def add(self, entry: Entry, wanted: Wanted) -> None:
        """Take an entry if it is wanted."""
        if entry.method not in wanted.methods:
            self.left_out[entry.method] += 1
            return
        if wanted.paths and not any(fnmatchcase(path_of(entry.target), one) for one in wanted.paths):
            self.elsewhere += 1
            return
        self.times_ns.append(entry.time_ns)
        self.delays_ns.append(entry.delay_ns)
        origin = entry.origin if wanted.keeps_servers else ""
        self.numbers.append(self.requests.setdefault((entry.method, origin, entry.target), len(self.requests)))
        self.are_whole = self.are_whole and entry.is_whole

    def refuse(self, number: int, reason: str, line: str) -> None:
        """Note a line that could not be read."""
        self.unreadable += 1
        if len(self.first_unreadable) < SHOWN:
            self.first_unreadable.append(Unreadable(number, reason, line[:_MOST_SHOWN_CHARACTERS]))


def gather(lines: Iterable[str], read: Callable[[str], Entry], wanted: Wanted) -> Gathered:
    """Read every line; empty ones are none."""
    found = Gathered()
    add, number = found.add, 0
    for number, raw in enumerate(lines, 1):
        line = raw.rstrip("\r\n")
        if not line:
            continue
        try:
            entry = read(line)
        except LineError as error:
            found.refuse(number, str(error), line)
        else:
            add(entry, wanted)
    found.lines = number
    return found


def gather_rows(rows: Sequence[object], read: Callable[[object], Entry], wanted: Wanted) -> Gathered:
    """The same of rows that stand in one document; they are counted from 1 as lines are."""
    found = Gathered(lines=len(rows))
    for number, row in enumerate(rows, 1):
        try:
            entry = read(row)
        except LineError as error:
            found.refuse(number, str(error), "")
        else:
            found.add(entry, wanted)
    return found
