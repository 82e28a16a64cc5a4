"""`tressi trace`: what it prints, what it hides, which flow it takes, and its exit codes."""

import json
import subprocess

import pytest
import warm
from flows import ITEM, LOGIN, TOKEN, Shop, flow_config, request
from servers import raw_server, response, secured

from tressi.cli import main
from tressi.trace.events import Place
from tressi.trace.shown import BODY_BYTES

pytestmark = pytest.mark.timed

BOUND_S = 60
FLOW = {"startsPerSecond": 1, "begin": [TOKEN], "steps": [{"request": "item"}]}


@pytest.fixture
def trace(tmp_path, capsys):
    """Trace a document with these flags: the exit code, and what was said on both streams."""

    def run(document, *flags):
        (tmp_path / "c.json").write_text(json.dumps(document))
        code = main(["trace", str(tmp_path / "c.json"), *flags])
        return code, *capsys.readouterr()

    return run


def events_of(out, kind):
    """The lines of one kind."""
    return [line for line in map(json.loads, out.splitlines()) if line["event"] == kind]


def test_each_exchange_is_shown_in_its_place(trace):
    """From what is drawn to the verdict; the last line says how it ended."""
    with raw_server(Shop().script) as server:
        requests = [LOGIN, {**ITEM, "url": "/items/{{n}}", "expect": {"bodyContains": "ok"}}]
        flow = {**FLOW, "steps": [{"think": 5}, {"choose": [{"weight": 1, "steps": [{"request": "item"}]}]}]}
        code, out, _ = trace(flow_config(server, requests, flow, data={"n": {"values": [7, 8]}}))
    assert code == 0
    port = server.url.rstrip("/").rpartition(":")[2]
    shown = out.replace(port, "PORT").splitlines()
    timed = [line for line in shown if " ms" not in line]
    begin = timed.index("  steps 2.1.1: item, GET http://127.0.0.1:PORT/items/{{n}}")
    assert timed[:2] == ["flow shop, with the seed 0", ""]
    assert timed[begin - 4 : begin - 1] == [
        "  thinks for 5 s, which is skipped",
        "  chooses option 1 of 1, of probability 1",
        "  draws n: row 1",
    ]
    assert timed[begin + 1 :] == [
        "    > GET /items/7 HTTP/1.1",
        "    > Host: 127.0.0.1:PORT",
        "    > User-Agent: tressi",
        "    > Authorization: ***",
        "    < Content-Length: 2",
        "    <",
        "    < ok",
        "    checks status: holds, status 200, expected below 400",
        "    checks bodyContains: holds, the body contains 'ok'",
        "    succeeded",
        "",
        "COMPLETED: 2 requests, 0 failed",
    ]


def test_a_flow_that_fails_says_where_and_why(trace):
    """With the exit code of a failed run."""
    with raw_server(Shop(lasts=0).script) as server:
        code, out, _ = trace(flow_config(server, [LOGIN, ITEM], FLOW))
    assert code == 1
    assert "    < the token has expired\n" in out
    assert "    FAILED: status 401, expected below 400\n" in out
    assert out.endswith("\nABANDONED at steps 1: 2 requests, 1 failed\n")


SECRETS = {
    "token": "token-0",
    "cookie": "s1",
    "header": "key-of-ours",
    "parameter": "word-of-ours",
    "member": "secret-of-ours",
    "environment": "from-outside",
}


@pytest.mark.parametrize("flags", [(), ("--json",)], ids=["text", "JSON"])
def test_no_secret_is_shown(trace, monkeypatch, flags):
    """Neither where it is sent or extracted, nor where a server repeats it; `show` shows what is extracted."""
    monkeypatch.setenv("OUTSIDE", SECRETS["environment"])
    shop = Shop()
    shop.answers["/echo"] = lambda seen, body: response("200 OK", f"X-Again: {seen.target}", body=seen.head + body + b" 1 s1")
    echo = request(
        "echo",
        f"/echo?{{{{token}}}}&api_key={SECRETS['parameter']}&n={{{{id}}}}",
        method="POST",
        headers={"X-Api-Key": SECRETS["header"], "X-T": "{{token}}", "X-Out": "${OUTSIDE}"},
        payload={"pin": SECRETS["member"], "id": "{{id}}"},
    )
    for show in (False, True):
        take = {"token": {"json": "$.access_token", "show": show}, "id": {"json": "$.user.id"}}
        flow = {**FLOW, "cookies": True, "begin": [{"request": "login", "extract": take}], "steps": [{"request": "echo"}]}
        shop.tokens.clear()
        with raw_server(shop.script) as server:
            code, out, _ = trace(flow_config(server, [LOGIN, echo], flow, mask=["body:/pin"]), *flags)
        assert code == 0
        found = {name for name, secret in SECRETS.items() if secret in out}
        assert found == ({"token"} if show else set())
        assert "n=***" in out
        assert "access_token" in out


def test_what_a_server_says_steers_no_terminal_and_is_cut(trace):
    """Escapes are code points, bodies end at 1 KiB, and bytes that are no text are counted."""
    big = "é" * BODY_BYTES
    answers = {
        "/escapes": response("200 OK", "X-A: a\u202eb\x9b31m", body="\x1b[2J\u202eline\nnext".encode()),
        "/big": response(body=big.encode()),
        "/binary": response(body=b"\xff\xfe\x00" * 10),
    }
    steps = [{"request": name[1:]} for name in answers]
    with raw_server(Shop(answers=answers).script) as server:
        document = flow_config(server, [request(name[1:], name) for name in answers], {"startsPerSecond": 1, "steps": steps})
        _, out, _ = trace(document)
        _, lines, _ = trace(document, "--json")
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert "    < X-A: a\\u202eb\\x9b31m\n" in out
    assert "    < \\x1b[2J\\u202eline\n    < next\n" in out
    bodies = [(one["body"], one["bodyBytes"], one["bodyIsCut"]) for one in events_of(lines, "received")]
    assert bodies[1:] == [("é" * (BODY_BYTES // 2), 2 * BODY_BYTES, True), ("(30 bytes that are no text)", 30, False)]
    assert f"    < … (of {2 * BODY_BYTES:,} bytes)\n" in out


def test_what_is_no_response_is_shown_without_its_secrets(trace):
    """Up to where it broke, or stopped; fields of secret names are masked in it."""
    said = b"HTTP/1.1 200 OK\r\nSet-Cookie: sid=hidden-1\r\nno field\r\n\r\n"
    with raw_server(lambda conversation: conversation.request() and conversation.send(said)) as server:
        document = flow_config(server, [request("a", "/a")], {"workers": 1, "steps": [{"request": "a"}]})
        code, out, _ = trace(document)
        _, lines, _ = trace(document, "--json")
    assert code == 1
    assert "    < HTTP/1.1 200 OK\n    < Set-Cookie: ***\n    < no field\n" in out
    assert "    FAILED (protocol): a malformed header field\n" in out
    (garbled,) = events_of(lines, "garbled")
    assert (garbled["beginning"].splitlines()[2], garbled["isCut"]) == ("no field", False)


def test_the_flow_is_named_where_there_are_several(trace):
    """None, an unknown one, and one that is there."""
    with raw_server(Shop().script) as server:
        document = flow_config(server, [LOGIN], {"workers": 1, "steps": [{"request": "login"}]})
        document["requests"].append(request("other", "/login", method="PUT", payload={}))
        document["flows"].append({"name": "two", "workers": 1, "steps": [{"request": "other"}]})
        code, _, err = trace(document)
        assert (code, err) == (2, 'tressi: the config has several flows: choose one of "shop", "two" by --flow\n')
        code, _, err = trace(document, "--flow", "three")
        assert (code, err) == (2, 'tressi: the config has no flow "three": it has "shop", "two"\n')
        code, out, _ = trace(document, "--flow", "two", "--json")
    assert (code, events_of(out, "flowBegan")[0]["flow"]) == (0, "two")
    assert events_of(out, "sent")[0]["requestLine"] == "PUT /login HTTP/1.1"


def test_it_speaks_tls_and_counts_hops(trace):
    """Over the second transport: certificates are checked, unless the flag says otherwise."""
    answers = {"/a": response("302 Found", "Location: /b"), "/b": response()}
    with raw_server(secured(Shop(answers=answers).script)) as server:
        url = server.url.replace("http://", "https://").rstrip("/")
        flow = {"workers": 1, "steps": [{"request": "a"}]}
        document = {**flow_config(server, [request("a", "/a")], flow), "baseUrl": url, "followRedirects": True}
        code, out, _ = trace(document, "--json")
        assert (code, events_of(out, "stepEnded")[0]["kind"]) == (1, "tls")
        code, out, _ = trace(document, "--insecure", "--json")
    assert code == 0
    assert [one["hop"] for one in events_of(out, "sent")] == [0, 1]
    assert events_of(out, "connected")[0]["tlsMs"] > 0


def test_a_unix_socket_and_a_bad_config_are_refused(trace):
    """With the place, before anything is sent."""
    code, _, err = trace({"requests": [{"url": "http+unix://%2Frun%2Fx/"}], "rps": 1})
    assert code == 2
    assert "a unix socket needs the transport wire" in err
    assert trace({"requests": []})[0] == 2


def test_a_reader_that_leaves_ends_it_quietly(tmp_path):
    """As with every result on standard output."""
    with raw_server(Shop().script) as server:
        (tmp_path / "c.json").write_text(json.dumps(flow_config(server, [LOGIN, ITEM], FLOW)))
        process = warm.Process("trace", tmp_path / "c.json", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stdout.close()
        said = process.stderr.read()
        process.stderr.close()
        process.wait(BOUND_S)
    assert b"Traceback" not in said


def test_a_place_says_the_round():
    """Of each repeat around it, from outside in."""
    assert str(Place("steps", (2, 1), ((1, 3), (2, 5)))) == "steps 2.1, round 1 of 3, round 2 of 5"
