"""A run's course as all its endpoints have it in common: found once, however many endpoints are asked about.

A run of a thousand endpoints asks for each of them what held while its starts were missed. What is the same for all of them
(how many workers there were in a second, which pools had grown) is counted here when it is first asked for, so that the answer
takes time in proportion to the endpoints and not to their square.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tressi.run.flow_parts import is_step, second_of
from tressi.text import summary_labels

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Endpoint = Mapping[str, Any]
    Summary = Mapping[str, Any]

GROWTH_TAKES_S: Final = 2.0  # until new workers are connected, and the second in which they are is over
_HOLDING_SHARE: Final = 0.5  # of the lanes of the shared pool
# A sentence of the self-check on a CPU at its limit or a standstill: for how long it held.
_SPOILS_RATES: Final = re.compile(
    r"in ([0-9.]+) of [0-9.]+ s (?:[^:]+: )?an engine\b.*; it spoils: (?:the )?rates?\b", re.DOTALL
)


class Second(NamedTuple):
    """A second of an endpoint: its row, the whole row of that second, from when to when it was, and its place among all."""

    row: Mapping[str, Any]
    whole: Mapping[str, Any]
    begin_s: float
    end_s: float
    place: int


def seconds_of(endpoint: Endpoint, summary: Summary) -> list[Second]:
    """The seconds of the run that were measured and in which the endpoint was there, in their order."""
    before, seconds = 0.0, []
    for place, whole in enumerate(summary["timeline"]):
        row = second_of(endpoint, whole)
        if row is not None and not whole.get("warmUp"):
            seconds.append(Second(row, whole, before, whole["t"], place))
        before = whole["t"]
    return seconds


class Course:
    """What the endpoints of a summary have in common."""

    def __init__(self, summary: Summary) -> None:
        self.summary = summary
        self._workers: dict[int, int] = {}
        self._holders: dict[int, list[str]] = {}

    @cached_property
    def grown_s(self) -> Mapping[str, float]:
        """When the pool of each endpoint and flow that grew had grown for the last time, by its key."""
        found: dict[str, float] = {}
        for one in self.summary["scaling"]:
            if one["action"] == "scale-up":
                key = one["endpointKey"]
                found[key] = max(found.get(key, 0.0), one["timestamp"] + GROWTH_TAKES_S)
        return found

    @cached_property
    def rates_spoilt_s(self) -> float:
        """For how many seconds the self-check found a CPU at its limit or a standstill, which cost rates without a count."""
        found = (_SPOILS_RATES.match(reason) for reason in self.summary["generator"]["reasons"])
        return max((float(one[1]) for one in found if one), default=0.0)

    @cached_property
    def labels(self) -> Mapping[str, str]:
        """How endpoints and flows are shown, by key."""
        return summary_labels(self.summary)

    @cached_property
    def pooled(self) -> Sequence[str]:
        """The keys of the shared pool's endpoints, in their order."""
        return [one["endpointKey"] for one in self.summary["endpoints"] if not one["autoscale"] and not is_step(one)]

    def workers(self, second: Second) -> int:
        """The workers of all autoscaled endpoints in that second."""
        if second.place not in self._workers:
            rows = second.whole["endpoints"]
            self._workers[second.place] = sum(rows[key]["workerCount"] for key in self._autoscaled if key in rows)
        return self._workers[second.place]

    def holders(self, second: Second) -> Sequence[str]:
        """Which endpoints of the shared pool occupied more than half of its lanes in that second: one at most, if exact."""
        if second.place not in self._holders:
            rows = second.whole["endpoints"]
            self._holders[second.place] = [key for key in self.pooled if rows[key]["utilisation"] > _HOLDING_SHARE]
        return self._holders[second.place]

    @cached_property
    def _autoscaled(self) -> Sequence[str]:
        return [one["endpointKey"] for one in self.summary["endpoints"] if one["autoscale"]]
