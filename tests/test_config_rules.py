"""What a schema cannot say: addresses, headers, bodies, and settings that do not go together."""

from urllib.parse import urlsplit

import pytest
from each import each
from hypothesis import given
from hypothesis import strategies as st

from tressi.config.load import load_config
from tressi.config.url import AddressError, address
from tressi.errors import ConfigError

pytestmark = pytest.mark.pure

URL = "http://127.0.0.1:8080/fast"


def problem_of(document):
    """Load a document with one problem, and return it as a line."""
    with pytest.raises(ConfigError) as caught:
        load_config(document)
    return str(caught.value)


@each(
    ("url", "wire"),
    [
        pytest.param("http://host", "http://host/", id="an empty path is the root"),
        pytest.param("HTTP://Host.Example:80/A?b=c", "http://host.example:80/A?b=c", id="scheme and host have no case"),
        pytest.param("http://host/a b".replace(" ", "%20"), "http://host/a%20b", id="what is encoded stays so"),
        pytest.param("http://host/ä?q=ö#ü", "http://host/%C3%A4?q=%C3%B6", id="UTF-8 is encoded, a fragment stays here"),
        pytest.param('http://host/{"a"}', "http://host/%7B%22a%22%7D", id="what RFC 3986 forbids is encoded"),
        pytest.param("http://bücher.example/", "http://xn--bcher-kva.example/", id="a host beyond ASCII goes through IDNA"),
        pytest.param("http://faß.test:8080/ß", "http://xn--fa-hia.test:8080/%C3%9F", id="its ß is no ss"),
        pytest.param("http://[2001:DB8::1]:81/", "http://[2001:db8::1]:81/", id="IPv6 keeps its brackets"),
        pytest.param("http://my_host./", "http://my_host./", id="an underscore and a final dot"),
        pytest.param("http://ann:word@host/", "http://ann:word@host/", id="user info goes to the transport"),
        pytest.param("http://host:/", "http://host/", id="an empty port is none"),
        pytest.param("http://host/a?", "http://host/a?", id="a lone question mark stays"),
        pytest.param("http://host?#a?b", "http://host/?", id="a lone question mark before a fragment"),
        pytest.param("http://host/a#b?c", "http://host/a", id="a question mark in a fragment is none"),
    ],
)
def test_an_address_in_its_wire_form(url, wire):
    """What a person may write becomes what HTTP can carry."""
    assert address(url).wire == wire


@each("name", ["", ".host", "a..b", f"{'a' * 64}.b", "a\0b", "a b", "[::1]", "256.1.1.1", "\ud800"])
def test_a_name_that_tls_cannot_ask_for(name):
    """Each handshake would raise it, and no lane would ever connect."""
    assert "tls.serverName: " in problem_of({"requests": [{"url": URL}], "tls": {"serverName": name}})


@pytest.mark.parametrize(
    ("name", "wire"),
    [("bücher.example", "xn--bcher-kva.example"), ("faß.test", "xn--fa-hia.test"), ("127.0.0.1", "127.0.0.1"), ("::1", "::1")],
)
def test_a_name_that_tls_asks_for(name, wire):
    """As ASCII, or an address."""
    assert load_config({"requests": [{"url": URL}], "tls": {"serverName": name}}).tls.server_name == wire


@each(
    ("url", "message"),
    [
        pytest.param("/fast", "is relative; it needs baseUrl or --base-url, or http:// and a host in front", id="relative"),
        pytest.param("fast", "is relative; it needs baseUrl or --base-url, or http:// and a host in front", id="a word"),
        pytest.param(
            "localhost:8080/x",
            "is neither absolute nor a path; write http:// or https:// in front",
            id="a host without its scheme",
        ),
        pytest.param(
            "//host/x", "is neither absolute nor a path; write http:// or https:// in front", id="relative to a scheme"
        ),
        pytest.param("ftp://host/", "is not an absolute http:// or https:// URL", id="another scheme"),
        pytest.param("http:///x", "has no host", id="no host"),
        pytest.param("http://:80/", "has no host", id="a port alone"),
        pytest.param("http://host:0/", "has a port that is no number from 1 to 65535", id="port 0"),
        pytest.param("http://host:65536/", "has a port that is no number from 1 to 65535", id="a port too high"),
        pytest.param("http://host:http/", "has a port that is no number from 1 to 65535", id="a port in words"),
        pytest.param("http://ho$t/", "has a host that cannot be", id="a sign that no host has"),
        pytest.param("http://a..b/", "has a host that cannot be", id="an empty label"),
        pytest.param("http://-a.b/", "has a host that cannot be", id="a label that starts with a hyphen"),
        pytest.param("http://256.1.1.1/", "has a host that cannot be", id="no IPv4 address"),
        pytest.param("http://[::g]/", "has a host that cannot be", id="no IPv6 address"),
        pytest.param("http://[::1/", "has a host that cannot be", id="an open bracket"),
        pytest.param(f"http://{'a' * 64}.b/", "has a host that cannot be", id="a label of 64"),
        pytest.param("http://\u2100.example/", "has a host that cannot be", id="a sign that normalises to a slash"),
        pytest.param("http://host/a b", "has a space, write it as %20", id="a space"),
    ],
)
def test_an_address_that_cannot_be_used(url, message):
    """The message shows the value and says what would be right."""
    shown = url if len(url) <= 80 else f"{url[:79]}…"
    assert problem_of({"requests": [{"url": url}]}) == f'requests[0].url: "{shown}" {message}'


def test_control_characters_in_an_address_are_shown_escaped():
    """A line end in a URL would split the request; in the message it must not split the line."""
    assert problem_of({"requests": [{"url": "http://host/\r\nX: y"}]}) == (
        'requests[0].url: "http://host/\\r\\nX: y" has the control character U+000D'
    )


@each(
    "url",
    [
        "http://ann:SECRET@ho$t/",
        "http://ann:SECRET/x@host/",
        "http://ann:SEC RET@host/",
        "ann:SECRET@host/",
        "http:/ann:SECRET@host/",
        "ftp://ann:SECRET@host/",
        "http://ann:SECRET@/",
        "http://ann:SE\nCRET@host/",
        "//ann:SECRET@host/",
        "SECRET@[::1/",
    ],
)
@each("key", ["url", "baseUrl", "proxy"])
def test_no_broken_address_gives_its_user_info_away(url, key):
    """Where an address cannot be parsed, everything before the last @ may be a password."""
    document = {"requests": [{"url": URL}], key: url}
    if key == "url":
        document = {"requests": [{"url": url}]}
    message = problem_of(document)

    assert "SEC" not in message
    assert "CRET" not in message


@pytest.mark.parametrize(
    ("base", "url", "absolute"),
    [
        ("http://h", "/fast", "http://h/fast"),
        ("http://h/", "/fast", "http://h/fast"),
        ("http://h/v1", "/fast", "http://h/v1/fast"),
        ("http://h/v1/", "fast", "http://h/v1/fast"),
        ("http://h/v1", "?q=1", "http://h/v1?q=1"),
        ("http://h/v1", "http://other/x", "http://other/x"),
    ],
)
def test_the_base_is_put_in_front_of_what_is_relative(base, url, absolute):
    """The base's own path is kept; an absolute url stays as it is."""
    config = load_config({"baseUrl": base, "requests": [{"url": url}]})

    assert config.endpoints[0].url == absolute
    assert config.endpoints[0].endpoint_key == f"GET {absolute}"


def test_a_broken_base_is_blamed_alone():
    """Beside a broken base the relative urls are not to blame."""
    document = {"baseUrl": "http://h?x", "requests": [{"url": "/a"}, {"url": "/b"}]}
    assert problem_of(document) == 'baseUrl: "http://h?x" has a query or a fragment; a path is put behind it'


@given(st.text(max_size=30))
def test_any_text_behind_a_host_is_sendable_or_refused(path):
    """The wire form is printable ASCII without spaces, and means the same when taken again."""
    try:
        wire = address(f"http://host/{path}").wire
    except AddressError:
        return
    assert wire.isascii()
    assert wire.isprintable()
    assert " " not in wire
    assert "#" not in wire
    assert urlsplit(wire).netloc == "host"
    assert address(wire).wire == wire


@each(
    ("headers", "message"),
    [
        ({"A": "b\r\nEvil: 1"}, 'headers.A: "b\\r\\nEvil: 1" has the control character U+000D'),
        ({"A": "b\0"}, 'headers.A: "b\\u0000" has the control character U+0000'),
        ({"Cookie": "a\nb"}, "headers.Cookie: *** has the control character U+000A"),
        ({"A": "€"}, 'headers.A: "€" has a character beyond Latin-1, which a header cannot carry'),
        ({"A": ["b", "c\n"]}, 'headers.A[1]: "c\\n" has the control character U+000A'),
        ({"Cookie": ["a=b", "c\n"]}, "headers.Cookie[1]: *** has the control character U+000A"),
        ({"X-Token": ["a", 5]}, "headers.X-Token[1]: *** is not a string"),
        ({"A": {}}, "headers.A: an object is not a string, an array or null"),
        (
            {"host": None},
            "headers.host: null would leave it out, and a request without Host is none of HTTP/1.1 (RFC 9112 3.2)",
        ),
        ({"": "x"}, 'headers["…"]: is no header name; RFC 9110 allows letters, digits and !#$%&\'*+-.^_`|~'),
        (
            {"Authorization: Bearer SECRET": ""},
            'headers["Authorization…"]: is no header name; RFC 9110 allows letters, digits and !#$%&\'*+-.^_`|~',
        ),
    ],
)
def test_a_header_that_cannot_be_sent(headers, message):
    """Names are tokens, values are Latin-1 without control characters; secrets stay hidden."""
    assert problem_of({"headers": headers, "requests": [{"url": URL}]}) == message
    assert problem_of({"requests": [{"url": URL, "headers": headers}]}) == f"requests[0].{message}"


def test_headers_are_merged_by_name_whatever_its_letters():
    """A request's own value replaces the one for all; what the transport writes is left out, with a warning."""
    config = load_config(
        {
            "headers": {"Accept": "a/b", "X-One": "1", "Connection": "close"},
            "requests": [{"url": URL, "headers": {"accept": " c/d\t", "X-Two": "\xe9", "ACCEPT": "e/f", "Host": "other"}}],
        }
    )

    assert config.endpoints[0].headers == (("ACCEPT", "e/f"), ("X-One", "1"), ("X-Two", "\xe9"), ("Host", "other"))
    assert config.warnings == (
        "headers.Connection: is left out, the transport writes it by itself; keepAlive says whether connections are kept",
        "requests[0].headers.ACCEPT: names a header for the second time, in other letters; the last one counts",
    )


def test_a_header_may_have_several_lines_or_be_left_out():
    """A list is a line each, in its order; null takes out what all requests have, what a payload adds, and what tressi adds."""
    config = load_config(
        {
            "headers": {"Via": ["1.1 a", " 1.1 b "], "X-All": "1", "User-Agent": "mine"},
            "requests": [
                {"url": URL},
                {
                    "url": URL,
                    "payload": {},
                    "method": "PATCH",
                    "headers": {"via": "one", "x-all": None, "user-agent": None, "content-type": None},
                },
                {"url": URL, "headers": {"VIA": [], "Connection": None}},
            ],
        }
    )

    first, second, third = config.endpoints
    assert first.headers == (("Via", "1.1 a"), ("Via", "1.1 b"), ("X-All", "1"), ("User-Agent", "mine"))
    assert (second.headers, second.left_out) == ((("via", "one"),), {"x-all", "user-agent", "content-type"})
    assert (third.headers, third.left_out) == ((("X-All", "1"), ("User-Agent", "mine")), {"via"})


def test_a_payload_is_json_with_its_type_and_a_body_is_sent_as_it_is():
    """A type of the user's own wins; GET may have a body too."""
    config = load_config(
        {
            "requests": [
                {"url": URL, "payload": {"name": "Zoë", "n": [1, 2.5, None]}},
                {"url": URL, "method": "POST", "payload": [], "headers": {"content-type": "application/x+json"}},
                {"url": URL, "method": "PUT", "body": "Zoë\r\n"},
                {"url": URL, "method": "DELETE"},
            ]
        }
    )

    sent = [(endpoint.headers, endpoint.body) for endpoint in config.endpoints]
    assert sent == [
        ((("Content-Type", "application/json"),), '{"name":"Zoë","n":[1,2.5,null]}'.encode()),
        ((("content-type", "application/x+json"),), b"[]"),
        ((), "Zoë\r\n".encode()),
        ((), None),
    ]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"payload": {}, "body": ""}, "requests[0].body: stands beside a payload; a request has one or the other"),
        (
            {"method": "HEAD", "expect": {"bodyContains": "x"}},
            "requests[0].expect.bodyContains: cannot be met: the response to HEAD has no body",
        ),
    ],
)
def test_a_request_that_contradicts_itself(more, message):
    """What can never work is refused before it is tried."""
    assert problem_of({"requests": [{"url": URL, **more}]}) == message


def test_a_folder_that_no_system_can_have_is_refused():
    """A path has no NUL."""
    message = r'export: "a\u0000b" has a NUL, which no path can have'
    assert problem_of({"requests": [{"url": URL}], "export": "a\0b"}) == message


def test_asking_for_the_default_is_no_refusal():
    """A config that spells out today's behaviour is fine."""
    assert load_config({"requests": [{"url": URL}], "followRedirects": False, "tls": {}}).warnings == ()
