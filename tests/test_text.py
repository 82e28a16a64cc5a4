"""How values are shown to a person."""

import pytest

from tressi.text import carries, counted, percentile_ms, some_of

pytestmark = pytest.mark.pure


def test_a_percentile_needs_ten_values_beyond_it():
    """At least 10 / (1 - p) values, to the value, also where 100 - p has no exact form in binary."""
    for percent, least in ((50, 20), (90, 100), (95, 200), (99, 1_000), (99.9, 10_000), (99.95, 20_000), (99.99, 100_000)):
        assert carries(least, percent), percent
        assert not carries(least - 1, percent), percent
    assert not carries(10**9, 100)


def test_what_is_not_carried_is_a_dash():
    """As is what has no value."""
    assert [percentile_ms(1.5, count, 99) for count in (999, 1000)] == ["-", "1.5"]
    assert percentile_ms(None, 1000, 99) == "-"


def test_numbers_of_things_are_read_aloud():
    """With their plural, and commas in thousands."""
    assert [counted(number, "start") for number in (0, 1, 1530)] == ["0 starts", "1 start", "1,530 starts"]
    assert [some_of(*pair, "rule") for pair in ((1, 1), (2, 2), (1, 2))] == ["the rule", "all 2 rules", "1 of 2 rules"]
