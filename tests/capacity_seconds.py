"""Seconds of a search as its tests make them up."""

from tressi.capacity.slo import condition_of
from tressi.capacity.trial import Second

SLO = condition_of("p99 < 20ms")


def seen(t, starts, bad, in_flight=2, median_ms=5.0, **more):
    return Second(t, starts, (bad,), in_flight, median_ms, **more)
