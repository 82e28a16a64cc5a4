"""What follows on a redirect: method, body, target, host and credentials, as RFC 9110 and the Fetch standard have them."""

import pytest

from tressi.load.redirect import REDIRECTS, Refused, redirected
from tressi.request.call import Call, origin_of

pytestmark = pytest.mark.pure

BODY = b'{"a":1}'
FIELDS = (
    ("Host", "first.example"),
    ("User-Agent", "tressi"),
    ("Accept", "*/*"),
    ("content-type", "application/json"),
    ("Content-Encoding", "identity"),
    ("Expect", "100-continue"),
    ("Content-Length", "7"),
)
CONTENT = {"content-type", "content-encoding", "expect", "content-length"}
SECRETS = [
    *("Authorization", "Cookie", "Proxy-Authorization", "X-Api-Key", "X-Auth-Token", "X-CSRF-TOKEN", "Client-Secret"),
    *("X-Access-Key", "password", "X-Session-Id", "AuthInfo", "ApiKey", "Cookie2", "x-amz-security-token"),
]


def call(method="GET", url="http://first.example/a/b?c=d", headers=FIELDS, body=BODY):
    """A request that is redirected."""
    return Call(method, url, tuple(headers), body)


def follow(location, status=302, followed=0, **fields):
    """The request after one Location, given as text or as bytes."""
    raw = location if isinstance(location, bytes) else location.encode()
    return redirected(call(**fields), status, [raw], followed)


def names(found):
    """The names of a request's fields, in small letters."""
    return {name.lower() for name, _ in found.headers}


def fields(found):
    """A request's fields by their names in small letters; none is there twice."""
    assert len(names(found)) == len(found.headers)
    return {name.lower(): value for name, value in found.headers}


def test_the_method_that_follows():
    """A row for each status: which methods become GET, and lose their body."""
    methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
    becomes = {301: {"POST"}, 302: {"POST"}, 303: set(methods[2:]), 307: set(), 308: set()}
    for status, changed in becomes.items():
        for method in methods:
            found = follow("/home", status, method=method)
            expected = ("GET", None) if method in changed else (method, BODY)
            assert (found.method, found.body) == expected, (status, method)
            left = names(call()) - CONTENT if method in changed else names(call())
            assert names(found) == left, (status, method)


def test_every_other_status_is_the_answer():
    """Also those that may have a Location, or a Retry-After."""
    for status in (200, 201, 202, 300, 304, 305, 306, 309, 399, 400, 413, 429, 503, 600, 999):
        assert follow("/home", status) is None, status


def test_without_a_location_the_status_is_the_answer():
    """Nothing says where to go."""
    for status in (301, 302, 303, 307, 308):
        assert redirected(call(), status, [], 0) is None


TARGETS = {
    # Relative references, and what is absolute in one way or another.
    "/x": "http://first.example/x",
    "x": "http://first.example/a/x",
    "../x": "http://first.example/x",
    "?x=y": "http://first.example/a/b?x=y",
    "?": "http://first.example/a/b?",
    "": "http://first.example/a/b?c=d",
    "//other.example/x": "http://other.example/x",
    "https://other.example": "https://other.example/",
    "HTTPS://Other.EXAMPLE/Path": "https://other.example/Path",
    "http://other.example?x": "http://other.example/?x",
    "http:x": "http://first.example/a/x",
    "\\x\\y?\\z": "http://first.example/x/y?%5Cz",
    "/x/./y/../z": "http://first.example/x/z",
    "/%2e%2F%zz": "http://first.example/%2e%2F%zz",
    "/a[1]?b[]=2": "http://first.example/a[1]?b[]=2",
    " \t/x \t": "http://first.example/x",
    # Fragments are no part of a request.
    "/x#part": "http://first.example/x",
    "#part": "http://first.example/a/b?c=d",
    "/x?y#part?z": "http://first.example/x?y",
    # What no URL may hold is percent-encoded as it stands: UTF-8 and what is not.
    "/ä b": "http://first.example/%C3%A4%20b",
    b"/\xe4?\xff": "http://first.example/%E4?%FF",
    "/日本?q=é": "http://first.example/%E6%97%A5%E6%9C%AC?q=%C3%A9",
    '/"<>|{}`^': "http://first.example/%22%3C%3E%7C%7B%7D%60%5E",
    # Ports and hosts.
    "http://first.example:80/x": "http://first.example/x",
    "https://first.example:443/x": "https://first.example/x",
    "https://first.example:80/x": "https://first.example:80/x",
    "http://first.example:/x": "http://first.example/x",
    "http://first.example:0080/x": "http://first.example/x",
    "http://[::1]:8080/x": "http://[::1]:8080/x",
    "http://[0:0:0::1]/x": "http://[::1]/x",
    "http://ex%61mple.test/x": "http://example.test/x",
    "http://bücher.example/x": "http://xn--bcher-kva.example/x",
    "http://b%C3%BCcher.example/x": "http://xn--bcher-kva.example/x",
    "http://other.example./x": "http://other.example./x",
}


def test_where_a_location_leads():
    """Every way to write one."""
    for location, expected in TARGETS.items():
        assert follow(location).url == expected, location


def test_a_target_that_was_followed_is_the_next_base():
    """Relative references of a second redirect are relative to where the first led."""
    second = redirected(follow("http://other.example/x/y"), 302, [b"z"], 1)
    assert second.url == "http://other.example/x/z"
    assert fields(second)["host"] == "other.example"


def test_the_host_is_that_of_the_second_server():
    """With its port where that is not the scheme's own; within an origin an own Host stays."""
    hosts = {
        "http://other.example/x": "other.example",
        "http://other.example:8080/x": "other.example:8080",
        "https://first.example/x": "first.example",
        "https://first.example:80/x": "first.example:80",
        "http://first.example:443/x": "first.example:443",
        "http://[::1]:81/x": "[::1]:81",
        "http://[::1]/x": "[::1]",
        "/x": "shop.example",
        "//first.example:80/x": "shop.example",
        "http://FIRST.example/x": "shop.example",
    }
    for location, host in hosts.items():
        found = follow(location, headers=(("host", "shop.example"), ("Accept", "*/*")))
        assert fields(found) == {"host": host, "accept": "*/*"}, location


def test_credentials_stay_within_an_origin():
    """Scheme, host and port are the same, however they are written; else none of them goes along."""
    headers = FIELDS + tuple((name, "s3cret") for name in SECRETS)
    for location in ("/x", "//first.example/x", "http://first.example:80/x", "HTTP://First.Example/x"):
        assert names(follow(location, headers=headers)) == {name.lower() for name, _ in headers}, location
    for location in ("//other.example/x", "https://first.example/x", "http://first.example:81/x", "http://first.example./x"):
        found = follow(location, headers=headers)
        assert names(found) == {name.lower() for name, _ in FIELDS}, location
        assert "s3cret" not in str(found)


def test_credentials_do_not_come_back():
    """A way that leads back to the first origin has lost them."""
    away = follow("http://other.example/", headers=(("Host", "first.example"), ("Authorization", "Basic s3cret")))
    back = redirected(away, 302, [b"http://first.example/a"], 1)
    assert back.headers == (("Host", "first.example"),)


def test_user_info_of_a_location_is_credentials():
    """They replace those that the request had, and are no part of the URL."""
    found = follow("http://ann:s%40c@other.example/x", headers=(("Host", "first.example"), ("Authorization", "Bearer one")))
    assert found.url == "http://other.example/x"
    assert fields(found) == {"host": "other.example", "authorization": "Basic YW5uOnNAYw=="}


REFUSED = {
    "ftp://a/": "is neither http nor https",
    "javascript:alert(1)": "is neither http nor https",
    "mailto:ann@first.example": "is neither http nor https",
    "http://": "names no host",
    "http:///x": "names no host",
    "https:x": "names no host",
    "http://:80/": "names no host",
    "http://[::1/": "has a host or a port that cannot be",
    "http://[::g]/": "has a host that cannot be",
    "http://[fe80::1%25eth0]/": "has a host that cannot be",
    "http://a:b/": "has a host or a port that cannot be",
    "http://a:0/": "has a port that is no number from 1 to 65535",
    "http://a:65536/": "has a port that is no number from 1 to 65535",
    "http://a b/": "has a host that cannot be",
    "http://a%00b/": "has a host that cannot be",
    "http://a%2Fb/": "has a host that cannot be",
    b"http://\xff\xfe/": "has a host that cannot be",
}


def test_what_leads_nowhere_is_refused_with_its_reason():
    """The Location is shown, and the rule."""
    for location, rule in REFUSED.items():
        found = follow(location)
        assert isinstance(found, Refused), location
        assert found.reason.startswith("redirected to "), location
        assert found.reason.endswith(f", which {rule}"), (location, found.reason)


def test_a_location_is_shown_harmless_short_and_without_its_user_info():
    """A server decides what it is."""
    assert "\x1b" not in follow(b"ftp://a/\x1b[31m").reason
    assert "s3cret" not in follow("ftp://ann:s3cret@a/").reason
    assert len(follow("ftp://" + 1000 * "a").reason) < 111


def test_locations_that_differ_are_refused():
    """The same one twice is one."""
    assert redirected(call(), 302, [b"/x", b"/x"], 0).url == "http://first.example/x"
    assert redirected(call(), 302, [b"/x", b"/y"], 0) == Refused("status 302 with two Locations that differ")


def test_redirects_have_an_end():
    """As many as the Fetch standard allows."""
    assert isinstance(follow("/x", followed=REDIRECTS - 1), Call)
    assert follow("/x", followed=REDIRECTS) == Refused("more than 20 redirects")
    assert follow("/x", 200, followed=REDIRECTS) is None


def test_what_follows_can_always_be_sent():
    """Whatever byte stands in a Location, the head of the next request is one line for each field."""
    for byte in range(256):
        for template in (b"/a%cb", b"/?a%cb", b"http://other.example/%c", b"http://a%cb/", b"%c", b"http://u%c@h/"):
            found = redirected(call(), 302, [template.replace(b"%c", bytes([byte]))], 0)
            if isinstance(found, Call):
                head = found.head()
                assert head.count(b"\r\n") == len(found.headers) + 2, (template, byte)
                assert all(32 < code < 127 for code in head.split(b" HTTP/1.1")[0].split(b" ", 1)[1]), (template, byte)
                assert origin_of(found.url).scheme == "http"
