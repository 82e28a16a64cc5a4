"""A log whose entries a run's shared pool replays: when each is due, and which request it is. Values alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tressi.frozen import dataclass

if TYPE_CHECKING:
    from array import array


@dataclass(frozen=True, slots=True)
class Replay:
    """The starts of a run, in the place of a rate. `times_ns` count from the run's start and are in order, 8 bytes each.

    `numbers`, 4 bytes each, say of each entry which request it is, counted through all endpoints of the shared pool in the
    order of the config: those of an endpoint begin with `firsts` of it. An endpoint with several requests fills its only
    placeholder with the rows of a table, one a request. With `period_ns` the entries come again after that time, for ever.
    `mean_rps` is what is asked of each endpoint over the whole run.
    """

    times_ns: array[int]
    numbers: array[int]
    firsts: tuple[int, ...]
    mean_rps: tuple[float, ...]
    period_ns: int = 0
