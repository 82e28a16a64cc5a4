"""How well a run kept to its log: asked against sent, by endpoint and second."""

from array import array
from types import SimpleNamespace

import pytest

from tressi.replay import fit as fits
from tressi.replay.fit import Fit, fit_lines

pytestmark = pytest.mark.pure

S = 1_000_000_000


def moment(t, **counts):
    """A second that ends at `t`, with (ended, under way) of each endpoint since the start."""
    endpoints = [
        SimpleNamespace(endpoint_key=key, requests_made=made, in_flight=in_flight) for key, (made, in_flight) in counts.items()
    ]
    return SimpleNamespace(t=t, endpoints=endpoints)


def end(**counts):
    """The last reading, with (made, cut, missed) of each endpoint."""
    return SimpleNamespace(
        endpoints={key: SimpleNamespace(requests_made=one[0], cut=one[1], missed=one[2]) for key, one in counts.items()}
    )


def times(*seconds):
    """Starts at these seconds."""
    return array("q", [round(second * S) for second in seconds])


def test_each_second_has_what_was_asked_and_what_was_begun():
    """What is under way was sent, and what the drain brings in is of the last second."""
    fit = Fit({"a": times(0, 0.5, 1.5, 2.5), "b": times(0, 0.1, 0.2, 0.3)}, 0, 3)
    fit.moment(moment(1.0, a=(1, 1), b=(0, 0)))
    fit.moment(moment(2.0, a=(2, 1), b=(0, 0)))
    fit.moment(moment(3.0, a=(2, 1), b=(0, 1)))
    fit.drained(end(a=(3, 1, 0), b=(0, 1, 3)))
    summed = fit.summed()

    assert summed["seconds"] == [1.0, 2.0, 3.0]
    assert summed["endpoints"]["a"] == {
        "asked": 4,
        "sent": 4,
        "missed": 0,
        "askedPerSecond": [2, 1, 1],
        "sentPerSecond": [2, 1, 1],
    }
    assert summed["endpoints"]["b"]["askedPerSecond"] == [4, 0, 0]
    assert summed["endpoints"]["b"]["sentPerSecond"] == [0, 0, 1]
    assert (summed["asked"], summed["sent"], summed["missed"]) == (8, 5, 3)
    # One start of an endpoint may be of the moment of the reading.
    assert summed["worst"] == [{"t": 1.0, "asked": 6, "sent": 2, "off": 3}]


def test_a_log_that_begins_again_is_asked_for_again():
    """And no further than the run."""
    fit = Fit({"a": times(0, 0.5)}, S, 3)
    for second in (1.0, 2.0, 3.01):
        fit.moment(moment(second, a=(2 * round(second), 0)))
    fit.drained(end(a=(6, 0, 0)))

    assert fit.summed()["endpoints"]["a"]["askedPerSecond"] == [2, 2, 2]


def test_a_long_run_keeps_no_more_rows_than_there_is_room_for(monkeypatch):
    """Two seconds in a row become one, and the sums stay what they were."""
    monkeypatch.setattr(fits, "MOST_SECONDS", 4)
    fit = Fit({"a": times(*range(40))}, 0, 40)
    for second in range(1, 41):
        fit.moment(moment(float(second), a=(second, 0)))
    fit.drained(end(a=(40, 0, 0)))
    summed = fit.summed()

    assert len(summed["seconds"]) <= 4
    assert summed["seconds"][-1] == 40.0
    assert sum(summed["endpoints"]["a"]["askedPerSecond"]) == sum(summed["endpoints"]["a"]["sentPerSecond"]) == 40


def test_the_fit_is_told_in_words():
    """With the worst seconds, and without figures that were not measured."""
    whole = {"asked": 10, "sent": 9, "missed": 1, "worst": [{"t": 2.0, "asked": 5, "sent": 3, "off": 2}]}
    lines = fit_lines(whole, {"p50": 0.01, "p99": 0.05, "max": 1.0}).splitlines()
    kept = fit_lines(whole | {"worst": []}, {"p50": None, "p99": None, "max": None})

    assert lines[0] == "The log asks for 10 requests; 9 were sent (90.00%), 1 missed."
    assert lines[1].endswith("p50 0.010 ms, p99 0.050 ms, max 1.000 ms.")
    assert lines[2].split() == ["second", "to", "2.0", "s:", "asked", "5,", "sent", "3,", "off", "by", "2"]
    assert kept.splitlines()[1] == "No second is off by more than a start of an endpoint."
