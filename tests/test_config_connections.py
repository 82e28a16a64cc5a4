"""How a config says connections are made: `resolve`, `tls`, proxies of the environment, and for how long they are used."""

import pytest
from configs import problems
from each import each

from tressi.config.load import load_config
from tressi.config.remarks import remarks
from tressi.errors import ConfigError
from tressi.model import Kept, Proxies, TlsConfig
from tressi.run.discreet import Discreet
from tressi.testing.fake_engine import FakeEngine

pytestmark = pytest.mark.pure

URL = "https://shop.example/"


def config(**top):
    """A config of one request."""
    return {"requests": [{"url": URL}], "rps": 1, **top}


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ({"shop.example:443": "127.0.0.1:8443"}, {"shop.example:443": "127.0.0.1:8443"}),
        ({"Shop.Example:0443": "[::1]"}, {"shop.example:443": "[::1]:443"}),
        ({"[0::1]:80": "other.example"}, {"[::1]:80": "other.example:80"}),
        ({"faß.test:1": "b.test:2"}, {"xn--fa-hia.test:1": "b.test:2"}),
    ],
)
def test_resolve_in_its_wire_form(entries, expected):
    """Small letters, IDNA, no leading zeros; a port that is left out stays that of the URL."""
    assert load_config(config(resolve=entries)).resolve == expected


@each(
    ("entries", "problem"),
    [
        ({"shop.example": "a"}, 'resolve["shop.example"]: is no host:port of a url, such as shop.example:443'),
        ({"https://a:1": "a"}, 'resolve["https://a:1"]: is no host:port of a url, such as shop.example:443'),
        ({"a:65536": "a"}, 'resolve["a:65536"]: is no host:port of a url, such as shop.example:443'),
        ({"::1:80": "a"}, 'resolve["::1:80"]: is no host:port of a url, such as shop.example:443'),
        ({"a:1": ""}, 'resolve["a:1"]: "" is no host:port to connect to, such as 127.0.0.1:8443'),
        ({"a:1": "http://b"}, 'resolve["a:1"]: "http://b" is no host:port to connect to, such as 127.0.0.1:8443'),
        ({"a:1": "1.2.3.4.5:1"}, 'resolve["a:1"]: "1.2.3.4.5:1" is no host:port to connect to, such as 127.0.0.1:8443'),
        ({"a:1": "b", "A:01": "c"}, 'resolve["A:01"]: means the same as "a:1"'),
        ({"a:1": 2}, 'resolve["a:1"]: 2 is not a string'),
    ],
)
def test_an_entry_of_resolve_that_means_nothing_is_a_mistake(entries, problem):
    """With its place and the rule."""
    assert problems(config(resolve=entries)) == [problem]


def test_an_entry_of_resolve_that_no_request_needs_is_a_warning():
    """Unless redirects may lead there."""
    entries = {"shop.example:443": "a", "shop.example:80": "a"}
    said = ('resolve["shop.example:80"]: has no effect, no request goes there',)
    assert load_config(config(resolve=entries)).warnings == said
    assert load_config(config(resolve=entries, followRedirects=True)).warnings == ()


def test_a_requests_own_tls_is_laid_over_that_of_the_run():
    """What it leaves out comes from there; but a key fits its own certificate alone."""
    shared = {"ca": "ca.pem", "cert": "one.pem", "key": "one.key", "verify": False, "minVersion": "1.3"}
    requests = [
        {"url": URL},
        {"url": URL + "a", "tls": {}},
        {"url": URL + "b", "tls": {"serverName": "faß.test"}},
        {"url": URL + "c", "tls": {"cert": "two.pem"}},
        {"url": URL + "d", "tls": {"cert": "two.pem", "key": "two.key"}},
    ]
    found = load_config({"requests": requests, "rps": 1, "tls": shared})
    common = {"verify": False, "ca": "ca.pem", "min_version": "1.3"}
    assert found.tls == TlsConfig(cert="one.pem", key="one.key", **common)
    assert [one.tls for one in found.endpoints] == [
        None,
        None,
        TlsConfig(cert="one.pem", key="one.key", server_name="xn--fa-hia.test", **common),
        TlsConfig(cert="two.pem", **common),
        TlsConfig(cert="two.pem", key="two.key", **common),
    ]


@pytest.mark.parametrize(
    ("tls", "problem"),
    [
        ({"minVersion": "1.3", "maxVersion": "1.2"}, 'tls.maxVersion: "1.2" is older than minVersion, "1.3"'),
        ({"minVersion": "1.1"}, 'tls.minVersion: "1.1" is not 1.2 or 1.3'),
        ({"ciphers": "NONSENSE"}, 'tls.ciphers: "NONSENSE" has no cipher suite that this OpenSSL knows'),
    ],
)
def test_tls_that_cannot_be_spoken_is_a_mistake(tls, problem):
    """With what is wrong."""
    (found,) = problems(config(tls=tls))
    assert found.startswith(problem.partition(":")[0])
    if "1.1" not in problem:
        assert found == problem


def test_tls_that_has_no_effect_is_a_warning():
    """TLS 1.3 has suites of its own, and a key alone proves nothing."""
    assert load_config(config(tls={"ciphers": "ECDHE+AESGCM", "minVersion": "1.3"})).warnings == (
        "tls.ciphers: has no effect, TLS 1.3 has cipher suites of its own",
    )
    document = {"requests": [{"url": URL, "tls": {"key": "a"}}], "rps": 1}
    assert load_config(document).warnings == ("requests[0].tls.key: has no effect without a cert",)


def test_a_requests_server_name_that_cannot_be_is_a_mistake():
    """At its place."""
    document = {"requests": [{"url": URL, "tls": {"serverName": "a b"}}], "rps": 1}
    assert problems(document) == ['requests[0].tls.serverName: "a b" is no name of a host']


def test_for_how_long_a_connection_is_used():
    """Three limits, none by default."""
    assert load_config(config()).kept == Kept()
    found = load_config(config(maxRequestsPerConnection=100, maxConnectionAge=30, idleTimeout=0.5))
    assert found.kept == Kept(100, 30, 0.5)
    assert problems(config(maxRequestsPerConnection=0, maxConnectionAge=0, idleTimeout=-1)) == [
        "maxRequestsPerConnection: 0 is less than the minimum of 1",
        "maxConnectionAge: 0 is not greater than 0",
        "idleTimeout: -1 is not greater than 0",
    ]


def test_redirects_are_followed_as_often_as_a_number_says():
    """True is the Fetch standard's number."""
    assert load_config(config(followRedirects=3)).follow_redirects == 3
    assert load_config(config(followRedirects=True)).follow_redirects is True
    assert problems(config(followRedirects=1_001)) == ["followRedirects: 1001 is greater than 1,000, the most that can be held"]
    assert len(problems(config(followRedirects=0))) == 1


ENVIRONMENT = ["http_proxy", "https_proxy", "all_proxy", "no_proxy"]


@pytest.fixture
def environment(monkeypatch):
    """Sets variables, and none else names a proxy."""
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return monkeypatch.setenv


@pytest.mark.parametrize(
    ("variables", "proxies"),
    [
        ({}, Proxies()),
        ({"HTTP_PROXY": "http://p:1"}, Proxies("http://p:1")),
        ({"https_proxy": "p:1", "HTTPS_PROXY": "q:1"}, Proxies(None, "http://p:1")),
        ({"ALL_PROXY": "https://ann:secret@p", "http_proxy": "http://q"}, Proxies("http://q", "https://ann:secret@p")),
        ({"HTTP_PROXY": "http://p", "NO_PROXY": "a,.b"}, Proxies("http://p", None, "a,.b")),
    ],
)
def test_the_proxies_of_the_environment(environment, variables, proxies):
    """Small letters come first, as with curl, and a scheme that is left out is http."""
    for name, value in variables.items():
        environment(name, value)
    found = load_config(config(proxy="environment"))
    assert found.proxy == proxies
    assert found.document["proxy"] == "environment"
    said = ["proxy: the environment names no proxy: requests go straight to the target"]
    assert remarks(found, variables) == ([] if variables else said)


def test_a_proxy_of_the_environment_that_cannot_be_is_named_without_its_secret(environment):
    """By its variable."""
    environment("HTTP_PROXY", "socks5://ann:secret@p:1080")
    with pytest.raises(ConfigError) as refused:
        load_config(config(proxy="environment"))
    assert str(refused.value).startswith("proxy: HTTP_PROXY of the environment: ")
    assert "secret" not in str(refused.value)


def test_proxies_of_the_environment_that_are_not_used_are_said_once():
    """With what would heed them."""
    said = (
        "HTTPS_PROXY of the environment has no effect: requests go straight to the target;"
        " `proxy` in the config sends them through one, and `environment` for it through these"
    )
    assert remarks(load_config(config()), {"HTTPS_PROXY": "p"}) == [said]


def test_the_password_of_a_proxy_of_the_environment_is_hidden_where_it_comes_back(environment):
    """Such as in the answer of a proxy that says what it was sent."""
    environment("HTTPS_PROXY", "http://ann:word-6f1c@p:3128")
    discreet = Discreet(FakeEngine(), load_config(config(proxy="environment")))
    assert discreet.hide("proxy: ann:word-6f1c is not known") == "proxy: *** is not known"
