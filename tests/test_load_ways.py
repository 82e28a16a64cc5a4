"""Which way a request goes: straight, by a proxy or through its tunnel, and where TCP connects to for it."""

import pytest
from each import each

from tressi.load.ways import Network, network_of
from tressi.model import Proxies, TlsConfig
from tressi.request.call import Origin

pytestmark = pytest.mark.pure

PLAIN = Origin("http", "shop.example", 80)
SECURE = Origin("https", "shop.example", 443)
PROXY = Origin("http", "proxy.example", 3128)
SECURE_PROXY = Origin("https", "proxy.example", 443)
TLS = TlsConfig(ca="ca.pem", server_name="other.example")


def test_without_a_proxy_a_request_goes_straight():
    """To its own origin, which is spoken to as the config says."""
    network = Network(TLS)
    plain, secure = network.way("http://shop.example/"), network.way("https://shop.example/")
    assert (plain.origin, plain.hop, plain.tls, plain.fields, plain.is_plain) == (PLAIN, PLAIN, None, None, True)
    assert (secure.origin, secure.hop, secure.tls, secure.fields, secure.is_plain) == (SECURE, SECURE, TLS, None, False)


def test_a_plain_request_is_passed_on_by_the_proxy():
    """Its connection ends at the proxy, so that all origins share it; the proxy hears its credentials with each."""
    network = network_of(TLS, "http://ann:secret@proxy.example:3128", {})
    way = network.way("http://shop.example/")
    assert (way.origin, way.hop, way.tls, way.is_tunnel, way.is_plain) == (PROXY, PROXY, None, False, True)
    assert way.fields == (("Proxy-Authorization", "Basic YW5uOnNlY3JldA=="),)
    assert way == network.way("http://other.example/")


def test_a_request_inside_tls_goes_through_a_tunnel():
    """The target hears nothing of the proxy; each origin has a connection of its own."""
    network = network_of(TLS, "http://proxy.example:3128", {})
    way = network.way("https://shop.example/")
    assert (way.origin, way.hop, way.tls, way.is_tunnel, way.fields) == (SECURE, PROXY, TLS, True, None)
    assert way != network.way("https://other.example/")


@pytest.mark.parametrize(("url", "is_tunnel"), [("http://shop.example/", False), ("https://shop.example/", True)])
def test_a_proxy_with_tls_is_asked_for_its_own_name(url, is_tunnel):
    """`serverName` is that of the targets."""
    way = network_of(TLS, "https://proxy.example", {}).way(url)
    assert (way.hop, way.is_tunnel, way.is_plain) == (SECURE_PROXY, is_tunnel, False)
    assert (way.proxy_tls if is_tunnel else way.tls) == TlsConfig(ca="ca.pem")


def test_requests_with_tls_of_their_own_share_no_connections():
    """And those with the same do."""
    network = Network(TLS)
    own = TlsConfig(cert="client.pem")
    assert network.way("https://shop.example/", own) == network.way("https://shop.example/a", own)
    assert network.way("https://shop.example/", own) != network.way("https://shop.example/")
    assert network.way("http://shop.example/", own) == network.way("http://shop.example/")


@pytest.mark.parametrize(
    ("url", "hop"),
    [
        ("https://shop.example/", Origin("https", "127.0.0.1", 8443)),
        ("https://SHOP.example:443/", Origin("https", "127.0.0.1", 8443)),
        ("https://shop.example:444/", Origin("https", "shop.example", 444)),
        ("http://shop.example/", Origin("http", "::1", 80)),
        ("http://[::1]:81/", Origin("http", "six.example", 6)),
    ],
)
def test_resolve_says_where_tcp_connects_to(url, hop):
    """The origin, and with it Host and the name that TLS asks for, stays that of the URL."""
    places = {"shop.example:443": "127.0.0.1:8443", "shop.example:80": "[::1]:80", "[::1]:81": "six.example:6"}
    way = network_of(TlsConfig(), None, places).way(url)
    assert way.hop == hop
    assert way.origin.host in url.lower()


def test_resolve_speaks_of_the_proxy_where_tressi_connects_to_that():
    """Names of targets are the proxy's to look up."""
    places = {"proxy.example:3128": "127.0.0.1:1", "shop.example:443": "127.0.0.1:2"}
    way = network_of(TlsConfig(), "http://proxy.example:3128", places).way("https://shop.example/")
    assert way.hop == Origin("http", "127.0.0.1", 1)
    assert way.origin == SECURE


@each(
    ("bypass", "url", "is_straight"),
    [
        ("", "http://shop.example/", False),
        ("*", "http://shop.example/", True),
        ("shop.example", "http://shop.example/", True),
        ("shop.example", "http://shop.example:8080/", True),
        ("shop.example:8080", "http://shop.example:8080/", True),
        ("shop.example:8080", "http://shop.example/", False),
        (".example", "https://shop.example/", True),
        ("example", "https://shop.example/", True),
        ("hop.example", "https://shop.example/", False),
        ("::1", "http://[::1]/", True),
        ("localhost, 127.0.0.1", "http://127.0.0.1:8080/", True),
    ],
)
def test_no_proxy_names_hosts_that_are_reached_straight(bypass, url, is_straight):
    """With their subdomains, as the standard library has it."""
    network = network_of(TlsConfig(), Proxies("http://proxy.example", "http://proxy.example", bypass), {})
    assert (network.way(url).proxy is None) == is_straight


def test_each_scheme_has_its_own_proxy_and_a_unix_socket_none():
    """As HTTP_PROXY and HTTPS_PROXY have it."""
    network = network_of(TlsConfig(), Proxies(None, "http://proxy.example:3128"), {})
    assert network.way("http://shop.example/").proxy is None
    assert network.way("https://shop.example/").hop == PROXY
    assert network_of(TlsConfig(), "http://proxy.example", {}).way("http+unix://%2Frun%2Fa.sock/").proxy is None
