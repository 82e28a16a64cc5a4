"""A config from an address: fetched with its credentials, through redirects, and with a limit to everything."""

import gzip
import ssl
import zlib
from contextlib import suppress
from threading import Thread
from types import SimpleNamespace

import pytest
from config_messages import message_of
from servers import raw_server

from tressi.config.fetch import fetch
from tressi.config.source import MAX_BYTES, read
from tressi.errors import ConfigError

pytestmark = pytest.mark.timed


# ------------------------------------------------------------------------------------------------------------- https://

# Made for this test alone, valid for localhost until 2125.
CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBmzCCAUGgAwIBAgIUBAmEOEjAtdhcK+QbyL+vhOGMsUIwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyNDAyMTU0NloYDzIxMjYxMDMx
MDIxNTQ2WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAASd6sKqarN9fufSZhrnGkRABjhTogd5MgzsugcVlAizZ+9j+v41pnZj
lg7SqTNWH9hyoxSehn2KeiczOTU4wuGAo28wbTAdBgNVHQ4EFgQUD9fXpLJvPE2L
kAOdFXpRPS88py4wHwYDVR0jBBgwFoAUD9fXpLJvPE2LkAOdFXpRPS88py4wDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDSAAwRQIhAIUQkA8HA2XAz5ww+sfdQO7OV8kwjmZG+Hx8WeTDEVWIAiB4
S26/vzc6pmFO/ouHV8DVugsItsSsBgWi3J43R+zaDw==
-----END CERTIFICATE-----
"""
KEY = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgMDqhpptJ6r/yge4e
V2VSg1LQldH6Tv0l1mM/mYRDvNShRANCAASd6sKqarN9fufSZhrnGkRABjhTogd5
MgzsugcVlAizZ+9j+v41pnZjlg7SqTNWH9hyoxSehn2KeiczOTU4wuGA
-----END PRIVATE KEY-----
"""


@pytest.fixture
def served(tmp_path):
    """An HTTPS server on loopback: its port, its pages as path → (status, headers, body), and its certificate."""
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    pages, seen = {}, []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append(self.headers.get("Authorization"))
            status, headers, body = pages[self.path]
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    certificate.write_text(CERTIFICATE)
    key.write_text(KEY)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield SimpleNamespace(port=server.server_address[1], pages=pages, seen=seen, certificate=certificate)
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_unknown_certificate_is_refused(served):
    """Verification is on: a config from a server that proves nothing is not read."""
    served.pages["/c.json"] = (200, {}, b"{}")

    message = message_of(f"https://127.0.0.1:{served.port}/c.json")

    assert message.startswith(f"cannot fetch https://127.0.0.1:{served.port}/c.json: ")
    assert "self-signed certificate" in message


def test_a_config_is_fetched_with_its_credentials_and_through_redirects(served, monkeypatch):
    """With the certificate trusted the body is the config; user info goes out as credentials."""
    monkeypatch.setenv("SSL_CERT_FILE", str(served.certificate))
    served.pages["/old"] = (302, {"Location": "/c.json"}, b"")
    served.pages["/c.json"] = (200, {}, b'{"rps": 7}')

    assert read(f"https://ann:secret@127.0.0.1:{served.port}/c.json").document == {"rps": 7}
    assert served.seen == ["Basic YW5uOnNlY3JldA=="]
    assert read(f"https://127.0.0.1:{served.port}/old").document == {"rps": 7}


def test_what_a_server_answers_instead_of_a_config_is_said(served, monkeypatch):
    """A status, a redirect away from https:// and one without end each have their sentence; no user info in any."""
    monkeypatch.setenv("SSL_CERT_FILE", str(served.certificate))
    served.pages["/gone"] = (404, {}, b"")
    served.pages["/down"] = (301, {"Location": "http://ann:secret@127.0.0.1/c.json"}, b"")
    served.pages["/round"] = (301, {"Location": "/round"}, b"")
    here = f"127.0.0.1:{served.port}"

    assert message_of(f"https://ann:secret@{here}/gone") == f"cannot fetch https://***@{here}/gone: answered with status 404"
    assert message_of(f"https://{here}/down") == (
        f"cannot fetch https://{here}/down: redirects to http://***@127.0.0.1/c.json, which is not https://"
    )
    assert message_of(f"https://{here}/round") == f"cannot fetch https://{here}/round: redirects more than 5 times"


@pytest.mark.parametrize("url", ["https://127.0.0.1:1/c.json", "https://", "https://[::1/c", "https://h:x/"])
def test_an_address_that_cannot_be_fetched_is_a_config_error(url):
    """A refused connection and a broken address end in a sentence that names the address."""
    assert message_of(url).startswith(f"cannot fetch {url}: ")


def test_what_a_hostile_server_does_to_a_fetch_is_said(served, monkeypatch):
    """A Location that is no address, a body that is no gzip, and a coding that was not asked for."""
    monkeypatch.setenv("SSL_CERT_FILE", str(served.certificate))
    here = f"https://127.0.0.1:{served.port}"
    for headers, reason in [
        ({"Location": "https://[::/"}, "redirects to https://[::/, which is no address"),
        ({"Content-Encoding": "gzip"}, "what it sends is not compressed as it says"),
        ({"Content-Encoding": "br"}, "it is compressed as br, which was not asked for"),
    ]:
        served.pages["/x"] = (302 if "Location" in headers else 200, headers, b"{}")
        assert message_of(f"{here}/x") == f"cannot fetch {here}/x: {reason}"


def test_a_bomb_is_too_large_and_takes_little_memory(served, monkeypatch):
    """64 MiB of blanks are 64 KB compressed. As much as a config may have is decompressed, and no more is ever held."""
    import tracemalloc

    monkeypatch.setenv("SSL_CERT_FILE", str(served.certificate))
    monkeypatch.setattr("tressi.config.source.MAX_BYTES", 1 << 20)
    squeeze, blanks = zlib.compressobj(wbits=31), b" " * (1 << 20)
    bomb = b"".join(squeeze.compress(blanks) for _ in range(64)) + squeeze.flush()
    served.pages["/c.json"] = (200, {"Content-Encoding": "gzip"}, bomb)
    tracemalloc.start()
    try:
        assert "is larger than 1 MiB" in message_of(f"https://127.0.0.1:{served.port}/c.json")
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 16 << 20


def test_a_compressed_config_is_read(served, monkeypatch):
    """Gzip is asked for."""
    monkeypatch.setenv("SSL_CERT_FILE", str(served.certificate))
    served.pages["/c.json"] = (200, {"Content-Encoding": "gzip"}, gzip.compress(b'{"rps": 7}'))
    assert read(f"https://127.0.0.1:{served.port}/c.json").document == {"rps": 7}


def test_a_server_that_drips_is_left_after_the_time_for_the_whole(tmp_path, monkeypatch):
    """Each byte begins a socket's time limit anew; the limit of the whole does not move."""
    certificate = tmp_path / "certificate.pem"
    certificate.write_text(CERTIFICATE + KEY)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def drip(conversation):
        with suppress(OSError), context.wrap_socket(conversation.socket, server_side=True) as secure:
            secure.sendall(b"HTTP/1.1 200 OK\r\nX: ")
            while True:
                secure.sendall(b"x")
                conversation.pause(0.02)

    with raw_server(drip) as server, pytest.raises(ConfigError, match=r"it took longer than 1 s"):
        fetch(f"https://127.0.0.1:{server.port}/c.json", MAX_BYTES, 1.0)
