"""What the second transport alone does: its TLS contexts, and what a body says."""

import gzip
import ssl

import pytest
import trustme
from engines import ONCE, attempt, endpoint, finish, only, reach, running, until
from servers import answering, raw_server, response, secured

from tressi.load import calls
from tressi.model import Expectation, TlsConfig

pytestmark = pytest.mark.timed

UNVERIFIED = TlsConfig(verify=False)


def test_an_engine_makes_one_tls_context_and_none_without_tls(monkeypatch):
    """Loading the system's certificates takes milliseconds for each; a redirect into TLS makes it as well."""
    contexts = []

    def counted(*given):
        contexts.append(original(*given))
        return contexts[-1]

    original = calls.client_context
    monkeypatch.setattr(calls, "client_context", counted)
    with raw_server(answering(response())) as plain, raw_server(secured(answering(response()))) as secure:
        url = secure.url.replace("http", "https")
        with running(endpoint(plain.url, 100), workers=3, transport="urllib3", tls=UNVERIFIED) as engine:
            reach(engine, 6)
            finish(engine)
        assert contexts == []
        with running(endpoint(url, 200), workers=3, transport="urllib3", tls=UNVERIFIED) as engine:
            reach(engine, 9)
            found = only(finish(engine))
        assert found.errors == {}
        assert len(contexts) == 1
        with raw_server(answering(response("302 Found", f"Location: {url}"))) as first:
            options = {"transport": "urllib3", "tls": UNVERIFIED, "follow_redirects": True}
            with running(endpoint(first.url, 200), workers=3, **options) as engine:
                reach(engine, 9)
                found = only(finish(engine))
        assert found.errors == {}
        assert len(contexts) == 2


@pytest.mark.parametrize(
    ("coding", "body", "reason"),
    [
        ("gzip", gzip.compress(b"hello world"), None),
        ("gzip", gzip.compress(b"hello"), "the body lacks 'o wor'"),
        ("xz", b"hello world", "the body cannot be searched: its coding 'xz' is not known"),
        ("gzip", gzip.compress(b"hello")[:-3], "the body cannot be searched: its gzip data are cut short"),
        ("gzip", b"hello world", "the body cannot be searched: its data are no gzip"),
    ],
    ids=["gzip", "another text", "an unknown coding", "cut short", "no gzip"],
)
def test_a_body_is_searched_for_what_it_says(coding, body, reason):
    """Not for how it is packed; its sample is shown decoded."""
    answer = response("200 OK", f"Content-Encoding: {coding}", body=body)
    with raw_server(answering(answer)) as server:
        one = endpoint(server.url, ONCE, expect=Expectation(body_contains=b"o wor"))
        snapshot = attempt(one, transport="urllib3")
    found = only(snapshot)
    assert [(told.kind, told.text) for told in found.reasons] == ([("expectation", reason)] if reason else [])
    assert found.bytes_received == len(answer)
    if not reason:
        assert snapshot.samples[0].body == b"hello world"


def test_an_end_of_tls_says_goodbye():
    """A server hears that the client closes, and not that the connection broke."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    ends = []

    def script(conversation):
        conversation.socket = context.wrap_socket(conversation.socket, server_side=True, suppress_ragged_eofs=False)
        conversation.request()
        conversation.send(response("200 OK", "Connection: close"))
        try:
            ends.append(conversation.socket.recv(1))
        except OSError as failure:
            ends.append(failure)

    with raw_server(script) as server:
        attempt(endpoint(server.url.replace("http", "https"), ONCE), transport="urllib3", tls=UNVERIFIED)
        until(lambda: ends)
    assert ends == [b""]
