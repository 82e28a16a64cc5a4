"""The random numbers of the reactor (`core/bucket.pxd`), so that a user chooses as the first lane of a run does."""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tressi.request.program import Operation

_WORD: Final = (1 << 64) - 1


class Chance:
    """A stream of random numbers of 64 bits, xorshift64*, from a state that is never 0."""

    def __init__(self, state: int) -> None:
        self._state = state

    def draw(self) -> int:
        """The next number."""
        state = self._state
        state ^= state >> 12
        state ^= state << 25 & _WORD
        state ^= state >> 27
        self._state = state
        return state * 2685821657736338717 & _WORD

    def unit(self) -> float:
        """The next number as one above 0 and below 1: 53 bits, shifted off zero."""
        return ((self.draw() >> 11) + 0.5) / 2**53

    def option(self, shares: Sequence[float]) -> int:
        """One of several options by chance; `shares` are the parts of 1 up to each, the last is 1."""
        number = self.draw()
        return next(place for place, share in enumerate(shares) if share >= 1 or number <= int(share * 2.0**64))

    def pause_ns(self, operation: Operation) -> int:
        """How long a pause lasts."""
        if operation.kind == "think":
            return operation.low_ns
        unit = self.unit()
        if operation.kind == "think uniform":
            return operation.low_ns + int(unit * (operation.high_ns - operation.low_ns))
        return int(-log(unit) * operation.low_ns)


def seeded(seed: int) -> int:
    """A state for a seed: the finaliser of splitmix64, so that neighbouring seeds give unrelated streams."""
    seed = (seed + 1) * 0x9E3779B97F4A7C15 & _WORD
    seed = (seed ^ seed >> 30) * 0xBF58476D1CE4E5B9 & _WORD
    seed = (seed ^ seed >> 27) * 0x94D049BB133111EB & _WORD
    return (seed ^ seed >> 31) | 1
