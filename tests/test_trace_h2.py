"""A trace over HTTP/2 and of gRPC calls: it sends what the engine sends, has its verdicts, and shows header lists."""

import json

import pytest
from engines import ONCE, config_of, endpoint
from flows import flowing, of_flow, request, until
from h2_peers import DATA, END_HEADERS, HEADERS, OK, PING, Peer, frame, goaway, serving, settings
from servers import answering, raw_server, response, secured
from test_grpc_live import document, grpcio_shop
from test_load_h2_counted import CASES, H2C
from test_load_proxies import relaying

from tressi import load_config
from tressi.cli import main
from tressi.model import Protocol, SharedPool, TlsConfig
from tressi.trace.events import Connected, Received, Retried, Sent, StepEnded
from tressi.trace.walk import walk

pytestmark = pytest.mark.timed

UNVERIFIED = TlsConfig(verify=False)


def traced(*endpoints, **fields):
    """What happens where each is sent once."""
    events = []
    walk(config_of(*endpoints, shared_pool=SharedPool(1, None), **fields), None, events.append, thinks=False)
    return events


def only(events, kind):
    """The events of one kind."""
    return [event for event in events if isinstance(event, kind)]


def test_it_has_the_verdict_of_a_run():
    """The table of the engine: what counts there as a success, a failure by its status or an error of some kind does here."""
    wrong = {}
    for name, (script, counted, *more) in CASES.items():
        statuses, errors = counted if isinstance(counted, tuple) else ({counted: 1}, {})
        with raw_server(script) as server:
            (ended,) = only(traced(endpoint(server.url, ONCE, protocol=H2C, **(more[0] if more else {}))), StepEnded)
        wanted = (not errors and max(statuses) < 400, next(iter(errors), None))
        if (ended.succeeded, ended.kind) != wanted:
            wrong[name] = ended
    assert not wrong


def test_it_sends_what_the_engine_sends():
    """Heads and bodies of a flow with cookies, a redirect and values that were extracted; the events show what was sent."""
    seen = []

    def answer(peer, stream, fields, body):
        seen.append((tuple(fields.items()), body))
        if fields[b":path"] == b"/login":
            peer.answer(stream, b"", (b"location", b"/in?a=1"), (b"set-cookie", b"sid=s1; Path=/"), status=b"303")
            # What the connection itself says between two requests changes nothing.
            peer.send(frame(PING, 0, bytes(8)), settings(STREAMS=9))
        else:
            peer.answer(stream, b'{"token": "t1"}')

    steps = [{"request": "login", "extract": {"token": {"json": "$.token"}}}, {"request": "buy"}]
    buy = request("buy", "/buy", method="POST", payload={"t": "{{token}}"}, headers={"Authorization": "{{token}}"})
    with raw_server(serving(answer)) as server:
        document = {
            "baseUrl": server.url.rstrip("/"),
            "protocol": "h2c",
            "followRedirects": True,
            "duration": 60,
            "requests": [request("login", "/login", method="POST", body="x" * 40_000), buy],
            "flows": [{"name": "shop", "startsPerSecond": 0.001, "cookies": True, "steps": steps}],
        }
        config, events = load_config(document), []
        assert walk(config, config.flows[0], events.append, thinks=False)
        first, connections = list(seen), server.connections
        with flowing(document) as engine:
            until(lambda: of_flow(engine).requests_made >= 1)
            engine.stop(10)
    assert connections == len(only(events, Connected)) == 1
    assert first == seen[3:]
    assert [one.body for one in only(events, Sent)] == [body for _, body in first]
    sent = [tuple((name.encode(), value.encode()) for name, value in one.fields) for one in only(events, Sent)]
    assert sent == [fields for fields, _ in first]
    assert [one.fields[0] for one in only(events, Received)] == [(":status", "303"), (":status", "200"), (":status", "200")]


def test_what_is_not_processed_is_sent_again_and_told():
    """Any method: over the same connection where a stream was refused, over another behind a GOAWAY."""
    left = [goaway(0), frame(3, 1, b"\0\0\0\7"), None]

    def answer(peer, stream, _fields, body):
        frames = left.pop(0)
        if frames is None:
            peer.answer(stream, body)
        else:
            peer.send(frames)

    with raw_server(serving(answer)) as server:
        events = traced(endpoint(server.url, ONCE, protocol=H2C, method="POST", body=b"once"))
    assert [one.reason for one in only(events, Retried)] == ["GOAWAY", "REFUSED_STREAM"]
    assert (len(only(events, Connected)), only(events, StepEnded)[0].succeeded) == (2, True)


@pytest.mark.parametrize("by", [None, "http", "https"], ids=["straight", "tunnel", "tunnel in TLS"])
def test_over_tls_it_speaks_what_the_handshake_chooses(by):
    """HTTP/2 where the server has it, through a proxy's tunnel as well; "h2" insists, and "auto" goes on with HTTP/1.1."""
    h2 = secured(serving(lambda peer, stream, *_: peer.answer(stream)), "h2")
    old = secured(answering(response()), "http/1.1")
    with (
        raw_server(h2) as new_server,
        raw_server(old) as old_server,
        raw_server(secured(relaying) if by == "https" else relaying) as proxy,
    ):
        way = None if by is None else proxy.url.replace("http", by)
        asked = [(new_server, "h2"), (new_server, "auto"), (old_server, "auto"), (old_server, "h2"), (new_server, "http/1.1")]
        endpoints = [
            endpoint(server.url.replace("http", "https"), key=str(number), protocol=Protocol(name))
            for number, (server, name) in enumerate(asked[:4])
        ]
        events = traced(*endpoints, tls=UNVERIFIED, proxy=way)
    ended = only(events, StepEnded)
    assert [one.succeeded for one in ended] == [True, True, True, False], ended
    assert [one.status_line is None for one in only(events, Received)] == [True, True, False]
    assert ended[3].kind == "tls"


def test_a_call_is_shown_by_name_and_as_json(tmp_path, capsys):
    """Both messages, status and message of the server, the header list with its deadline; secrets are hidden."""
    requests = [
        {"name": "good", "payload": {"items": [{"sku": "word-1", "quantity": 2}]}, "headers": {"Authorization": "key-1"}},
        {"name": "bad", "payload": {"name": "NOT_FOUND"}},
        {"name": "wanted", "payload": {"name": "NOT_FOUND"}, "expect": {"grpcStatus": "NOT_FOUND"}},
        {"name": "behind", "payload": {}, "expect": {"headers": {"grpc-status": "0"}}},
    ]
    with grpcio_shop() as (where, _):
        top = {"rps": 1, "timeout": 5, "mask": ["body:/items/0/sku"]}
        (tmp_path / "c.json").write_text(json.dumps(document(tmp_path, f"http://{where}", *requests, **top)))
        assert main(["trace", str(tmp_path / "c.json")]) == 1
        out = capsys.readouterr().out
        main(["trace", str(tmp_path / "c.json"), "--json"])
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert "word-1" not in out
    assert "key-1" not in out
    for line in (
        "> :path: /shop.Cart/Add",
        f"> :authority: {where}",
        "> authorization: ***",
        "> grpc-timeout: 5000m",
        '> {"items": [{"sku": "***", "quantity": 2}]}',
        '< {"total": 2}',
        "< grpc-status: 0",
        "the call has ended with OK",
        "the call has ended with NOT_FOUND, and the server says: the shop says NOT_FOUND: 100 % sure",
        "checks status: holds, status OK, expected OK",
        "FAILED: status NOT_FOUND, expected OK",
        "checks status: holds, status NOT_FOUND, expected NOT_FOUND",
    ):
        assert f"\n    {line}\n" in out, line
    calls = [(one["status"], one["message"]) for one in lines if one["event"] == "callEnded"]
    assert calls == [("OK", None), *[("NOT_FOUND", "the shop says NOT_FOUND: 100 % sure")] * 2, ("OK", None)]
    assert [one["succeeded"] for one in lines if one["event"] == "stepEnded"] == [True, False, True, True]
    sent = next(one for one in lines if one["event"] == "sent")
    assert (sent["protocol"], sent["requestLine"], sent["headers"][0]) == ("h2", None, [":method", "POST"])


def test_a_body_that_waits_for_an_answer_goes_on_with_it():
    """Its head alone is sent first, and the body when the server says 100."""
    seen = []

    def script(conversation):
        peer = Peer(conversation)
        for kind, flags, stream, _ in peer.frames():
            if kind == HEADERS:
                seen.append("ended" if flags & 1 else "goes on")
                peer.send(frame(HEADERS, stream, peer.block((b":status", b"100")), END_HEADERS))
            elif kind == DATA:
                seen.append("body")
                peer.answer(stream)

    with raw_server(script) as server:
        fields = {"method": "POST", "body": b"once", "headers": (("Expect", "100-continue"),)}
        (ended,) = only(traced(endpoint(server.url, ONCE, protocol=H2C, **fields)), StepEnded)
    assert (ended.succeeded, seen) == (True, ["goes on", "body"])


def test_a_malformed_head_is_shown_as_it_came():
    """The header list that is none, before the reason."""
    with raw_server(answered_by(frame(HEADERS, 1, OK + b"\0\1A\1b", END_HEADERS), frame(DATA, 1, b"hi", 1))) as server:
        events = traced(endpoint(server.url, ONCE, protocol=H2C))
    (ended,) = only(events, StepEnded)
    assert (ended.kind, ended.reason) == ("protocol", "a malformed header field")
    assert only(events, Received)[0].fields == ((":status", "200"), ("A", "b"))


def answered_by(*frames):
    """A script that answers each request so."""

    def script(conversation):
        peer = Peer(conversation)
        for _ in peer.requests():
            peer.send(*frames)

    return script
