"""The sizes of `bench.scale`: what can be run where, and what is held against what."""

import pytest

from bench.sizes import SIZES, Size, added_kib, obstacle, render

pytestmark = pytest.mark.pure


@pytest.mark.parametrize(("descriptors", "runs"), [(30_099, False), (30_100, True)])
def test_a_size_that_the_limit_does_not_allow_says_what_it_needs(descriptors, runs):
    """The reason names the limit, the need, and the command that lifts it."""
    said = obstacle(Size("full", 1, 30_000), descriptors)

    assert (said == "") == runs
    assert runs or said == "left out: a process may have 30,099 file descriptors here, it needs 30,100 (ulimit -Hn 30100)"


def test_every_size_has_its_base_among_the_sizes_of_its_load():
    """Else a ratio would have nothing to be a ratio to."""
    for size in SIZES:
        assert Size(size.load, *size.base) in SIZES


def test_more_connections_than_one_address_has_ports_for_get_several():
    """30,000 connections come from three addresses of loopback, 10,000 from the usual one."""
    assert Size("full", 1, 30_000).sources == ["127.0.1.1", "127.0.1.2", "127.0.1.3"]
    assert Size("full", 1, 10_000).sources == []


def test_memory_is_told_for_each_connection_more():
    """1,936 connections and 1,936 KiB more: one KiB each."""
    base, run = {"engine_mib": 30.0}, {"engine_mib": 30.0 + 1936 / 1024}

    assert added_kib(Size("full", 1, 2000), run, base) == pytest.approx(1.0)


def test_what_was_left_out_stands_in_the_table():
    """With its reason in place of figures."""
    one = dict.fromkeys(("open", "opened_s", "rps", "cpu_us", "engine_us", "own_delay_ms", "engine_mib", "tree_mib"), 1.0)
    table = render({Size("full", 1, 64): [one]}, {Size("full", 1, 30_000): "left out: why"}, 5000)

    assert "| 1 endpoint, 64 connections | 1 | 1.0 (1.0 to 1.0) |" in table
    assert "| 1 endpoint, 30,000 connections | left out: why |" in table
