"""How well a run kept to its log: what the log asks for against what was sent, for each endpoint and second. Pure.

`sent` counts the requests that were begun: those that have ended, and those under way. What was asked for and not sent was
missed, or is late by less than the burst of 100 ms. A second ends when its reading is taken, to a few milliseconds, so one
start of each endpoint may be counted in the second before or after its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import add
from typing import TYPE_CHECKING, Any, Final

from tressi.replay.document import begun_by
from tressi.replay.traffic import NS_PER_S

if TYPE_CHECKING:
    from array import array
    from collections.abc import Mapping, Sequence

    from tressi.model import EngineSnapshot, Moment

WORST: Final = 5
MOST_SECONDS: Final = 7200  # beyond which two in a row become one, again and again


@dataclass(frozen=True, slots=True)
class Second:
    """A time of a run that ends at `t`, mostly a second: what was asked and sent in it, by endpoint."""

    t: float
    asked: tuple[int, ...]
    sent: tuple[int, ...]

    @property
    def off(self) -> int:
        """How many starts it was off, all endpoints together; one of each may be of the reading."""
        return sum(max(0, abs(asked - sent) - 1) for asked, sent in zip(self.asked, self.sent, strict=True))


class Fit:
    """Takes the moments of a run as they come. `times_ns` are the starts that the log asks of each endpoint, by its key."""

    def __init__(self, times_ns: Mapping[str, array[int]], period_ns: int, duration_s: int) -> None:
        self._times_ns, self._period_ns, self._duration_s = times_ns, period_ns, duration_s
        self._asked = self._sent = dict.fromkeys(times_ns, 0)
        self._missed = dict.fromkeys(times_ns, 0)
        self._seconds: list[Second] = []

    def moment(self, moment: Moment) -> None:
        """A second is over."""
        sent = {one.endpoint_key: one.requests_made + one.in_flight for one in moment.endpoints}
        self._take(moment.t, sent)

    def drained(self, snapshot: EngineSnapshot) -> None:
        """All has ended: what began after the last second is told of it."""
        sent = {key: one.requests_made + one.cut for key, one in snapshot.endpoints.items()}
        if self._seconds:
            last = self._seconds.pop()
            self._asked = {key: self._asked[key] - asked for key, asked in zip(self._times_ns, last.asked, strict=True)}
            self._sent = {key: self._sent[key] - begun for key, begun in zip(self._times_ns, last.sent, strict=True)}
            self._take(last.t, sent)
        self._missed = {key: snapshot.endpoints[key].missed for key in self._times_ns}

    def summed(self) -> dict[str, Any]:
        """The fit as a summary has it."""
        return {
            "asked": sum(self._asked.values()),
            "sent": sum(self._sent.values()),
            "missed": sum(self._missed.values()),
            "endpoints": {
                key: {
                    "asked": self._asked[key],
                    "sent": self._sent[key],
                    "missed": self._missed[key],
                    "askedPerSecond": [second.asked[place] for second in self._seconds],
                    "sentPerSecond": [second.sent[place] for second in self._seconds],
                }
                for place, key in enumerate(self._times_ns)
            },
            "seconds": [round(second.t, 3) for second in self._seconds],
            "worst": [
                {"t": round(one.t, 3), "asked": sum(one.asked), "sent": sum(one.sent), "off": one.off} for one in self.worst()
            ],
        }

    def worst(self) -> Sequence[Second]:
        """The seconds that were off by most."""
        off = [second for second in self._seconds if second.off > 0]
        return sorted(off, key=lambda second: -second.off)[:WORST]

    def _take(self, t: float, sent: Mapping[str, int]) -> None:
        end_ns = min(round(t * NS_PER_S), self._duration_s * NS_PER_S)
        asked = {key: begun_by(times_ns, self._period_ns, end_ns) for key, times_ns in self._times_ns.items()}
        self._seconds.append(
            Second(
                t,
                tuple(asked[key] - self._asked[key] for key in self._times_ns),
                tuple(sent[key] - self._sent[key] for key in self._times_ns),
            )
        )
        self._asked, self._sent = asked, {key: sent[key] for key in self._times_ns}
        if len(self._seconds) > MOST_SECONDS:
            self._seconds = [_joined(*self._seconds[place : place + 2]) for place in range(0, len(self._seconds), 2)]


def _joined(first: Second, second: Second | None = None) -> Second:
    """Two times in a row as one."""
    if second is None:
        return first
    asked, sent = (tuple(map(add, one, other)) for one, other in ((first.asked, second.asked), (first.sent, second.sent)))
    return Second(second.t, asked, sent)


def fit_lines(fit: Mapping[str, Any], late_ms: Mapping[str, float | None]) -> str:
    """The fit for a terminal; `late_ms` has the p50, p99 and max of how late starts were sent for which a lane was free."""
    share = fit["sent"] / fit["asked"] if fit["asked"] else 0.0
    lines = [f"The log asks for {fit['asked']:,} requests; {fit['sent']:,} were sent ({share:.2%}), {fit['missed']:,} missed."]
    if all(late_ms.get(name) is not None for name in ("p50", "p99", "max")):
        shown = ", ".join(f"{name} {late_ms[name]:.3f} ms" for name in ("p50", "p99", "max"))
        lines.append(f"Starts behind the log, where a worker was free and connected: {shown}.")
    if not fit["worst"]:
        lines.append("No second is off by more than a start of an endpoint.")
    lines.extend(
        f"  second to {one['t']:8.1f} s: asked {one['asked']:,}, sent {one['sent']:,}, off by {one['off']:,}"
        for one in fit["worst"]
    )
    return "\n".join(lines)
