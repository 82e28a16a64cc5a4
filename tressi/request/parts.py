r"""A request as the reactor takes it: parts, some of them holes, and the sources that fill the holes.

A request is a sequence of parts. A part is either bytes, which are sent as they stand, or a `Hole`, which names a source and
a column. For each attempt every source that the request uses is drawn from once, so that all holes of one source agree: the
name and the password of one row, one and the same number twice. Nothing is escaped while the run lasts: the cells of a table
stand in memory encoded for each context that they are used in, one column for each.

Example: `GET /items/{{sku.id}}?n={{qty}}` with a table `sku` (source 0) and an integer `qty` (source 1) is

    (b"GET /items/", Hole(0, 0), b"?n=", Hole(1), b" HTTP/1.1\r\nHost: shop.example\r\n\r\n")

where column 0 of source 0 is the column `id`, percent-encoded for a path.
"""

from __future__ import annotations

from typing import Final

from tressi.frozen import dataclass
from tressi.model.data import Context, Generator, Integer, Pick, Sequence, Slot, Text, Time, Unit, Uuid

__all__ = [
    "BODY_LENGTH",
    "CONTEXTS",
    "COOKIES",
    "Generator",
    "Hole",
    "Integer",
    "Part",
    "Pick",
    "Rendering",
    "Sequence",
    "Slot",
    "Source",
    "Table",
    "Text",
    "Time",
    "Unit",
    "Uuid",
]

BODY_LENGTH = -1  # the source of a hole that is filled with the size of the body in bytes, in decimal digits
# And of one that is filled with the cookies of a user: the whole line of the field, or (column 1) what follows on its value.
COOKIES = -3
CONTEXTS: Final[tuple[Context, ...]] = ("percent", "url", "json", "value", "header", "raw")  # a slot's columns, in this order


@dataclass(frozen=True, slots=True)
class Hole:
    """A place that is filled for each attempt: with a column of what was drawn from a source. Generators have one column.

    What a flow has extracted has a column for each way in which it is written, see CONTEXTS.
    """

    source: int  # its number in the plan, BODY_LENGTH or COOKIES
    column: int = 0


Part = bytes | Hole


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of encoded cells in the block that all engines share; see `request.block` for how they lie there.

    `pick` decides which row an attempt gets. `exponent` is that of "zipf": row k of n is drawn with a probability in
    proportion to 1 / k ** exponent. With "weight" the block holds a table of aliases for the weights.
    """

    rows: int
    columns: int
    offset: int  # in bytes, of the table in the block; a multiple of 8
    pick: Pick = "sequential"
    exponent: float = 0.0


Source = Table | Generator | Slot


@dataclass(frozen=True, slots=True)
class Rendering:
    """One request of an endpoint: its parts up to the empty line, those of its body, and how often it is chosen.

    Of several requests of one endpoint each is chosen with a probability in proportion to its `weight`.
    """

    head: tuple[Part, ...]
    body: tuple[Part, ...] = ()
    weight: float = 1.0

    @property
    def is_static(self) -> bool:
        """Whether it is the same bytes every time."""
        return not any(isinstance(part, Hole) for part in (*self.head, *self.body))

    @property
    def sources(self) -> frozenset[int]:
        """The numbers of the sources that it is filled from."""
        return frozenset(part.source for part in (*self.head, *self.body) if isinstance(part, Hole) and part.source >= 0)
