"""A list that does not grow beyond a bound, however long a run is: its beginning and its end are kept."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

One = TypeVar("One")


class FirstAndLast(Generic[One]):
    """The first `each` and the last `each` of what is appended."""

    def __init__(self, each: int) -> None:
        self._each = each
        self._first: list[One] = []
        self._last: deque[One] = deque(maxlen=each)
        self.count = 0  # of all that were appended

    def append(self, one: One) -> None:
        """Take the newest."""
        self.count += 1
        (self._first if len(self._first) < self._each else self._last).append(one)

    def __iter__(self) -> Iterator[One]:
        yield from self._first
        yield from self._last

    def __len__(self) -> int:
        return len(self._first) + len(self._last)

    def left_out(self, what: str) -> list[str]:
        """What is missing, in words; nothing where all are there."""
        if self.count == len(self):
            return []
        return [f"of {self.count} {what} the first {self._each} and the last {self._each} are kept"]
