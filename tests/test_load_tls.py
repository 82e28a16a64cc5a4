"""TLS and unix sockets: the connections that are not plain TCP."""

import _json
import _ssl
import socket
import ssl
from contextlib import contextmanager, suppress
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from engines import ONCE, attempt, endpoint, finish, only, reach, running
from servers import RawServer, answering, raw_server

from tressi._tls import drive_openssl
from tressi.errors import ConfigError
from tressi.load.openssl import make_engine_context
from tressi.load.tls import Sessions, make_context
from tressi.model import TlsConfig

pytestmark = pytest.mark.timed
BOTH = pytest.mark.usefixtures("tls_way")

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@contextmanager
def tls_server(authority, script, name="localhost", client_authority=None):
    """A raw server whose script speaks inside TLS, with a certificate for `name`; yields (server, its URL)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])
    authority.issue_cert(name).configure_cert(context)
    if client_authority is not None:
        client_authority.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED

    def inside(conversation):
        conversation.socket = context.wrap_socket(conversation.socket, server_side=True)
        conversation.secure = conversation.socket
        script(conversation)

    with raw_server(inside) as server:
        yield server, f"https://{name}:{server.port}/"


@BOTH
def test_a_request_goes_through_tls(authority, ca_file):
    """A response inside TLS counts like any other, its connect and handshake times apart from its service time."""
    with tls_server(authority, answering(OK)) as (server, url):
        found = only(attempt(endpoint(url, ONCE), tls=TlsConfig(ca=ca_file)))
    assert (found.succeeded, found.status_codes) == (1, {200: 1})
    assert (found.connect.count, found.tls.count) == (1, 1)
    assert server.requests[0].fields["host"] == f"localhost:{server.port}"


@BOTH
def test_connections_are_kept_and_the_kernel_times_them(authority, ca_file):
    """Keep-alive holds inside TLS, and arrivals have the kernel's stamps."""
    with (
        tls_server(authority, answering(OK)) as (server, url),
        running(endpoint(url, 500), tls=TlsConfig(ca=ca_file)) as engine,
    ):
        reach(engine, 50)
        snapshot = finish(engine)
    found = only(snapshot)
    assert found.failed == 0
    assert found.connections_opened == server.connections == 1
    assert snapshot.generator.kernel_timed > 0.9 * found.succeeded


@BOTH
def test_the_server_hears_the_name_and_the_protocol(authority, ca_file):
    """The handshake names the server (RFC 6066 3) and offers http/1.1 alone (RFC 7301)."""
    heard = []

    def script(conversation):
        heard.append(conversation.secure.selected_alpn_protocol())
        answering(OK)(conversation)

    with tls_server(authority, script) as (_, url):
        attempt(endpoint(url, ONCE), tls=TlsConfig(ca=ca_file))
    assert heard == ["http/1.1"]


@BOTH
def test_a_second_connection_resumes_the_first(authority, ca_file):
    """With a connection a request, all but the first shake hands by a session (RFC 8446 2.2)."""
    reused = []

    def script(conversation):
        reused.append(conversation.secure.session_reused)
        answering(OK)(conversation)

    with (
        tls_server(authority, script) as (_, url),
        running(endpoint(url, 100), tls=TlsConfig(ca=ca_file), keep_alive=False) as engine,
    ):
        reach(engine, 5)
        finish(engine)
    assert reused[0] is False
    assert all(reused[1:5])


class Made:
    """A connection that has shaken hands; `resumable` counts how often it is read."""

    def __init__(self, *, has_resumed):
        self.has_resumed = has_resumed
        self.reads = 0

    @property
    def resumable(self):
        """Its session."""
        self.reads += 1
        return object()


def reads(sessions, servers, seconds):
    """How often sessions are read in so many seconds of 100 handshakes each; `servers` says whether what is offered is used."""
    connections = []
    for number in range(100 * seconds):
        offered = sessions.resumable(number / 100)
        connections.append(Made(has_resumed=offered is not None and servers(number)))
        sessions.made(connections[-1], offered)
    return sum(one.reads for one in connections)


@pytest.mark.parametrize(
    ("servers", "fewest", "most"),
    [
        (lambda _: True, 1, 1),
        (lambda number: number >= 5, 2, 4),
        (lambda _: False, 15, 25),
        (lambda number: number % 30_000 != 29_999, 2, 3),
        (lambda number: number % 2, 100, 601),
    ],
    ids=[
        "it is always taken up",
        "the first tickets come late",
        "none ever is",
        "it expires after five minutes",
        "one of two servers takes it up",
    ],
)
def test_a_connections_session_is_read_seldom(servers, fewest, most):
    """CPython loses the memory of each that is read: one that servers take up is kept, and without one pauses grow."""
    assert fewest <= reads(Sessions(), servers, 600) <= most


def test_a_session_that_was_not_offered_says_nothing_of_the_one_that_is():
    """A handshake that began before there was one, or with an older one, is a full one all the same."""
    sessions, first = Sessions(), Made(has_resumed=False)
    assert sessions.resumable(0.0) is None
    sessions.made(first, None)
    found = sessions.resumable(0.0)
    assert found is not None, "the first handshake after another resumes it"
    sessions.made(Made(has_resumed=True), found)
    sessions.made(late := Made(has_resumed=False), None)
    sessions.made(Made(has_resumed=False), object())
    assert sessions.resumable(100.0) is found
    assert late.reads == 0


@BOTH
@pytest.mark.parametrize(
    ("tls", "name", "reason"),
    [
        (TlsConfig(), "localhost", "certificate not accepted: unable to get local issuer certificate"),
        (TlsConfig(server_name="other.example"), "localhost", "certificate not accepted"),
    ],
    ids=["an authority that nobody knows", "a certificate for another name"],
)
def test_what_cannot_be_verified_is_an_error_of_kind_tls(authority, ca_file, tls, name, reason):
    """Verification is on unless told otherwise, and the reason is OpenSSL's own."""
    config = TlsConfig(ca=ca_file, server_name=tls.server_name) if tls.server_name else tls
    with tls_server(authority, answering(OK), name) as (_, url):
        found = only(attempt(endpoint(url, ONCE), tls=config))
    assert found.errors == {"tls": 1}
    assert found.reasons[0].kind == "tls"
    assert found.reasons[0].text.startswith(reason)


@BOTH
def test_verification_can_be_switched_off(authority):
    """`verify: false` takes any certificate."""
    with tls_server(authority, answering(OK)) as (_, url):
        assert only(attempt(endpoint(url, ONCE), tls=TlsConfig(verify=False))).succeeded == 1


@BOTH
def test_a_client_certificate_is_shown(authority, ca_file, tmp_path):
    """`cert` and `key` answer a server that asks who is there."""
    mine = authority.issue_cert("client@example.org")
    mine.private_key_and_cert_chain_pem.write_to_path(tmp_path / "client.pem")
    config = TlsConfig(ca=ca_file, cert=str(tmp_path / "client.pem"))
    with tls_server(authority, answering(OK), client_authority=authority) as (_, url):
        assert only(attempt(endpoint(url, ONCE), tls=config)).succeeded == 1


@BOTH
def test_a_large_response_inside_tls_is_counted_whole(authority, ca_file):
    """Records of 16 KiB over many reads make one body."""
    body = b"x" * 3_000_000
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n" + body
    with tls_server(authority, answering(whole)) as (server, url):
        found = only(attempt(endpoint(url, ONCE, expect=None), tls=TlsConfig(ca=ca_file)))
    assert found.succeeded == 1
    assert found.bytes_received == len(whole)
    assert found.bytes_sent == sum(len(request.head) for request in server.requests)


@BOTH
def test_a_large_request_inside_tls_is_counted_as_what_it_says(authority, ca_file):
    """Head and body, whatever many records make of them, as without TLS."""
    body = b"x" * 3_000_000
    with tls_server(authority, answering(OK)) as (server, url):
        found = only(attempt(endpoint(url, ONCE, method="POST", body=body), tls=TlsConfig(ca=ca_file)))
    assert found.succeeded == 1
    assert found.bytes_sent == sum(len(request.head) + request.body_bytes for request in server.requests)


@BOTH
def test_a_body_cut_without_notice_is_no_response(authority, ca_file):
    """A body that only the close delimits is incomplete where TLS did not say goodbye (RFC 9112 9.8)."""

    def script(conversation):
        conversation.request()
        conversation.send(b"HTTP/1.1 200 OK\r\n\r\nhalf")
        conversation.socket = socket.socket(fileno=conversation.secure.detach())

    with tls_server(authority, script) as (_, url):
        assert only(attempt(endpoint(url, ONCE), tls=TlsConfig(ca=ca_file))).errors == {"closed": 1}


def says_goodbye_behind(answer):
    """A script whose `answer` and TLS's own end arrive in one segment; the connection stays open as long as the client's."""

    def script(conversation):
        while conversation.request():
            conversation.secure.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
            conversation.send(answer)
            conversation.secure.settimeout(0)
            with suppress(ssl.SSLWantReadError):
                conversation.secure.unwrap()
            conversation.secure.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)
            conversation.secure.settimeout(None)
            conversation.socket = socket.socket(fileno=conversation.secure.detach())
            conversation.wait_closed()
            return

    return script


@BOTH
def test_the_end_of_tls_may_come_with_the_last_data(authority, ca_file):
    """A body that only the close delimits is whole at once, though the server waits for us to close."""
    with tls_server(authority, says_goodbye_behind(b"HTTP/1.1 200 OK\r\n\r\nwhole")) as (_, url):
        found = only(attempt(endpoint(url, ONCE, timeout_s=5), tls=TlsConfig(ca=ca_file)))
    assert (found.errors, found.status_codes) == ({}, {200: 1})


@BOTH
def test_the_end_of_tls_behind_half_a_body_cuts_it(authority, ca_file):
    """It is closed, without waiting for the timeout."""
    half = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"
    with tls_server(authority, says_goodbye_behind(half)) as (_, url):
        assert only(attempt(endpoint(url, ONCE, timeout_s=5), tls=TlsConfig(ca=ca_file))).errors == {"closed": 1}


@BOTH
def test_a_connection_whose_tls_has_ended_serves_no_more(authority, ca_file):
    """The next request goes over a new one, and is not one that had to be sent twice."""
    with (
        tls_server(authority, says_goodbye_behind(OK)) as (server, url),
        running(endpoint(url, 100), tls=TlsConfig(ca=ca_file)) as engine,
    ):
        reach(engine, 4)
        found = only(finish(engine))
    assert (found.errors, found.retries) == ({}, 0)
    assert server.connections == found.requests_made


@BOTH
def test_a_refusal_after_the_handshake_has_its_reason(authority, ca_file):
    """With TLS 1.3 a server that misses a client's certificate says so behind the handshake (RFC 8446 4.4.2.4)."""
    with tls_server(authority, answering(OK), client_authority=authority) as (_, url):
        found = only(attempt(endpoint(url, ONCE), tls=TlsConfig(ca=ca_file)))
    assert found.errors == {"tls": 1}
    assert [(reason.kind, reason.text) for reason in found.reasons] == [("tls", "tlsv13 alert certificate required")]


@BOTH
def test_a_plain_server_is_no_tls_server(ca_file):
    """Plain HTTP where a handshake should be is an error of kind tls."""

    def script(conversation):
        conversation.socket.recv(100)
        conversation.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with raw_server(script) as server:
        found = only(attempt(endpoint(f"https://localhost:{server.port}/", ONCE), tls=TlsConfig(ca=ca_file)))
    assert found.errors == {"tls": 1}


@BOTH
@pytest.mark.parametrize("transport", ["wire", "urllib3"])
def test_files_that_cannot_be_loaded_are_named(transport):
    """A missing authority file is the config's error, not the run's."""
    with (
        pytest.raises(ConfigError, match=r"tls\.ca: /nowhere/ca\.pem cannot be loaded: No such file"),
        running(endpoint("https://localhost:1/", ONCE), tls=TlsConfig(ca="/nowhere/ca.pem"), transport=transport),
    ):
        pass


def test_a_certificate_without_its_key_says_what_is_missing(authority, tmp_path):
    """OpenSSL itself says "PEM lib"."""
    authority.issue_cert("client@example.org").cert_chain_pems[0].write_to_path(tmp_path / "client.pem")
    with pytest.raises(
        ConfigError, match=r"tls\.cert: .*client\.pem cannot be loaded: a certificate or a private key is missing"
    ):
        make_context(TlsConfig(cert=str(tmp_path / "client.pem")))


def test_nobody_is_asked_for_the_password_of_a_key(authority, tmp_path):
    """An encrypted key is an error that says so: the engine's process has no terminal."""
    mine = authority.issue_cert("client@example.org")
    mine.cert_chain_pems[0].write_to_path(tmp_path / "client.pem")
    key = load_pem_private_key(mine.private_key_pem.bytes(), None)
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    (tmp_path / "client.key").write_bytes(locked)
    with pytest.raises(ConfigError, match="the key is encrypted"):
        make_context(TlsConfig(cert=str(tmp_path / "client.pem"), key=str(tmp_path / "client.key")))


def test_a_library_that_cannot_be_driven_is_named_once(monkeypatch, capsys):
    """TLS goes on by Python's objects, and the log says why; of an engine that has made its contexts no more is said."""
    assert drive_openssl(_ssl.__file__, ssl.OPENSSL_VERSION) is None
    assert "is not to be found in a shared library" in drive_openssl(_json.__file__, ssl.OPENSSL_VERSION)
    assert "is not what is needed" in drive_openssl(_ssl.__file__, "LibreSSL 3.9.0")
    monkeypatch.setattr(ssl, "OPENSSL_VERSION", "LibreSSL 3.9.0")
    assert isinstance(make_engine_context(TlsConfig(verify=False)), ssl.SSLContext)
    assert isinstance(make_engine_context(TlsConfig(verify=False)), ssl.SSLContext)
    said = capsys.readouterr()
    assert (said.out + said.err).count("is not what is needed: OpenSSL 3") == 1


def test_keys_are_written_where_the_environment_asks_for_it(authority, ca_file, monkeypatch, tmp_path):
    """SSLKEYLOGFILE, by which a capture of the run can be decrypted."""
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    with tls_server(authority, answering(OK)) as (_, url):
        assert only(attempt(endpoint(url, ONCE), tls=TlsConfig(ca=ca_file))).succeeded == 1
    assert b"CLIENT_TRAFFIC_SECRET_0 " in (tmp_path / "keys").read_bytes()


def test_a_unix_socket_is_reached_by_its_path(tmp_path):
    """`http+unix` takes the path percent-encoded, as Docker's clients do; nothing stamps its arrivals."""
    path = tmp_path / "server.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen()
        server = RawServer(answering(OK), listener, 0)
        server.start(server.serve)
        try:
            snapshot = attempt(endpoint(f"http+unix://{quote(str(path), safe='')}/containers", ONCE))
        finally:
            server.end()
    assert only(snapshot).succeeded == 1
    assert snapshot.generator.user_timed == 1
    assert server.requests[0].target == "/containers"
    assert server.requests[0].fields["host"] == "localhost"
