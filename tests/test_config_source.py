"""Reading a config: whatever the bytes are, a document or a sentence."""

import gzip
import io
import json
import ssl
import sys
import zlib
from contextlib import suppress
from threading import Thread
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from servers import raw_server

from tressi.config.fetch import fetch
from tressi.config.source import MAX_BYTES, decoded, parse, read
from tressi.errors import ConfigError

pytestmark = pytest.mark.pure


def message_of(source):
    """Read what cannot be read, and return the sentence."""
    with pytest.raises(ConfigError) as caught:
        read(source)
    return str(caught.value)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b"", "FILE is empty; `tressi init` writes a config to start from", id="an empty file"),
        pytest.param(b" \n\t", "FILE is empty; `tressi init` writes a config to start from", id="nothing but space"),
        pytest.param(b"\xef\xbb\xbf", "FILE is empty; `tressi init` writes a config to start from", id="a lone mark"),
        pytest.param(b"\x7fELF\0\1", "FILE is binary, not JSON: byte 5 is NUL", id="a program"),
        pytest.param(b'{"a": \xff}', "FILE is not UTF-8: byte 7 is 0xff", id="a byte that UTF-8 has not"),
        pytest.param("{}".encode("utf-16"), "FILE is UTF-16; JSON is UTF-8, save it as such", id="UTF-16"),
        pytest.param(
            b'{\n  "a" 1\n}',
            "FILE is not JSON: expecting ':' delimiter at line 2, column 7",
            id="a colon left out",
        ),
        pytest.param(b'{"a', "FILE is not JSON: unterminated string starting at line 1, column 2", id="an open string"),
        pytest.param(b"{} 5", "FILE is not JSON: extra data at line 1, column 4", id="two documents"),
        pytest.param(b"[" * 10_000 + b"]" * 10_000, "FILE is nested deeper than 100 levels", id="10,000 levels"),
        pytest.param(b'{"a":' * 101 + b"1" + b"}" * 101, "a.a.a: is nested deeper than 100 levels", id="one level too many"),
        pytest.param(
            b'{"a": [1, NaN]}', "a[1]: is no number that JSON has, or beyond what a number can hold", id="NaN is no JSON"
        ),
        pytest.param(b'{"a": 1e999}', "a: is no number that JSON has, or beyond what a number can hold", id="beyond any float"),
        pytest.param(
            b'{"a": ' + b"9" * 5_000 + b"}",
            "a: is no number that JSON has, or beyond what a number can hold",
            id="more digits than Python converts",
        ),
        pytest.param(rb'{"a": "\ud800"}', "a: has half of a surrogate pair, which is no character", id="half a character"),
    ],
)
def test_a_file_that_is_no_json_is_refused_with_its_place(tmp_path, data, message):
    """The message names the file, and where in it the trouble starts."""
    file = tmp_path / "config.json"
    file.write_bytes(data)

    assert message_of(file) == message.replace("FILE", str(file))


NO_JSON = {
    '{\n  // the rate\n  "rps": 5\n}': "has a comment at line 2, column 3; JSON has none, so remove it",
    '{"rps": 5, /* five */ "workers": 2}': "has a comment at line 1, column 12; JSON has none, so remove it",
    '{"rps": 5 # five\n}': "has a comment at line 1, column 11; JSON has none, so remove it",
    '# the rate\n{"rps": 5}': "has a comment at line 1, column 1; JSON has none, so remove it",
    '{"rps": 5}\n// the end\n': "has a comment at line 2, column 1; JSON has none, so remove it",
    '{"rps": 5,\n}': "has a comma too many at line 1, column 10: JSON has none behind the last entry, so remove it",
    '{"requests": [\n{"url": "/"} , \n]}': (
        "has a comma too many at line 2, column 14: JSON has none behind the last entry, so remove it"
    ),
    '{"rps": 5, // five\n}': "has a comment at line 1, column 12; JSON has none, so remove it",
    "duration: 5": "is YAML, not JSON; convert it first, for example with `yq -o=json`",
    "# load\n---\nrequests:\n  - url: http://h/\n": "is YAML, not JSON; convert it first, for example with `yq -o=json`",
    "- url: http://h/": "is YAML, not JSON; convert it first, for example with `yq -o=json`",
    '"rps": 5\nfrom: x': "is YAML, not JSON; convert it first, for example with `yq -o=json`",
    "{rps: 5}": 'has a name without quotes at line 1, column 2; write "rps"',
    "{'rps': 5}": "has ' at line 1, column 2 where JSON has a straight double quote",
    "{\u201crps\u201d: 5}": "has \u201c at line 1, column 2 where JSON has a straight double quote",
    '{"keepAlive": True}': "has True at line 1, column 15; write true",
    '{"rps": None}': "has None at line 1, column 9; write null",
    '{"rps": 5}\n{"rps": 6}\n': "has a second value at line 2, column 1; a config is one JSON object",
    "import http from 'k6/http';": (
        "is a script, not JSON; a config is one JSON object, and `tressi init` writes one to start from"
    ),
    "[load]\nrps = 5\n": "is TOML, not JSON; convert it first, for example with `yq -p=toml -o=json`",
    "rps = 5\n": "is TOML, not JSON; convert it first, for example with `yq -p=toml -o=json`",
    "<!DOCTYPE html>": "is XML or HTML, not JSON",
    '{"url": "http://h/ // no comment, and ,} neither"': ("is not JSON: expecting ',' delimiter at line 1, column 50"),
}


def test_what_is_nearly_json_is_named_with_what_to_do(tmp_path):
    """Comments, commas too many, other quotes, and the languages in which configs are written elsewhere."""
    file = tmp_path / "config.json"
    for text, message in NO_JSON.items():
        file.write_text(text, encoding="utf-8")
        assert message_of(file) == f"{file} {message}", text


def test_what_is_nearly_json_is_named_in_windows_lines_too(tmp_path):
    """A carriage return is no character of the line's end that a reader counts."""
    file = tmp_path / "config.json"
    file.write_bytes(b'{\r\n  "rps": 5,\r\n}\r\n')
    assert (
        message_of(file)
        == f"{file} has a comma too many at line 2, column 11: JSON has none behind the last entry, so remove it"
    )


def test_what_is_no_file_is_refused_with_the_reason(tmp_path):
    """A directory, a missing file, a name with a NUL and an endless device each have their sentence."""
    assert message_of(tmp_path) == f"{tmp_path} is a directory, not a config file"
    assert message_of(tmp_path / "none.json") == f"cannot read {tmp_path}/none.json: No such file or directory"
    assert message_of("a\0b") == "cannot read a\\u0000b: embedded null byte"
    assert message_of("/dev/zero") == f"/dev/zero is larger than {MAX_BYTES // 1024**2} MiB, the most a config may have"


def test_a_body_of_64_mib_fits():
    """The largest that is promised, with the rest of a config around it."""
    assert len(decoded(b'{"body": "' + b"x" * 64 * 1024**2 + b'"}', "config.json")) > 64 * 1024**2
    assert message_of("http://host/c.json") == (
        "a config is fetched over https:// only, because anyone on the way could change it;"
        " to send requests to this address: tressi quick http://host/c.json"
    )


def test_a_byte_order_mark_is_skipped(tmp_path):
    """A file saved by an editor that writes the mark is read like any other."""
    file = tmp_path / "config.json"
    file.write_bytes(b'\xef\xbb\xbf{"duration": 5}')

    assert read(file).document == {"duration": 5}


def test_a_dash_reads_standard_input(monkeypatch):
    """`-` means standard input, under that name in messages; a closed one is no traceback."""
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b'{"rps": 3}')))
    assert read("-").document == {"rps": 3}
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"{")))
    assert message_of("-").startswith("standard input is not JSON: ")
    monkeypatch.setattr(sys, "stdin", None)
    assert message_of("-") == "cannot read standard input: it is closed"


def test_a_key_that_stands_twice_is_a_warning(tmp_path):
    """The last one counts, as in JavaScript; the reader is told, with the place."""
    file = tmp_path / "config.json"
    file.write_text('{"rps": 1, "requests": [{"url": "a", "url": "b"}], "rps": 2, "rps": 3}')

    reading = read(file)

    assert reading.document == {"rps": 3, "requests": [{"url": "b"}]}
    assert reading.warnings == (
        "rps: stands more than once; the last one counts",
        "requests[0].url: stands more than once; the last one counts",
    )


def test_a_mapping_is_copied():
    """What a program changes in its mapping later does not change the config; tuples are arrays."""
    mapping = {"requests": ({"url": "http://h/"},)}

    document = read(mapping).document
    mapping["requests"][0]["url"] = "http://other/"

    assert document == {"requests": [{"url": "http://h/"}]}


def endless():
    """A list that contains itself."""
    loop = []
    loop.append(loop)
    return loop


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"a": {1, 2}}, "the mapping cannot be written as JSON: Object of type set is not JSON serializable"),
        ({"a": endless()}, "the mapping cannot be written as JSON: Circular reference detected"),
        ({"a": float("inf")}, "a: is no number that JSON has, or beyond what a number can hold"),
        (5, None),
    ],
)
def test_a_mapping_that_is_no_json_is_refused(mapping, message):
    """A program's mistake gets a sentence too; a number is JSON, and for the schema to refuse."""
    if message is None:
        assert read(mapping).document == mapping
    else:
        assert message_of(mapping) == message


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_a_document_or_a_config_error(data):
    """No bytes lead to another exception."""
    with suppress(ConfigError):
        parse(decoded(data, "it"), "it")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.text(), json_values))
def test_what_json_can_hold_is_read_unchanged(document):
    """Reading loses nothing."""
    assert read(document).document == document
    assert parse(decoded(json.dumps(document).encode(), "it"), "it") == document


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


@pytest.mark.timed
def test_an_unknown_certificate_is_refused(served):
    """Verification is on: a config from a server that proves nothing is not read."""
    served.pages["/c.json"] = (200, {}, b"{}")

    message = message_of(f"https://127.0.0.1:{served.port}/c.json")

    assert message.startswith(f"cannot fetch https://127.0.0.1:{served.port}/c.json: ")
    assert "self-signed certificate" in message


@pytest.mark.timed
def test_a_config_is_fetched_with_its_credentials_and_through_redirects(served, monkeypatch):
    """With the certificate trusted the body is the config; user info goes out as credentials."""
    monkeypatch.setenv("SSL_CERT_FILE", str(served.certificate))
    served.pages["/old"] = (302, {"Location": "/c.json"}, b"")
    served.pages["/c.json"] = (200, {}, b'{"rps": 7}')

    assert read(f"https://ann:secret@127.0.0.1:{served.port}/c.json").document == {"rps": 7}
    assert served.seen == ["Basic YW5uOnNlY3JldA=="]
    assert read(f"https://127.0.0.1:{served.port}/old").document == {"rps": 7}


@pytest.mark.timed
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


@pytest.mark.timed
@pytest.mark.parametrize("url", ["https://127.0.0.1:1/c.json", "https://", "https://[::1/c", "https://h:x/"])
def test_an_address_that_cannot_be_fetched_is_a_config_error(url):
    """A refused connection and a broken address end in a sentence that names the address."""
    assert message_of(url).startswith(f"cannot fetch {url}: ")


@pytest.mark.timed
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


@pytest.mark.timed
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


@pytest.mark.timed
def test_a_compressed_config_is_read(served, monkeypatch):
    """Gzip is asked for."""
    monkeypatch.setenv("SSL_CERT_FILE", str(served.certificate))
    served.pages["/c.json"] = (200, {"Content-Encoding": "gzip"}, gzip.compress(b'{"rps": 7}'))
    assert read(f"https://127.0.0.1:{served.port}/c.json").document == {"rps": 7}


@pytest.mark.timed
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


def test_reading_a_small_config_takes_little_memory(tmp_path):
    """Python makes room beforehand for all that one call may read: 128 MiB, for a config of 2 bytes."""
    import tracemalloc

    (tmp_path / "c.json").write_text("{}")
    tracemalloc.start()
    try:
        read(tmp_path / "c.json")
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 8 << 20
