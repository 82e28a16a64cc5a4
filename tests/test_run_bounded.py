"""Lists that end where memory would not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tressi.run.bounded import FirstAndLast

pytestmark = pytest.mark.pure


@given(count=st.integers(0, 30), each=st.integers(1, 8))
def test_the_beginning_and_the_end_are_kept(count, each):
    """All of a short list; of a long one what came first and what came last, and how many there were."""
    kept = FirstAndLast(each)
    for number in range(count):
        kept.append(number)
    everything = list(range(count))
    expected = everything if count <= 2 * each else everything[:each] + everything[-each:]
    assert list(kept) == expected
    assert (len(kept), kept.count) == (len(expected), count)
    assert kept.left_out("scaling decisions") == (
        [f"of {count} scaling decisions the first {each} and the last {each} are kept"] if count > 2 * each else []
    )
