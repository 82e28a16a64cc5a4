"""Who keeps a place at a server when too many connections come: the rules as values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tressi.site.places import Places, holder_of

pytestmark = pytest.mark.pure


def filled(places, count, address="10.0.0.1", first=0):
    """Connections from an address, and all those that have lost their place for one of them."""
    return [places.enter(f"{address} {number}", address) for number in range(first, first + count)]


def test_there_is_room_at_first():
    """Up to the limits no connection goes."""
    places = Places(strangers=8, per_address=4)
    assert filled(places, 4) + filled(places, 4, "10.0.0.2") == [None] * 8


def test_an_address_with_too_many_loses_its_own_oldest():
    """And not one of another, however old that is."""
    places = Places(strangers=8, per_address=4)
    filled(places, 1, "10.0.0.2")
    filled(places, 4)
    assert filled(places, 2, first=4) == ["10.0.0.1 0", "10.0.0.1 1"]


def test_of_too_many_in_all_the_address_with_the_most_loses_one():
    """So one that comes from elsewhere is served."""
    places = Places(strangers=8, per_address=6)
    filled(places, 3, "10.0.0.2")
    filled(places, 5)
    assert filled(places, 1, "10.0.0.3") == ["10.0.0.1 0"]


def test_who_waits_goes_before_who_is_answered():
    """A request is worth more than silence; and the longer a silence, the less."""
    places = Places(strangers=4, per_address=4)
    filled(places, 4)
    places.is_answered("10.0.0.1 0")
    places.asks("10.0.0.1 1")
    assert filled(places, 3, first=4) == ["10.0.0.1 2", "10.0.0.1 3", "10.0.0.1 1"]


def test_where_all_are_answered_the_oldest_goes():
    """The next one is never refused: answers that are never read would lock the server."""
    places = Places(strangers=4, per_address=4)
    filled(places, 4)
    for number in (2, 0, 1, 3):
        places.is_answered(f"10.0.0.1 {number}")
    assert filled(places, 1, first=4) == ["10.0.0.1 2"]


def test_who_is_trusted_keeps_its_place_and_frees_one():
    """No number of strangers takes it away; and those who are trusted have a limit too."""
    places = Places(strangers=4, per_address=4, known=2)
    filled(places, 4)
    assert places.trust("10.0.0.1 0")
    assert places.trust("10.0.0.1 0")
    assert filled(places, 1, first=4) == [None]
    assert places.trust("10.0.0.1 1")
    assert not places.trust("10.0.0.1 2")
    assert set(filled(places, 10, first=5)) & {"10.0.0.1 0", "10.0.0.1 1"} == set()
    places.leave("10.0.0.1 0")
    assert places.trust("10.0.0.1 14")
    assert not places.trust("a connection that has lost its place")


@pytest.mark.parametrize(
    ("one", "other", "are_same"),
    [
        ("10.0.0.1", "10.0.0.2", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("", "10.0.0.1", False),
    ],
)
def test_an_ipv6_network_counts_as_one_address(one, other, are_same):
    """A machine has as many addresses of its network as it likes."""
    assert (holder_of(one) == holder_of(other)) is are_same


EVENTS = st.lists(
    st.tuples(st.sampled_from(["enter", "asks", "is_answered", "trust", "leave"]), st.integers(0, 30), st.integers(0, 5)),
    max_size=200,
)


@given(events=EVENTS)
def test_the_limits_hold_whatever_happens(events):
    """Held places are within every limit, the newest always has one, and nobody loses one while there is room."""
    places, held, known = Places(strangers=6, per_address=3, known=2), {}, set()
    for number, (event, choice, address) in enumerate(events):
        if event == "enter":
            guest = f"guest {number}"
            mine = [one for one, at in held.items() if at == address]
            gone = places.enter(guest, f"10.0.0.{address}")
            assert (gone is None) is (len(mine) < 3 and len(held) < 6)
            assert gone is None or (gone in held and gone not in known)
            held.pop(gone, None)
            held[guest] = address
            continue
        there = [*held, *sorted(known)] or ["nobody"]
        guest = there[choice % len(there)]
        if event == "trust":
            if places.trust(guest):
                held.pop(guest, None)
                known.add(guest)
        elif event == "leave":
            places.leave(guest)
            held.pop(guest, None)
            known.discard(guest)
        else:
            getattr(places, event)(guest)
        assert len(known) <= 2
