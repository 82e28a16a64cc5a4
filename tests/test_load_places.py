"""Where connections go and how their TLS is spoken, as the config says, over both transports."""

import ssl

import pytest
from engines import ONCE, attempt, endpoint, finish, only, reach, running
from servers import answering, raw_server, response

from tressi.errors import ConfigError
from tressi.model import SharedPool, TlsConfig

pytestmark = pytest.mark.timed


def listening(authority, name, heard, ask=None):
    """A script inside TLS for `name` that puts into `heard` what each connection was: name, version, cipher, certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    if ask is not None:
        ask.configure_trust(context)
        context.verify_mode = ssl.CERT_OPTIONAL
    names = []
    context.sni_callback = lambda _socket, asked, _context: names.append(asked)

    def script(conversation):
        conversation.socket = context.wrap_socket(conversation.socket, server_side=True)
        one = conversation.socket
        heard.append((names.pop() if names else None, one.version(), one.cipher()[0], bool(one.getpeercert())))
        answering(response())(conversation)

    return script


def test_resolve_leads_elsewhere_under_the_same_names(authority, ca_file, transport):
    """The server is another, and hears the Host and the name in TLS of the URL, whose certificate it has."""
    heard = []
    with raw_server(listening(authority, "shop.invalid", heard)) as server:
        places = {"shop.invalid:443": f"127.0.0.1:{server.port}"}
        one = endpoint("https://shop.invalid/", ONCE)
        found = only(attempt(one, transport=transport, resolve=places, tls=TlsConfig(ca=ca_file)))
    assert (found.errors, found.status_codes) == ({}, {200: 1})
    assert server.requests[0].fields["host"] == "shop.invalid"
    assert heard[0][0] == "shop.invalid"


def test_resolve_leads_elsewhere_without_tls_too(transport):
    """By an address of the other family or by name; the port is that of the entry."""
    with raw_server(answering(response())) as server:
        places = {"shop.invalid:80": f"localhost:{server.port}"}
        found = only(attempt(endpoint("http://shop.invalid/", ONCE), transport=transport, resolve=places))
    assert found.status_codes == {200: 1}
    assert server.requests[0].fields["host"] == "shop.invalid"


@pytest.mark.parametrize(
    ("tls", "version"),
    [({"max_version": "1.2"}, "TLSv1.2"), ({"min_version": "1.3"}, "TLSv1.3"), ({}, "TLSv1.3")],
)
def test_the_version_of_tls_is_what_the_config_allows(tls, version, authority, transport):
    """The newest of both sides within its bounds."""
    heard = []
    with raw_server(listening(authority, "localhost", heard)) as server:
        one = endpoint(f"https://localhost:{server.port}/", ONCE)
        attempt(one, transport=transport, tls=TlsConfig(verify=False, **tls))
    assert heard[0][1] == version


def test_the_ciphers_of_tls_are_those_of_the_config(authority, transport):
    """One that the server would not choose by itself."""
    heard = []
    with raw_server(listening(authority, "localhost", heard)) as server:
        one = endpoint(f"https://localhost:{server.port}/", ONCE)
        tls = TlsConfig(verify=False, max_version="1.2", ciphers="ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256")
        found = only(attempt(one, transport=transport, tls=tls))
    assert (found.errors, heard[0][2][-13:]) == ({}, "AES128-SHA256")


def test_requests_with_tls_of_their_own_have_connections_of_their_own(authority, ca_file, tmp_path, transport):
    """One endpoint shows a certificate, the other none, over the same lane to the same server."""
    mine = authority.issue_cert("client@example.org")
    mine.private_key_and_cert_chain_pem.write_to_path(tmp_path / "client.pem")
    own = TlsConfig(ca=ca_file, cert=str(tmp_path / "client.pem"))
    heard = []
    with raw_server(listening(authority, "localhost", heard, ask=authority)) as server:
        url = f"https://localhost:{server.port}/"
        endpoints = [endpoint(url), endpoint(url + "own", tls=own)]
        with running(*endpoints, transport=transport, tls=TlsConfig(ca=ca_file), shared_pool=SharedPool(1, 100)) as engine:
            reach(engine, 10)
            snapshot = finish(engine)
    assert all(not one.errors for one in snapshot.endpoints.values())
    assert sorted(shows for *_, shows in heard) == [False, True]
    by_connection = {(seen.connection, seen.target) for seen in server.requests}
    assert len(by_connection) == len({target for _, target in by_connection}) == 2


def test_a_file_of_a_requests_own_tls_that_is_missing_is_named_with_its_place(transport):
    """Before the run."""
    one = endpoint("https://localhost/", ONCE, tls=TlsConfig(cert="nowhere.pem"))
    with pytest.raises(ConfigError) as refused:
        attempt(one, transport=transport)
    assert str(refused.value).startswith("requests[].tls.cert: nowhere.pem cannot be loaded: ")
