"""The cookies of a lane: taken in and sent as RFC 6265 says, in a jar of 4 KiB."""

import email.message
import time
import urllib.request
from http.cookiejar import CookieJar, DefaultCookiePolicy, http2time
from itertools import product
from random import Random

import pytest
from each import each
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tressi._extract import JAR_BYTES, Jar, cookie_of, date_of

pytestmark = pytest.mark.pure

HOST, TARGET = b"www.shop.example", b"/cart/items?page=1"
HEAD_BYTES = 24  # of a record in front of its texts


def jar_of(*lines, host=HOST, target=TARGET, is_secure=True, now_s=0):
    jar = Jar()
    for line in lines:
        jar.store(host, target, line, is_secure=is_secure, now_s=now_s)
    return jar


@each(
    ("line", "sent"),
    [
        (b"a=b", b"a=b"),
        (b"  a\t=  b c \t; Path=/", b"a=b c"),
        (b"a=b=c==", b"a=b=c=="),
        (b"a=", b"a="),
        (b'a="quoted; not"', b'a="quoted'),
        (b'a="x"', b'a="x"'),
        (b"A=b", b"A=b"),
        (b"=b", b""),
        (b"a", b""),
        (b"", b""),
        (b";", b""),
        (b"; a=b", b""),
        (b"a=b;;; ;=;Path;path=/", b"a=b"),
        (b"a=b; HttpOnly; SameSite=Strict; Priority=High; Partitioned", b"a=b"),
        (b"a=\xc3\xa9\xff", b"a=\xc3\xa9\xff"),
        (b"a=b\tc", b"a=b\tc"),
        (b"a=b\r\nX: y", b""),
        (b"a=b\0c", b""),
        (b"a\x7f=b", b""),
        (b"a=b; Path=/\n", b""),
    ],
)
def test_name_and_value(line, sent):
    """5.2: up to the first semicolon and equals sign, without white space around them, and never a control character."""
    assert jar_of(line).write(HOST, TARGET, is_secure=True) == sent


@each(
    ("host", "domain", "reached", "not_reached"),
    [
        (
            "www.shop.example",
            None,
            ["www.shop.example"],
            ["shop.example", "a.www.shop.example", "ww.shop.example", "wwww.shop.example"],
        ),
        ("www.shop.example", "", ["www.shop.example"], ["a.www.shop.example"]),
        ("www.shop.example", ".", ["www.shop.example"], ["a.www.shop.example"]),
        (
            "www.shop.example",
            "shop.example",
            ["shop.example", "www.shop.example", "a.b.shop.example"],
            ["xshop.example", "example"],
        ),
        ("www.shop.example", ".SHOP.Example", ["shop.example", "a.shop.example"], ["hop.example"]),
        ("www.shop.example", "www.shop.example", ["www.shop.example", "a.www.shop.example"], ["shop.example"]),
        ("www.shop.example", "a.www.shop.example", [], ["www.shop.example", "a.www.shop.example"]),
        ("www.shop.example", "other.example", [], ["www.shop.example", "other.example"]),
        ("www.shop.example", "op.example", [], ["www.shop.example", "op.example"]),
        ("www.shop.example", "example", [], ["www.shop.example", "example"]),
        ("www.shop.example", "shop.example.", [], ["www.shop.example", "shop.example"]),
        ("www.shop.example", "..shop.example", [], ["www.shop.example", "shop.example"]),
        ("localhost", "localhost", ["localhost"], ["a.localhost"]),
        ("localhost", ".localhost", ["localhost"], ["a.localhost"]),
        ("127.0.0.1", None, ["127.0.0.1"], ["127.0.0.2"]),
        ("127.0.0.1", "127.0.0.1", ["127.0.0.1"], ["1.127.0.0.1"]),
        ("127.0.0.1", "0.0.1", [], ["127.0.0.1", "0.0.1"]),
        ("[::1]", None, ["[::1]"], ["[::2]"]),
        ("::ffff:1.2.3.4", "3.4", [], ["::ffff:1.2.3.4"]),
        ("www.shop.example", "a" * 300, [], ["www.shop.example"]),
    ],
)
def test_domain(host, domain, reached, not_reached):
    """5.1.3 and 5.3: the host alone, or a domain that it lies in and that is more than one label."""
    line = b"a=b" if domain is None else f"a=b; Domain={domain}".encode()
    jar = jar_of(line, host=host.encode())
    assert [other for other in reached if not jar.write(other.encode(), TARGET)] == []
    assert [other for other in not_reached if jar.write(other.encode(), TARGET)] == []


@each(
    ("target", "path", "reached", "not_reached"),
    [
        (
            "/cart/items",
            None,
            ["/cart", "/cart/", "/cart/x?y", "/cart?x=/"],
            ["/", "/carts", "/car", "/x/cart", "/?/cart", "*"],
        ),
        ("/cart/", None, ["/cart", "/cart/x"], ["/"]),
        ("/cart", None, ["/", "/x", "*", ""], []),
        ("/", None, ["/", "/x"], []),
        ("/?a/b", None, ["/x"], []),
        ("/a/b?c/d", None, ["/a"], ["/"]),
        ("*", None, ["/x"], []),
        ("/cart/items", "/", ["/", "/x", "*"], []),
        ("/cart/items", "/other", ["/other", "/other/x", "/other?"], ["/cart", "/others"]),
        ("/cart/items", "/other/", ["/other/", "/other/x"], ["/other"]),
        ("/cart/items", "other", ["/cart/x"], ["/other", "/"]),
        ("/cart/items", "", ["/cart/x"], ["/"]),
        ("/cart/items", "/a; Path=/b", ["/b"], ["/a"]),
        ("/cart/items", "/a; Path=", ["/cart/x"], ["/a"]),
        ("/cart/items", "/A", ["/A"], ["/a"]),
    ],
)
def test_path(target, path, reached, not_reached):
    """5.1.4 and 5.2.4: the directory of the request, or the last Path that is one."""
    jar = jar_of(b"a=b" if path is None else f"a=b; Path={path}".encode(), target=target.encode())
    assert [other for other in reached if not jar.write(HOST, other.encode(), is_secure=True)] == []
    assert [other for other in not_reached if jar.write(HOST, other.encode(), is_secure=True)] == []


def test_secure():
    """Neither taken from a plain origin nor sent to one."""
    jar = Jar()
    assert jar.store(HOST, TARGET, b"a=b; Secure", is_secure=False) == "refused"
    assert jar.store(HOST, TARGET, b"a=b; SECURE=no", is_secure=True) == "stored"
    assert jar.store(HOST, TARGET, b"c=d", is_secure=True) == "stored"
    assert jar.write(HOST, TARGET, is_secure=False) == b"c=d"
    assert jar.write(HOST, TARGET, is_secure=True) == b"a=b; c=d"


@each(
    ("attributes", "expires_s"),
    [
        ("", None),
        ("Max-Age=10", 1_010),
        ("Max-Age=0", 0),
        ("Max-Age=-5", 0),
        ("Max-Age=-0", 0),
        ("Max-Age=", None),
        ("Max-Age=-", None),
        ("Max-Age=1x", None),
        ("Max-Age=+1", None),
        ("Max-Age=99999999999999999999999999", None),
        ("Max-Age=-99999999999999999999999999", 0),
        ("Expires=Thu, 01 Jan 1970 00:20:00 GMT", 1_200),
        ("Expires=Thu, 01 Jan 1970 00:10:00 GMT", 0),
        ("Expires=never", None),
        ("Max-Age=10; Expires=Thu, 01 Jan 1970 00:20:00 GMT", 1_010),
        ("Expires=Thu, 01 Jan 1970 00:20:00 GMT; Max-Age=10", 1_010),
        ("Expires=Thu, 01 Jan 1970 00:10:00 GMT; Max-Age=10", 1_010),
        ("Max-Age=10; Max-Age=20", 1_020),
        ("Max-Age=10; Max-Age=x", 1_010),
        ("Expires=Thu, 01 Jan 1970 00:20:00 GMT; Expires=Thu, 01 Jan 1970 00:25:00 GMT", 1_500),
    ],
)
def test_expiry(attributes, expires_s):
    """5.2.1, 5.2.2 and 5.3 number 3: Max-Age before Expires, the last of each, and what cannot be read is passed over."""
    jar = jar_of(f"a=b; {attributes}".encode(), now_s=1_000)
    last_s = 2**40 if expires_s is None else expires_s - 1
    assert bool(jar.write(HOST, TARGET, now_s=last_s)) is (expires_s != 0)
    if expires_s:
        assert jar.write(HOST, TARGET, now_s=expires_s) == b""


@pytest.mark.parametrize("attribute", [b"Max-Age=0", b"Expires=Thu, 01 Jan 1970 00:00:00 GMT"])
def test_a_cookie_that_has_expired_removes_its_like(attribute):
    """Of the same name, domain and path, and no other."""
    jar = jar_of(b"a=1", b"b=2", b"a=3; Path=/", b"a=4; Domain=shop.example", now_s=5)
    assert jar.store(HOST, TARGET, b"a=; " + attribute, now_s=5) == "removed"
    assert jar.write(HOST, TARGET, now_s=5) == b"b=2; a=4; a=3"
    assert jar.store(HOST, TARGET, b"zz=; " + attribute, now_s=5) == "removed"
    assert jar.write(HOST, TARGET, now_s=5) == b"b=2; a=4; a=3"


def test_a_cookie_that_is_set_again_keeps_its_place():
    """5.3 number 11, though its value is longer or shorter."""
    jar = jar_of(b"a=1", b"b=2", b"c=3")
    for value in (b"", b"x" * 100, b"7"):
        assert jar.store(HOST, TARGET, b"a=" + value) == "stored"
        assert jar.write(HOST, TARGET) == b"a=" + value + b"; b=2; c=3"


def test_longer_paths_come_first_and_then_older_cookies():
    """5.4 number 2."""
    jar = jar_of(b"a=1; Path=/", b"b=2; Path=/cart", b"c=3; Path=/", b"d=4; Path=/cart/items", b"e=5; Path=/cart")
    assert jar.write(HOST, b"/cart/items/1") == b"d=4; b=2; e=5; a=1; c=3"


def test_the_oldest_go_where_there_is_no_room():
    """After those that have expired; what is larger than the whole jar is not taken."""
    value = b"x" * 900
    jar = jar_of(*(b"%c=" % letter + value for letter in b"abcd"))
    jar.store(HOST, TARGET, b"b=" + value + b"; Max-Age=5")
    assert jar.store(HOST, TARGET, b"e=" + value, now_s=9) == "stored"
    names = [pair[:1] for pair in jar.write(HOST, TARGET, now_s=9).split(b"; ")]
    assert names == [b"a", b"c", b"d", b"e"]
    assert jar.store(HOST, TARGET, b"f=" + value, now_s=9) == "stored"
    assert [pair[:1] for pair in jar.write(HOST, TARGET, now_s=9).split(b"; ")] == [b"c", b"d", b"e", b"f"]
    before = jar.write(HOST, TARGET, now_s=9)
    assert jar.store(HOST, TARGET, b"c=" + b"x" * JAR_BYTES, now_s=9) == "too large"
    assert jar.write(HOST, TARGET, now_s=9) == before


def test_the_largest_cookie_that_fits():
    """It has the jar for itself."""
    others = HEAD_BYTES + len(b"a" + HOST + b"/")
    jar = jar_of(b"b=1; Path=/")
    assert jar.store(HOST, b"/", b"a=" + b"x" * (JAR_BYTES - others - 7)) == "stored"
    assert jar.store(HOST, b"/", b"a=" + b"y" * (JAR_BYTES - others - 6)) == "too large"
    assert jar.write(HOST, b"/") == b"a=" + b"x" * (JAR_BYTES - others - 7)


def test_a_lane_without_cookies_has_no_memory():
    """It grows with what is stored, and a cleared jar is used again."""
    jar = Jar()
    assert jar.sizes == (0, 0)
    jar.store(HOST, TARGET, b"no cookie")
    assert jar.sizes == (0, 0)
    jar.store(HOST, TARGET, b"a=b")
    assert 0 < jar.sizes[0] <= jar.sizes[1] == 256
    for number in range(1_000):
        jar.store(HOST, TARGET, b"n%d=v" % number)
    assert jar.sizes[0] <= jar.sizes[1] == JAR_BYTES
    jar.clear()
    assert jar.write(HOST, TARGET) == b""
    assert jar.store(HOST, TARGET, b"a=b") == "stored"
    assert jar.write(HOST, TARGET) == b"a=b"


@pytest.mark.parametrize("block", range(4))
def test_any_number_of_cookies_is_kept_as_a_list_would_keep_them(block):
    """Set, set again, removed, expired and pushed out in any order, the jar has what a plain list has."""
    rng = Random(block)
    jar, kept, now_s = Jar(), [], 0
    for _ in range(3_000):
        name, path, age = b"n%d" % rng.randrange(12), rng.choice((b"/", b"/a", b"/a/b")), rng.choice((0, 3, 40, 10_000))
        value = b"v" * rng.choice((0, 1, 7, 8, 9, 60, 500, 900, 3_000))
        jar.store(HOST, b"/", b"%s=%s; Path=%s; Max-Age=%d" % (name, value, path, age), now_s=now_s)
        listed(kept, (name, path), value, now_s + age, now_s)
        now_s += rng.random() < 0.3
        alive = [(key, value) for key, value, until_s in kept if until_s > now_s]
        alive.sort(key=lambda one: -len(one[0][1]))
        assert jar.write(HOST, b"/a/b/c", now_s=now_s) == b"; ".join(key[0] + b"=" + value for key, value in alive)


def size_of(key, value):
    return (HEAD_BYTES + len(key[0] + value + HOST + key[1]) + 7) // 8 * 8


def listed(kept, key, value, until_s, now_s):
    """Keep a cookie in a list: what the jar must do."""
    place = next((number for number, one in enumerate(kept) if one[0] == key), None)
    if place is not None:
        kept.pop(place)
    if until_s <= now_s:
        return
    kept.insert(len(kept) if place is None else place, (key, value, until_s))

    def is_full():
        return sum(size_of(*one[:2]) for one in kept) > JAR_BYTES

    for gone in [one for one in kept if one[2] <= now_s] + [one for one in kept if one[0] != key]:
        if is_full() and gone in kept:
            kept.remove(gone)


class Answer:
    """A response as http.cookiejar asks for it."""

    def __init__(self, line):
        self._head = email.message.Message()
        self._head["Set-Cookie"] = line

    def info(self):
        """The fields of its head."""
        return self._head


HOSTS = ["example.com", "a.example.com", "b.example.com", "x.a.example.com", "other.org", "notexample.com"]
TARGETS = ["/", "/a", "/a/", "/a/b", "/ab", "/a/b/c?d=/e", "/c"]


@pytest.mark.parametrize("block", range(4))
def test_the_same_cookies_go_along_as_with_the_standard_library(block):
    """Where both follow the same rules: it knows host-only cookies by another key, so these have names of their own."""
    rng, now_s = Random(block), int(time.time())
    jar, other = Jar(), CookieJar(DefaultCookiePolicy(strict_ns_domain=DefaultCookiePolicy.DomainStrictNonDomain))
    for _ in range(60):
        host, target = rng.choice(HOSTS), rng.choice(TARGETS)
        domain = rng.choice(["", "", f"; Domain={rng.choice(('', '.'))}{rng.choice(HOSTS)}", "; Domain=com"])
        line = f"{'d' if domain else 'h'}{rng.randrange(3)}={rng.randrange(99)}{domain}"
        line += rng.choice(["", f"; Path={rng.choice(TARGETS).partition('?')[0]}"])
        # The library lets any host remove the cookies of any domain.
        if not domain or host.endswith(domain.removeprefix("; Domain=")):
            line += rng.choice(["", "", "; Max-Age=0"])
        other.extract_cookies(Answer(line), urllib.request.Request(f"http://{host}{target}"))
        jar.store(host.encode(), target.encode(), line.encode(), now_s=now_s)
        for asked, path in product(HOSTS, TARGETS):
            request = urllib.request.Request(f"http://{asked}{path}")
            other.add_cookie_header(request)
            expected = sorted((request.get_header("Cookie") or "").split("; "))
            sent = jar.write(asked.encode(), path.encode(), now_s=now_s).decode()
            assert sorted(sent.split("; ")) == expected, (host, target, line, asked, path)


@settings(max_examples=300)
@given(st.integers(-11_644_473_600, 253_402_300_799))
@example(951_782_400)
@example(4_107_542_399)
def test_a_date_is_read_in_every_common_form(seconds):
    """Those of RFC 9110 5.6.7, of Netscape and of asctime."""
    moment = time.gmtime(seconds)
    year = f"{moment.tm_year:04}"
    forms = ["%a, %d %b {} %H:%M:%S GMT", "%a, %d-%b-{} %H:%M:%S GMT", "%a %b %d %H:%M:%S {}", "%H:%M:%S {} %b %d"]
    forms += ["%d %B {} %H:%M:%S +0200", "x; {},%d_%b~%H:%M:%S"] if moment.tm_mday > 31 or moment.tm_year > 99 else []
    for form in forms:
        text = time.strftime(form.format(year), moment)
        assert date_of(text.encode()) == seconds, text


@each(
    ("text", "same_as"),
    [
        ("Sunday, 06-Nov-94 08:49:37 GMT", "06 Nov 1994 08:49:37"),
        ("Sun, 06-Nov-69 08:49:37 GMT", "06 Nov 2069 08:49:37"),
        ("Sun, 06-Nov-70 08:49:37 GMT", "06 Nov 1970 08:49:37"),
        ("6 nov 1994 8:9:7", "06 Nov 1994 08:09:07"),
        ("6 NOVEMBER 1994 8:9:7", "06 Nov 1994 08:09:07"),
        ("08:49:37x 06th Nov 1994AD", "06 Nov 1994 08:49:37"),
        ("29 Feb 2000 00:00:00", "29 Feb 2000 00:00:00"),
        ("06 07 Nov 1994 08:49:37", "06 Nov 2007 08:49:37"),
        ("06 Nov 1994 08:49:37 09:00:00", "06 Nov 1994 08:49:37"),
        ("", None),
        ("06 Nov 1994", None),
        ("Nov 1994 08:49:37", None),
        ("06 1994 08:49:37", None),
        ("06 Nov 08:49:37", None),
        ("06 Nov 1600 08:49:37", None),
        ("06 Nov 19944 08:49:37", None),
        ("0 Nov 1994 08:49:37", None),
        ("32 Nov 1994 08:49:37", None),
        ("31 Nov 1994 08:49:37", None),
        ("29 Feb 1900 00:00:00", None),
        ("06 Nov 1994 24:00:00", None),
        ("06 Nov 1994 08:60:00", None),
        ("06 Nov 1994 08:00:60", None),
        ("06 Nov 1994 008:00:00", None),
        ("06 Nov 1994 08:00", None),
        ("Tuesday", None),
    ],
)
def test_the_dates_of_rfc_6265(text, same_as):
    """5.1.1: what is read in any order, and what is none."""
    expected = None if same_as is None else http2time(same_as + " GMT")
    assert date_of(text.encode()) == expected


@given(st.text("0123456789:- ,JanFeb", max_size=40))
def test_any_text_is_a_date_or_none(text):
    """Between the years that have four digits."""
    seconds = date_of(text.encode())
    assert seconds is None or -11_644_473_600 <= seconds <= 253_402_300_799


@each(
    ("line", "outcome"),
    [
        (b"sid=abc; Path=/; HttpOnly", ("found", b"abc")),
        (b" sid = abc ", ("found", b"abc")),
        (b"sid=", ("found", b"")),
        (b"sid=a=b", ("found", b"a=b")),
        (b"sid=12345678", ("found", b"12345678")),
        (b"sid=123456789", ("no room", None)),
        (b"SID=abc", ("other", None)),
        (b"sid2=abc", ("other", None)),
        (b"si=abc", ("other", None)),
        (b"a=sid=abc; sid=abc", ("other", None)),
        (b"sid", ("other", None)),
        (b"sid=a\nb", ("other", None)),
        (b"", ("other", None)),
    ],
)
def test_the_value_of_one_cookie(line, outcome):
    """Where the line is the cookie that is looked for."""
    assert cookie_of(line, b"sid", limit=8) == outcome
