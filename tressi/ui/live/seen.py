"""What has been seen of a run so far: its last moment, the rates of the last minutes, its latest events."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from tressi.text import common_origin, short_key
from tressi.ui.lines import announcement

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tressi.model import Change, EndpointMoment, EndpointSnapshot, Moment, ResolvedConfig, ScalingDecision

# More seconds than the widest chart has columns, more events than the tallest window has lines.
SECONDS_KEPT: Final = 240
EVENTS_KEPT: Final = 100
NOTES_KEPT: Final = 2
# RFC 9110, section 15: from here on the request was not served.
FAILED_STATUS: Final = 400


class Sample(NamedTuple):
    """One second of one endpoint: the rate that came, and the one that was asked for (None: nothing limited it)."""

    rps: float
    target_rps: float | None


class Trend:
    """The last seconds of one endpoint. `seconds` counts all that ever were, so that what is drawn of them holds still."""

    def __init__(self) -> None:
        self.samples: deque[Sample] = deque(maxlen=SECONDS_KEPT)
        self.seconds = 0

    def add(self, one: EndpointMoment) -> None:
        """Another second has passed."""
        self.samples.append(Sample(one.current_rps, one.target_rps))
        self.seconds += 1

    def last(self, count: int) -> list[Sample]:
        """The last `count` seconds, or as many as there were."""
        return list(self.samples)[-count:]


class Seen:
    """Hears what a watcher hears; a picture is made of it. `moment` is None in the first second.

    `labels` are the endpoints' keys as they are shown. `trends` are by endpoint key, that of all together under "".
    """

    def __init__(self) -> None:
        self.announcement = self.origin = ""
        self.moment: Moment | None = None
        self.is_ending = False
        self.labels: dict[str, str] = {}
        self.trends: dict[str, Trend] = {}
        self.events: deque[ScalingDecision | Change] = deque(maxlen=EVENTS_KEPT)
        self.notes: deque[str] = deque(maxlen=NOTES_KEPT)
        self._targets: dict[str, float | None] = {}

    def start(self, config: ResolvedConfig) -> None:
        """The run has begun."""
        keys = [endpoint.endpoint_key for endpoint in config.endpoints]
        self.announcement, self.origin = announcement(config), common_origin(keys)
        self.labels = {key: short_key(key, self.origin) for key in keys}
        self.trends = {key: Trend() for key in (*keys, "")}

    def see(self, moment: Moment) -> None:
        """A second has passed."""
        was_paused = self.moment is not None and self.moment.paused
        for one in (*moment.endpoints, moment.total):
            self.trends.setdefault(one.endpoint_key, Trend()).add(one)
            # A pause holds every rate at 0, and the first reading after it may still be from within.
            if not (moment.paused or was_paused):
                self._targets[one.endpoint_key] = one.target_rps
        self.moment = moment

    def decide(self, decision: ScalingDecision) -> None:
        """A pool was scaled."""
        self.events.append(decision)

    def note(self, line: str) -> None:
        """Something was said that has no other place, an address or a warning: it stays when events move on."""
        self.notes.append(line)

    def change(self, change: Change) -> None:
        """Somebody changed the run: it is noted, and shows in the last moment already."""
        self.events.append(change)
        if change.endpoint_key is not None and change.target_rps is not None:
            self._set_target(change.endpoint_key, change.target_rps)
        elif self.moment is not None:
            self.moment = replace(self.moment, paused=change.action == "pause")

    def label(self, endpoint_key: str) -> str:
        """An endpoint's key as it is shown; "" is all of them together."""
        if not endpoint_key:
            return f"all {len(self.endpoints)}"
        return self.labels.get(endpoint_key) or short_key(endpoint_key, self.origin)

    def pool_of(self, endpoint_key: str) -> list[str]:
        """The endpoints whose rate is set together with this one's: those of the shared pool, else itself alone."""
        shared = [one.endpoint_key for one in self.endpoints if one.max_workers is None]
        return shared if endpoint_key in shared else [endpoint_key]

    def target(self, endpoint_key: str) -> float | None:
        """The rate that the endpoint's pool is to hold, during a pause the one after it; None where nothing limits it."""
        target = self._targets.get(endpoint_key)
        return None if target is None else target * len(self.pool_of(endpoint_key))

    @property
    def endpoints(self) -> tuple[EndpointMoment, ...]:
        """Every endpoint's last second."""
        return self.moment.endpoints if self.moment is not None else ()

    def failures(self, one: EndpointMoment) -> Counter[str]:
        """How often what went wrong since the start with an endpoint, or with all of them together."""
        readings: Mapping[str, EndpointSnapshot] = self.moment.reading.endpoints if self.moment is not None else {}
        found = Counter(one.errors)
        for reading in readings.values() if one.endpoint_key == "" else (readings.get(one.endpoint_key),):
            if reading is not None:
                found.update(_failed_statuses(reading))
        return found

    def _set_target(self, endpoint_key: str, target_rps: float) -> None:
        pool = self.pool_of(endpoint_key)
        for key in pool:
            self._targets[key] = target_rps / len(pool)
        if self.moment is not None and not self.moment.paused:
            changed = [
                replace(one, target_rps=self._targets[one.endpoint_key]) if one.endpoint_key in pool else one
                for one in self.moment.endpoints
            ]
            self.moment = replace(self.moment, endpoints=tuple(changed))


def _failed_statuses(reading: EndpointSnapshot) -> dict[str, int]:
    return {f"status {code}": number for code, number in reading.status_codes.items() if code >= FAILED_STATUS}
