"""What has been seen of a run so far: its last moment, the rates of the last minutes, its latest events."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from tressi.model import Change, FlowMoment, ScalingDecision
from tressi.run.targets import Targets
from tressi.run.trouble import failures_of
from tressi.text import common_origin
from tressi.ui.first_decisions import Shrunk, first_s, is_first, lasts_s, told_together
from tressi.ui.sentences import announcement, label_of, labels_of, shows_successes

if TYPE_CHECKING:
    from tressi.model import EndpointMoment, Moment, ResolvedConfig

# More seconds than the widest chart has columns, more events than the tallest window has lines.
SECONDS_KEPT: Final = 240
EVENTS_KEPT: Final = 100
NOTES_KEPT: Final = 2
FAILING_S: Final = 10.0

Event = ScalingDecision | Shrunk | Change


class Sample(NamedTuple):
    """One second of one endpoint: the rate that came, and the mean of that asked for in it (None: nothing limited it)."""

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
    `has_failures`: in some second more attempts failed than latencies of all of them can be shown without a remark. `address`
    is where else the run is shown.
    """

    def __init__(self, address: str = "") -> None:
        self.address = address
        self.announcement = self.origin = ""
        self.moment: Moment | None = None
        self.is_ending = self.has_failures = False
        self.labels: dict[str, str] = {}
        self.trends: dict[str, Trend] = {}
        self.events: deque[Event] = deque(maxlen=EVENTS_KEPT)
        self._first_s = 0.0
        self._first: list[ScalingDecision] = []
        self._failed_t: dict[str, float] = {}
        self.notes: deque[str] = deque(maxlen=NOTES_KEPT)
        self._targets: Targets
        self._asked: deque[tuple[str, float]] = deque()

    def start(self, config: ResolvedConfig) -> None:
        """The run has begun."""
        keys = [endpoint.endpoint_key for endpoint in config.endpoints]
        self.announcement, self.origin = announcement(config), common_origin(keys)
        self.labels, self._first_s = labels_of(config), first_s(config)
        self._targets = Targets(config)
        self.trends = {key: Trend() for key in (*keys, *(flow.endpoint_key for flow in config.flows), "")}

    def see(self, moment: Moment) -> None:
        """A second has passed."""
        for one in (*moment.endpoints, *moment.flows, moment.total):
            self.trends.setdefault(one.endpoint_key, Trend()).add(one)
            self.has_failures = self.has_failures or shows_successes(one)
            if one.error_rate:
                self._failed_t[one.endpoint_key] = moment.t
        self.moment = moment

    def decide(self, decision: ScalingDecision) -> None:
        """A pool was scaled; the first decisions, by which pools shrink to their need, are one event."""
        self._first_s = lasts_s(self._first_s, decision)
        if not is_first(decision, self._first_s):
            self.events.append(decision)
            return
        before = told_together(self._first) or (self._first[-1] if self._first else None)
        self._first.append(decision)
        if before is not None:
            self.events.remove(before)
        self.events.append(told_together(self._first) or decision)

    def note(self, line: str) -> None:
        """Something was said that has no other place, such as a warning: it stays when events move on."""
        if not self.address or self.address not in line:
            self.notes.append(line)

    def change(self, change: Change) -> None:
        """Somebody changed the run: it is noted, and shows in the last moment already."""
        self.events.append(change)
        if change.endpoint_key is not None and change.target_rps is not None:
            self._hear_of_target(change.endpoint_key, change.target_rps)
        elif self.moment is not None:
            self.moment = replace(self.moment, paused=change.action == "pause")

    def asked(self, endpoint_key: str, target_rps: float) -> None:
        """A key has set a target: the next key steps from it, however late the run reports the change."""
        self._asked.append((endpoint_key, target_rps))
        self._set_target(endpoint_key, target_rps)

    def take_back(self, endpoint_key: str, before_rps: float | None) -> None:
        """The run has refused the target that was asked for last."""
        self._asked.pop()
        self._set_target(endpoint_key, before_rps)

    def label(self, endpoint_key: str) -> str:
        """An endpoint's key as it is shown; "" is all of them together."""
        if not endpoint_key:
            return f"all {0 if self.moment is None else len(self.moment.endpoints)}"
        return label_of(endpoint_key, self.labels)

    def pool_of(self, endpoint_key: str) -> tuple[str, ...]:
        """The endpoints whose rate is set together with this one's: those of the shared pool, else itself alone."""
        return self._targets.sharing(endpoint_key)

    def target(self, endpoint_key: str) -> float | None:
        """The rate that the endpoint's pool is to hold, after its ramp or a pause; None where nothing limits it."""
        return self._targets[endpoint_key]

    @property
    def endpoints(self) -> tuple[EndpointMoment, ...]:
        """The last second of every endpoint and every flow, as the config has them: a flow stands in front of its steps."""
        if self.moment is None:
            return ()
        rows: list[EndpointMoment] = []
        for flow in self.moment.flows:
            rows += [flow, *(one for one in self.moment.endpoints if one.flow == flow.endpoint_key)]
        return (*rows, *(one for one in self.moment.endpoints if one.flow is None))

    def is_failing(self, one: EndpointMoment) -> bool:
        """Whether some of its attempts have failed lately; a while longer than a second, so that rows do not jump about."""
        failed_t = self._failed_t.get(one.endpoint_key)
        return failed_t is not None and self.moment is not None and self.moment.t - failed_t < FAILING_S

    def failures(self, one: EndpointMoment) -> Counter[str]:
        """How often what went wrong since the start, of all together too; of a flow it is how many users were lost where."""
        if isinstance(one, FlowMoment):
            return Counter({f"lost at {self.label(key)}": count for key, count in one.steps if count})
        readings = self.moment.reading.endpoints if self.moment is not None else {}
        parts = readings.values() if one.endpoint_key == "" else filter(None, (readings.get(one.endpoint_key),))
        found = [failures_of(reading) for reading in parts]
        return sum(found, Counter()) if found else Counter(one.errors)

    def _hear_of_target(self, endpoint_key: str, target_rps: float) -> None:
        """What a key has set is known already, and until the run has told of all of it, anything else is older."""
        if not self._asked:
            self._set_target(endpoint_key, target_rps)
        elif self._asked[0] == (endpoint_key, target_rps):
            self._asked.popleft()

    def _set_target(self, endpoint_key: str, target_rps: float | None) -> None:
        pool = self.pool_of(endpoint_key)
        self._targets[endpoint_key] = target_rps
        each_rps = self._targets.each(endpoint_key)
        if self.moment is not None and not self.moment.paused:
            changed = [replace(one, asked_rps=each_rps) if one.endpoint_key in pool else one for one in self.moment.endpoints]
            flows = [replace(one, asked_rps=each_rps) if one.endpoint_key in pool else one for one in self.moment.flows]
            self.moment = replace(self.moment, endpoints=tuple(changed), flows=tuple(flows))
