"""Values in requests through a whole run: what a target reads is the row, and each row comes as often as its pick says."""

import base64
import json
from collections import Counter
from email.parser import BytesParser
from email.policy import HTTP
from threading import Lock
from urllib.parse import parse_qsl, unquote, urlsplit

import gevent
import pytest
from commands import at_once
from engines import until
from servers import answering, raw_server, response, secured

from tressi.config.load import load_config
from tressi.errors import ConfigError
from tressi.load.cluster import Cluster
from tressi.load.engine import LocalEngine
from tressi.load.process import ProcessEngine
from tressi.run.runner import EndpointRunner

pytestmark = pytest.mark.timed

BOUND_S = 30
ROWS = [
    {"name": "ada", "note": "", "value": 1, "field": "plain"},
    {"name": "a b&c=d/e?f#g%h+i", "note": 'x "y" \\ z\r\n\t', "value": -2.5, "field": "v; q=1, é"},
    {"name": "grün ✓ 𝄞", "note": "é,;:\u2028", "value": [True, None, {"a": "{{row.name}}"}], "field": "a\tb"},
    {"name": "{{other}}", "note": "\x01\x7f", "value": "1", "field": "two  words"},
    {"name": "../..//", "note": "--\r\n\r\n--", "value": False, "field": "0"},
]
KINDS = {
    "path": {"url": "/p/{{path.name}}/end"},
    "query": {"url": "/?q={{query.name}}&next=http://other.test/&r={{{query.name}}}"},
    "header": {"url": "/", "headers": {"X-Field": "<{{header.field}}>", "Proxy-Hint": "{{header.field}}."}},
    "payload": {"url": "/", "payload": {"a": ["{{payload.name}}", "-{{payload.note}}-"], "value": "{{payload.value}}"}},
    "form": {"url": "/", "form": {"name": "{{form.name}}", "two words": ["{{form.note}}", "x"]}},
    "multipart": {
        "url": "/",
        "multipart": [{"name": "name", "value": "{{multipart.name}}"}, {"name": "list", "file": "rows.jsonl"}],
    },
    "body": {"url": "/", "body": "<{{body.note}}>{{body.name}}"},
}


@pytest.fixture(params=["wire", "urllib3"])
def transport(request):
    """Each of the two."""
    return request.param


class Seen:
    """What targets were asked for: heads with their bodies, in the order in which they came."""

    def __init__(self):
        self.requests = []
        self._lock = Lock()

    def answering(self, answer=None):
        """A script that keeps every request; `answer(seen, body)` is what is sent back, None ends the connection."""

        def script(conversation):
            while seen := conversation.head():
                if "100-continue" in seen.fields.get("expect", ""):
                    conversation.send(b"HTTP/1.1 100 Continue\r\n\r\n")
                body = conversation.body(seen)
                if body is None:
                    return
                with self._lock:
                    self.requests.append((seen, body))
                said = response() if answer is None else answer(seen, body)
                if said is None:
                    return
                conversation.send(said)

        return script

    def counts(self, key):
        """How often each came."""
        return Counter(key(seen, body) for seen, body in self.requests)


def target_of(seen, _):
    return seen.target


def many(engines):
    """So many engines: one here, several in processes."""
    return LocalEngine() if engines == 1 else Cluster([ProcessEngine() for _ in range(engines)])


def ran(config, engine=None, **more):
    """The summary of a whole run."""
    runner = EndpointRunner({"duration": BOUND_S, "seed": 1, **config, **more}, engine=engine or LocalEngine())
    with gevent.Timeout(BOUND_S):
        runner.start()
        return runner.summary()


def requests_of(url, path="/{{t}}", **more):
    """One request under a server's root."""
    return [{"url": url + path[1:], **more}]


def numbers(count, pick, **more):
    """A table of the numbers from 0 on."""
    return {"t": {"values": [str(number) for number in range(count)], "pick": pick}, **more}


# ------------------------------------------------------------------------------------------------------- what is sent


def read_back(kind, seen, body):
    """What a server makes of a request, as JSON."""
    if kind == "path":
        found = unquote(urlsplit(seen.target).path)[3:-4]
    elif kind == "query":
        (_, name), (_, other), (_, raw) = parse_qsl(urlsplit(seen.target).query, keep_blank_values=True, separator="&")[:3]
        found = [name, other, raw]
    elif kind == "header":
        found = [seen.fields["x-field"], seen.fields["proxy-hint"]]
    elif kind == "payload":
        found = json.loads(body)
    elif kind == "form":
        found = parse_qsl(body.decode(), keep_blank_values=True)
    elif kind == "multipart":
        message = BytesParser(policy=HTTP).parsebytes(
            b"Content-Type: " + seen.fields["content-type"].encode() + b"\r\n\r\n" + body
        )
        found = [part.get_payload(decode=True).decode() for part in message.iter_parts()]
    else:
        found = body.decode()
    return json.dumps(found, sort_keys=True)


def expected(kind, row, rows_text):
    """The same of a row."""
    name, note, field = row["name"], row["note"], row["field"]
    return json.dumps(
        {
            "path": name,
            "query": [name, "http://other.test/", dict(parse_qsl(f"r={name}", keep_blank_values=True))["r"].partition("#")[0]],
            "header": [f"<{field}>", f"{field}."],
            "payload": {"a": [name, f"-{note}-"], "value": row["value"]},
            "form": [("name", name), ("two words", note), ("two words", "x")],
            "multipart": [name, rows_text],
            "body": f"<{note}>{name}",
        }[kind],
        sort_keys=True,
    )


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"query"}))
def test_a_target_reads_the_row(kind, tmp_path, transport, secure):
    """Wherever its values stand, over both transports, inside TLS too: each row once, decoded as servers do."""
    check_kind(kind, tmp_path, transport, secure=secure)


def check_kind(kind, folder, transport, *, secure=False, proxied=False):
    """One run that uses every row once."""
    text = "".join(json.dumps(row) + "\n" for row in ROWS)
    (folder / "rows.jsonl").write_text(text)
    seen = Seen()
    with raw_server(secured(seen.answering()) if secure else seen.answering()) as server:
        root = server.url.rstrip("/").replace("http:", "https:") if secure else server.url.rstrip("/")
        origin = "http://away.invalid:81" if proxied else root
        one = {"method": "POST", **KINDS[kind], "url": origin + KINDS[kind]["url"]}
        document = {
            "data": {kind: {"file": "rows.jsonl", "pick": "unique"}},
            "requests": [one],
            "transport": transport,
            "duration": BOUND_S,
            "rps": 200,
            **({"proxy": server.url.replace("//", "//user:word@")} if proxied else {}),
            **({"tls": {"verify": False}} if secure else {}),
        }
        (folder / "config.json").write_text(json.dumps(document))
        summary = run_file(folder / "config.json")
    assert summary["endReason"] == "complete"
    assert summary["endpoints"][0]["endedBy"] == "rows"
    assert summary["global"]["requestsSucceeded"] == len(ROWS)
    found = Counter(read_back(kind, one, body) for one, body in seen.requests)
    assert found == Counter(expected(kind, row, text) for row in ROWS)
    return seen


def run_file(path):
    """The summary of a run of a config in a file."""
    runner = EndpointRunner(path, engine=LocalEngine())
    with gevent.Timeout(BOUND_S):
        runner.start()
        return runner.summary()


def test_a_query_may_hold_a_whole_url(transport):
    """Encoded, and raw: what looks like a URL in a query is no place to go to."""
    rows = ["http://a.test/?b=c", "//d/e", "f"]
    seen = Seen()
    with raw_server(seen.answering()) as server:
        config = {
            "data": {"t": {"values": rows, "pick": "unique"}},
            "requests": requests_of(server.url, "/?q={{t}}&next={{{t}}}"),
            "transport": transport,
        }
        summary = ran(config)
    assert summary["global"]["requestsSucceeded"] == len(rows)
    queries = [dict(parse_qsl(urlsplit(one.target).query)) for one, _ in seen.requests]
    assert sorted((query["q"], query["next"]) for query in queries) == sorted((row, row) for row in rows)


def test_a_proxy_is_given_the_whole_url_of_each_row(tmp_path, transport):
    """Absolute form, the proxy's credentials, and the fields that a config gives whatever they are called."""
    seen = check_kind("header", tmp_path, transport, proxied=True)
    credentials = "Basic " + base64.b64encode(b"user:word").decode()
    for one, _ in seen.requests:
        assert one.target == "http://away.invalid:81/"
        assert one.fields["proxy-authorization"] == credentials
        assert one.head.lower().count(b"proxy-") == 2


def test_a_templated_body_waits_for_100_continue(transport):
    """The head goes alone, and says how long the body of this very row is."""
    rows = ["a", "bb" * 50, "ccc"]
    seen = Seen()
    with raw_server(seen.answering()) as server:
        one = requests_of(server.url, "/", method="POST", body="<{{t}}>", headers={"Expect": "100-continue"})
        summary = ran({"data": {"t": {"values": rows, "pick": "unique"}}, "requests": one, "transport": transport})
    assert summary["global"]["requestsSucceeded"] == len(rows)
    assert seen.counts(lambda _, body: body.decode()) == Counter(f"<{row}>" for row in rows)


def test_what_is_sent_again_is_the_same_bytes(transport):
    """A kept connection that turns out closed: the attempt is made with what it has drawn, and no row is lost."""
    heads = Counter()

    def script(conversation):
        first = conversation.head()
        if first is None:
            return
        conversation.body(first)
        heads[first.head] += 1
        conversation.send(response())
        # The next one is read, and not answered: the client sends it once more over another connection.
        second = conversation.head()
        if second is not None:
            heads[second.head] += 1
            conversation.reset()

    with raw_server(script) as server:
        config = {
            "data": {**numbers(8, "unique"), "id": {"uuid": 4}},
            "requests": requests_of(server.url, "/{{t}}/{{id}}", headers={"X-Id": "{{id}}"}),
            "transport": transport,
            "workers": 1,
            "concurrentRequests": 1,
        }
        summary = ran(config)
    assert summary["global"]["requestsSucceeded"] == 8
    assert sorted(head.split(b" ")[1].split(b"/")[1] for head in heads) == sorted(b"%d" % number for number in range(8))
    assert set(heads.values()) == {1, 2}


@pytest.mark.parametrize("status", ["302 Found", "307 Temporary Redirect"])
@pytest.mark.parametrize("absolute", [False, True], ids=["relative", "absolute"])
def test_redirects_lead_on_from_what_was_sent(status, absolute, transport):
    """A relative Location is resolved against the URL of this row, and a body that stays is that of this row."""
    ended = Seen()
    with raw_server(ended.answering()) as end:

        def answer(seen, _):
            if seen.target.endswith("/next"):
                return response()
            return response(status, f"Location: {end.url if absolute else ''}next")

        seen = Seen()
        with raw_server(seen.answering(answer)) as server:
            config = {
                "data": {**numbers(20, "unique"), "id": {"uuid": 4}},
                "requests": requests_of(
                    server.url, "/{{t}}/here", method="POST", body="{{t}} {{id}}", headers={"X-T": "{{t}}"}
                ),
                "transport": transport,
                "followRedirects": True,
                "rps": 500,
            }
            summary = ran(config)
    assert summary["global"]["requestsSucceeded"] == 20
    sent = {one.fields["x-t"]: body for one, body in seen.requests if one.target.endswith("/here")}
    assert sorted(sent, key=int) == [str(number) for number in range(20)]
    assert len(set(sent.values())) == 20
    followed = ended.requests if absolute else [(one, body) for one, body in seen.requests if one.target.endswith("/next")]
    assert len(followed) == 20
    for one, body in followed:
        number = one.fields["x-t"]
        assert one.target == ("/next" if absolute else f"/{number}/next")
        assert body == (sent[number] if status.startswith("307") else b"")
        assert one.head.startswith(b"POST " if status.startswith("307") else b"GET ")


def test_variants_go_out_by_their_weights(transport):
    """With bodies of their own, to origins of their own; all are one endpoint."""
    seen, away = Seen(), Seen()
    with raw_server(seen.answering()) as server, raw_server(away.answering()) as other:
        one = {
            "url": f"{server.url}a/{{{{t}}}}",
            "method": "PUT",
            "payload": {"n": "{{{t}}}"},
            "variants": [
                {"weight": 6},
                {"weight": 3, "form": {"n": "{{t}}"}},
                {"weight": 1, "url": f"{other.url}b/{{{{t}}}}", "body": "static"},
            ],
        }
        summary = ran({"data": numbers(1_000, "unique"), "requests": [one], "transport": transport})
    assert len(summary["endpoints"]) == 1
    assert summary["endpoints"][0]["requestsSucceeded"] == 1_000
    kinds = seen.counts(lambda one, _: one.fields["content-type"])
    shares = [kinds["application/json"], kinds["application/x-www-form-urlencoded"], len(away.requests)]
    assert sum(shares) == 1_000
    # Chi-square with two degrees of freedom: larger in one of a million cases; the draws follow the seed.
    assert sum((found - wanted) ** 2 / wanted for found, wanted in zip(shares, (600, 300, 100), strict=True)) < 27.6
    for one, body in seen.requests:
        number = one.target.rpartition("/")[2]
        is_json = one.fields["content-type"] == "application/json"
        assert body.decode() == (json.dumps({"n": int(number)}, separators=(",", ":")) if is_json else f"n={number}")
    assert {body for _, body in away.requests} == {b"static"}


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
    members = [ProcessEngine() for _ in range(3)]
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
