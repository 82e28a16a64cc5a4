"""HTTP/2 by every way to a server: by each TLS of the reactor, straight and through tunnels, with the client's certificate."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from engines import endpoint, finish, only, reach, running
from flows import flow_config, flowing, of_flow, request, until
from servers import nginx, raw_server, refusing_port, secured
from test_grpc_live import document, grpcio_shop
from test_load_proxies import relaying

import tressi
from tressi.model import Expectation, Protocol, TlsConfig

pytestmark = pytest.mark.timed

SERVERS = """
    server {{
        listen 127.0.0.1:{known} ssl http2;
        ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;
        location / {{ return 200 "hello\\n"; }}
        location /login {{ add_header Set-Cookie "sid=s1; Path=/"; return 302 /in; }}
        location /in {{ if ($cookie_sid != s1) {{ return 403; }} return 200 "token=t1;"; }}
        location /buy {{ if ($http_authorization != t1) {{ return 401; }} return 200 "bought"; }}
    }}
    server {{
        listen 127.0.0.1:{mutual} ssl http2; keepalive_requests 20;
        ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;
        ssl_client_certificate {folder}/ca.pem; ssl_verify_client on;
        location / {{ return 200 "hello\\n"; }}
    }}
"""


@pytest.fixture(scope="module")
def places(tmp_path_factory, authority):
    """The ports of an nginx that anyone may ask, and of one that asks for a certificate; two proxies; the files of TLS."""
    folder = tmp_path_factory.mktemp("ways")
    made = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    made.cert_chain_pems[0].write_to_path(str(folder / "cert.pem"))
    made.private_key_pem.write_to_path(str(folder / "key.pem"))
    files = {name: str(folder / f"{name}.pem") for name in ("ca", "cert", "key")}
    with refusing_port() as known, refusing_port() as mutual:
        found = {"known": known, "mutual": mutual}
    with ExitStack() as stack:
        stack.enter_context(nginx(folder, SERVERS.format(folder=folder, **found)))
        plain = stack.enter_context(raw_server(relaying))
        sealed = stack.enter_context(raw_server(secured(relaying)))
        proxies = {"straight": None, "tunnel": plain.url, "tunnel in TLS": sealed.url.replace("http", "https")}
        yield {**found, "files": files, "proxies": proxies, "heard": {"tunnel": plain, "tunnel in TLS": sealed}}


@pytest.mark.parametrize("way", ["straight", "tunnel", "tunnel in TLS"])
def test_lanes_share_connections_by_every_way(places, tls_way, way):
    """With each TLS the server chooses HTTP/2, some lanes share a connection, GOAWAYs cost nothing."""
    heard = places["heard"].get(way)
    before = heard.connections if heard else 0
    for name in ("known", "mutual"):
        shown = places["files"] if name == "mutual" else {}
        tls = TlsConfig(verify=False, cert=shown.get("cert"), key=shown.get("key"))
        one = endpoint(
            f"https://127.0.0.1:{places[name]}/",
            1e6,
            protocol=Protocol("h2" if name == "known" else "auto", 4),
            expect=Expectation(body_contains=b"hello"),
        )
        with running(one, workers=8, tls=tls, proxy=places["proxies"][way]) as engine:
            reach(engine, 60)
            found = only(finish(engine))
        assert (found.failed, found.errors) == (0, {}), (tls_way, name)
        assert found.h2_connections == found.connections_opened > 0
        assert (found.goaways > 0) == (name == "mutual")
        assert heard is None or heard.connections - before >= found.connections_opened


def test_a_server_that_misses_a_certificate_says_so(places, tls_way):
    """Nginx shakes hands without one, and answers each request of HTTP/2 with 400."""
    one = endpoint(f"https://127.0.0.1:{places['mutual']}/", 100, protocol=Protocol("h2"))
    with running(one, tls=TlsConfig(verify=False)) as engine:
        reach(engine, 1)
        found = only(finish(engine))
    assert (found.succeeded, set(found.status_codes) | set(found.errors)) == (0, {400}), tls_way


@pytest.mark.parametrize("way", ["straight", "tunnel"])
def test_users_log_in_are_redirected_and_keep_cookies(places, way):
    """A flow over HTTP/2 and TLS: its redirect, its cookie and its token, by the tunnel of a proxy too."""
    steps = [
        {"request": "login", "extract": {"token": {"between": ["token=", ";"]}}},
        {"request": "buy"},
    ]

    class Server:
        url = f"https://127.0.0.1:{places['known']}/"

    buy = request("buy", "/buy", method="POST", payload={"a": 1}, headers={"Authorization": "{{token}}"})
    flow = {"startsPerSecond": 200, "cookies": True, "steps": steps}
    more = {"protocol": "h2", "http2": {"streams": 10}, "followRedirects": True, "tls": {"ca": places["files"]["ca"]}}
    more |= {} if places["proxies"][way] is None else {"proxy": places["proxies"][way]}
    with flowing(flow_config(Server, [request("login", "/login"), buy], flow, **more)) as engine:
        until(lambda: of_flow(engine).succeeded >= 20)
        engine.stop(10)
        snapshot = engine.read()
    assert [one.failed for one in snapshot.endpoints.values()] == [0, 0]
    assert sum(one.redirects for one in snapshot.endpoints.values()) >= 20
    assert sum(one.h2_connections for one in snapshot.endpoints.values()) > 0


def test_grpc_goes_through_a_tunnel(places, tmp_path):
    """A call over TLS by way of a proxy: its status and its message are the server's."""
    top = {"tls": {"ca": places["files"]["ca"]}, "proxy": places["proxies"]["tunnel"], "maxRequests": 20}
    call = {"payload": {"items": [{"sku": "a", "quantity": 2}]}}
    before = places["heard"]["tunnel"].connections
    with grpcio_shop(places["files"]["cert"], places["files"]["key"]) as (where, calls):
        summary = tressi.run(document(tmp_path, f"https://{where}", call, **top))
        assert calls() == {"Add": 20}
    assert summary["global"]["statusCodes"] == {"OK": 20}
    assert summary["samples"][0]["body"] == '{"total": 2}'
    assert places["heard"]["tunnel"].connections > before
