"""What is looked for in bodies: found wherever it stands, however the body is cut."""

import json
from itertools import combinations, pairwise, product
from random import Random

import pytest
from each import each
from hypothesis import given, settings
from hypothesis import strategies as st
from json_reference import DEEPEST, found, path_of, written

from tressi._extract import MATCH_BYTES, PICKS, BetweenExtractor, JsonExtractor, encoded

pytestmark = pytest.mark.pure


def cuts(data, pieces):
    """Every way to cut bytes into so many pieces, empty ones included."""
    for places in combinations(range(len(data) + pieces), pieces - 1):
        bounds = (0, *(place - number for number, place in enumerate(places)), len(data))
        yield [data[begin:end] for begin, end in pairwise(bounds)]


def one_by_one(data):
    return [data[at : at + 1] for at in range(len(data))]


SMALL = [
    '{"a":{"b":["x","y\\u00e9\\ud83d\\ude00"]}}',
    ' [ {"a" : -1.5e+3} , {"a": true,"a":null}\n]\t',
    '\ufeff{"\\u0061":"€😀","b":[[]]}',
    '{"a":"\\ud83d","a":"\\ud83d\\ud83d\\ude00\\n"}',
    "-120.50E-2",
    '{"b":[{"a":[1,{"c":"]}"}]},{"a":[]}]}',
    '{"a":1,}',
    "[01]",
    '"\\u12g4"',
    "[tru]",
    "{}x",
]
PATHS = [(), ("a",), ("a", "b", 1), (None, "a"), (1, "a"), ("b", None, "a", 1, "c"), ("b", 0)]


@each("text", SMALL)
def test_it_makes_no_difference_where_a_body_is_cut(text):
    """In two pieces anywhere, in three, and byte by byte, for every path and pick."""
    data = text.encode()
    for steps in PATHS:
        for pick in ("first", "last"):
            extractor = JsonExtractor(steps, pick, limit=30)
            whole = extractor.read(data)
            for pieces in (*cuts(data, 2), one_by_one(data), *(cuts(data, 3) if len(data) < 32 else ())):
                assert extractor.read(*pieces) == whole, (steps, pick, pieces)


@pytest.mark.parametrize("block", range(8))
def test_the_same_is_found_as_by_the_standard_library(block):
    """In random documents with random paths, whole and cut."""
    rng = Random(block)
    ends = set()
    for _ in range(400):
        data = written(rng).encode()
        for _ in range(6):
            steps, pick, limit = path_of(rng), rng.choice(PICKS), rng.choice((0, 1, 5, 300, 4_096))
            extractor = JsonExtractor(steps, pick, limit=limit, seed=rng.getrandbits(64))
            expected = found(data, steps, pick, limit)
            for pieces in ([data], one_by_one(data), cut_at_random(rng, data)):
                assert extractor.read(*pieces) in expected, (data, steps, pick, limit)
            ends.add(expected[0][0])
    assert ends == {"found", "not found", "too long"}


def cut_at_random(rng, data):
    places = sorted(rng.choices(range(len(data) + 1), k=4))
    return [data[begin:end] for begin, end in zip((0, *places), (*places, len(data)), strict=True)]


@settings(max_examples=600)
@given(st.text(max_size=12) | st.text('[]{}",:\\u019eE+-. tfn\n', max_size=12))
def test_what_is_json_is_decided_as_by_the_standard_library(text):
    """Of any text, and of one made of the marks of JSON."""
    data = text.encode("utf-8", "surrogatepass")
    assert JsonExtractor((), "last", limit=99).read(data) in found(data, (), "last", 99)


# Where the ranges of UTF-8's bytes begin and end.
EDGES = bytes.fromhex("20 7f 80 8f 90 9f a0 bf c0 c1 c2 df e0 e1 ec ed ee ef f0 f1 f3 f4 f5 ff")


@each("first", [byte for byte in EDGES if byte >= 0x80])
def test_a_string_is_utf_8(first):
    """Any other bytes in it are a fault, and so they are for JSON that is sent."""
    last = JsonExtractor((1,), "last")
    sequences = [others for size in range(3) for others in product(EDGES, repeat=size)]
    if first >= 0xF0:
        sequences += product(EDGES, EDGES, b"\x7f\x80\xbf")
    for others in sequences:
        inner = bytes([first, *others])
        data = b'["' + inner + b'","end"]'
        try:
            inner.decode()
        except UnicodeDecodeError:
            expected = ("malformed", None, False)
        else:
            expected = ("found", b"end", False)
        assert last.read(data) == last.read(*one_by_one(data)) == expected, inner
        assert (encoded(inner, "json") is None) is (expected[0] == "malformed"), inner


@each(
    "text",
    [
        *(
            "",
            " ",
            "\ufeff",
            "\ufeff\ufeff1",
            "nul",
            "nulll",
            "truefalse",
            "NaN",
            "Infinity",
            "-Infinity",
            "-",
            "+1",
            "01",
            "-01",
        ),
        *("1.", ".5", "1.e5", "1e", "1e+", "1e5.", "0x1", "1 2", "[", "]", "[]]", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "[1}"),
        *(
            "{",
            "}",
            "{]",
            '{"a"',
            '{"a":',
            '{"a":1',
            '{"a":1,',
            '{"a":1,}',
            '{"a" 1}',
            '{"a":1 "b":2}',
            "{1:2}",
            '{"a",1}',
            "{a:1}",
        ),
        *(
            '"',
            '"a',
            '"\\',
            '"\\x"',
            '"\\u"',
            '"\\u12"',
            '"\\u12g4"',
            '"a\nb"',
            '"a\tb"',
            '"\x1f"',
            "'a'",
            "/**/1",
            "1//",
            '{"a":1]',
        ),
    ],
)
def test_what_is_not_json(text):
    """As the standard library and RFC 8259 say, byte by byte as well."""
    data = text.encode()
    for pieces in ([data], one_by_one(data)):
        for steps in ((), ("zz",), (9,)):
            assert JsonExtractor(steps, "last").read(*pieces) == ("malformed", None, False)


@pytest.mark.parametrize("pick", PICKS)
@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_a_document_may_be_so_deep_and_no_deeper(pick, opening):
    """The innermost value of the deepest is found; one more is an outcome of its own, wherever it stands."""
    closing = {"[": "]"}.get(opening, "}")
    steps = ((0,) if opening == "[" else ("a",)) * DEEPEST
    data = f"{opening * DEEPEST}7{closing * DEEPEST}".encode()
    assert JsonExtractor(steps, pick).read(data) == ("found", b"7", True)
    deeper = f"{opening * (DEEPEST + 1)}7{closing * (DEEPEST + 1)}".encode()
    assert JsonExtractor(steps, pick).read(deeper) == ("too deep", None, False)
    assert JsonExtractor(("b",), pick).read(deeper) == ("too deep", None, False)
    endless = opening.encode() * 100_000
    assert JsonExtractor(("b",), pick).read(endless) == ("too deep", None, False)


def test_depth_is_what_is_open_and_not_what_was():
    """Many containers beside one another are not deep."""
    data = b"[" + b",".join([b'{"a":[[]]}'] * 5_000) + b',{"b":"x"}]'
    assert JsonExtractor((5_000, "b")).read(data) == ("found", b"x", False)


@pytest.mark.parametrize("rest", [b"", b",", b' no JSON "', b',"a":2}', b"\xff"])
def test_reading_ends_with_the_first_match(rest):
    """Nothing behind it makes a difference: neither another member of that name nor a fault."""
    extractor = JsonExtractor(("a",), "first")
    assert not extractor.feed(b'{"b":1,"a":"x')
    assert extractor.feed(b'"')
    extractor.feed(rest)
    assert extractor.end() == ("found", b"x", False)
    assert JsonExtractor(("a",)).read(b'{"a":"' + b"x" * 4_097 + b'"' + rest) == ("too long", None, False)


@pytest.mark.parametrize(
    ("text", "steps", "value"),
    [
        ('{"a":1,"a":2}', ("a",), b"2"),
        ('{"a":{"b":1},"a":{"c":2}}', ("a", "b"), None),
        ('{"a":{"b":1},"a":7}', ("a", "b"), None),
        ('{"a":7,"a":{"b":1}}', ("a", "b"), b"1"),
        ('{"a":[1,2],"a":[3]}', ("a", 1), None),
        ('{"\\u0061":1,"a":2,"A":3}', ("a",), b"2"),
    ],
)
def test_the_last_of_several_members_of_one_name_counts(text, steps, value):
    """With the picks that read to the end, as `json.loads` has it."""
    expected = ("found", value, True) if value else ("not found", None, False)
    assert JsonExtractor(steps, "last").read(text.encode()) == expected
    assert JsonExtractor(steps, "random").read(text.encode()) == expected


def test_with_every_entry_matches_are_in_the_order_of_the_document():
    """Whatever their names."""
    data = b'[{"a":{"b":1}},{"a":{"b":2},"a":{}}]'
    assert JsonExtractor((None, "a", "b"), "first").read(data)[1] == b"1"
    assert JsonExtractor((None, "a", "b"), "last").read(data)[1] == b"2"


def test_a_random_match_is_any_with_the_same_probability():
    """Over many bodies: each of eight within five standard deviations of an eighth."""
    extractor, counts = JsonExtractor((None, "id", None), "random", seed=3), dict.fromkeys(map(str, range(8)), 0)
    data = json.dumps([{"id": [0]}, {"id": [1, 2, 3]}, {"no": [9]}, {"id": [4, 5, 6, 7]}]).encode()
    for _ in range(16_000):
        counts[extractor.read(data)[1].decode()] += 1
    assert all(abs(count - 2_000) < 5 * (2_000 * 7 / 8) ** 0.5 for count in counts.values()), counts


def test_random_matches_follow_from_the_seed():
    """A run can be repeated."""
    data = json.dumps(list(range(100))).encode()

    def values(seed):
        extractor = JsonExtractor((None,), "random", seed=seed)
        return [extractor.read(data)[1] for _ in range(20)]

    assert values(1) == values(1) != values(2)


def test_a_value_that_is_too_long_gives_way_to_the_one_that_is_picked():
    """Only the picked one counts."""
    data = b'["' + b"x" * 4_097 + b'","y"]'
    assert JsonExtractor((None,), "last").read(data) == ("found", b"y", False)
    assert JsonExtractor((None,), "first").read(data) == ("too long", None, False)
    outcomes = {JsonExtractor((None,), "random", seed=seed).read(data) for seed in range(30)}
    assert outcomes == {("found", b"y", False), ("too long", None, False)}


@each("limit", range(1, 9))
def test_a_value_may_fill_the_slot(limit):
    """And one byte more is too much, whatever it is made of."""
    extractor = JsonExtractor(("a",), limit=limit)
    for fits, value in ((True, "x" * limit), (True, 10 ** (limit - 1)), (False, "x" * (limit + 1)), (False, 10**limit)):
        data = json.dumps({"a": value}).encode()
        expected = ("found", str(value).encode(), isinstance(value, int)) if fits else ("too long", None, False)
        assert extractor.read(data) == expected
        assert extractor.read(*one_by_one(data)) == expected


@pytest.mark.parametrize("pieces", [1, 7, 5_000])
def test_memory_grows_with_the_value_and_is_kept(pieces):
    """A lane has what its longest value took, up to the limit, and nothing before it has one."""
    extractor, before = JsonExtractor(("a",), limit=3_000), 0
    assert extractor.room == 0
    for size in (0, 1, 64, 65, 700, 3_000, 3_001, 2):
        data = json.dumps({"a": "x" * size}).encode()
        step = -(-len(data) // pieces)
        outcome = extractor.read(*(data[at : at + step] for at in range(0, len(data), step)))
        assert outcome == (("found", b"x" * size, False) if size <= 3_000 else ("too long", None, False))
        assert max(before, min(size, 1)) <= extractor.room <= max(64, before, 2 * size)
        before = extractor.room


@pytest.mark.parametrize("body", [b'{"a":"secret"', b'{"a":"secret"}}', b'{"b":1}', b"{", b"["])
def test_nothing_is_left_in_the_slot_where_nothing_was_found(body):
    """Also of the body before."""
    extractor = JsonExtractor(("a",), "last")
    extractor.read(b'{"a":"before"}')
    assert extractor.read(body)[1:] == (None, False)


def test_a_lane_has_little_of_its_own():
    """10,000 lanes share what is looked for."""
    assert MATCH_BYTES <= 256


@pytest.mark.parametrize("steps", [(-1,), ("a", -2)])
def test_an_index_below_0_is_refused(steps):
    """How many entries there are is known only at the end of a list."""
    with pytest.raises(ValueError, match="below 0"):
        JsonExtractor(steps)


def between(body, left, right, limit=256):
    """What must be found, by the search of the standard library."""
    begin = body.find(left)
    end = -1 if begin < 0 else body.find(right, begin + len(left))
    if end < 0:
        return ("not found", None, False)
    value = body[begin + len(left) : end]
    return ("found", value, False) if len(value) <= limit else ("too long", None, False)


def assert_is_found(body, left, right, limit):
    extractor, expected = BetweenExtractor(left, right, limit=limit), between(body, left, right, limit)
    half = len(body) // 2
    for pieces in ([body], one_by_one(body), [body[:half], body[half:]]):
        assert extractor.read(*pieces) == expected, (pieces, left, right, limit)


def test_the_text_between_two_others():
    """The first left and the next right, though beginnings of both stand everywhere: all short texts of two letters."""
    needles = [bytes(letters) for size in (1, 2, 3) for letters in product(b"ab", repeat=size)]
    bodies = [bytes(letters) for size in range(8) for letters in product(b"ab", repeat=size)]
    for left, right in product(needles, needles):
        for body in bodies:
            assert_is_found(body, left, right, 2)


@pytest.mark.parametrize("block", range(4))
def test_the_text_between_two_others_that_repeat_themselves(block):
    """Random texts of few letters, with needles of which a part stands in the needle again."""
    rng = Random(block)
    for _ in range(2_000):
        left, right, body = (bytes(rng.choices(b"aab", k=rng.randint(low, high))) for low, high in ((1, 6), (1, 6), (0, 60)))
        assert_is_found(body, left, right, rng.choice((3, 256)))


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'<input name="csrf" value="a&b">', b"a&b"),
        (b'value=""', b""),
        (b'value="', None),
        (b"value=", None),
        (b"", None),
        (b'value="\0\xff\n"', b"\0\xff\n"),
    ],
)
def test_a_field_of_a_form(body, value):
    """Any bytes may be the value, and reading ends with it."""
    extractor = BetweenExtractor(b'value="', b'"')
    assert extractor.read(body) == (("not found", None, False) if value is None else ("found", value, False))
    extractor.begin()
    assert extractor.feed(body) is (value is not None)


@pytest.mark.parametrize(("left", "right"), [(b"", b"x"), (b"x", b"")])
def test_an_empty_text_is_not_looked_for(left, right):
    """It is everywhere."""
    with pytest.raises(ValueError, match="empty"):
        BetweenExtractor(left, right)
