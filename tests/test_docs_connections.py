"""The page on connections: its examples are configs without a warning, and each does what the page says of it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from configs import planned

from tressi.config.load import load_config

pytestmark = pytest.mark.pure

PAGE = (Path(__file__).parent.parent / "docs" / "connections.md").read_text(encoding="utf-8")
EXAMPLES = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: "-".join(sorted(example.keys() - {"requests", "rps"})))
def test_an_example_is_a_config_without_a_warning(example):
    """And an engine can be planned for it."""
    config = load_config(example)
    assert config.warnings == ()
    assert planned(config).endpoints


def ways(key):
    """The ways of the example that has this property."""
    (example,) = [one for one in EXAMPLES if key(one)]
    plan = planned(load_config(example))
    return plan, [plan.ways[endpoint.requests[0].dialer] for endpoint in plan.endpoints]


def test_the_example_of_resolve_leads_elsewhere():
    """Under the URL's own name."""
    _, (way,) = ways(lambda one: "resolve" in one)
    assert (way.origin.host, way.hop.host, way.hop.port) == ("shop.example", "127.0.0.1", 8443)


def test_the_example_of_tls_keeps_two_requests_apart():
    """They are of one origin, and differ in their certificate alone."""
    _, (shared, own) = ways(lambda one: "tls" in one)
    assert shared.origin == own.origin
    assert (shared.tls.cert, own.tls.cert, own.tls.min_version) == (None, "admin.pem", "1.3")


def test_the_example_of_a_proxy_has_a_tunnel_for_https_alone():
    """And names the whole URL to the proxy otherwise."""
    plan, (plain, secure) = ways(lambda one: one.get("proxy", "").startswith("http"))
    assert (plain.is_tunnel, secure.is_tunnel) == (False, True)
    heads = [b"".join(endpoint.requests[0].rendering.head) for endpoint in plan.endpoints]
    assert heads[0].startswith(b"GET http://shop.example/ HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic YW5uOnNlY3JldA==\r\n" in heads[0]
    assert heads[1].startswith(b"GET /cart HTTP/1.1\r\n")
    assert b"Proxy-" not in heads[1]


def test_the_example_of_the_environment_heeds_it():
    """A variable of it names the proxy."""
    _, (way,) = ways(lambda one: one.get("proxy") == "environment")
    assert way.proxy.origin.host == "proxy.example"


def test_the_examples_of_redirects_and_limits_say_numbers():
    """As the plan has them."""
    assert ways(lambda one: "followRedirects" in one)[0].redirects == 5
    kept = ways(lambda one: "maxConnectionAge" in one)[0].kept
    assert (kept.requests, kept.age_s, kept.idle_s) == (1000, 60, 15)
