"""What requests are filled with, in C: the bytes that a plain function makes, and rows as their pick promises."""

import io
import random
import re
from collections import Counter
from datetime import UTC, datetime
from math import sqrt
from uuid import UUID

import pytest
from each import each
from hypothesis import given, settings
from hypothesis import strategies as st

from tressi._values import Drawer, Filler, Values
from tressi.model.data import Rows
from tressi.request.parts import BODY_LENGTH, Hole, Integer, Rendering, Sequence, Table, Text, Time, Uuid
from tressi.request.render import render
from tressi.request.tables import Use, load, row_of

pytestmark = pytest.mark.pure

GENERATORS = st.one_of(
    st.builds(
        lambda low, span: Integer(low, min(low + span, 2**63 - 1)), st.integers(-(2**63), 2**63 - 1), st.integers(0, 2**64 - 1)
    ),
    st.builds(Sequence, st.integers(-1_000, 10**12), st.integers(-5, 5)),
    st.builds(Uuid, st.sampled_from([4, 7])),
    st.builds(Time, st.sampled_from(["s", "ms", "us", "ns", "iso"])),
    st.builds(Text, st.integers(1, 300), st.binary(min_size=1, max_size=256)),
)
CELLS = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=40)
TABLES = st.integers(1, 4).flatmap(
    lambda columns: st.lists(st.lists(CELLS, min_size=columns, max_size=columns), min_size=1, max_size=30)
)


def table_of(rows, pick="sequential", **fields):
    """A table of these rows in a block of its own: (block, table)."""
    names = tuple(f"c{number}" for number in range(len(rows[0])))
    values = tuple(dict(zip(names, row, strict=True)) for row in rows)
    weight = fields.get("weight")
    block = io.BytesIO()
    shown = tuple((name, "raw") for name in names if name != weight)
    (table,) = load([Use("t", Rows("data.t", names, values=values, pick=pick, **fields), shown)], block)
    return block.getvalue(), table


def drawn_rows(block, table, count, **place):
    """The rows that an engine draws, by number; they end where a table does."""
    filler = Filler(Values([table], block, **place), Rendering((Hole(0, 0),)))
    found = []
    while len(found) < count and filler.fill() is not None:
        found.append(filler.drawn()[0])
    return found


@settings(max_examples=60)
@given(rows=TABLES, others=st.lists(GENERATORS, max_size=4), seed=st.integers(0, 2**64 - 1), data=st.data())
def test_a_request_is_what_a_plain_function_makes_of_the_same_draws(rows, others, seed, data):
    """Any parts in any order, any cells, the size of the body where it is asked for."""
    block, table = table_of(rows, data.draw(st.sampled_from(["sequential", "random", "shuffle", "perLane"])))
    sources = [table, *others]
    holes = [st.builds(Hole, st.just(0), st.integers(0, table.columns - 1))]
    holes += [st.just(Hole(number)) for number in range(1, len(sources))]
    parts = st.lists(st.one_of(st.binary(max_size=60), *holes), max_size=12)
    head, body = data.draw(parts), data.draw(parts)
    head.insert(data.draw(st.integers(0, len(head))), Hole(BODY_LENGTH))
    rendering = Rendering(tuple(head), tuple(body))
    filler = Filler(Values(sources, block, seed=seed), rendering)
    for _ in range(5):
        made, size = filler.fill()
        cells = {number: row_of(block, table, value) if number == 0 else (value,) for number, value in filler.drawn().items()}
        assert made == render(rendering, cells)
        assert size == len(made) - len(render(Rendering((), tuple(body)), cells))


def test_each_generator_gives_what_it_is():
    """Read back: numbers within their bounds, UUIDs of their version, times of now, letters of the alphabet."""
    sources = [Integer(-3, 12), Sequence(7, 2), Uuid(4), Uuid(7), Time("ms"), Time("iso"), Text(9, b"xyz")]
    filler = Filler(Values(sources, b"", seed=5), Rendering(tuple(Hole(number) for number in range(len(sources)))))
    seen = Counter()
    for count in range(2_000):
        before = datetime.now(UTC)
        filler.fill()
        found = {number: text.decode() for number, text in filler.drawn().items()}
        seen[int(found[0])] += 1
        assert int(found[1]) == 7 + 2 * count
        assert (UUID(found[2]).version, UUID(found[3]).version) == (4, 7)
        assert {UUID(found[2]).variant, UUID(found[3]).variant} == {UUID(int=0x8 << 60 | 4 << 76).variant}
        assert before.timestamp() * 1000 - 1 <= int(found[4]) <= datetime.now(UTC).timestamp() * 1000 + 1
        assert abs((datetime.fromisoformat(found[5]) - before).total_seconds()) < 60
        assert abs((UUID(found[3]).int >> 80) - before.timestamp() * 1000) < 60_000
        assert re.fullmatch("[xyz]{9}", found[6])
    assert set(seen) == set(range(-3, 13))
    assert chi_square(seen, dict.fromkeys(seen, 2_000 / 16)) < limit_of(15)


@pytest.mark.parametrize(("low", "high"), [(-(2**63), 2**63 - 1), (2**63 - 1, 2**63 - 1), (0, 0), (-(2**63), -(2**63))])
def test_the_widest_and_the_narrowest_integers_are_drawn(low, high):
    """The bounds of 64 bits are numbers like any other."""
    filler = Filler(Values([Integer(low, high)], b"", seed=1), Rendering((Hole(0),)))
    for _ in range(100):
        assert low <= int(filler.fill()[0]) <= high


@settings(max_examples=40)
@given(count=st.integers(1, 60), engines=st.integers(1, 7), pick=st.sampled_from(["sequential", "shuffle", "unique"]))
def test_engines_divide_the_rows_of_a_table_among_them(count, engines, pick):
    """Once round, all engines together have used each row once; one that is used once ends there."""
    block, table = table_of([[str(number)] for number in range(count)], pick)
    places = [{"first": first, "of": engines, "seed": 3} for first in range(engines)]
    own = [len(range(first, count, engines)) for first in range(engines)]
    once = [row for place, size in zip(places, own, strict=True) for row in drawn_rows(block, table, size, **place)]
    assert sorted(once) == list(range(count))
    if pick == "unique":
        assert [len(drawn_rows(block, table, 1_000, **place)) for place in places] == own
    else:
        assert all(len(drawn_rows(block, table, count + 5, **place)) == count + 5 for place in places)


@settings(max_examples=30)
@given(
    count=st.integers(1, 30),
    pick=st.sampled_from(["sequential", "random", "shuffle", "unique", "perLane", "zipf"]),
    seed=st.integers(0, 2**32),
)
def test_one_source_at_a_time_is_drawn_from_as_for_a_request(count, pick, seed):
    """The same rows from the same seed; of rows that are used once there is none in the end."""
    block, table = table_of([[str(number)] for number in range(count)], pick, **({"exponent": 1.1} if pick == "zipf" else {}))
    alone = Drawer(Values([table], block, seed=seed))
    rows = drawn_rows(block, table, 2 * count, seed=seed)
    assert [alone.draw(0) for _ in rows] == rows
    assert (alone.draw(0) is None) == (pick == "unique")
    drawer = Drawer(Values([table, Integer(1, 9)], block, seed=seed))
    assert 1 <= int(drawer.draw(1)) <= 9
    for number in (-1, 2):
        with pytest.raises(ValueError, match=f"source {number} of 2"):
            drawer.draw(number)


@settings(max_examples=30)
@given(count=st.integers(2, 500), seed=st.integers(0, 2**32))
def test_a_shuffle_is_another_order_each_time_round(count, seed):
    """Each round is a permutation, and it follows from the seed."""
    block, table = table_of([["x"]] * count, "shuffle")
    rows = drawn_rows(block, table, 2 * count, seed=seed)
    assert sorted(rows[:count]) == sorted(rows[count:]) == list(range(count))
    assert drawn_rows(block, table, 2 * count, seed=seed) == rows
    if count > 20:
        assert rows[:count] != rows[count:]
        assert rows[:count] != list(range(count))


def test_a_lane_keeps_its_row_and_another_lane_has_the_next():
    """perLane: of one engine's lanes, each for itself."""
    block, table = table_of([[str(number)] for number in range(4)], "perLane")
    values = Values([table], block)
    lanes = [Filler(values, Rendering((Hole(0, 0),))) for _ in range(5)]
    assert [[lane.fill()[0] for _ in range(3)] for lane in lanes] == [[b"%d" % (number % 4)] * 3 for number in range(5)]


@each("exponent", [0.5, 1.0, 1.5])
@each("count", [1, 10, 1_000])
def test_zipf_draws_ranks_by_its_law(exponent, count):
    """By chi-square, with ranks that are expected too seldom taken together."""
    block, table = table_of([["x"]] * count, "zipf", exponent=exponent)
    draws = 8_000
    seen = Counter(drawn_rows(block, table, draws, seed=11))
    total = sum(1 / rank**exponent for rank in range(1, count + 1))
    assert chi_square(*pooled(seen, {rank: draws / (rank + 1) ** exponent / total for rank in range(count)})) < limit_of(count)


def test_rows_are_drawn_by_their_weights():
    """By chi-square; one that weighs nothing never comes."""
    weights = [1, 0, 5, 2.5, 0, 0.5]
    block, table = table_of([[str(number), weight] for number, weight in enumerate(weights)], "weight", weight="c1")
    seen = Counter(drawn_rows(block, table, 30_000, seed=2))
    assert not seen[1]
    assert not seen[4]
    assert chi_square(seen, {row: 30_000 * weight / sum(weights) for row, weight in enumerate(weights) if weight}) < limit_of(3)


def test_random_rows_are_even_and_follow_from_the_seed():
    """Another engine, and another seed, draw others."""
    block, table = table_of([["x"]] * 50, "random")
    one = drawn_rows(block, table, 20_000, seed=9)
    assert chi_square(Counter(one), dict.fromkeys(range(50), 400)) < limit_of(49)
    assert drawn_rows(block, table, 100, seed=9) == one[:100] != drawn_rows(block, table, 100, seed=10)


def test_numbers_of_a_sequence_are_each_used_once_over_engines():
    """As with rows that are taken in order."""
    engines = [Filler(Values([Sequence(10, 3)], b"", first=first, of=3), Rendering((Hole(0),))) for first in range(3)]
    found = sorted(int(one.fill()[0]) for one in engines for _ in range(20))
    assert found == list(range(10, 10 + 3 * 60, 3))


def test_what_does_not_fit_is_refused_before_a_byte_is_read():
    """A table beyond the block, another table's numbers, a hole for what is not there."""
    block, table = table_of([["a", "b"]])
    for bad in (Table(1, 2, 8 + len(block)), Table(2, 2, 0), Table(1, 3, 0), Table(1, 2, 0, "weight")):
        with pytest.raises(ValueError, match="table"):
            Values([bad], block)
    with pytest.raises(ValueError, match="cut short"):
        Values([table], block[:-1])
    for hole in (Hole(1), Hole(0, 2), Hole(0, -1), Hole(-2)):
        with pytest.raises(ValueError, match=r"sources|column"):
            Filler(Values([table], block), Rendering((hole,)))


def chi_square(seen, expected):
    """Pearson's statistic."""
    return sum((seen.get(key, 0) - count) ** 2 / count for key, count in expected.items())


def pooled(seen, expected, least=10):
    """The same with keys that are expected less than `least` times as one."""
    kept = {key: count for key, count in expected.items() if count >= least}
    rest = sum(expected.values()) - sum(kept.values())
    if rest >= least:
        kept["rest"] = rest
    return {**seen, "rest": sum(count for key, count in seen.items() if key not in kept)}, kept


def limit_of(degrees):
    """What chi-square of so many degrees exceeds once in a million draws, nearly (Wilson and Hilferty 1931)."""
    degrees = max(1, degrees)
    return degrees * (1 - 2 / (9 * degrees) + 5 * sqrt(2 / (9 * degrees))) ** 3


def test_the_plain_generator_is_not_asked():
    """Python's own random numbers have no part in a draw."""
    block, table = table_of([["x"]] * 10, "random")
    random.seed(1)
    first = drawn_rows(block, table, 20, seed=4)
    random.seed(2)
    assert drawn_rows(block, table, 20, seed=4) == first
