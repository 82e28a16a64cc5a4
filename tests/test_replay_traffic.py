"""A log in order: times spread, shifted and sorted, and requests folded into endpoints and configs."""

from array import array
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tressi.config.load import load_config
from tressi.model import Curve
from tressi.replay.document import (
    SHOWN_ROWS,
    Options,
    begun_by,
    config_by_rates,
    config_by_times,
    length_s,
    per_second,
    replay_of,
    shortened,
)
from tressi.replay.entries import Entry
from tressi.replay.formats import line_format
from tressi.replay.gathering import Gathered, Wanted, gather
from tressi.replay.lines import reader_of_format
from tressi.replay.traffic import MOST_ENDPOINTS, REST, spread, traffic_of

pytestmark = pytest.mark.pure

S = 1_000_000_000
BASE = 1_769_860_800 * S
OPTIONS = Options("http://127.0.0.1:8080")


def log_of(*entries, whole=False):
    """A gathered log of (seconds, target) or (seconds, target, seconds it took)."""
    found = Gathered()
    for seconds, target, *took in entries:
        found.add(Entry(BASE + round(seconds * S), whole, "GET", target, "", round(took[0] * S) if took else 0), Wanted())
    return found


def test_stamps_of_one_second_are_spread_over_it():
    """Evenly, in the order of the log, also where the seconds are mixed."""
    times = array("q", [7 * S, 8 * S, 7 * S, 7 * S, 7 * S])
    assert list(spread(times)) == [7 * S, 8 * S, 7 * S + S // 4, 7 * S + S // 2, 7 * S + 3 * S // 4]


def test_what_a_request_took_is_taken_off_and_the_order_is_that_of_the_starts():
    """A long request that ended last may have begun first."""
    traffic = traffic_of(log_of((1.0, "/a", 0.1), (1.5, "/b", 0.1), (3.0, "/long", 2.5)))

    targets = [target for one in traffic.endpoints for target in one.targets]
    assert [targets[number] for number in traffic.numbers] == ["/long", "/a", "/b"]
    assert list(traffic.times_ns) == [0, 400_000_000, 900_000_000]


@pytest.mark.parametrize("speed", [1.0, 2.0, 10.0, 0.5])
def test_speed_divides_each_time_by_itself(speed):
    """To the nanosecond, however long the log is: nothing is added up."""
    seconds = [0.001 * place * place for place in range(1000)]
    traffic = traffic_of(log_of(*((at, "/a") for at in seconds)), speed)
    assert list(traffic.times_ns) == [round(round(at * S) / speed) for at in seconds]


@given(
    st.lists(
        st.tuples(st.integers(0, 20_000), st.sampled_from(["/a/1", "/a/2", "/b", "/c?x=1", "/c?x=2"])), min_size=1, max_size=60
    )
)
def test_every_entry_is_there_once_in_order(entries):
    """Out-of-order input is sorted, entries of one time stay in their order, and no request becomes another."""
    traffic = traffic_of(log_of(*((at / 1000, target) for at, target in entries)))
    targets = [target for one in traffic.endpoints for target in one.targets]
    first = min(at for at, _ in entries)

    wanted = sorted(((at - first) * 1_000_000, target) for at, target in sorted(entries, key=lambda one: one[0]))
    assert sorted(zip(traffic.times_ns, (targets[number] for number in traffic.numbers), strict=True)) == wanted
    assert list(traffic.times_ns) == sorted(traffic.times_ns)
    assert traffic.period_ns > traffic.times_ns[-1]
    assert [one.counts for one in traffic.endpoints] == [
        tuple(Counter(target for _, target in entries)[target] for target in one.targets) for one in traffic.endpoints
    ]


def test_requests_of_one_route_are_an_endpoint():
    """Ids and queries are folded; the most frequent endpoint comes first."""
    traffic = traffic_of(log_of((0, "/b"), (1, "/items/1"), (2, "/items/2?x"), (3, "/items/1")))

    assert [(one.route, one.targets, one.counts) for one in traffic.endpoints] == [
        ("/items/:id", ("/items/1", "/items/2?x"), (2, 1)),
        ("/b", ("/b",), (1,)),
    ]
    assert traffic.firsts == (0, 2)


def test_servers_are_told_apart_only_where_they_are_kept():
    """With one base for all, the same path of two servers is one request."""
    entries = [
        Entry(BASE + at, is_whole=False, method="GET", target="/a", origin=origin)
        for at, origin in enumerate(("http://one", "http://two", "http://one"))
    ]
    for keeps, counts in ((False, [(3,)]), (True, [(2,), (1,)])):
        found = Gathered()
        for entry in entries:
            found.add(entry, Wanted(keeps_servers=keeps))
        traffic = traffic_of(found)
        assert [one.counts for one in traffic.endpoints] == counts
        options = Options(None if keeps else "http://base")
        assert len(load_config(config_by_rates(traffic, options)).endpoints) == len(counts)


def test_beyond_the_most_endpoints_the_rest_are_one():
    """A log that was scanned for weaknesses has thousands of routes."""
    entries = [(place, f"/word{'x' * place}") for place in range(MOST_ENDPOINTS + 50)]
    traffic = traffic_of(log_of(*entries))

    assert len(traffic.endpoints) == MOST_ENDPOINTS
    assert traffic.endpoints[-1].route == REST
    assert sum(one.entries for one in traffic.endpoints) == len(entries)


def test_a_part_of_a_log_has_no_requests_of_the_rest():
    """An endpoint that has no start left is none."""
    traffic = traffic_of(log_of((0, "/a"), (0.5, "/b/1"), (1.5, "/b/2"), (2, "/c"))).until(S)

    assert list(traffic.times_ns) == [0, S // 2]
    assert sorted(one.targets for one in traffic.endpoints) == [("/a",), ("/b/1",)]


def test_the_rates_of_a_config_ask_for_the_log_second_by_second():
    """The area below each endpoint's curve is its number of entries, in every second."""
    entries = [(at / 10, f"/items/{at % 3}") for at in range(40)] + [(at, "/b") for at in (0.5, 0.6, 3.9)]
    traffic = traffic_of(log_of(*entries))
    config = load_config(config_by_rates(traffic, OPTIONS))

    assert [one.name for one in config.endpoints] == ["GET /items/:id", "GET /b"]
    for endpoint, times in zip(config.endpoints, traffic.starts_of(), strict=True):
        curve = Curve.of(endpoint.autoscale.stages)
        asked = [curve.starts(second, second + 1) for second in range(4)]
        assert asked == [sum(second * S <= at < (second + 1) * S for at in times) for second in range(4)]
    assert config.duration_s == 4


def test_paths_that_differ_are_rows_drawn_as_often_as_they_came():
    """By weight, or in the order of the log where each came equally often; one path alone is the URL."""
    uneven = config_by_rates(traffic_of(log_of((0, "/a/1"), (1, "/a/2"), (2, "/a/1"))), OPTIONS)
    even = config_by_rates(traffic_of(log_of((0, "/a/1"), (1, "/a/2?b"))), OPTIONS)
    alone = config_by_rates(traffic_of(log_of((0, "/a/1"), (1, "/a/1"))), OPTIONS)

    assert uneven["requests"][0]["url"] == "http://127.0.0.1:8080/a/{{{r1.path}}}"
    assert uneven["data"]["r1"] == {
        "values": [{"path": "1", "times": 2}, {"path": "2", "times": 1}],
        "pick": {"weight": "times"},
    }
    assert even["data"]["r1"] == {"values": ["1", "2?b"]}
    assert alone["requests"][0]["url"] == "http://127.0.0.1:8080/a/1"
    assert "data" not in alone
    for document in (uneven, even, alone):
        load_config(document)


def test_what_a_log_has_is_never_read_as_a_variable_or_a_placeholder():
    """Scanners write such paths, and they are sent as they came, but for the percent signs."""
    lines = ["0 GET /${jndi:ldap://x}/{{a}} HTTP/1.1", "1 GET /$${HOME} HTTP/1.1"]
    gathered = gather(lines, reader_of_format(line_format("$msec $request")), Wanted())
    urls = [one["url"] for one in config_by_rates(traffic_of(gathered), OPTIONS)["requests"]]

    assert urls == ["http://127.0.0.1:8080/$%7Bjndi:ldap://x%7D/%7B%7Ba%7D%7D", "http://127.0.0.1:8080/$$%7BHOME%7D"]


def test_a_log_that_loops_goes_on_after_its_last_second():
    """A log of whole seconds is as long as they are; its second round asks for the same again."""
    traffic = traffic_of(log_of((0, "/a"), (0, "/a"), (1, "/a"), whole=True))
    options = Options("http://127.0.0.1", duration_s=5, loops=True)

    assert traffic.period_ns == 2 * S
    assert length_s(traffic, options) == 5
    assert per_second(traffic.times_ns, traffic.period_ns, 5) == [2, 1, 2, 1, 2]
    assert begun_by(traffic.times_ns, 0, 100 * S) == 3
    assert length_s(traffic, Options("http://127.0.0.1", duration_s=100)) == 2


def test_the_starts_of_a_replay_are_the_log():
    """The shared pool has each entry's time and number, and the mean rate of each endpoint."""
    traffic = traffic_of(log_of((0, "/a/1"), (0.5, "/b"), (1.5, "/a/2"), (1.9, "/a/1")))
    replay, config = replay_of(traffic, OPTIONS), load_config(config_by_times(traffic, OPTIONS))

    assert list(replay.times_ns) == [0, S // 2, 3 * S // 2, 1_900_000_000]
    assert list(replay.numbers) == [0, 2, 1, 0]
    assert replay.firsts == (0, 2)
    assert replay.mean_rps == (1.5, 0.5)
    assert config.shared_pool.curve.starts(0, 1) == 2
    assert len(config.endpoints) == 2


def test_a_summarys_config_has_the_first_rows_of_a_long_table():
    """A log of a million paths does not make a summary of them."""
    document = config_by_times(traffic_of(log_of(*((at, f"/a/{at}") for at in range(500)))), OPTIONS)
    assert len(document["data"]["r1"]["values"]) == 500
    assert len(shortened(document)["data"]["r1"]["values"]) == SHOWN_ROWS


def test_secrets_of_a_log_are_masked_in_what_people_see():
    """Queries have tokens; they are sent, and no summary has them."""
    rows = [(0, "/a?token=hush1"), (1, "/a?token=hush2"), (2, "/a?token=hush2")]
    for document in (config_by_times(traffic_of(log_of(*rows)), OPTIONS), config_by_rates(traffic_of(log_of(*rows)), OPTIONS)):
        assert "hush1" in str(document)
        assert "hush" not in str(shortened(document))
        assert "token=" in str(shortened(document))


def test_what_is_not_wanted_is_counted():
    """By method, by path, and what cannot be read with its line and why."""
    lines = ["1 GET /api/x HTTP/1.1", "1 POST /api/x HTTP/1.1", "", "nonsense", "2 GET /other HTTP/1.1", "2 GET * HTTP/1.1"]
    found = gather(lines, reader_of_format(line_format("$msec $request")), Wanted(paths=("/api/*",)))

    assert (len(found.times_ns), found.left_out, found.elsewhere, found.lines) == (1, {"POST": 1}, 1, 6)
    assert [(one.number, one.line) for one in found.first_unreadable] == [(4, "nonsense"), (6, "2 GET * HTTP/1.1")]
    assert found.unreadable == 2
