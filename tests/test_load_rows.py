"""Rows of tables over lanes and engines: which are used, how often and in which order, and what a bad table does."""

import json
from collections import Counter
from urllib.parse import parse_qsl

import gevent
import pytest
import warm
from commands import at_once
from engines import until
from servers import answering, raw_server, response
from values_seen import BOUND_S, Seen, many, numbers, ran, requests_of, target_of

from tressi.config.load import load_config
from tressi.errors import ConfigError
from tressi.load.cluster import Cluster
from tressi.load.process import ProcessEngine
from tressi.run.runner import EndpointRunner

pytestmark = pytest.mark.timed


# --------------------------------------------------------------------------------------------------- which row, and when


@pytest.mark.parametrize("engines", [1, 3])
@pytest.mark.parametrize("rate", [{}, {"rps": 2_000}], ids=["unlimited", "paced"])
def test_every_row_is_used_once_and_the_run_ends(engines, rate, transport):
    """Over all engines, by the server's log; more and fewer rows than engines."""
    for count in (2, 500):
        seen = Seen()
        with raw_server(seen.answering()) as server:
            config = {"data": numbers(count, "unique"), "requests": requests_of(server.url), "transport": transport}
            summary = ran(config, many(engines), workers=6, **rate)
        assert summary["endReason"] == "complete"
        assert summary["endpoints"][0]["endedBy"] == "rows"
        assert seen.counts(target_of) == Counter(f"/{number}" for number in range(count))
        assert summary["global"]["requestsSucceeded"] == count


def test_every_row_is_used_with_fewer_workers_than_engines():
    """Each engine has rows of its own, so each needs a worker."""
    seen = Seen()
    with raw_server(seen.answering()) as server:
        section = {"enabled": True, "targetRps": 500, "maxWorkers": 4, "initialWorkers": 1}
        config = {"data": numbers(90, "unique"), "requests": requests_of(server.url, autoscale=section)}
        summary = ran(config, many(3))
    assert summary["endReason"] == "complete"
    assert seen.counts(target_of) == Counter(f"/{number}" for number in range(90))


def test_an_engine_that_is_lost_takes_no_row_twice_and_holds_up_nobody():
    """Its rows are lost with it; the others use theirs, and the run ends when they are through."""
    seen = Seen()
    count = 1_500
    members = [ProcessEngine(warm.engine) for _ in range(3)]
    with raw_server(seen.answering()) as server:
        config = {
            "data": numbers(count, "unique"),
            "requests": requests_of(server.url),
            "rps": 600,
            "workers": 6,
            "duration": BOUND_S,
        }
        runner = EndpointRunner(config, engine=Cluster(members))
        with gevent.Timeout(BOUND_S):
            runner.start()
            until(lambda: len(seen.requests) > 150)
            members[1]._process.kill()
            summary = runner.summary()
    found = seen.counts(target_of)
    assert set(found.values()) == {1}
    assert {f"/{number}" for number in range(count) if number % 3 != 1} <= set(found)
    assert len(found) < count
    assert summary["endReason"] == "complete"
    assert summary["endpoints"][0]["endedBy"] == "rows"


def test_a_sequence_counts_over_engines():
    """Each number once, without a gap but for what each engine was ahead."""
    seen = Seen()
    with raw_server(seen.answering()) as server:
        config = {
            "data": {**numbers(300, "unique"), "n": {"sequence": {"from": 10, "step": 5}}},
            "requests": requests_of(server.url, "/{{t}}/{{n}}"),
        }
        ran(config, many(3), workers=6)
    found = Counter(int(one.target.rpartition("/")[2]) for one, _ in seen.requests)
    assert found == Counter(range(10, 10 + 5 * 300, 5))


@pytest.mark.parametrize("pick", ["sequential", "shuffle"])
def test_rows_in_order_come_evenly_over_engines(pick):
    """Each of three engines goes round its 10 rows 30 times: every row comes as often as the others."""
    seen = Seen()
    with raw_server(seen.answering()) as server:
        config = {
            "data": {**numbers(30, pick), "once": {"values": list(range(900)), "pick": "unique"}},
            "requests": requests_of(server.url, headers={"X-Once": "{{once}}"}),
        }
        ran(config, many(3), workers=6)
    assert seen.counts(target_of) == Counter({f"/{number}": 30 for number in range(30)})


def test_a_lane_keeps_its_row():
    """By the connection, which is the lane's own; over engines no two lanes have one row while there are enough."""
    seen = Seen()
    with raw_server(seen.answering()) as server:
        config = {
            "data": {**numbers(60, "perLane"), "once": {"values": list(range(600)), "pick": "unique"}},
            "requests": requests_of(server.url, headers={"X-Once": "{{once}}"}),
        }
        ran(config, many(3), workers=6, concurrentRequests=2)
    by_connection = {}
    for one, _ in seen.requests:
        by_connection.setdefault(one.connection, set()).add(one.target)
    assert all(len(rows) == 1 for rows in by_connection.values())
    rows = [row for (row,) in by_connection.values()]
    assert len(set(rows)) == len(rows) > 3


@pytest.mark.parametrize(
    ("source", "shares"),
    [
        ({"pick": {"zipf": 1.0}}, [1 / rank for rank in range(1, 7)]),
        ({"pick": {"weight": "share"}}, [5, 0, 1, 2.5, 0.5, 1]),
        ({"pick": "random"}, [1] * 6),
    ],
    ids=["zipf", "weight", "random"],
)
def test_rows_come_in_their_proportions_over_engines(source, shares):
    """Chi-square over all that came; each engine draws on its own."""
    rows = [{"id": number, "share": share} for number, share in enumerate(shares)]
    seen = Seen()
    with raw_server(seen.answering()) as server:
        config = {
            "data": {"row": {"values": rows, **source}, "once": {"values": list(range(3_000)), "pick": "unique"}},
            "requests": requests_of(server.url, "/{{row.id}}", headers={"X-Once": "{{once}}"}),
        }
        ran(config, many(3), workers=6)
    found = seen.counts(lambda one, _: int(one.target[1:]))
    assert found.total() == 3_000
    assert set(found) == {number for number, share in enumerate(shares) if share}
    wanted = {number: 3_000 * share / sum(shares) for number, share in enumerate(shares) if share}
    # Five degrees of freedom: larger in one of a million cases.
    assert sum((found[number] - one) ** 2 / one for number, one in wanted.items()) < 36


def test_a_seed_repeats_what_a_run_draws():
    """All that is random, in its order, with one lane; another seed draws something else."""

    def targets(seed):
        seen = Seen()
        with raw_server(seen.answering()) as server:
            config = {
                "data": {
                    **numbers(50, "shuffle"),
                    "z": {"values": list(range(50)), "pick": {"zipf": 1.2}},
                    "r": {"values": list(range(50)), "pick": "random"},
                    "i": {"integer": {"from": 1, "to": 10**9}},
                    "u": {"uuid": 4},
                    "w": {"text": {"length": 9}},
                    "once": {"values": list(range(80)), "pick": "unique"},
                },
                "requests": [
                    {
                        "url": f"{server.url}{{{{t}}}}/{{{{z}}}}/{{{{r}}}}/{{{{i}}}}/{{{{u}}}}/{{{{w}}}}/{{{{once}}}}",
                        "variants": [{}, {"headers": {"X-Other": "1"}}],
                    }
                ],
            }
            ran(config, workers=1, concurrentRequests=1, seed=seed)
        return [(one.target, one.fields.get("x-other")) for one, _ in seen.requests]

    first = targets(7)
    assert len(first) == 80
    assert targets(7) == first
    assert targets(8) != first


# --------------------------------------------------------------------------------------------------- tables that are bad

BAD = [
    ("a,w\n", {}, "has no row"),
    ("a,w\n1\n", {}, "line 2 has 1 cell"),
    ("a,w\n1,x\n", {"pick": {"weight": "w"}}, "is no number from 0 on"),
    ("a,w\n1,0\n", {"pick": {"weight": "w"}}, "has no row whose w is above 0"),
    ("a,w\n1,\xe9\xff\n", {}, "is not UTF-8"),
]


def test_a_table_that_cannot_be_used_ends_a_run_before_it_begins(tmp_path):
    """As ConfigError, and with exit code 2 and a sentence; nothing is sent, and no traceback is shown."""
    with raw_server(answering(response())) as server:
        commands = []
        for number, (text, source, _) in enumerate(BAD):
            folder = tmp_path / str(number)
            folder.mkdir()
            (folder / "t.csv").write_bytes(text.encode("latin-1"))
            document = {
                "data": {"t": {"file": "t.csv", **source}},
                "requests": requests_of(server.url, "/{{t.a}}"),
                "duration": 1,
                "rps": 10,
            }
            (folder / "config.json").write_text(json.dumps(document))
            with pytest.raises(ConfigError, match=BAD[number][2]):
                EndpointRunner(folder / "config.json")
            commands.append(("-m", "tressi", "run", folder / "config.json"))
        for done, (_, _, message) in zip(at_once(*commands), BAD, strict=True):
            assert done.returncode == 2
            assert message in done.stderr
            assert "Traceback" not in done.stderr
        assert not server.connections


def test_a_table_that_goes_after_the_config_was_read_is_an_error_of_the_config(tmp_path):
    """Gone, and with other columns: the config has been resolved by then."""
    path = tmp_path / "t.csv"
    path.write_text("a\n1\n")
    document = {"data": {"t": {"file": str(path)}}, "requests": [{"url": "http://127.0.0.1:9/{{t.a}}"}], "rps": 1}
    config = load_config(document)
    path.write_text("b\n1\n")
    with pytest.raises(ConfigError, match="has no column 'a' any more"):
        EndpointRunner(config)
    path.unlink()
    with pytest.raises(ConfigError, match="No such file"):
        EndpointRunner(config)


def test_without_data_there_are_no_values():
    """A config without it never makes them."""
    script = """
import sys
import tressi.load.engine as engine
engine.Values = None
from tressi.run.runner import EndpointRunner
config = {"requests": [{"url": sys.argv[1]}], "rps": 50, "maxRequests": 3, "duration": 30}
runner = EndpointRunner(config, engine=engine.LocalEngine())
runner.start()
print(runner.summary()["global"]["requestsSucceeded"])
"""
    with raw_server(answering(response())) as server:
        (done,) = at_once(["-c", script, server.url])
    assert (done.stdout.strip(), done.returncode) == ("3", 0), done.stderr


def test_a_run_on_the_command_line_uses_each_row_once(tmp_path):
    """With engines in processes, from a CSV file, to its end."""
    (tmp_path / "users.csv").write_text("name,word\n" + "".join(f'user{number},"w, {number}"\n' for number in range(200)))
    seen = Seen()
    with raw_server(seen.answering()) as server:
        document = {
            "data": {"user": {"file": "users.csv", "pick": "unique"}},
            "requests": requests_of(server.url, "/{{user.name}}", method="POST", form={"word": "{{user.word}}"}),
            "duration": BOUND_S,
            "workers": 4,
        }
        (tmp_path / "config.json").write_text(json.dumps(document))
        options = ("--processes", "3")
        (done,) = at_once(["-m", "tressi", "run", tmp_path / "config.json", *options], bound_s=BOUND_S)
    assert done.returncode == 0, done.stderr
    assert seen.counts(lambda one, body: (one.target, parse_qsl(body.decode())[0][1])) == Counter(
        (f"/user{number}", f"w, {number}") for number in range(200)
    )
