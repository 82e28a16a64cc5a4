"""Names of hosts beyond ASCII: the values of UTS 46's own test file, of the URL standard's, and of browsers."""

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tressi.config.load import load_config
from tressi.config.url import AddressError, address
from tressi.hosts import ascii_host

pytestmark = pytest.mark.pure

SAME_HOST = {
    "faß.test": "xn--fa-hia.test",
    "FAẞ.test": "xn--fa-hia.test",
    "straße.de": "xn--strae-oqa.de",
    "βόλος.com": "xn--nxasmm1c.com",
    "\u0646\u0627\u0645\u0647\u200c\u0627\u06cc.com": "xn--mgba3gch31f060k.com",
    "Bücher.example": "xn--bcher-kva.example",
    "bu\u0308cher.example": "xn--bcher-kva.example",
    "日本語。\uff2a\uff30": "xn--wgv71a119e.jp",
    "\uff46\uff41\uff53\uff53.test": "fass.test",
    "so\u00adft.test": "soft.test",
    "i❤.ws": "xn--i-7iq.ws",
    "☕.example": "xn--53h.example",
    "пример.рф.": "xn--e1afmkfd.xn--p1ai.",
    "bücher.xn--fa-hia.test": "xn--bcher-kva.xn--fa-hia.test",
    "r3---sn-bücher.test": "xn--r3---sn-bcher-4ob.test",
    "plain-Host_1.test": "plain-Host_1.test",
}


def test_a_name_means_the_host_that_a_browser_goes_to():
    """ß, ς and the joiners are letters of their own; case, width and composition are not."""
    for name, wire in SAME_HOST.items():
        assert ascii_host(name) == wire, name


def test_a_name_that_no_host_can_have_is_refused():
    """What UTS 46 disallows, a joiner or a mark where none may be, directions that mix, a decoded label under the prefix."""
    for name in ("a\u2260b\ue000.test", "a\u200db.test", "\u0301a.test", "\u05d0a.test", "xn--ü.test", "ü..test"):
        with pytest.raises(AddressError, match="has a host that cannot be"):
            address(f"http://{name}/")


@settings(deadline=None)
@given(st.text(min_size=1, max_size=20))
def test_any_name_becomes_ascii_or_is_refused(name):
    """And what has become ASCII stays as it is."""
    try:
        wire = ascii_host(name)
    except UnicodeError:
        return
    assert wire.isascii()
    assert ascii_host(wire) == wire


def test_every_host_of_a_config_goes_the_same_way():
    """A request's, the base's, the proxy's and the name that TLS asks for."""
    document = {
        "baseUrl": "http://faß.test/v1",
        "proxy": "http://ann:word@faß.test:3128",
        "tls": {"serverName": "faß.test"},
        "requests": [{"url": "/x"}, {"url": "http://faß.test/y"}],
    }

    config = load_config(document)

    assert [endpoint.url for endpoint in config.endpoints] == ["http://xn--fa-hia.test/v1/x", "http://xn--fa-hia.test/y"]
    assert config.proxy == "http://ann:word@xn--fa-hia.test:3128"
    assert config.tls.server_name == "xn--fa-hia.test"
    assert config.endpoints[1].endpoint_key == "GET http://faß.test/y"


def test_a_name_in_ascii_loads_no_tables(monkeypatch):
    """Most configs have no other, and the tables take time that every start would pay."""
    monkeypatch.setitem(sys.modules, "idna", None)
    assert ascii_host("plain.test") == "plain.test"
    with pytest.raises(ImportError):
        ascii_host("ü.test")
