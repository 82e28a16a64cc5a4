"""Clocks of nodes: the offset is within its bound, whatever the way takes, and stays so as clocks drift."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tressi.nodes.clocks import Clock, Stamps, begin_ns, best_of, measured, refusal, wall_warning

pytestmark = pytest.mark.pure

MS = 1_000_000
ways = st.integers(0, 400 * MS)
EXAMPLE = Stamps(1_000 * MS, 51_004 * MS, 51_005 * MS, 1_009 * MS)


def exchange(sent_ns, there_ns, took_ns, back_ns, offset_ns, drift=0.0):
    """The stamps of an exchange with a clock that was ahead by `offset_ns` at 0 and runs faster by `drift`."""

    def theirs(ns):
        return ns + offset_ns + round(ns * drift)

    heard, said = sent_ns + there_ns, sent_ns + there_ns + took_ns
    return Stamps(sent_ns, theirs(heard), theirs(said), said + back_ns)


def test_the_example_of_the_module():
    """Its numbers are those of the essay."""
    assert (EXAMPLE.round_trip_ns, EXAMPLE.offset_ns) == (8 * MS, 50_000 * MS)
    assert measured(EXAMPLE).bound_ns == 4 * MS + 1 + 100  # of the millisecond that the node took


@given(offset=st.integers(-(10**18), 10**18), trips=st.lists(st.tuples(ways, ways, ways), min_size=1, max_size=20))
def test_the_offset_is_within_its_bound(offset, trips):
    """However the two ways share a round trip."""
    clock = best_of(exchange(number * 1_000 * MS, *trip, offset) for number, trip in enumerate(trips))
    assert abs(clock.offset_ns - offset) <= clock.bound_ns
    assert clock.ours(clock.theirs(123)) == 123


@given(
    drift=st.floats(-90e-6, 90e-6),
    trips=st.lists(st.tuples(ways, ways, ways, st.integers(0, 3_600_000 * MS)), min_size=1, max_size=20),
)
def test_the_bound_holds_while_clocks_drift(drift, trips):
    """Each exchange is taken in, and at every later moment the offset is within the bound of that moment."""
    clock, now_ns = None, 0
    for there, took, back, pause in trips:
        stamps = exchange(now_ns, there, took, back, 5_000, drift)
        clock = measured(stamps) if clock is None else clock.with_(stamps)
        for at_ns in (stamps.received_ns, stamps.received_ns + pause):
            # Each of the four numbers that make offset and bound is a whole nanosecond.
            assert abs(clock.offset_ns - 5_000 - at_ns * drift) <= clock.bound_at(at_ns) + 4
        now_ns = stamps.received_ns + pause


def test_a_run_begins_when_every_node_can_have_heard_of_it():
    """A quarter of a second ahead, or four times the worst way there and back."""
    assert begin_ns(0, []) == begin_ns(0, [1, 62 * MS]) == 250 * MS
    assert begin_ns(7, [100 * MS, 20 * MS]) == 400 * MS + 7


@pytest.mark.parametrize(("bound_ms", "is_refused"), [(25, False), (26, True)])
def test_a_clock_that_is_not_known_well_enough_is_refused_in_words(bound_ms, is_refused):
    """The node, the value and the limit are named."""
    said = refusal("node-7", Clock(0, bound_ms * MS, 0))
    assert (said is not None) == is_refused
    if is_refused:
        assert said.startswith("node-7: its clock is known to 26 ms only (limit 25 ms)")


@pytest.mark.parametrize(
    ("ahead_ms", "said"),
    [
        (50, None),
        (51, "node-7: its wall clock is 51 ms ahead of this machine's"),
        (-3_000, "node-7: its wall clock is 3000 ms behind this machine's"),
    ],
)
def test_a_wall_clock_that_differs_is_warned_of(ahead_ms, said):
    """Half of the way back is taken into account."""
    stamps = Stamps(0, 10 * MS, 10 * MS, 20 * MS, wall_ns=ahead_ms * MS, our_wall_ns=10 * MS)
    assert wall_warning("node-7", measured(stamps)) == said
