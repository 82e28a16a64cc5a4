"""A document of a largest size: which of its rows it has room for. Pure: sizes in, counts out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

# What says how many rows are left out is about as long.
_LEFT_OUT_BYTES = 150


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a document: text around rows that come in the order of their worth.

    `share` is the part of the whole document that it may have where others want their share too, and `most` how many rows it
    has at most, whatever room there is. `noun` names a row, and `elsewhere` a file that has all of them. Rows of a table follow
    one another, others (`apart`) have a blank line between.
    """

    head: str
    rows: Sequence[str] = ()
    foot: str = ""
    share: float = 0.0
    noun: str = "row"
    elsewhere: str = "summary.json"
    apart: bool = field(default=False, kw_only=True)
    most: int = field(default=1_000_000, kw_only=True)

    @property
    def wanted(self) -> int:
        """Its bytes with all the rows that it may have."""
        return self.size(min(len(self.rows), self.most))

    def shown(self, count: int) -> str:
        """The section with its first `count` rows, and how many are left out."""
        more = len(self.rows) - count
        said = f"{more} more {self.noun}{'s' * (more != 1)} in {self.elsewhere}."
        parts = ([self.head] if self.head else []) + list(self.rows[:count])
        table = ("\n\n" if self.apart else "\n").join(parts)
        return "\n\n".join(filter(None, (table, self.foot, said if more else "")))

    def size(self, count: int) -> int:
        """Its bytes with so many rows, blank line included."""
        rows = sum(map(self._row_bytes, self.rows[:count]))
        return _bytes(self.head) + _bytes(self.foot) + rows + _LEFT_OUT_BYTES * (count < len(self.rows)) + 4

    def fitting(self, room: int) -> int:
        """How many of its first rows fit into so many bytes."""
        if self.wanted <= room:
            return min(len(self.rows), self.most)
        left, count = room - self.size(0), 0
        while count < min(len(self.rows), self.most) and self._row_bytes(self.rows[count]) <= left:
            left -= self._row_bytes(self.rows[count])
            count += 1
        return count

    def _row_bytes(self, row: str) -> int:
        return _bytes(row) + 1 + self.apart


def fitted(sections: Sequence[Section], room: int) -> str:
    """The sections in their order, each with the rows that there is room for.

    Each first gets what it wants within its share; what nobody takes goes to the first that want more.
    """
    wanted = [section.wanted for section in sections]
    given = [min(want, max(section.size(0), int(section.share * room))) for want, section in zip(wanted, sections, strict=True)]
    spare = max(0, room - sum(given))
    for number, want in enumerate(wanted):
        more = min(want - given[number], spare)
        given[number] += more
        spare -= more
    return "\n\n".join(
        section.shown(section.fitting(bytes_given)) for section, bytes_given in zip(sections, given, strict=True)
    )


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
