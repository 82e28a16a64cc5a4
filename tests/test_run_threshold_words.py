"""How a threshold stands while its run lasts: whether it may still come right, and what is said of it once."""

from dataclasses import replace

import pytest
from summaries import verdict

from tressi.run.threshold_words import is_settled, standing, standing_news
from tressi.threshold.expression import Outcome
from tressi.threshold.parse import parse

pytestmark = pytest.mark.pure

# A condition, its two sides as they stand, and whether nothing that may come mends it.
STANDINGS = [
    ("p99 < 250ms", 584, 250, False),
    ("p99[10s] < 250ms", 584, 250, True),
    ("p99[10s] < 250ms", 100, 250, False),
    ("errorRate < 1%", 0.5, 0.01, False),
    ("rps > 100", 50, 100, False),
    ("requestsFailed < 10", 10, 10, True),
    ("requestsFailed <= 10", 9, 10, False),
    ("10 > requestsFailed", 10, 10, True),
    ("requestsMade >= 1000", 10, 1000, False),
    ("requestsMissed == 0", 1, 0, True),
    ("requestsMade == 1000", 10, 1000, False),
    ("requestsMade != 10", 10, 10, False),
    ("requestsFailed < 0.1 * requestsMade", 11, 10, False),
    ("statusCodes(503) <= 0", 1, 0, True),
    ("errors(timeout) == 0", 1, 0, True),
    ("max < 1s", 2000, 1000, True),
    ("max > 1s", 500, 1000, False),
    ("min > 1ms", 0.5, 1, True),
    ("min < 1ms", 2, 1, False),
    ("1ms < min", 0.5, 1, True),
    ("saturated == false", True, False, True),
    ("saturated != true", True, True, True),
    ("saturated == true", False, True, False),
]


def test_what_cannot_recover_is_settled():
    """A window that was broken stays that; counts and the largest value only grow, the smallest only falls."""
    for text, left, right, is_over in STANDINGS:
        comparison = parse(text)
        mirrored = text.startswith(("10 >", "1ms <"))
        sides = (right, left) if mirrored else (left, right)
        holds = {"<": sides[0] < sides[1], "<=": sides[0] <= sides[1], ">": sides[0] > sides[1], ">=": sides[0] >= sides[1]}
        holds |= {"==": sides[0] == sides[1], "!=": sides[0] != sides[1]}
        outcome = Outcome(holds[comparison.symbol], *sides)
        assert is_settled(comparison, outcome) == is_over, text
    assert not is_settled(parse("max < 1s"), Outcome(None, None, 1000)), "no value"


HELD = verdict(detail="120 ms, must be below 250 ms")
SO_FAR = verdict(passed=False, detail="584 ms, must be below 250 ms", failed_at=3.0)
BROKEN = replace(SO_FAR, settled=True)
UNDECIDED = verdict(passed=None, detail="not judged yet")


def test_broken_is_said_when_it_cannot_recover():
    """Until then it is what it is so far."""
    assert standing(HELD) == "holds: 120 ms, must be below 250 ms"
    assert standing(SO_FAR) == "so far 584 ms, must be below 250 ms"
    assert standing(BROKEN) == "BROKEN since 3.0 s: 584 ms, must be below 250 ms"
    assert standing(UNDECIDED) == "undecided: not judged yet"


NEWS = [
    (None, HELD, None),
    (None, UNDECIDED, None),
    (UNDECIDED, HELD, None),
    (HELD, HELD, None),
    (HELD, SO_FAR, standing(SO_FAR)),
    (None, SO_FAR, standing(SO_FAR)),
    (SO_FAR, SO_FAR, None),
    (SO_FAR, BROKEN, standing(BROKEN)),
    (HELD, BROKEN, standing(BROKEN)),
    (BROKEN, BROKEN, None),
    (SO_FAR, HELD, "holds again: 120 ms, must be below 250 ms"),
]


def test_each_change_is_said_once():
    """When it does not hold, when it can no more, and when it holds again."""
    for before, now, said in NEWS:
        assert standing_news(before, now) == said, (before, now)
