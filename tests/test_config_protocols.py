"""HTTP/2 in a config: what a request is sent by, and what is refused in words."""

from __future__ import annotations

import pytest
from configs import planned, problems

from tressi import load_config
from tressi.config.load import Overrides
from tressi.load.share import Place, part_of
from tressi.load.ways import spoken_to
from tressi.model import Protocol
from tressi.request.call import origin_of

pytestmark = pytest.mark.pure

TLS, PLAIN = "https://shop.example/", "http://shop.example/"


def of(url, **fields):
    """A config of one request."""
    return {"requests": [{"url": url}], **fields}


def test_what_a_request_leaves_out_is_the_runs():
    """The protocol and each setting of HTTP/2 by itself."""
    config = load_config(
        {
            "protocol": "h2",
            "http2": {"streams": 100, "connections": 16},
            "requests": [
                {"url": TLS},
                {"url": TLS, "http2": {"streams": 10}},
                {"url": PLAIN, "protocol": "http/1.1"},
                {"url": PLAIN, "protocol": "h2c", "http2": {"connections": 2}},
                {"url": PLAIN, "protocol": "auto"},
            ],
        }
    )
    assert [one.protocol for one in config.endpoints] == [
        Protocol("h2", 100, 16),
        Protocol("h2", 10, 16),
        Protocol(),
        Protocol("h2c", 100, 2),
        Protocol("auto", 100, 16),
    ]
    plan = planned(config)
    # What differs in it shares no connection; without TLS nothing is negotiated.
    assert [way.protocol.name for way in plan.ways] == ["h2", "h2", "http/1.1", "h2c"]
    assert plan.ways[0].tls.protocols == ("h2",)


def test_without_a_word_nothing_changes():
    """HTTP/1.1 is spoken, and offered alone."""
    plan = planned(load_config(of(TLS)))
    assert plan.ways[0].protocol == Protocol()
    assert plan.ways[0].tls.protocols == ("http/1.1",)


def test_a_redirect_to_the_other_scheme():
    """It cannot keep the protocol: TLS negotiates, and without it HTTP/1.1 is spoken unless h2c was asked for."""
    for name, url, spoken in (
        ("h2", PLAIN, "http/1.1"),
        ("h2c", TLS, "auto"),
        ("auto", PLAIN, "http/1.1"),
        ("h2c", PLAIN, "h2c"),
        ("http/1.1", TLS, "http/1.1"),
    ):
        assert spoken_to(origin_of(url), Protocol(name)).name == spoken


def test_connections_are_divided_over_the_engines():
    """Each has a part of those that a pool may have, one at least."""
    plan = planned(load_config(of(PLAIN, protocol="h2c", http2={"connections": 5}, workers=8)))
    parts = [part_of(plan, Place(number, 1, 4)).ways[0].protocol.connections for number in range(4)]
    assert sorted(parts) == [1, 1, 1, 2]
    plan = planned(load_config(of(PLAIN, protocol="h2c", http2={"connections": 1})))
    assert part_of(plan, Place(3, 1, 4)).ways[0].protocol.connections == 1


REFUSED = {
    "h2 without TLS": (of(PLAIN, protocol="h2"), "the protocol h2 needs a url with https; h2c is HTTP/2 without TLS"),
    "h2c with TLS": (of(TLS, protocol="h2c"), "the protocol h2c needs a url with http; h2 is HTTP/2 over TLS"),
    "h2c through a proxy": (
        of(PLAIN, protocol="h2c", proxy="http://proxy.example:3128"),
        "the protocol h2c goes through no proxy; h2 does, through its tunnel",
    ),
    "connections that are not kept": (
        of(TLS, protocol="h2", keepAlive=False),
        "the protocol h2 keeps connections: leave keepAlive out, or use http/1.1",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_is_said_before_the_run(name):
    """The endpoint, and what to do."""
    document, message = REFUSED[name]
    assert problems(document) == [f"GET {document['requests'][0]['url']}: {message}"]


def test_the_second_transport_speaks_http_1_alone():
    """HTTP/2 over it is refused, and what is negotiated is HTTP/1.1."""
    with pytest.raises(Exception, match="HTTP/2 needs the transport wire"):
        load_config(of(PLAIN, protocol="h2c"), Overrides(transport="urllib3"))
    plan = planned(load_config(of(TLS, protocol="auto"), Overrides(transport="urllib3")))
    assert plan.ways[0].tls.protocols == ("http/1.1",)


@pytest.mark.parametrize(
    ("document", "place"),
    [
        (of(PLAIN, protocol="http/2"), "protocol"),
        (of(PLAIN, protocol="h2c", http2={"streams": 0}), "http2.streams"),
        (of(PLAIN, protocol="h2c", http2={"streams": 5000}), "http2.streams"),
        (of(PLAIN, protocol="h2c", http2={"connections": 0}), "http2.connections"),
        (of(PLAIN, protocol="h2c", http2={"maxStreams": 3}), "http2.maxStreams"),
    ],
)
def test_what_the_schema_refuses(document, place):
    """Values that mean nothing, and names that are nearly known."""
    assert [line.partition(":")[0] for line in problems(document)] == [place]


def test_settings_without_effect_are_a_warning():
    """Those of HTTP/2 where HTTP/1.1 is spoken."""
    assert load_config(of(PLAIN, http2={"streams": 2})).warnings == (
        "http2: has no effect, no request has the protocol h2, h2c or auto",
    )
    document = {"requests": [{"url": PLAIN, "http2": {"streams": 2}}]}
    assert load_config(document).warnings == ("requests[0].http2: has no effect, the protocol is http/1.1",)
