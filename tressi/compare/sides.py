"""What is compared, as values: runs with their seconds, and the endpoints that two sides have in common."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tressi.text import common_origin, short_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tressi._core import Histogram
    from tressi._histogram import Packed


@dataclass(frozen=True, slots=True)
class Run:
    """One run as it is compared: its summary, and the response times of each endpoint.

    `seconds` are (end of the second, what was measured in it) by endpoint key, None where only the whole run is known.
    `whole` are the response times of the whole run by endpoint key.
    """

    label: str
    summary: Mapping[str, Any]
    whole: Mapping[str, Histogram]
    seconds: Mapping[str, Sequence[tuple[float, Packed]]] | None = None
    notes: tuple[str, ...] = ()

    endpoints: Mapping[str, Mapping[str, Any]] = field(init=False, repr=False, compare=False)
    """The summary's endpoints by their keys."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "endpoints", {one["endpointKey"]: one for one in self.summary["endpoints"]})


@dataclass(frozen=True, slots=True)
class Common:
    """One endpoint of all runs: how it is shown, and its key in each run by the run's label."""

    shown: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Matched:
    """The endpoints that all runs have, and the names of those that only some have."""

    common: tuple[Common, ...]
    lonely: tuple[str, ...] = field(default=())


def matched(runs: Sequence[Run]) -> Matched:
    """Find the endpoints that all runs have, in the order of the first.

    An endpoint is known by its key where all runs have that key, else by its name, else by its key without the origin that
    all endpoints of its run have: two targets have two origins.
    """
    same = [run.endpoints.keys() for run in runs]
    if all(keys == same[0] for keys in same):
        return Matched(tuple(Common(key, (key,) * len(runs)) for key in same[0]))
    known = [_identities(run) for run in runs]
    everywhere = [one for one in known[0] if all(one in other for other in known)]
    common = tuple(Common(one, tuple(of_run[one] for of_run in known)) for one in everywhere)
    lonely = dict.fromkeys(one for of_run in known for one in of_run if one not in everywhere)
    return Matched(common, tuple(lonely))


def _identities(run: Run) -> dict[str, str]:
    """The keys of a run by what its endpoints are known by."""
    origin = common_origin(run.endpoints)
    names = Counter(endpoint["name"] for endpoint in run.endpoints.values())
    return {
        one["name"] if one["name"] and names[one["name"]] == 1 else short_key(key, origin): key
        for key, one in run.endpoints.items()
    }


def merged(histograms: Iterable[Histogram]) -> Histogram:
    """All of them together; there is one at least."""
    first, *rest = histograms
    together = first.copy()
    for one in rest:
        together.merge(one)
    return together
