"""The self-check: which rules two readings of an engine break."""

from dataclasses import replace

import pytest
from summaries import endpoint_snapshot, engine_snapshot, histogram

from tressi.model import GeneratorSnapshot
from tressi.run.selfcheck import check_generator

KEY, OTHER = "GET http://host/a", "GET http://host/b"


def reading(time_s, *busy_s, services=(), missed_late=0, own_delays=(), late_sends=()):
    """What engines with these busy times say at that moment; each of two endpoints has the service times given for it."""
    endpoints = tuple(
        replace(endpoint_snapshot(key, missed=missed_late), missed_late=missed_late, service=histogram(*values))
        for key, values in zip((KEY, OTHER), services or ((1000,), (1000,)), strict=True)
    )
    known = [one or 0.0 for one in busy_s]
    generator = GeneratorSnapshot(sum(known), 0.0, histogram(*own_delays), histogram(*late_sends), 0, 0, 0, busy_s)
    return replace(engine_snapshot(*endpoints, time_s=time_s), generator=generator)


def broken(earlier, later):
    """The rules that were broken between two readings, and by how much."""
    return {finding.rule: finding.value for finding in check_generator(earlier, later)}


def test_an_engine_at_work_breaks_no_rule():
    """It used half of its second."""
    assert broken(reading(1.0, 0.5), reading(2.0, 1.0)) == {}


def test_the_busiest_engine_decides_about_the_cpu():
    """One at its limit is not helped by one that is not; one that is lost is not asked."""
    assert broken(reading(1.0, 0.2, 0.5), reading(2.0, 0.4, 1.5)) == {"cpu": pytest.approx(100)}
    assert broken(reading(1.0, 0.2, 0.5), reading(2.0, 0.4, None)) == {}


@pytest.mark.parametrize("busy_s", [(0.5,), (0.5, 0.9)], ids=["the only one", "one of two"])
def test_an_engine_that_used_no_time_at_all_stood_still(busy_s):
    """It closes its windows ten times a second, so that even an idle one uses some."""
    assert broken(reading(1.0, 0.5, 0.5), reading(2.0, *busy_s)) == {"standstill": 1.0}


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        pytest.param(reading(1.0, 0.5), reading(1.2, 0.5), id="for less than the limit"),
        pytest.param(reading(1.0, 0.0), reading(2.0, 0.0), id="where the system tells no CPU time"),
        pytest.param(reading(1.0, None, 0.5), reading(2.0, None, 0.6), id="lost"),
        pytest.param(reading(1.0, 0.5), reading(1.0, 0.5), id="no time between the readings"),
    ],
)
def test_what_is_no_standstill(earlier, later):
    """The readings say the same, and mean something else."""
    assert broken(earlier, later) == {}


def test_delays_are_held_against_the_median_service_time_of_the_second():
    """Of all endpoints' responses since the earlier reading: 10 % of it, 1 ms at least."""
    slow, delays = [20_000] * 10, [1_500] * 10
    earlier = reading(1.0, 0.5, services=((500,) * 90, (500,)))
    fast = reading(2.0, 0.6, services=((500,) * 100, (500, *slow[:2])), own_delays=delays)
    assert broken(earlier, fast) == {"own-delay": 1.5}
    later = reading(2.0, 0.6, services=((500,) * 95, (500, *slow)), own_delays=delays)
    assert broken(earlier, later) == {}


def test_missed_starts_of_ours_are_counted_over_all_endpoints():
    """Both endpoints missed 2 of the 100 starts that were due, through us."""
    earlier, later = reading(1.0, 0.5), reading(2.0, 0.6, missed_late=2)
    earlier = replace(earlier, endpoints={key: replace(one, scheduled=0.0) for key, one in earlier.endpoints.items()})
    assert broken(earlier, later) == {"missed-late": 2.0}
