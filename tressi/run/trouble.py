"""Which endpoints only fail or give no answer: said when it happens, by every view alike. Pure functions of readings.

What is wrong is judged of the time since the last success, not of one second: at a low rate a second has one request, and one
failure says nothing of a target that fails now and then.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from tressi.model import Trouble
from tressi.vocabulary import is_failed_status, status_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tressi.model import EndpointSnapshot, EngineSnapshot

# Of the attempts: where more of them failed, latencies of all responses alone would mislead.
NOTEWORTHY_SHARE: Final = 0.01
# An endpoint that has had successes fails altogether from so many failures in a row on: half of its requests failing would
# look like that once in a thousand times.
LEAST_IN_A_ROW: Final = 10
# Requests are sent all through a second, so one that was sent at its beginning is a little younger than the second.
SILENT_S: Final = 0.9
# So many times the median service time: an endpoint that always takes long is not silent.
UNUSUAL: Final = 10


class Troubles:
    """Keeps of each endpoint the reading of its last success; `found` are the troubles of the last second."""

    def __init__(self, start: EngineSnapshot) -> None:
        self._last = start
        self._served = dict(start.endpoints)
        self.found: tuple[Trouble, ...] = ()

    def tick(self, later: EngineSnapshot) -> tuple[Trouble, ...]:
        """Judge the time from the last reading to this one."""
        self.found = tuple(self._judged(later.endpoints))
        self._last = later
        return self.found

    def _judged(self, endpoints: Mapping[str, EndpointSnapshot]) -> Iterator[Trouble]:
        for key, after in endpoints.items():
            before = self._last.endpoints.get(key, after)
            if after.succeeded > before.succeeded:
                self._served[key] = after  # and nothing is wrong, as with most of the thousands that a run may have
                continue
            yield from troubles_of(self._served.get(key, before), before, after)


def troubles_of(served: EndpointSnapshot, before: EndpointSnapshot, after: EndpointSnapshot) -> Iterable[Trouble]:
    """What is wrong with an endpoint, by its reading when it last had a success, one second ago, and now."""
    failed = after.failed - served.failed
    if failed >= (LEAST_IN_A_ROW if served.succeeded else 1):
        [(reason, _)] = failures_between(served, after).most_common(1) or [("", 0)]
        yield Trouble("failing", after.endpoint_key, failed, reason, ever=served.succeeded > 0)
    if after.requests_made == before.requests_made and after.in_flight and after.oldest_s >= _silence_s(after):
        yield Trouble("silent", after.endpoint_key, after.in_flight, oldest_s=after.oldest_s)


def _silence_s(reading: EndpointSnapshot) -> float:
    """From which age on a request without an answer is unusual here."""
    return max(SILENT_S, UNUSUAL * reading.service.percentile(50) / 1e6 if reading.service.count else 0.0)


def failures_between(before: EndpointSnapshot, after: EndpointSnapshot) -> Counter[str]:
    """What went wrong between two readings, in words, and how often."""
    found = failures_of(after)
    found.subtract(failures_of(before))
    return Counter({words: number for words, number in found.items() if number > 0})


def failures_of(reading: EndpointSnapshot) -> Counter[str]:
    """What went wrong since the start, in words: reasons where they are known, else the kind of the error, or the status."""
    found, told = Counter[str](), Counter[str]()
    for one in reading.reasons:
        found[one.text or one.kind] += one.count
        told[one.kind] += one.count
    for kind, number in reading.errors.items():
        if number > told[kind]:
            found[kind] += number - told[kind]
    # Where all failures are errors, such a status was expected.
    if reading.failed > sum(reading.errors.values()):
        found.update({f"status {status_name(code)}": n for code, n in reading.status_codes.items() if is_failed_status(code)})
    return found
