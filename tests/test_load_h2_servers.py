"""HTTP/2 against nginx, over TLS and without, and a whole run with a flow, whose summary says what was spoken."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import trustme
from engines import ONCE, attempt, endpoint, finish, only, reach, running
from flow_runs import check
from h2_peers import serving
from servers import nginx, raw_server, refusing_port

import tressi
from tressi import EndpointRunner, load_config
from tressi.config.overrides import Overrides
from tressi.model import Expectation, Protocol, TlsConfig

pytestmark = pytest.mark.timed

SERVERS = """
    server {{ listen 127.0.0.1:{plain} http2; keepalive_requests 100; location / {{ return 200 "hello\\n"; }} }}
    server {{
        listen 127.0.0.1:{secure} ssl http2; keepalive_requests 100; client_body_buffer_size 2m;
        ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;
        location / {{ return 200 "hello\\n"; }}
        location /read {{ proxy_pass https://127.0.0.1:{old}/; }}
    }}
    server {{
        listen 127.0.0.1:{old} ssl;
        ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;
        location / {{ return 200 "hello\\n"; }}
    }}
"""


@pytest.fixture(scope="module")
def ports(tmp_path_factory):
    """The ports of an nginx that ends a connection after 100 requests: by name, and its authority's file."""
    folder = tmp_path_factory.mktemp("nginx")
    authority = trustme.CA()
    made = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    made.cert_chain_pems[0].write_to_path(str(folder / "cert.pem"))
    made.private_key_pem.write_to_path(str(folder / "key.pem"))
    with refusing_port() as plain, refusing_port() as secure, refusing_port() as old:
        found = {"plain": plain, "secure": secure, "old": old}
    with nginx(folder, SERVERS.format(folder=folder, **found)):
        yield {**found, "tls": TlsConfig(ca=str(folder / "ca.pem"))}


HELLO = Expectation(body_contains=b"hello\n")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_nginx_ends_connections_and_no_attempt_fails(ports, scheme):
    """It takes 100 requests on each; thousands of them meet many ends, and all have their answers."""
    port = ports["plain" if scheme == "http" else "secure"]
    one = endpoint(
        f"{scheme}://127.0.0.1:{port}/", 1e6, expect=HELLO, protocol=Protocol("h2c" if scheme == "http" else "h2", 10)
    )
    with running(one, workers=20, tls=ports["tls"]) as engine:
        reach(engine, 3_000)
        snapshot = finish(engine)
    found = only(snapshot)
    assert (found.failed, found.errors) == (0, {})
    assert found.goaways >= 25
    assert found.connections_opened == found.h2_connections >= found.goaways
    assert snapshot.generator.user_timed == 0


def test_what_the_handshake_chooses(ports):
    """It is HTTP/2 where the server has it and else HTTP/1.1, with a connection for each lane; "h2" insists."""
    for name, port, spoken in (("auto", "secure", 2), ("auto", "old", 0), ("h2", "secure", 2)):
        one = endpoint(f"https://127.0.0.1:{ports[port]}/", 1e6, protocol=Protocol(name, 4), expect=HELLO)
        with running(one, workers=4, tls=ports["tls"]) as engine:
            reach(engine, 60)
            found = only(finish(engine))
        assert found.failed == 0, (name, port, found.reasons)
        assert (found.h2_connections > 0) == (spoken == 2), (name, port)
        assert spoken == 2 or found.connections_opened == 4
    found = only(attempt(endpoint(f"https://127.0.0.1:{ports['old']}/", ONCE, protocol=Protocol("h2")), tls=ports["tls"]))
    assert found.errors == {"tls": 1}
    # Whether the server ends the handshake or goes on without a choice is its affair.
    assert any(words in found.reasons[0].text for words in ("does not speak HTTP/2", "no application protocol"))


def test_a_large_body_over_tls(ports):
    """It is sealed in pieces, waits for nginx's windows, and is counted to the byte of its frames."""
    body = b"0123456789abcdef" * 65_536
    one = endpoint(
        f"https://127.0.0.1:{ports['secure']}/read", ONCE, method="POST", body=body, protocol=Protocol("h2"), expect=HELLO
    )
    found = only(attempt(one, tls=ports["tls"]))
    assert found.succeeded == 1, (found.reasons, found.status_codes)
    assert len(body) < found.bytes_sent < len(body) + 10_000


def test_the_example_runs(ports, tmp_path):
    """Over HTTP/2 without TLS, and over TLS as the handshake chooses."""
    text = (Path(__file__).parent.parent / "examples" / "http2.json").read_text()
    config = tmp_path / "http2.json"
    config.write_text(text.replace("127.0.0.1:8080", f"127.0.0.1:{ports['plain']}").replace("8443", str(ports["secure"])))
    summary = tressi.run(load_config(config, Overrides(duration=1)))
    assert summary["global"]["requestsFailed"] == 0
    assert {one["protocol"] for one in summary["endpoints"]} <= {"h2c", "h2", "auto"}
    assert all(one["requestsMade"] for one in summary["endpoints"])


def test_a_run_says_what_was_spoken():
    """Users log in, keep a token and a cookie, and send requests with placeholders: all of it over HTTP/2."""
    seen = []

    def answer(peer, stream, fields, body):
        seen.append((fields, body))
        if fields[b":path"] == b"/login":
            peer.answer(stream, b'{"token": "t1"}', (b"set-cookie", b"sid=s1; Path=/"))
        else:
            peer.answer(stream)

    with raw_server(serving(answer)) as server:
        document = {
            "baseUrl": server.url,
            "protocol": "h2c",
            "http2": {"streams": 2},
            "duration": 1,
            "data": {"item": {"sequence": {"from": 10}}},
            "requests": [
                {"name": "login", "url": "/login", "method": "POST", "body": "ann"},
                {"name": "buy", "url": "/cart?item={{item}}", "method": "POST", "payload": {"item": "{{item}}"}}
                | {"headers": {"Authorization": "Bearer {{token}}"}},
            ],
            "flows": [
                {
                    "name": "shop",
                    "startsPerSecond": 40,
                    "users": 2,
                    "cookies": True,
                    "begin": [{"request": "login", "extract": {"token": {"json": "$.token"}}}],
                    "steps": [{"request": "buy"}],
                }
            ],
        }
        del document["flows"][0]["users"]
        document["flows"][0]["autoscale"] = {"enabled": True, "maxWorkers": 2}
        runner = EndpointRunner(load_config(document))
        runner.start()
        summary = check(runner.summary())
    buy = next(one for one in summary["endpoints"] if one["name"] == "buy")
    assert {name: buy[name] for name in ("protocol", "streamsPerConnection", "goaways", "streamsRefused")} == {
        "protocol": "h2c",
        "streamsPerConnection": 2,
        "goaways": 0,
        "streamsRefused": 0,
    }
    assert buy["requestsFailed"] == 0
    assert buy["requestsMade"] > 10
    bought = [(fields, body) for fields, body in seen if fields[b":path"] != b"/login"]
    for fields, body in bought:
        item = json.loads(body)["item"]
        assert fields[b":path"] == b"/cart?item=%d" % item
        assert (fields[b"authorization"], fields[b"cookie"]) == (b"Bearer t1", b"sid=s1")
        assert fields[b"content-length"] == b"%d" % len(body)
    assert len({body for _, body in bought}) == len(bought)
