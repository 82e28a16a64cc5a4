"""Values in requests through a whole run: what a target reads is the row, and each row comes as often as its pick says."""

import base64
import json
from collections import Counter
from email.parser import BytesParser
from email.policy import HTTP
from urllib.parse import parse_qsl, unquote, urlsplit

import gevent
import pytest
from servers import raw_server, response, secured
from values_seen import BOUND_S, Seen, numbers, ran, requests_of

from tressi.load.engine import LocalEngine
from tressi.run.runner import EndpointRunner

pytestmark = pytest.mark.timed

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
