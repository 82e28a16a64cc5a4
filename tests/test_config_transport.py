"""Which transport a config gets, with epoll and without."""

import sys
from dataclasses import replace

import pytest
from each import each

from tressi.config.load import load_config
from tressi.config.transport import chosen_transport, epoll_is_here
from tressi.errors import ConfigError

pytestmark = pytest.mark.pure

PLAIN = load_config({"requests": [{"url": "http://h/"}]})
PROXY = load_config({"requests": [{"url": "http://h/"}], "proxy": "http://p:8080"})
REDIRECTS = load_config({"requests": [{"url": "http://h/"}], "followRedirects": True})
KEY = "GET http+unix://%2Frun%2Fserver.sock/"
SOCKET = replace(PLAIN, endpoints=(replace(PLAIN.endpoints[0], endpoint_key=KEY, url="http+unix://%2Frun%2Fserver.sock/"),))


@each(
    ("config", "wished", "has_epoll", "transport"),
    [
        pytest.param(PLAIN, None, True, "wire", id="wire wherever it can"),
        pytest.param(PLAIN, "wire", True, "wire", id="wire as wished"),
        pytest.param(PLAIN, "urllib3", True, "urllib3", id="urllib3 as wished"),
        pytest.param(PROXY, None, True, "wire", id="a proxy is no reason for another"),
        pytest.param(REDIRECTS, None, True, "wire", id="nor are redirects"),
        pytest.param(SOCKET, None, True, "wire", id="a unix socket is wire's"),
        pytest.param(PLAIN, None, False, "urllib3", id="without epoll urllib3 does what it can"),
        pytest.param(PROXY, "urllib3", False, "urllib3", id="what is urllib3's needs no epoll"),
    ],
)
def test_the_transport_that_can(config, wished, has_epoll, transport):
    """Wire where it can do what is asked for, urllib3 elsewhere."""
    assert chosen_transport(config, wished, has_epoll=has_epoll) == transport


@pytest.mark.parametrize(
    ("config", "wished", "has_epoll", "message"),
    [
        (PLAIN, "wire", False, "--transport: wire needs epoll, which only Linux has: leave it out, or give urllib3"),
        (SOCKET, "urllib3", True, f"{KEY}: a unix socket needs the transport wire"),
        (
            SOCKET,
            None,
            False,
            f"{KEY}: a unix socket needs the transport wire, which needs epoll, which only Linux has",
        ),
    ],
)
def test_a_transport_that_cannot_is_refused(config, wished, has_epoll, message):
    """With the key that asks for what it cannot do."""
    with pytest.raises(ConfigError) as refused:
        chosen_transport(config, wished, has_epoll=has_epoll)
    assert str(refused.value) == message


def test_a_config_is_checked_where_no_engine_is_built(monkeypatch):
    """As if epoll were there: the run itself says what is missing."""
    monkeypatch.setitem(sys.modules, "tressi._core", None)
    assert epoll_is_here()
