"""One step of a flow: its request is sent, its response is read, values are taken from it, and it is judged."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tressi.load.answer import Sought
from tressi.load.dial import DialError, Patience
from tressi.load.judge import Judge
from tressi.request.call import origin_of
from tressi.request.compiled import with_cookies
from tressi.request.parts import Rendering
from tressi.trace.events import CallEnded, Connected, CookieSeen, Extracted, Garbled, Received, Retried, Sent, StepEnded
from tressi.trace.grpc import TracedCall, message_of, status_of
from tressi.trace.intake import FOUND, NOT_FOUND, UNFIT, extractor_of, is_fit, taken_field, taken_of_body
from tressi.trace.streams import RecordedStream
from tressi.trace.verdict import Met, checks_of, kind_of
from tressi.vocabulary import status_name

if TYPE_CHECKING:
    from tressi._extract import Extractor
    from tressi.load.planned import PlannedEndpoint, PlannedExtract, PlannedFlow
    from tressi.load.second_transport import Reply
    from tressi.load.ways import Way
    from tressi.model import Protocol, ResolvedEndpoint
    from tressi.request.call import Call
    from tressi.trace.client import WatchedClient
    from tressi.trace.events import Fields, Place, Tell
    from tressi.trace.intake import Recorded
    from tressi.trace.user import User, Value

_NS: Final = 10**9
_SET_COOKIE: Final = b"set-cookie"


class Step:
    """A step on its way; it hears of connections (`second_transport.Listener`) and of exchanges (`client.Watch`)."""

    def __init__(
        self,
        endpoint: ResolvedEndpoint,
        planned: PlannedEndpoint,
        flow: PlannedFlow | None,
        user: User,
        tell: Tell,
        *,
        seed: int,
    ) -> None:
        self._endpoint, self._planned, self._flow, self._user, self._tell = endpoint, planned, flow, user, tell
        limit = 0 if flow is None else flow.slot_bytes
        self._limit = limit
        searched = ((extract, extractor_of(extract, limit, seed)) for extract in planned.extracts)
        self._searches = {extract.slot: extractor for extract, extractor in searched if extractor is not None}
        self._taken: dict[int, tuple[int, Value | None]] = {}  # by slot: the place of its words, and the value
        self._waiting: tuple[Recorded, int] | None = None  # a response that is not told yet
        self._stored: list[CookieSeen] = []  # and the cookies of it
        self._called = None if endpoint.grpc is None else TracedCall(endpoint.grpc)
        self._hop = 0
        self._sent_ns = 0

    @property
    def protocol(self) -> Protocol:
        """What is to be spoken."""
        return self._endpoint.protocol

    @property
    def extractors(self) -> tuple[Extractor, ...]:
        """What reads the body."""
        return tuple(self._searches.values())

    def send(self, client: WatchedClient, call: Call, place: Place) -> StepEnded:
        """Send the request, tell all that comes of it, and return the verdict."""
        planned = self._planned
        judge = Judge(planned.json, planned.body_matches) if planned.has_judge else None
        client.watch = self
        try:
            sought, timeout_s = Sought(planned.body_contains, (), judge), planned.timeout_ns / _NS
            reply = client.send(call, planned.tls, timeout_s, _patience(planned), sought, self)
        except DialError as failure:
            self._flush()
            return StepEnded(place, succeeded=False, kind=failure.kind, reason=str(failure))
        return self._judged(reply, place)

    # ------------------------------------------------------------------------------------------------------ on the way

    def connected(self, connect_ns: int, tls_ns: int, waited_ns: int) -> None:
        """See `second_transport.Listener`."""
        del waited_ns
        self._flush()
        self._tell(Connected(connect_ns / 1e6, None if tls_ns < 0 else tls_ns / 1e6))

    def retried(self, why: str | None = None) -> None:
        """See `second_transport.Listener` and `client.Watch`."""
        self._flush()
        self._tell(Retried(why))

    def redirected(self) -> None:
        """See `second_transport.Listener`."""
        self._hop += 1

    def carried(self, sent_bytes: int, received_bytes: int) -> None:
        """See `second_transport.Listener`."""

    def next_call(self, call: Call, way: Way) -> Call:
        """The request as it goes out: one that a redirect leads to takes the user's cookies anew, and no others."""
        if self._hop == 0 or self._user.jar is None:
            return call
        call = replace(call, headers=tuple(one for one in call.headers if one[0].lower() != "cookie"))
        rendering = Rendering((call.head(way.fields),), (call.body,) if call.body else ())
        host, is_secure = _origin(call)
        return call.filled(self._user.request(with_cookies(rendering), host, is_secure=is_secure), way.fields)

    def sends(self, call: Call, way: Way, fields: Fields | None = None) -> None:
        """The request goes out now."""
        self._flush()
        body = call.body or b""
        message = None if self._called is None else self._called.sent(body)
        self._tell(Sent(call.url, call.head(way.fields), body, self._hop, fields, message))
        self._sent_ns = time.monotonic_ns()

    def came(self, call: Call, answer: Recorded, arrived_ns: int) -> None:
        """Its response is whole: keep what its head has for the user."""
        self._waiting = (answer, arrived_ns)
        self._take_fields(answer)
        self._stored = self._store(call, answer)

    def broke(self, call: Call, answer: Recorded) -> None:
        """Its response has begun, and is not whole; a head that is whole counts for the user."""
        now_ns = time.monotonic_ns()
        if not answer.status:
            self._tell(Garbled(answer.head, (now_ns - self._sent_ns) / 1e6))
            return
        self.came(call, answer, now_ns)
        for slot in self._searches:
            self._user.keep(slot, None)

    # ------------------------------------------------------------------------------------------------ what is taken of it

    def _take_fields(self, answer: Recorded) -> None:
        fields = answer.fields_of(self._names())
        for extract in self._planned.extracts:
            if extract.slot not in self._searches:
                outcome, value = self._taken[extract.slot] = taken_field(extract, fields, self._limit)
                if outcome != NOT_FOUND:
                    self._user.keep(extract.slot, value)

    def _names(self) -> list[bytes]:
        """The fields that values are taken from."""
        kinds = (_SET_COOKIE if one.kind == "cookie" else one.name for one in self._planned.extracts)
        return [name for name in kinds if name]

    def _flush(self) -> None:
        """Tell of the response that is waiting, and of its cookies."""
        if self._waiting is None:
            return
        (answer, arrived_ns), self._waiting = self._waiting, None
        status_line, fields = answer.shown()
        taken = tuple(value.bytes for slot, (_, value) in self._taken.items() if value is not None and self._is_hidden(slot))
        body = answer.body
        said = body.beginning if self._called is None else self._called.received(body.beginning, answer.status)
        self._tell(
            Received(
                status_line,
                fields,
                said,
                answer.body_bytes,
                (arrived_ns - self._sent_ns) / 1e6,
                is_cut=said is body.beginning and answer.said_bytes > len(said) and body.reason is None,
                reason=body.reason,
                secrets=taken,
                trailers=answer.trailers if isinstance(answer, RecordedStream) else (),
            )
        )
        for cookie in self._stored:
            self._tell(cookie)

    def _store(self, call: Call, answer: Recorded) -> list[CookieSeen]:
        """Have the user keep the cookies of a response."""
        if self._user.jar is None:
            return []
        host, is_secure = _origin(call)
        head = call.head()
        return [
            CookieSeen(line.decode("utf-8", "replace"), self._user.store(line, head, host, is_secure=is_secure))
            for line in answer.fields_of([_SET_COOKIE]).get(_SET_COOKIE, ())
        ]

    def _is_hidden(self, slot: int) -> bool:
        return self._flow is not None and bool(self._flow.hidden[slot])

    # ---------------------------------------------------------------------------------------------------- the last answer

    def _judged(self, reply: Reply, place: Place) -> StepEnded:
        if self._waiting is None:
            raise ValueError("no response has come")
        answer, _ = self._waiting
        for slot, search in self._searches.items():
            self._taken[slot] = taken_of_body(search)
            self._user.keep(slot, self._taken[slot][1])
        self._flush()
        lacking = self._extracted(answer)
        checks = checks_of(self._planned, self._met(reply, answer))
        for check in checks:
            self._tell(check)
        failed = next((check for check in checks if not check.holds), None)
        if failed is not None:
            return StepEnded(place, succeeded=False, kind=kind_of(self._planned), reason=failed.words)
        return StepEnded(place, succeeded=lacking is None, kind=None if lacking is None else "extraction", reason=lacking)

    def _met(self, reply: Reply, answer: Recorded) -> Met:
        fields = answer.fields_of([field.name for field in self._planned.fields])
        refused = reply.reason if reply.refused else None
        status = reply.status
        if self._called is not None and isinstance(answer, RecordedStream):
            said = (*answer.shown()[1], *answer.trailers)
            status = status_of(status, said)
            self._tell(CallEnded(status_name(status), message_of(said)))
            # Of a call the fields behind the body count like those before it.
            wanted = {field.name for field in self._planned.fields}
            for name, value in ((name.encode(), value.encode()) for name, value in answer.trailers):
                if name in wanted:
                    fields.setdefault(name, []).append(value)
        return Met(status, reply.found, answer.body.reason, refused, fields, reply.body_bytes)

    def _extracted(self, answer: Recorded) -> str | None:
        """Tell of each value; returns why the first failed that a run looks at: those of fields, then those of the body."""
        origins = {extract.slot: one for extract, one in zip(self._planned.extracts, self._endpoint.extracts, strict=True)}
        reasons: dict[int, str] = {}
        for extract in self._planned.extracts:
            value, reason = self._outcome(extract)
            if reason is not None:
                reasons[extract.slot] = reason
            one = origins[extract.slot]
            self._tell(Extracted(one.slot, str(one.origin), value, self._is_hidden(extract.slot), reason))
        # Sorting is stable: those of fields come first.
        ordered = sorted(self._planned.extracts, key=lambda extract: extract.slot in self._searches)
        first = next((reasons[extract.slot] for extract in ordered if extract.slot in reasons), None)
        is_looked_at = self._searches or self._planned.body_contains is not None
        return answer.body.reason if first is not None and is_looked_at and answer.body.reason else first

    def _outcome(self, extract: PlannedExtract) -> tuple[bytes | None, str | None]:
        place, value = self._taken[extract.slot]
        if (
            place == FOUND
            and value is not None
            and self._flow is not None
            and not is_fit(value, self._flow.contexts[extract.slot])
        ):
            place = UNFIT
        return None if value is None else value.bytes, extract.words[place].decode() if place != FOUND else None


def _origin(call: Call) -> tuple[bytes, bool]:
    """The host of a request as a cookie jar knows it, and whether it is reached over TLS."""
    origin = origin_of(call.url)
    return origin.host.lower().encode(), origin.is_tls


def _patience(planned: PlannedEndpoint) -> Patience:
    if planned.connect_timeout_ns is None:
        return Patience(planned.timeout_ns / _NS)
    return Patience(planned.connect_timeout_ns / _NS, own=True)
