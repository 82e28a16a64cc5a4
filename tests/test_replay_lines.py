"""Lines of access logs into entries: of each format, and of none."""

import json
from datetime import UTC, datetime

import pytest
from each import each
from hypothesis import given, settings
from hypothesis import strategies as st

from tressi.replay.entries import LineError, sendable
from tressi.replay.formats import FormatError, line_format
from tressi.replay.lines import entry_of_har, reader_of_format, reader_of_json

pytestmark = pytest.mark.pure

S = 1_000_000_000
NOON = int(datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC).timestamp()) * S

NGINX = '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"'
APACHE = r"%h %l %u %t \"%r\" %>s %O \"%{Referer}i\" \"%{User-Agent}i\""

# (format, line, start in ns after noon, method, target, origin, what is taken off)
LINES = [
    ("combined", '1.2.3.4 - - [31/Jan/2026:12:00:00 +0000] "GET /a HTTP/1.1" 200 5 "-" "x"', 0, "GET", "/a", "", 0),
    ("common", '1.2.3.4 - bob [31/Jan/2026:14:00:01 +0200] "HEAD /a?b=1 HTTP/2.0" 304 0', S, "HEAD", "/a?b=1", "", 0),
    (NGINX, '::1 - a b [31/Jan/2026:04:00:02 -0800] "POST /c HTTP/1.1" 201 7 "http://r/" "U (x) y"',
     2 * S, "POST", "/c", "", 0),
    (APACHE, '1.2.3.4 - - [31/Jan/2026:12:00:00 +0000] "GET /q\\"r HTTP/1.0" 200 - "-" "say \\"hi\\""',
     0, "GET", "/q%22r", "", 0),
    # The times of nginx are of a request's end, and $request_time is how long it took.
    ("[$time_iso8601] $request_time $request", "[2026-01-31T12:00:01+00:00] 0.250 GET /d HTTP/1.1", S, "GET", "/d", "", S // 4),
    ('$msec "$request" ${request_time}', '1769860800.123 "GET /e HTTP/1.1" 1.5', 123_000_000, "GET", "/e", "", 3 * S // 2),
    ("$msec $request_method $scheme $host $request_uri", "1769860800.000 GET https shop.example /f", 0, "GET", "/f",
     "https://shop.example", 0),
    ("$msec $request_method $uri $args $host:x", "1769860800.000 GET /f a=1 shop.example:x", 0, "GET", "/f?a=1",
     "http://shop.example", 0),
    # Those of Apache are of its beginning, so %D is nothing to take off; but for `end:`.
    ("%t %m %U%q %D", "[31/Jan/2026:12:00:00 +0000] GET /g?h=1 250000", 0, "GET", "/g?h=1", "", 0),
    ("%{end:msec}t %m %U %D", "1769860800500 GET /g 250000", S // 2, "GET", "/g", "", S // 4),
    ("%{end:sec}t %m %U %{ms}T", "1769860800 GET /g 250", 0, "GET", "/g", "", S // 4),
    ("%{usec}t %v %r", "1769860800000007 www.example GET /g HTTP/1.1", 7000, "GET", "/g", "http://www.example", 0),
    ("%{%Y-%m-%dT%H:%M:%S%z}t 100%% %r", "2026-01-31T13:00:00+0100 100% GET /h HTTP/1.1", 0, "GET", "/h", "", 0),
    # nginx writes bytes that are no text as \\xHH; a proxy has whole URLs.
    ("combined", '1.1.1.1 - - [31/Jan/2026:12:00:00 +0000] "GET /\\xC3\\xA4 b HTTP/1.1" 200 5 "-" "x"',
     0, "GET", "/%C3%A4%20b", "", 0),
    ("common", '1.1.1.1 - - [31/Jan/2026:12:00:00 +0000] "GET http://Shop.example:81/x#y HTTP/1.1" 200 5', 0, "GET", "/x",
     "http://shop.example:81", 0),
]  # fmt: skip


@each(("form", "line", "time_ns", "method", "target", "origin", "delay_ns"), LINES)
def test_a_line_of_a_servers_format_is_an_entry(form, line, time_ns, method, target, origin, delay_ns):
    """When it was, what it asked for, where, and what is to be taken off the time."""
    entry = reader_of_format(line_format(form))(line)

    assert entry.time_ns - NOON == time_ns
    assert (entry.method, entry.target, entry.origin, entry.delay_ns) == (method, target, origin, delay_ns)


@each(
    ("request_line", "reason"),
    [
        ("-", "the request is empty"),
        ("", "the request is empty"),
        ("\\x16\\x03\\x01", "no request line"),
        ("GET", "no request line"),
        ("OPTIONS * HTTP/1.1", "neither a path nor a URL"),
        ("CONNECT shop.example:443 HTTP/1.1", "neither a path nor a URL"),
        ("GET http:///x HTTP/1.1", "is no URL"),
        ("GET /" + "x" * 20_000 + " HTTP/1.1", "are the most"),
    ],
)
def test_a_request_that_cannot_be_sent_says_why(request_line, reason):
    """Empty ones, handshakes that went to the wrong port, targets that are no paths."""
    read = reader_of_format(line_format("common"))
    with pytest.raises(LineError, match=reason):
        read(f'1.1.1.1 - - [31/Jan/2026:12:00:00 +0000] "{request_line}" 400 5')


@pytest.mark.parametrize(
    "stamp", ["31/Xxx/2026:12:00:00 +0000", "32/Jan/2026:12:00:00 +0000", "yesterday", "31/Jan/0001:12:00:00 +0000"]
)
def test_a_time_that_is_none_is_said(stamp):
    """A line whose time cannot be read is none."""
    with pytest.raises(LineError, match=r"time|day|before 1970"):
        reader_of_format(line_format("common"))(f'1.1.1.1 - - [{stamp}] "GET / HTTP/1.1" 200 5')


@each(
    ("text", "rule"),
    [
        ("", "neither variables"),
        ("hello", "neither variables"),
        ("$remote_addr $request", "has no time"),
        ("%h %r", "has no time"),
        ("[$time_local] $status", "has no request"),
        ("%t %h", "has no request"),
        ("%{%s}t %r", "only %t and its"),
        ("$msec $request" + " " * 5000, "are the most"),
    ],
)
def test_a_format_that_is_none_says_which_rule_it_breaks(text, rule):
    """Nothing of it is guessed."""
    with pytest.raises(FormatError, match=rule):
        line_format(text)


JSON_LINES = [
    ({"time": "2026-01-31T12:00:00Z", "url": "/a"}, {}, 0, True, "GET", "/a", "", 0),
    ({"@timestamp": "2026-01-31T12:00:00.500Z", "request_uri": "/a", "request_method": "head"}, {},
     S // 2, False, "HEAD", "/a", "", 0),
    ({"ts": 1769860800.25, "request": "GET /b HTTP/1.1", "request_time": 0.1}, {}, S // 4, False, "GET", "/b", "", S // 10),
    ({"ts": "1769860800123", "path": "/b", "duration_ms": "7"}, {}, 123_000_000, False, "GET", "/b", "", 7_000_000),
    ({"when": 1769860800, "where": "/c", "h": "x.example", "s": "https"},
     {"time": "when", "url": "where", "host": "h", "scheme": "s"}, 0, True, "GET", "/c", "https://x.example", 0),
    ({"http": {"request": {"path": "/d"}}, "t": "31/Jan/2026:12:00:00 +0000"}, {"url": "http.request.path", "time": "t"},
     0, True, "GET", "/d", "", 0),
    ({"start": "2026-01-31T12:00:01Z", "url": "/e", "duration": 3}, {}, S, True, "GET", "/e", "", 0),
]  # fmt: skip


@pytest.mark.parametrize(("row", "names", "time_ns", "is_whole", "method", "target", "origin", "delay_ns"), JSON_LINES)
def test_a_line_of_json_is_an_entry(row, names, time_ns, is_whole, method, target, origin, delay_ns):
    """By the usual names of members, or by those that are given."""
    entry = reader_of_json(names)(json.dumps(row))

    assert entry.time_ns - NOON == time_ns
    assert (entry.is_whole, entry.method, entry.target, entry.origin, entry.delay_ns) == (
        is_whole,
        method,
        target,
        origin,
        delay_ns,
    )


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "no JSON"),
        ("[1]", "no object"),
        ('{"url": "/a"}', "--fields time=NAME"),
        ('{"time": 1769860800}', "--fields url=NAME"),
        ('{"time": true, "url": "/a"}', "--fields time=NAME"),
        ('{"time": "soon", "url": "/a"}', "no time"),
    ],
)
def test_a_line_of_json_without_a_time_or_a_url_says_so(line, reason):
    """And which flag names the member."""
    with pytest.raises(LineError, match=reason):
        reader_of_json({})(line)


def test_an_entry_of_a_har_file_is_an_entry():
    """Its time is of the request's beginning, and its URL names the server."""
    entry = entry_of_har(
        {"startedDateTime": "2026-01-31T12:00:00.250+00:00", "request": {"method": "GET", "url": "https://a.example/b?c"}}
    )

    assert (entry.time_ns - NOON, entry.target, entry.origin, entry.delay_ns) == (S // 4, "/b?c", "https://a.example", 0)
    with pytest.raises(LineError, match="no request"):
        entry_of_har({"request": {}})


@given(st.text(max_size=60))
def test_what_is_sendable_is_safe_in_a_config(text):
    """No placeholder, no variable, no space and no character beyond ASCII is left, and nothing changes the second time."""
    try:
        _, target = sendable("/" + text)
    except LineError:
        return

    assert target.startswith("/")
    assert target.isascii()
    assert not set(target) & set(' {}"<>\\^`|#')
    assert sendable(target)[1] == target


@pytest.mark.parametrize(
    "form",
    [
        "combined",
        r"%h %l %u %t \"%r\" %>s %O \"%{Referer}i\" \"%{User-Agent}i\"",
        "$a - $b - $c - $d [$time_local] $request $e $f",
    ],
)
def test_a_hostile_line_takes_no_longer_than_its_length(form):
    """A line of separators, quotes and backslashes alone is refused at once: no part of it is looked at again and again."""
    read = reader_of_format(line_format(form))
    for piece in (" - ", '"', '\\"', " [", "a ", '" ', " HTTP/"):
        for whole in (piece * 20_000, '1.2.3.4 - - [31/Jan/2026:12:00:00 +0000] "GET /' + piece * 20_000):
            entry = entry_or_none(read, whole)
            assert entry is None or entry.target


def entry_or_none(read, line):
    """The entry of a line; None where the reader says why there is none."""
    try:
        return read(line)
    except LineError:
        return None


@settings(max_examples=300)
@given(
    st.one_of(st.text(max_size=200), st.binary(max_size=200).map(lambda raw: raw.decode("utf-8", "surrogateescape"))),
    st.integers(0, 3),
)
def test_any_line_is_an_entry_or_says_why_not(line, which):
    """Whatever stands in a log, a reader raises nothing but LineError: also for half of a sound line with noise in it."""
    sound = '1.2.3.4 - - [31/Jan/2026:12:00:00 +0000] "GET /a HTTP/1.1" 200 5 "-" "x"'
    cut = len(sound) * len(line) // 201
    readers = [reader_of_format(line_format(name)) for name in ("combined", "common", "[$time_local] $request_time $request")]
    read = [*readers, reader_of_json({})][which]
    for whole in (line, sound[:cut] + line + sound[cut:], f'{{"time": {json.dumps(line)}, "url": "/"}}'):
        entry = entry_or_none(read, whole)
        assert entry is None or entry.target.startswith("/")
